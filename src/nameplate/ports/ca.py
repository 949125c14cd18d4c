"""A certificate authority, in the nouns of RFC 8555. No method waits: come back later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class OrderStatus(StrEnum):
    """Status of an order (RFC 8555 section 7.1.6)."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove control of one name (RFC 8555 section 8)."""

    url: str
    type: str
    """`http-01`, `dns-01` or `tls-alpn-01`."""
    name: str
    """The identifier without `*.`."""
    token: str
    key_authorization: str
    """What http-01 answers with (RFC 8555 section 8.1)."""
    status: str
    """`pending`, `processing`, `valid` or `invalid`."""
    error: str = ""
    """What the authority said was wrong, for a person."""

    @property
    def record_name(self) -> str:
        """The name of the TXT record of dns-01 (RFC 8555 section 8.4), canonical."""
        return f"_acme-challenge.{self.name}"


@dataclass(frozen=True, slots=True)
class Order:
    """A request for one certificate, as the authority sees it now."""

    url: str
    status: OrderStatus
    names: tuple[str, ...]
    challenges: tuple[Challenge, ...] = ()
    """The challenges of authorizations that are not valid yet; empty when nothing is to prove."""
    finalize_url: str = ""
    certificate_url: str = ""
    expires_at: datetime | None = None
    retry_after: timedelta | None = None
    error: str = ""
    """What the authority said was wrong, for a person."""


class CertificateAuthority(Protocol):
    """One account at one authority. Methods may be called from several threads.

    Raises `RateLimited`/`Unavailable` (try later), `Refused` (the authority says no: the name, the
    CSR, the account), and nothing else. Every answer that an order can give is a value.
    """

    def order(
        self, names: Sequence[str], profile: str | None = None, replaces: str | None = None
    ) -> Order:
        """Create an order for `names` (canonical; `*.` allowed) and return it with its challenges."""
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


class Revoker(Protocol):
    """An authority that can revoke (RFC 8555 section 7.6)."""

    def revoke(self, certificate: bytes, reason: int = 0) -> None:
        """Revoke the certificate (PEM). Already revoked is success."""
        ...


class RenewalAdvisor(Protocol):
    """An authority with renewal information (ARI, RFC 9773)."""

    def renewal_window(self, certificate: bytes) -> tuple[datetime, datetime] | None:
        """Return the suggested window for replacing the certificate (PEM), or None."""
        ...
