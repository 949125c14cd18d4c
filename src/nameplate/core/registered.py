"""What a registry says of one registered domain, as far as Nameplate acts on it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RegistryStatus(StrEnum):
    """A status of a registration (RFC 8056) that means something for a name in use."""

    CLIENT_HOLD = "client_hold"
    """The registrar took the name out of the DNS."""
    SERVER_HOLD = "server_hold"
    """The registry took the name out of the DNS."""
    REDEMPTION_PERIOD = "redemption_period"
    """It was deleted; its former owner can have it restored."""
    PENDING_RESTORE = "pending_restore"
    PENDING_DELETE = "pending_delete"
    """It is about to be free for anybody."""
    CLIENT_TRANSFER_PROHIBITED = "client_transfer_prohibited"
    """The registrar lock."""
    SERVER_TRANSFER_PROHIBITED = "server_transfer_prohibited"
    PENDING_TRANSFER = "pending_transfer"
    AUTO_RENEW_PERIOD = "auto_renew_period"
    """The registry renewed it at its end; the registrar may still take that back."""


ENDED = frozenset(
    {
        RegistryStatus.REDEMPTION_PERIOD,
        RegistryStatus.PENDING_RESTORE,
        RegistryStatus.PENDING_DELETE,
    }
)
"""States of a name that is no longer its owner's."""
HELD = frozenset({RegistryStatus.CLIENT_HOLD, RegistryStatus.SERVER_HOLD})


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """One registration as its registry tells it; what it does not tell is None or empty."""

    registrar: str | None = None
    registrar_id: str | None = None
    """The registrar's number at IANA."""
    registered_at: datetime | None = None
    expires_at: datetime | None = None
    states: frozenset[RegistryStatus] = frozenset()
    name_servers: tuple[str, ...] = ()
    """Canonical, sorted."""
    is_signed: bool | None = None
    """Whether the registry publishes a DS record; None: it does not say."""

    @property
    def has_ended(self) -> bool:
        """Whether the name was deleted and waits to be free."""
        return bool(self.states & ENDED)
