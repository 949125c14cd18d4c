"""A certificate authority, in the nouns of RFC 8555. No method waits: come back later."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from nameplate.core.configuration import Credentials, DomainName, Rate, setting
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.core.secret import Secret
from nameplate.ports.plugins import Plugin

__all__ = [
    "AuthorityConfiguration",
    "AuthorityPlugin",
    "CertificateAuthority",
    "ChainOffer",
    "Challenge",
    "KeyChanger",
    "Order",
    "OrderPoller",
    "OrderStatus",
    "RegisteredAccount",
    "RenewalAdvisor",
    "RenewalInfo",
    "Revoker",
    "next_key",
]


class CertificateAuthority(Protocol):
    """One account at one authority. Methods may be called from several threads.

    Raises `RateLimited`/`Unavailable` (try later), `Refused` (the authority says no: the name, the
    CSR, the account; `acme_order_lost`: it does not know the order any more, and a new one is to be
    made), and nothing else. Every answer that an order can give is a value.
    """

    def order(
        self, names: Sequence[str], profile: str | None = None, replaces: str | None = None
    ) -> Order:
        """Create an order for `names` (canonical; `*.` allowed) and return it with its challenges.

        `replaces` is the identifier (RFC 9773 section 4.1) of a certificate that it takes the place of.
        Raises `Refused` with `acme_replacement_refused` when the authority does not see it so.
        """
        ...

    def refresh(self, order_url: str) -> Order:
        """Read the order and its authorizations again."""
        ...

    def respond(self, challenge: Challenge) -> None:
        """Tell the authority that the challenge can be validated now. Repeating is harmless."""
        ...

    def finalize(self, order: Order, csr: bytes) -> Order:
        """Send the CSR (PEM). After a lost answer, `refresh` decides what happened."""
        ...

    def download(self, order: Order) -> bytes:
        """Return the certificate chain (PEM, leaf first, CERTIFICATE blocks only)."""
        ...


@runtime_checkable
class Revoker(Protocol):
    """An authority that can revoke (RFC 8555 section 7.6)."""

    def revoke(self, certificate: bytes, reason: int = 0, key: Secret | None = None) -> None:
        """Revoke the certificate (PEM), with its own private `key` when given, else with the account.

        Already revoked is success.
        """
        ...


@runtime_checkable
class ChainOffer(Protocol):
    """An authority that may offer several chains for one certificate (RFC 8555 section 7.4.2)."""

    def chains(self, order: Order) -> Iterator[bytes]:
        """Yield each chain as `download` returns one, the default first; each is read when asked for."""
        ...


@runtime_checkable
class KeyChanger(Protocol):
    """An authority that lets an account change its key (RFC 8555 section 7.3.5)."""

    def change_key(self, key: Secret) -> None:
        """Have the authority know the account by `key` from now on. Repeating is harmless.

        Raises `Refused` with `key_change_unavailable` where that is not possible.
        """
        ...


@runtime_checkable
class OrderPoller(Protocol):
    """An authority whose order can be read alone: one request, however many names it has."""

    def poll(self, order_url: str) -> Order:
        """Read an order whose proofs were all told of; its challenges are given when it is invalid."""
        ...


@runtime_checkable
class RegisteredAccount(Protocol):
    """An authority that knows its account by a URL, which CAA may name (RFC 8657 section 3)."""

    @property
    def account_url(self) -> str:
        """URL of the account."""
        ...


@runtime_checkable
class RenewalAdvisor(Protocol):
    """An authority with renewal information (ARI, RFC 9773)."""

    def renewal_info(self, certificate: bytes) -> RenewalInfo | None:
        """Return when the certificate (PEM) is best replaced, or None where it does not say."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfiguration:
    """Limits of an account at its authority that differ from those that are known."""

    orders: Rate | None = setting("Orders of the account.", default=None)
    orders_per_organization: Rate | None = setting(
        "Orders of one organization, where several share the account. Default: half of `orders`.",
        default=None,
    )
    certificates_per_domain: Rate | None = setting(
        "Certificates with names below one registrable domain.", default=None
    )
    certificates_per_set: Rate | None = setting(
        "Certificates with exactly the same names.", default=None
    )
    failures_per_name: Rate | None = setting("Proofs of one name that fail.", default=None)
    failures_in_a_row: Rate | None = setting(
        "Proofs of one name that fail with no success between them.", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityConfiguration:
    """The settings that an account has at any authority: the schema of each begins with them."""

    caa_identities: tuple[DomainName, ...] = setting(
        "Issuer domain names that CAA records must allow. Not needed for well-known authorities.",
        default=(),
    )
    limits: LimitsConfiguration | None = setting(
        "Limits of the account. Default: those of Let's Encrypt, no limits elsewhere.",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityPlugin(Plugin):
    """A certificate authority in the group `nameplate.authorities` of entry points."""

    connect: Callable[[Any, Credentials, Callable[[], datetime]], CertificateAuthority]
    """Takes an instance of `configuration`, the opened credentials, and a clock (aware UTC).

    May register with the authority. Raises as `CertificateAuthority` does."""
    account_key: str | None = None
    """Name of the credential with the account's key, where an account can change it (`KeyChanger`).

    While that is under way the key to come is among the credentials as `next_key` names it."""


def next_key(credential: str) -> str:
    """Return the name of the credential that takes the place of an account's key."""
    return f"next_{credential}"
