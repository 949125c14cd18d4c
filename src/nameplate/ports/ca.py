"""A certificate authority, in the nouns of RFC 8555. No method waits: come back later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from nameplate.core.orders import Challenge, Order, OrderStatus

__all__ = [
    "CertificateAuthority",
    "Challenge",
    "Order",
    "OrderStatus",
    "RenewalAdvisor",
    "Revoker",
]


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


@runtime_checkable
class Revoker(Protocol):
    """An authority that can revoke (RFC 8555 section 7.6)."""

    def revoke(self, certificate: bytes, reason: int = 0) -> None:
        """Revoke the certificate (PEM). Already revoked is success."""
        ...


@runtime_checkable
class RenewalAdvisor(Protocol):
    """An authority with renewal information (ARI, RFC 9773)."""

    def renewal_window(self, certificate: bytes) -> tuple[datetime, datetime] | None:
        """Return the suggested window for replacing the certificate (PEM), or None."""
        ...
