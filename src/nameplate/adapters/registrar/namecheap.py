"""Names registered at Namecheap, by its XML API."""

import threading
import xml.etree.ElementTree as ET  # for annotations; parsed in adapters/vendors
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nameplate.adapters.changes.answers import short
from nameplate.adapters.registrar import namecheap_answers as answers
from nameplate.adapters.registrar.namecheap_prices import NamecheapPrices, Suffix
from nameplate.adapters.vendors.namecheap import (
    NS,
    NamecheapApi,
    attributes,
    domain_parts,
    malformed,
    shared,
    texts,
)
from nameplate.core.configuration import (
    Credential,
    Credentials,
    IpAddress,
    Url,
    credential,
    setting,
)
from nameplate.core.contacts import Contact, is_same
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.money import Money
from nameplate.core.secret import Secret
from nameplate.ports.pacing import TakeTurn
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
    RegistrationState,
)

_PAGE = 100
_MAX_PAGES = 200
_ORDERED, _TRANSFER = "register:", "transfer:"
"""Beginnings of the ids of operations."""
_KEPT = "0"
"""Id of the privacy of a name that has none."""


_PUBLIC = "https://api.namecheap.com"
"""Where names are registered at the public registries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamecheapRegistrarConfiguration(RegistrarConfiguration):
    """What an account at Namecheap says; one at its DNS says the same."""

    api_user: str = setting("API user name.")
    client_ip: IpAddress = setting("IP address of this installation on the account's allowlist.")
    api_url: Url = setting(
        "URL of the API. Use https://api.sandbox.namecheap.com for trials.",
        default=_PUBLIC,
    )


def connect(
    config: NamecheapRegistrarConfiguration, given: Credentials, clock: Callable[[], datetime]
) -> "NamecheapRegistrar":
    """Return the registrar of one account."""
    key = credential(given, "api_key")
    api = shared(config.api_url, config.api_user, key, config.client_ip)
    return NamecheapRegistrar(api, clock)


def is_public(config: NamecheapRegistrarConfiguration) -> bool:
    """Tell whether an account's names are in the public registries."""
    return config.api_url == _PUBLIC


plugin = RegistrarPlugin(
    title="Namecheap",
    configuration=NamecheapRegistrarConfiguration,
    credentials=(Credential("api_key", "API key of that user."),),
    connect=connect,
    shows_within=timedelta(minutes=10),
    proves=is_public,
)


class NamecheapRegistrar:
    """One API user. Everything but transfers and a few suffixes is over when it is answered."""

    def __init__(self, api: NamecheapApi, clock: Callable[[], datetime]) -> None:
        """Take the account's connection, which its DNS may use as well."""
        self._api, self._clock = api, clock
        self._prices = NamecheapPrices(api, clock)
        self._orders = threading.Lock()

    def pace_by(self, take: TakeTurn) -> None:
        """Count requests over all processes, those of the account's DNS too."""
        self._api.pace_by(take)

    def registrations(self) -> Sequence[Registration]:
        """Return all names of the account, in as many pages as there are."""
        return [_listed(one) for one in self._pages("domains.getList", "Domain", {})]

    def registration(self, name: str) -> Registration | None:
        """Return one name: its dates and name servers, and from the list lock and auto-renewal."""
        info = self._info(name)
        if info is None:
            return None
        rows = self._pages("domains.getList", "Domain", {"SearchTerm": name})
        listed = next((_listed(one) for one in rows if one.get("Name", "").lower() == name), None)
        dates = _child(info, "DomainDetails")
        expires = answers.date((texts(dates, "ExpiredDate") or [""])[0])
        servers = texts(_child(info, "DnsDetails"), "Nameserver")
        privacy = _child(info, "Whoisguard").get("Enabled", "")
        state = listed.state if listed else _state(info.get("Status", "").lower() == "expired")
        return Registration(
            name,
            state,
            external_id=info.get("ID", ""),
            registered_at=answers.date((texts(dates, "CreatedDate") or [""])[0]),
            expires_at=expires or (listed.expires_at if listed else None),
            auto_renew=listed.auto_renew if listed else None,
            is_locked=listed.is_locked if listed else None,
            has_privacy=answers.is_true(privacy),
            name_servers=tuple(sorted(answers.host(one) for one in servers if one.strip())),
        )

    def offers(self, names: Sequence[str]) -> Sequence[Offer]:
        """Ask about those names that are sold at all, with one request."""
        suffixes = self._prices.suffixes()
        sold = [name for name in names if _is_sold(suffixes.get(name.partition(".")[2]))]
        found = {one.name: one for one in self._prices.checked(sold)} if sold else {}
        return [found.get(name) or Offer(name, Availability.RESTRICTED) for name in names]

    def quote(self, act: Act, name: str, years: int) -> Quote:
        """Return the price with fees: that of the name where it is premium, else of its suffix."""
        return self._prices.quote(act, name, years)

    def balance(self) -> Money:
        """Return what is available."""
        found = self._read("users.getBalances", "UserGetBalancesResult", {})
        text = found.get("AvailableBalance")
        if text is None:
            raise malformed()
        return Money.of(answers.amount(text), found.get("Currency") or "USD")

    def delegate(self, name: str, name_servers: Sequence[str]) -> Operation:
        """Set the name servers; none means Namecheap's own."""
        if name_servers:
            asked = {**domain_parts(name), "Nameservers": ",".join(name_servers)}
            self._done("domains.dns.setCustom", "DomainDNSSetCustomResult", asked, "Updated")
        else:
            asked = domain_parts(name)
            self._done("domains.dns.setDefault", "DomainDNSSetDefaultResult", asked, "Updated")
        return DONE

    def register(self, order: RegistrationOrder) -> Operation:
        """Register at once, or for a few suffixes begin to."""
        asked = {
            "DomainName": order.name,
            "Years": str(order.years),
            **answers.contact_fields(order.contact),
            "AddFreeWhoisguard": "yes" if order.privacy else "no",
            "WGEnabled": "yes" if order.privacy else "no",
        }
        if order.name_servers:
            asked["Nameservers"] = ",".join(order.name_servers)
        asked |= self._premium(order.agreed)
        found = self._order("domains.create", "DomainCreateResult", asked)
        if not answers.is_true(found.get("Registered")):
            raise Refused("order_refused", "Namecheap reports that it did not register the name.")
        is_slow = answers.is_true(found.get("NonRealTimeDomain"))
        state = OperationState.IN_PROGRESS if is_slow else OperationState.DONE
        return self._ordered(Act.REGISTER, order.name, found, state, f"{_ORDERED}{order.name}")

    def renew(self, name: str, years: int, expires_at: datetime, agreed: Quote) -> Operation:
        """Renew once the name is seen to end at `expires_at`; one renewal at a time."""
        with self._orders:
            info = self._info(name)
            if info is None:
                raise Refused("name_not_in_account", "The name is not in this Namecheap account.")
            seen = answers.date((texts(_child(info, "DomainDetails"), "ExpiredDate") or [""])[0])
            if seen is not None and seen.date() != expires_at.date():
                raise Refused("expiry_moved", f"The registration ends on {seen:%Y-%m-%d} now.")
            asked = {"DomainName": name, "Years": str(years), **self._premium(agreed)}
            found = self._order("domains.renew", "DomainRenewResult", asked)
        if not answers.is_true(found.get("Renew")):
            raise Refused("order_refused", "Namecheap reports that it did not renew the name.")
        return self._ordered(Act.RENEW, name, found, OperationState.DONE)

    def reactivate(self, name: str, agreed: Quote) -> Operation:
        """Bring an expired name back."""
        asked = {"DomainName": name, **self._premium(agreed)}
        found = self._order("domains.reactivate", "DomainReactivateResult", asked)
        if not answers.is_true(found.get("IsSuccess")):
            raise Refused("order_refused", "Namecheap reports that it did not bring the name back.")
        return self._ordered(Act.REACTIVATE, name, found, OperationState.DONE)

    def transfer(self, order: RegistrationOrder, code: Secret) -> Operation:
        """Begin to move a name here; Namecheap takes no contact and one year only."""
        privacy = "yes" if order.privacy else "no"
        asked = {
            "DomainName": order.name,
            "Years": "1",
            "EPPCode": code.reveal(),
            "AddFreeWhoisguard": privacy,
            "WGenable": privacy,
        }
        found = self._order("domains.transfer.create", "DomainTransferCreateResult", asked)
        number = found.get("TransferID")
        if not number:
            raise malformed()
        state = OperationState.IN_PROGRESS
        return self._ordered(Act.TRANSFER, order.name, found, state, f"{_TRANSFER}{number}")

    def operation(self, operation_id: str) -> Operation:
        """Return how far a transfer is, or a registration that the registry takes its time for."""
        if operation_id.startswith(_ORDERED):
            name = operation_id.removeprefix(_ORDERED)
            is_done = self._info(name) is not None
            state = OperationState.DONE if is_done else OperationState.IN_PROGRESS
            return Operation(state, operation_id, Act.REGISTER, name)
        number = operation_id.removeprefix(_TRANSFER)
        if number == operation_id or not number.isdigit():
            raise Refused("operation_missing", "Namecheap has no such operation.")
        asked = {"TransferID": number}
        found = self._read("domains.transfer.getStatus", "DomainTransferGetStatusResult", asked)
        said = found.get("Status") or ""
        return Operation(
            answers.transfer_state(said), operation_id, Act.TRANSFER, detail=short(said)
        )

    def operations(self, name: str, since: datetime) -> Sequence[Operation]:
        """Return the transfers of a name that began on the day of `since` or later."""
        rows = self._pages("domains.transfer.getList", "Transfer", {"SearchTerm": name})
        found = []
        for one in rows:
            began = answers.date(one.get("TransferDate"))
            told = one.get("DomainName") or one.get("Domainname") or ""
            if told.lower() != name or began is None or began.date() < since.date():
                continue
            said = one.get("Status", "")
            found.append(
                Operation(
                    answers.transfer_state(said),
                    f"{_TRANSFER}{one.get('TransferID', '')}",
                    Act.TRANSFER,
                    name,
                    began,
                    order_id=one.get("OrderID", ""),
                    detail=short(said),
                )
            )
        return sorted(found, key=lambda one: int(one.id.removeprefix(_TRANSFER) or 0), reverse=True)

    def set_lock(self, name: str, *, locked: bool) -> Operation:
        """Lock or unlock."""
        asked = {"DomainName": name, "LockAction": "LOCK" if locked else "UNLOCK"}
        result = "DomainSetRegistrarLockResult"
        self._done("domains.setRegistrarLock", result, asked, "IsSuccess")
        return DONE

    def set_contact(self, name: str, contact: Contact) -> Operation:
        """Use one contact in all four roles."""
        asked = {"DomainName": name, **answers.contact_fields(contact)}
        self._done("domains.setContacts", "DomainSetContactResult", asked, "IsSuccess")
        return DONE

    def shows_contact(self, name: str, contact: Contact, *, exactly: bool) -> bool:
        """Read the contacts back, of which the registrant is compared."""
        shown = {
            one.tag.removeprefix(NS): (one.text or "").strip() for one in self._registrant(name)
        }
        return is_same(shown, answers.registrant_fields(contact), exactly=exactly)

    def set_privacy(self, name: str, *, hidden: bool) -> Operation:
        """Turn the privacy that belongs to the name on or off; its mail goes to the registrant."""
        info = self._info(name)
        if info is None:
            raise Refused("name_not_in_account", "The name is not in this Namecheap account.")
        number = (texts(_child(info, "Whoisguard"), "ID") or [_KEPT])[0]
        if number in {"", _KEPT}:
            raise Refused("privacy_missing", "The name has no privacy at Namecheap.")
        if not hidden:
            asked = {"WhoisguardID": number}
            self._done("whoisguard.disable", "WhoisguardDisableResult", asked, "IsSuccess")
            return DONE
        email = (texts(self._registrant(name), "EmailAddress") or [""])[0]
        asked = {"WhoisguardID": number, "ForwardedToEmail": email}
        self._done("whoisguard.enable", "WhoisguardEnableResult", asked, "IsSuccess")
        return DONE

    def _registrant(self, name: str) -> ET.Element:
        found = self._read("domains.getContacts", "DomainContactsResult", {"DomainName": name})
        return _child(found, "Registrant")

    def _info(self, name: str) -> ET.Element | None:
        """Return what getInfo says; None when the name is not in the account."""
        try:
            found = self._read("domains.getInfo", "DomainGetInfoResult", {"DomainName": name})
        except Refused as refused:
            if refused.code in {answers.NOT_OURS, "suffix_not_sold"}:
                return None
            raise
        return found if answers.is_true(found.get("IsOwner", "true")) else None

    def _premium(self, agreed: Quote) -> dict[str, str]:
        """Return the price of a premium name as it is passed on, if it is still what was agreed."""
        if not agreed.is_premium:
            return {}
        found = self._prices.premium(agreed.act, agreed.name)
        total = found.total(agreed.years)
        if not agreed.price.covers(total):
            raise Refused("price_changed", f"The name costs {total} now.")
        passed = {"IsPremiumDomain": "true", "PremiumPrice": str(found.price)}
        return passed | ({"EapFee": str(found.early)} if found.early else {})

    def _ordered(
        self,
        act: Act,
        name: str,
        found: ET.Element,
        state: OperationState,
        operation_id: str = "",
    ) -> Operation:
        return Operation(
            state,
            operation_id,
            act,
            name,
            self._clock(),
            order_id=found.get("OrderID", ""),
            transaction_id=found.get("TransactionID", ""),
            charged=answers.money(found.get("ChargedAmount")),
        )

    def _order(self, command: str, element: str, asked: Mapping[str, str]) -> ET.Element:
        """Send what costs money, once."""
        return self._api.command(command, element, asked, answers.explain)

    def _done(self, command: str, element: str, asked: Mapping[str, str], flag: str) -> None:
        found = self._api.command(command, element, asked, answers.explain)
        if not answers.is_true(found.get(flag)):
            raise Refused("provider_refused", "Namecheap reports that it did not make the change.")

    def _read(self, command: str, element: str, asked: Mapping[str, str]) -> ET.Element:
        return self._api.reading(command, element, asked, answers.explain)

    def _pages(
        self, command: str, element: str, asked: Mapping[str, str]
    ) -> Sequence[Mapping[str, str]]:
        """Return every entry of a list; raise Unavailable when its pages do not add up."""
        found: list[Mapping[str, str]] = []
        for number in range(1, _MAX_PAGES + 1):
            page = {**asked, "Page": str(number), "PageSize": str(_PAGE)}
            answer = self._read(command, "", page)
            found += attributes(answer, element)
            total = (texts(answer, "TotalItems") or ["0"])[0]
            if not total.isdigit():
                raise malformed()
            if number * _PAGE >= int(total):
                if len(found) < int(total):
                    break
                return found
        raise Unavailable("listing_incomplete", "Namecheap's list changed while it was read.")


def _child(node: ET.Element, name: str) -> ET.Element:
    found = node.find(f"{NS}{name}")
    return ET.Element(name) if found is None else found


def _state(is_expired: bool) -> RegistrationState:  # noqa: FBT001 - the one thing that is told
    """Of an expired name Namecheap refuses a plain renewal: `domains.reactivate` brings it back."""
    return RegistrationState.REDEMPTION if is_expired else RegistrationState.ACTIVE


def _listed(row: Mapping[str, str]) -> Registration:
    return Registration(
        row.get("Name", "").lower(),
        _state(answers.is_true(row.get("IsExpired"))),
        external_id=row.get("ID", ""),
        registered_at=answers.date(row.get("Created")),
        expires_at=answers.date(row.get("Expires")),
        auto_renew=answers.is_true(row.get("AutoRenew")),
        is_locked=answers.is_true(row.get("IsLocked")),
        has_privacy=row.get("WhoisGuard", "").upper() == "ENABLED",
    )


def _is_sold(suffix: Suffix | None) -> bool:
    return suffix is not None and suffix.is_sold
