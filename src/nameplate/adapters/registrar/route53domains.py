"""Names registered with Amazon Route 53 Domains, with boto3 (the extra `aws`)."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nameplate.adapters.changes.answers import short
from nameplate.adapters.registrar import route53_answers as answers
from nameplate.adapters.vendors import aws
from nameplate.adapters.vendors.aws import Client
from nameplate.core.configuration import Credential, Credentials, credential
from nameplate.core.contacts import Contact, is_same
from nameplate.core.delegation_signing import Ds
from nameplate.core.errors import Refused
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.registrar import (
    DONE,
    Act,
    Availability,
    Offer,
    Operation,
    OperationState,
    Quote,
    RegistrarConfiguration,
    RegistrarPlugin,
    Registration,
    RegistrationOrder,
)

_REGION = "us-east-1"
"""The one region that has this API."""
_KEPT = timedelta(hours=23)
_PAGE = 100
_MAX_SUGGESTIONS = 50
_PRICES = {
    Act.REGISTER: "RegistrationPrice",
    Act.RENEW: "RenewalPrice",
    Act.TRANSFER: "TransferPrice",
}
_ROLES = ("AdminContact", "RegistrantContact", "TechContact", "BillingContact")
_TRANSFERABLE = frozenset({"TRANSFERABLE", "DONT_KNOW", "PENDING"})
_OURS = "DOMAIN_IN_OWN_ACCOUNT"
_UNASKABLE = frozenset({"suffix_not_sold", "provider_refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route53DomainsConfiguration(RegistrarConfiguration):
    """What an account at Amazon says."""


def connect(
    _config: Route53DomainsConfiguration, given: Credentials, clock: Callable[[], datetime]
) -> "Route53Domains":
    """Return the registrar of one account. Raises Refused `extra_missing` without boto3."""
    key_id, secret = (credential(given, one) for one in ("access_key_id", "secret_access_key"))
    return Route53Domains(
        aws.client(key_id, secret, service="route53domains", region=_REGION), clock
    )


plugin = RegistrarPlugin(
    title="Amazon Route 53 Domains",
    configuration=Route53DomainsConfiguration,
    credentials=(
        Credential("access_key_id", "Access key id of an IAM user with permission for domains."),
        Credential("secret_access_key", "Secret access key."),
    ),
    connect=connect,
    shows_within=timedelta(minutes=10),
)


class Route53Domains:
    """One AWS credential. Every change is an operation that AWS works on by itself."""

    def __init__(self, client: Client, clock: Callable[[], datetime]) -> None:
        """Use a client made by `aws.client`. botocore's clients may be shared by threads."""
        self._client, self._clock = client, clock
        self._lock = threading.Lock()
        self._prices: dict[str, tuple[datetime, Mapping[str, Any]]] = {}

    def registrations(self) -> Sequence[Registration]:
        """Return every name of the account."""
        return [
            answers.listed(one, self._clock()) for one in self._pages("list_domains", "Domains")
        ]

    def registration(self, name: str) -> Registration | None:
        """Return one name; None when the list of the account does not have it either."""
        row = self._detail(name)
        return None if row is None else answers.registration(row, self._clock())

    def offers(self, names: Sequence[str]) -> Sequence[Offer]:
        """Ask about each name by itself: AWS takes one at a time."""
        return [self._offer(name) for name in names]

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Return the price of the suffix times the years, or that of a premium name."""
        if act is Act.REACTIVATE:
            raise Refused(
                "act_unsupported",
                "Route 53 Domains restores a name on request only. Ask AWS Support to restore it.",
            )
        if act is Act.REGISTER:
            offer = self._offer(name)
            if offer.is_premium and offer.price is not None:
                return Quote(act, name, years, offer.price.times(years), is_premium=True)
        price = self._of_suffix(name.partition(".")[2]).get(_PRICES[act])
        if not price:
            raise Refused("act_unsupported", f"Route 53 Domains cannot {act.value} this name.")
        until = self._clock() + _KEPT
        return Quote(act, name, years, answers.money(price).times(years), valid_until=until)

    def delegate(self, name: str, name_servers: Sequence[str]) -> Operation:
        """Set the name servers."""
        servers = [{"Name": one} for one in name_servers]
        return self._change("update_domain_nameservers", name, Nameservers=servers)

    def register(self, order: RegistrationOrder) -> Operation:
        """Begin to register a name that is available a moment before.

        AWS delegates it to a hosted zone of its own: other name servers are for `delegate`.
        """
        offer = self._offer(order.name)
        if offer.availability is Availability.TAKEN:
            raise Refused("name_taken", "The name is registered already.")
        if offer.price is not None and not order.agreed.price.covers(
            offer.price.times(order.years)
        ):
            raise Refused("price_changed", f"The name costs {offer.price} a year now.")
        try:
            return self._begin(
                Act.REGISTER,
                "register_domain",
                order.name,
                DurationInYears=order.years,
                AutoRenew=order.auto_renew,
                **_people(order),
            )
        except Refused as refused:
            if refused.code == "operation_in_progress":
                raise Refused("name_taken", "An order for the name is under way.") from None
            raise

    def renew(self, name: str, years: int, expires_at: datetime, agreed: Quote) -> Operation:
        """Renew from a year of expiry, which AWS compares itself."""
        row = self._detail(name)
        if row is None:
            raise Refused("name_not_in_account", "The name is not in this AWS account.")
        seen = answers.utc(row.get("ExpirationDate"))
        if seen is not None and seen.date() != expires_at.date():
            raise Refused("expiry_moved", f"The registration ends on {seen:%Y-%m-%d} now.")
        consent = {"Consent": _consent(agreed.price)} if agreed.is_premium else {}
        return self._begin(
            Act.RENEW,
            "renew_domain",
            name,
            DurationInYears=years,
            CurrentExpiryYear=expires_at.year,
            **consent,
        )

    def transfer(self, order: RegistrationOrder, code: Secret) -> Operation:
        """Begin to move a name here, once AWS says that it can be moved."""
        asked = {"DomainName": order.name, "AuthCode": code.reveal()}
        found = self._read("check_domain_transferability", **asked)
        answer = (found.get("Transferability") or {}).get("Transferable", "DONT_KNOW")
        if answer == _OURS:
            raise Refused("name_taken", "The name is in this AWS account already.")
        if answer not in _TRANSFERABLE:
            said = short(found.get("Message") or answer)
            raise Refused(answers.meaning(said), f"The name cannot be moved here: {said}")
        servers = [{"Name": one} for one in order.name_servers]
        return self._begin(
            Act.TRANSFER,
            "transfer_domain",
            order.name,
            DurationInYears=order.years,
            AuthCode=code.reveal(),
            AutoRenew=order.auto_renew,
            **({"Nameservers": servers} if servers else {}),
            **_people(order),
        )

    def transfer_code(self, name: str) -> Secret:
        """Return the authorization code."""
        return Secret(self._read("retrieve_domain_auth_code", DomainName=name)["AuthCode"])

    def set_lock(self, name: str, *, locked: bool) -> Operation:
        """Lock or unlock, unless it is so already: AWS refuses that."""
        row = self._detail(name)
        if row is not None and answers.registration(row, self._clock()).is_locked is locked:
            return DONE
        word = "enable" if locked else "disable"
        return self._change(f"{word}_domain_transfer_lock", name)

    def set_privacy(self, name: str, *, hidden: bool) -> Operation:
        """Hide or show all four contacts."""
        roles = ("AdminPrivacy", "RegistrantPrivacy", "TechPrivacy", "BillingPrivacy")
        return self._change("update_domain_contact_privacy", name, **dict.fromkeys(roles, hidden))

    def set_contact(self, name: str, contact: Contact) -> Operation:
        """Use one contact in all four roles."""
        told = dict.fromkeys(_ROLES, answers.contact(contact))
        return self._change("update_domain_contact", name, **told)

    def shows_contact(self, name: str, contact: Contact, *, exactly: bool) -> bool:
        """Read the registrant back."""
        row = self._detail(name)
        if row is None:
            raise Refused("name_not_in_account", "The name is not in this AWS account.")
        shown = row.get("RegistrantContact") or {}
        return is_same(shown, answers.contact_fields(contact), exactly=exactly)

    def set_auto_renew(self, name: str, *, on: bool) -> Operation:
        """Turn AWS's own renewal on or off; that is over at once."""
        word = "enable" if on else "disable"
        self._call(f"{word}_domain_auto_renew", DomainName=name)
        return DONE

    def ds(self, name: str) -> Sequence[Ds]:
        """Return the DS records of a name in the account."""
        return sorted(answers.ds(one) for one in self._keys(name))

    def set_ds(self, name: str, records: Sequence[Ds]) -> Operation:
        """Take one step towards these records, new ones first; again takes the next one."""
        wanted = {(one.algorithm, one.flags, one.public_key) for one in records}
        if any(not key for _, _, key in wanted):
            raise Refused(
                "ds_key_missing", "Route 53 Domains needs the public key of each DS record."
            )
        known = {
            (one.get("Algorithm"), one.get("Flags"), one.get("PublicKey")): one["Id"]
            for one in self._keys(name)
        }
        for algorithm, flags, public_key in sorted(wanted - known.keys()):
            told = {"Algorithm": algorithm, "Flags": flags, "PublicKey": public_key}
            operation = "associate_delegation_signer_to_domain"
            return self._change(operation, name, SigningAttributes=told)
        for key in known.keys() - wanted:
            operation = "disassociate_delegation_signer_from_domain"
            return self._change(operation, name, Id=known[key])
        return DONE

    def suggest(self, text: str, count: int) -> Sequence[str]:
        """Return names that are available; a word alone is looked for below `.com`."""
        found = self._read(
            "get_domain_suggestions",
            DomainName=text if "." in text else f"{text}.com",
            SuggestionCount=min(count, _MAX_SUGGESTIONS),
            OnlyAvailable=True,
        )
        names = (one.get("DomainName", "").lower() for one in found.get("SuggestionsList") or ())
        return [name for name in names if name][:count]

    def operation(self, operation_id: str) -> Operation:
        """Return how far an operation is."""
        try:
            found = self._read("get_operation_detail", OperationId=operation_id)
        except Refused as refused:
            if refused.code in {answers.NOT_HERE, "provider_refused"}:
                raise Refused("operation_missing", refused.detail) from None
            raise
        return answers.operation(found)

    def operations(self, name: str, since: datetime) -> Sequence[Operation]:
        """Return the operations of one name, the newest first."""
        asked = {"SubmittedSince": since, "SortBy": "SubmittedDate", "SortOrder": "DESC"}
        rows = self._pages("list_operations", "Operations", **asked)
        return [answers.operation(one) for one in rows if one.get("DomainName", "").lower() == name]

    def _offer(self, name: str) -> Offer:
        try:
            found = self._read("check_domain_availability", DomainName=name)
        except Refused as refused:
            if refused.code in _UNASKABLE:
                return Offer(name, Availability.RESTRICTED)
            raise
        price = found.get("Price")
        is_premium = bool(price) and price.get("PriceType") == answers.PREMIUM
        availability = answers.AVAILABILITY.get(found["Availability"], Availability.UNKNOWN)
        return Offer(name, availability, answers.money(price) if price else None, is_premium)

    def _of_suffix(self, suffix: str) -> Mapping[str, Any]:
        with self._lock:
            now = self._clock()
            known = self._prices.get(suffix)
            if known is None or now - known[0] > _KEPT:
                try:
                    found = self._read("list_prices", Tld=suffix).get("Prices") or ()
                except Refused as refused:
                    if refused.code not in _UNASKABLE:
                        raise
                    found = ()
                row: Mapping[str, Any] = next(
                    (one for one in found if one.get("Name", "").lower() == suffix), {}
                )
                known = self._prices[suffix] = (now, row)
            return known[1]

    def _detail(self, name: str) -> Mapping[str, Any] | None:
        """Return what is told of a name; what fails for one that the list has is a failure."""
        try:
            found: Mapping[str, Any] = self._read("get_domain_detail", DomainName=name)
        except Refused as refused:
            if refused.code == "credential_refused" or self._has(name):
                raise
            return None
        return found

    def _has(self, name: str) -> bool:
        filters = [{"Name": "DomainName", "Operator": "BEGINS_WITH", "Values": [name]}]
        rows = self._pages("list_domains", "Domains", FilterConditions=filters)
        return any(one["DomainName"].lower() == name for one in rows)

    def _keys(self, name: str) -> Sequence[Mapping[str, Any]]:
        row = self._detail(name)
        if row is None:
            raise Refused("name_not_in_account", "The name is not in this AWS account.")
        return row.get("DnssecKeys") or ()

    def _begin(self, act: Act, operation: str, name: str, **asked: Any) -> Operation:  # noqa: ANN401 - botocore's
        begun = self._clock()
        found = self._call(operation, DomainName=name, **asked)
        return Operation(OperationState.IN_PROGRESS, found["OperationId"], act, name, begun)

    def _change(self, operation: str, name: str, **asked: Any) -> Operation:  # noqa: ANN401 - botocore's
        begun = self._clock()
        found = self._call(operation, DomainName=name, **asked)
        number = found.get("OperationId")
        if not number:
            return DONE
        return Operation(OperationState.IN_PROGRESS, number, None, name, begun)

    def _pages(self, operation: str, key: str, **asked: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - botocore's
        more: dict[str, Any] = {}
        while True:
            page = self._read(operation, MaxItems=_PAGE, **asked, **more)
            yield from page.get(key) or ()
            if not page.get("NextPageMarker"):
                return
            more = {"Marker": page["NextPageMarker"]}

    def _read(self, operation: str, **asked: Any) -> Any:  # noqa: ANN401 - botocore's
        return aws.read(self._client, operation, answers.explain, asked)

    def _call(self, operation: str, **asked: Any) -> Any:  # noqa: ANN401 - botocore's
        return aws.call(self._client, operation, answers.explain, asked)


def _people(order: RegistrationOrder) -> dict[str, Any]:
    roles = ("Admin", "Registrant", "Tech", "Billing")
    hidden = {f"PrivacyProtect{role}Contact": order.privacy for role in roles}
    return {**dict.fromkeys(_ROLES, answers.contact(order.contact)), **hidden}


def _consent(price: Money) -> dict[str, Any]:
    amount, currency = str(price).split()
    return {"MaxPrice": float(amount), "Currency": currency}
