"""Any certificate authority that speaks ACME (RFC 8555, ARI of RFC 9773, profiles)."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from acme import messages
from cryptography import x509
from josepy.json_util import JSONObjectWithFields, field

from nameplate.adapters.ca import accounts, challenge_objects, problems
from nameplate.adapters.ca.connection import AcmeConnection
from nameplate.adapters.ca.jws import Signer
from nameplate.adapters.ca.transport import AcmeResponse
from nameplate.core import certificates, keys
from nameplate.core.configuration import (
    Credential,
    Credentials,
    Email,
    FilePath,
    Url,
    credential,
    setting,
)
from nameplate.core.errors import Invalid, Refused, Unavailable
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.core.secret import Secret
from nameplate.ports.ca import AuthorityConfiguration, AuthorityPlugin, next_key

MAX_ALTERNATES = 8
"""Chains looked at beside the default one."""
REPLACEMENT_REFUSED = "acme_replacement_refused"
_NO_REPLACEMENT = {"acme_already_replaced", "acme_malformed", "acme_unauthorized"}
"""How servers say that a certificate was replaced before, is another account's, or is not known."""
_PAGE = re.compile(r"https?://[!-~]{1,500}")
_OPEN = {messages.STATUS_PENDING, messages.STATUS_INVALID}
_FAILED = frozenset({OrderStatus.INVALID})
_UNPROVED = _FAILED | {OrderStatus.PENDING}


PREFERRED_CHAIN = (
    "Common name of the root that chains should lead to, where the authority offers several (RFC 8555 "
    "section 7.4.2). Domains and certificates can have another."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeConfiguration(AuthorityConfiguration):
    """What an account at an ACME server says."""

    directory_url: Url = setting("URL of the server's ACME directory (RFC 8555 section 7.1.1).")
    contact: tuple[Email, ...] = setting(
        "E-mail addresses at which the authority may contact you.", default=()
    )
    preferred_chain: str | None = setting(PREFERRED_CHAIN, default=None)
    eab_key_id: str | None = setting(
        "Key id of the external account, where the authority binds accounts to customers (RFC 8555 "
        "section 7.3.4).",
        default=None,
    )
    ca_bundle: FilePath | None = setting(
        "Certificate authorities (PEM) to trust for this server instead of the public ones.",
        default=None,
    )


EXTERNAL_KEY_ID = "Key id of the external account, as the authority shows it."
ACCOUNT_KEY = Credential(
    "account_key",
    "Private key (PEM) of the account. Default: a generated key.",
    is_required=False,
    generate=keys.new_key,
)
EXTERNAL_KEY = Credential(
    "eab_hmac_key",
    "HMAC key (base64url) of the external account, as the authority shows it.",
    is_required=False,
    needed_with="eab_key_id",
)


def connect(
    config: AcmeConfiguration, credentials: Credentials, _clock: Callable[[], datetime]
) -> "AcmeAuthority":
    """Return the authority, with the key's account registered there unless it already is."""
    return connected(
        config.directory_url,
        config.contact,
        credentials,
        key_id=config.eab_key_id,
        verify=config.ca_bundle,
    )


def connected(
    directory_url: str,
    contact: Sequence[str],
    credentials: Credentials,
    *,
    key_id: str | None = None,
    verify: str | None = None,
) -> "AcmeAuthority":
    """Do so for a directory; `key_id` names the external account that a new account is bound to."""
    key = credential(credentials, ACCOUNT_KEY.name)
    eab = None
    if key_id is not None:
        eab = accounts.ExternalAccount(key_id, credential(credentials, EXTERNAL_KEY.name))
    register = partial(accounts.register, directory_url, contact=contact, eab=eab, verify=verify)
    following = credentials.get(next_key(ACCOUNT_KEY.name))
    if following is not None and (url := accounts.find(directory_url, following, verify)):
        return AcmeAuthority(directory_url, following, url, verify=verify, register=register)
    return AcmeAuthority(
        directory_url, key, register(key), verify=verify, register=register, next_key=following
    )


plugin = AuthorityPlugin(
    title="ACME",
    configuration=AcmeConfiguration,
    credentials=(ACCOUNT_KEY, EXTERNAL_KEY),
    connect=connect,
    account_key=ACCOUNT_KEY.name,
)


class NewOrder(messages.NewOrder):
    """An order that says which certificate it replaces (RFC 9773 section 5)."""

    replaces: str | None = field("replaces", omitempty=True)


class _Nothing(JSONObjectWithFields):
    """The empty object, which answers a challenge (RFC 8555 section 7.5.1)."""


def _page(value: object) -> str | None:
    """Return the address of a page for people, None unless it is one."""
    if not isinstance(value, str) or not _PAGE.fullmatch(value):
        return None
    try:
        return value if urlsplit(value).hostname else None
    except ValueError:
        return None


def _chain(answer: AcmeResponse) -> bytes:
    try:
        leaf, chain = certificates.split_chain(answer.body)
    except Invalid as error:
        raise problems.malformed(error.detail) from error
    return leaf + chain


class AcmeAuthority:
    """One account at one ACME server: `CertificateAuthority`, `OrderPoller`, `Revoker`, `KeyChanger`, `RenewalAdvisor`."""

    def __init__(
        self,
        directory_url: str,
        account_key: Secret,
        account_url: str,
        *,
        verify: str | None = None,
        register: Callable[[Secret], str] | None = None,
        next_key: Secret | None = None,
    ) -> None:
        """Prepare with the results of `accounts.register`; nothing is sent yet.

        `verify` is the path of a CA bundle to trust instead of the public authorities. With
        `register` an account that the server has forgotten is registered again. `next_key` is the
        key that somebody may be giving the account: it is tried when the other one is refused.
        """

        def follow() -> Signer | None:
            url = None if next_key is None else self._find(next_key)
            return None if url is None or next_key is None else Signer(next_key, url)

        self._directory_url = directory_url
        self._find = partial(accounts.find, directory_url, verify=verify)

        self._connection = AcmeConnection(
            directory_url, account_key, account_url, verify, register=register,
            follow=None if next_key is None else follow,
        )  # fmt: skip

    @property
    def account_url(self) -> str:
        """URL of the account, as of its last registration."""
        return self._connection.signer.account_url or ""

    def change_key(self, key: Secret) -> None:
        """Have the server know the account by `key` from now on (RFC 8555 section 7.3.5)."""
        connection, signer = self._connection, Signer(key, None)
        if connection.signer.thumbprint == signer.thumbprint:
            return
        url = connection.resource("keyChange")
        if url is None:
            raise Refused(
                "key_change_unavailable", "The authority does not let accounts change their key."
            )
        old = connection.signer.jwk.public_key().to_json()
        message = json.dumps({"account": self.account_url, "oldKey": old}).encode()
        try:
            connection.send(url, signer.sign(message, None, url))
        except Refused:  # perhaps because it was done before
            if self._find(key) != self.account_url:
                raise
        connection.sign_with(key)

    def order(
        self, names: Sequence[str], profile: str | None = None, replaces: str | None = None
    ) -> Order:
        """Create an order. `replaces` is left out where the server does not know it."""
        self._check_profile(profile)
        if replaces is not None and self._connection.resource("renewalInfo") is None:
            replaces = None
        identifiers = [
            messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names
        ]
        message = NewOrder(identifiers=identifiers, profile=profile, replaces=replaces)
        try:
            answer = self._connection.post(self._resource("newOrder"), message)
        except Refused as error:
            if error.code == "acme_invalid_profile":
                raise Refused("acme_profile_unknown", error.detail) from error
            if replaces is None or error.code not in _NO_REPLACEMENT:
                raise
            raise Refused(REPLACEMENT_REFUSED, error.detail) from error
        return self._created(self._connection.url(answer.location()), answer)

    def refresh(self, order_url: str) -> Order:
        """Read the order, and its authorizations while they matter."""
        return self._read_order(order_url, self._read(order_url))

    def poll(self, order_url: str) -> Order:
        """Read the order, and its authorizations when one of them has failed."""
        return self._read_order(order_url, self._read(order_url), proofs=_FAILED)

    def respond(self, challenge: Challenge) -> None:
        """Ask for the validation, unless it is under way or over."""
        try:
            self._connection.post(challenge.url, _Nothing(), part_of_order=True)
        except Refused as error:
            if error.code != "acme_malformed":
                raise
            status = self._read(challenge.url).json().get("status")
            if status == "pending":
                raise

    def finalize(self, order: Order, csr: bytes) -> Order:
        """Send the CSR. An order that was finalized before is returned as it is now."""
        request = messages.CertificateRequest(csr=x509.load_pem_x509_csr(csr))
        try:
            url = self._connection.url(order.finalize_url)
            answer = self._connection.post(url, request, part_of_order=True)
        except Refused as error:
            if error.code != "acme_order_not_ready":
                raise
            now = self.refresh(order.url)
            if now.status not in {OrderStatus.PROCESSING, OrderStatus.VALID}:
                raise
            return now
        return self._read_order(order.url, answer)

    def download(self, order: Order) -> bytes:
        """Fetch the chain. Raises `Unavailable` with `certificate_not_ready` when it is too early."""
        return next(self.chains(order))

    def chains(self, order: Order) -> Iterator[bytes]:
        """Fetch the default chain as `download` does, then each other one that it names."""
        if not order.certificate_url:
            order = self.refresh(order.url)
        if not order.certificate_url:
            raise Unavailable(
                "certificate_not_ready", "The authority has not issued the certificate yet."
            )
        answer = self._read(self._connection.url(order.certificate_url))
        yield _chain(answer)
        for url in answer.alternates()[:MAX_ALTERNATES]:
            yield _chain(self._connection.post(self._connection.url(url), None))

    def revoke(self, certificate: bytes, reason: int = 0, key: Secret | None = None) -> None:
        """Revoke with the certificate's key when given, else with the account's. Twice is harmless."""
        leaf = certificates.load_chain(certificate)[0]
        message = messages.Revocation(certificate=leaf, reason=reason)
        connection = self._connection if key is None else self._connection.signed_by(key)
        try:
            connection.post(self._resource("revokeCert"), message)
        except Refused as error:
            if error.code != "acme_already_revoked":
                raise

    def renewal_info(self, certificate: bytes) -> RenewalInfo | None:
        """Ask when to replace a certificate (RFC 9773 section 4.2); None when the server has no ARI."""
        base = self._connection.resource("renewalInfo")
        path = None if base is None else certificates.renewal_id(certificate)
        if base is None or path is None:
            return None
        answer = self._connection.get(f"{base.rstrip('/')}/{path}")
        body = answer.json()
        with problems.reading():
            window = messages.RenewalInfo.from_json(body).suggested_window
            start, end = window.start.astimezone(UTC), window.end.astimezone(UTC)
            page = _page(body.get("explanationURL"))
        return RenewalInfo((start, end), page, problems.retry_after(answer.headers))

    def _read(self, url: str) -> AcmeResponse:
        """Read a part of an order. Raises `Refused` with `acme_order_lost` when it is not there."""
        return self._connection.post(url, None, part_of_order=True)

    def _resource(self, name: str) -> str:
        url = self._connection.resource(name)
        if url is None:
            raise problems.malformed(f"the directory lacks {name}")
        return url

    def _check_profile(self, profile: str | None) -> None:
        if profile is None:
            return
        offered = self._connection.directory().meta.profiles or {}
        if profile not in offered:  # or not when the directory was read
            offered = self._connection.directory(anew=True).meta.profiles or {}
        if profile not in offered:
            known = ", ".join(sorted(offered)) or "none"
            raise Refused(
                "acme_profile_unknown",
                f"The authority has no certificate profile {profile}. Its profiles: "
                f"{problems.plain(known)}.",
            )

    def _created(self, url: str, answer: AcmeResponse) -> Order:
        """Return a new order; what cannot be read of it now is left for the next look.

        It is there, and counts against the authority's limits: another one would be one too many.
        """
        try:
            return self._read_order(url, answer)
        except Unavailable:
            return Order(url, OrderStatus.PENDING, ())

    def _read_order(
        self, url: str, answer: AcmeResponse, proofs: Collection[OrderStatus] = _UNPROVED
    ) -> Order:
        """Return an order, with the authorizations of one that stands so."""
        with problems.reading():
            body = messages.Order.from_json(answer.json())
            status = OrderStatus(body.status.name)
            names = tuple(identifier.value for identifier in body.identifiers)
            error = problems.text(body.error)
            expires = body.expires.astimezone(UTC) if body.expires else None
            authorizations = list(body.authorizations)
        challenges: tuple[Challenge, ...] = ()
        if status in proofs:
            challenges = tuple(c for one in authorizations for c in self._challenges(one))
        reasons = [f"{c.name}: {c.error}" for c in challenges if c.error]
        if not any(error in reason for reason in reasons):
            reasons.append(error)
        return Order(
            url=url,
            status=status,
            names=names,
            challenges=challenges,
            finalize_url=body.finalize or "",
            certificate_url=body.certificate or "",
            expires_at=expires,
            retry_after=problems.retry_after(answer.headers),
            error="; ".join(reasons),
        )

    def _challenges(self, url: object) -> list[Challenge]:
        answer = self._read(self._connection.url(url)).json()
        with problems.reading():
            proof = messages.Authorization.from_json(answer)
            if proof.status not in _OPEN:
                return []
            name = proof.identifier.value
            wildcard = answer.get("wildcard") is True
            found = (
                self._challenge(name, body, wildcard=wildcard) for body in answer["challenges"]
            )
            return [one for one in found if one is not None]

    def _challenge(
        self, name: str, body: Mapping[str, object], *, wildcard: bool
    ) -> Challenge | None:
        signer = self._connection.signer
        account_url = signer.account_url or ""
        found = challenge_objects.read(body, signer.thumbprint, account_url, self._directory_url)
        if found is None:
            return None
        url = self._connection.url(body["url"])
        return replace(found, url=url, name=name, wildcard=wildcard)
