"""Zones that Nameplate created at the operator's own name servers."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import (
    BigId,
    Identified,
    Json,
    Model,
    Tenant,
    UtcDateTime,
    ascii_text,
    enum_of,
    same_organization,
    table,
)


class HostedState(StrEnum):
    """Where a zone stands at the name server."""

    INTENDED = "intended"
    """About to be created: it may or may not be there."""
    PRESENT = "present"
    LEAVING = "leaving"
    """To be removed: it may or may not be there."""
    KEPT = "kept"
    """No longer owned by a domain, and kept because it has records that Nameplate did not write."""


class HostedZone(Identified, Tenant, Model):
    """One zone at one of the operator's name servers; the row comes before the zone and goes after."""

    __tablename__ = "hosted_zones"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.UniqueConstraint("account_id", "name", name="unique_hosted_zone"),
        sa.Index("hosted_zones_domain_index", "organization_id", "organization_domain_id"),
        table("Zones that Nameplate created at the operator's own name servers."),
    )

    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The proved domain that the zone was created for."
    )
    account_id: Mapped[int] = mapped_column(
        BigId,
        sa.ForeignKey("accounts.id", ondelete="CASCADE"),
        comment="The platform's account at the name server.",
    )
    name: Mapped[str] = mapped_column(ascii_text(), comment="Apex of the zone, canonical.")
    name_servers: Mapped[list[str]] = mapped_column(
        Json, comment="What the owner sets at the registrar, canonical."
    )
    hostmaster: Mapped[str] = mapped_column(ascii_text(), comment="Mailbox of the SOA, as a name.")
    mark: Mapped[str] = mapped_column(
        ascii_text(40), comment="By which the server knows the zone as this one."
    )
    state: Mapped[HostedState] = mapped_column(
        enum_of(HostedState, "state"), comment="Where the zone stands at the server."
    )
    delegated: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), comment="The Internet is sent to these servers."
    )
    delegation: Mapped[list[str] | None] = mapped_column(
        Json, comment="What each authoritative server said when asked last."
    )
    checked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the delegation was looked at last."
    )
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="What is wrong, in words for a person."
    )

    @property
    def is_there(self) -> bool:
        """Whether records can be written to it."""
        return self.state is HostedState.PRESENT

    def confirm(self) -> None:
        """Record that the server has the zone."""
        self.state = HostedState.PRESENT
        self.error_message = None

    def leave(self) -> None:
        """Want the zone removed."""
        self.state = HostedState.LEAVING

    def keep(self, reason: str) -> None:
        """Record that the zone stays although nobody here wants it."""
        self.state = HostedState.KEPT
        self.error_message = reason

    def see(self, told: list[str], *, delegated: bool, now: datetime) -> None:
        """Record what the authoritative servers of the name say."""
        self.delegated = delegated
        self.delegation = told
        self.checked_at = now
