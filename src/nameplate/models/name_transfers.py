"""Transfers of names between organizations: offered by the holder, accepted by the other one."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.actor import Actor
from nameplate.models.orm import (
    BigId,
    Identified,
    Model,
    UtcDateTime,
    ascii_text,
    enum_of,
    same_organization,
    table,
)


class TransferStatus(StrEnum):
    """Where a transfer stands. One that ran out of time stays `offered`."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class NameTransfer(Identified, Model):
    """An offer to give a held name, with everything that hangs on it, to another organization."""

    __tablename__ = "name_transfers"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.UniqueConstraint("offered_name", name="unique_offered_name"),
        sa.Index("name_transfers_domain_index", "organization_id", "organization_domain_id"),
        sa.Index("name_transfers_target_index", "target_organization_id"),
        table("Offers to give a held name to another organization."),
    )

    organization_id: Mapped[int] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        comment="The organization that gives the name away.",
    )
    target_organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE", name="name_transfers_target_foreign"),
        comment="The organization that is to get it; NULL: there is no such one.",
    )
    target_reference: Mapped[str] = mapped_column(
        sa.String(255), comment="Its id or external id, as the holder gave it."
    )
    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The domain that is given.")
    name: Mapped[str] = mapped_column(ascii_text(), comment="Canonical name, without `*.`.")
    base: Mapped[str] = mapped_column(ascii_text(), comment="Registrable domain.")
    offered_name: Mapped[str | None] = mapped_column(
        ascii_text(), comment="The name while the offer stands: there is one at a time."
    )
    with_bindings: Mapped[bool] = mapped_column(
        default=True,
        server_default=sa.true(),
        comment="The bindings may go on with an application of the other organization.",
    )
    status: Mapped[TransferStatus] = mapped_column(
        enum_of(TransferStatus, "status"),
        default=TransferStatus.OFFERED,
        server_default="offered",
        comment="Where it stands.",
    )
    expires_at: Mapped[datetime] = mapped_column(
        UtcDateTime, comment="Until when it can be accepted."
    )
    ended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it was accepted, declined or withdrawn."
    )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the transfers from and to the actor's organization, or all for the platform."""
        query = sa.select(cls)
        if actor.is_platform:
            return query
        me = actor.organization_id
        return query.where(sa.or_(cls.organization_id == me, cls.target_organization_id == me))

    def is_open(self, now: datetime) -> bool:
        """Whether it can be accepted at that moment."""
        return self.status is TransferStatus.OFFERED and now < self.expires_at

    def end(self, status: TransferStatus, now: datetime) -> None:
        """Record how it ended."""
        self.status, self.ended_at, self.offered_name = status, now, None
