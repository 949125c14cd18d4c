"""Names that their holder lends to another organization."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.actor import Actor
from nameplate.models.holdings import HoldingScope
from nameplate.models.orm import (
    BigId,
    Identified,
    Model,
    UtcDateTime,
    Work,
    ascii_text,
    enum_of,
    table,
)


class NameGrant(Identified, Work, Model):
    """A name below a held one that the holder lends, for as long as it holds what is above."""

    __tablename__ = "name_grants"
    __table_args__ = (
        sa.UniqueConstraint("code_hash", name="unique_grant_code"),
        sa.Index("name_grants_lender_index", "organization_id"),
        sa.Index("name_grants_grantee_index", "grantee_organization_id"),
        sa.Index("name_grants_base_index", "base"),
        table("Names that their holder lends to another organization."),
    )

    organization_id: Mapped[int] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        comment="The organization that lends.",
    )
    grantee_organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE", name="name_grants_grantee_foreign"),
        comment="The organization that may use the name; NULL: nobody has accepted it yet.",
    )
    name: Mapped[str] = mapped_column(ascii_text(), comment="Canonical name, without `*.`.")
    scope: Mapped[HoldingScope] = mapped_column(
        enum_of(HoldingScope, "scope"), comment="The name alone, or everything below it too."
    )
    base: Mapped[str] = mapped_column(ascii_text(), comment="Registrable domain.")
    may_lend: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="The grantee may lend names below it in turn.",
    )
    ends_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it ends, by agreement or by a revocation; NULL: it does not."
    )
    revoked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the lender revoked it, perhaps with notice."
    )
    code_hash: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="SHA-256 of the code by which an organization accepts it, hex."
    )
    code_expires_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Until when the code is accepted."
    )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the grants that `actor` gave or received, or all for the platform."""
        query = sa.select(cls)
        if actor.is_platform:
            return query
        me = actor.organization_id
        return query.where(sa.or_(cls.organization_id == me, cls.grantee_organization_id == me))

    def is_live(self, now: datetime) -> bool:
        """Whether it lends the name at that moment, if its lender can."""
        return self.ends_at is None or now < self.ends_at

    @property
    def is_subtree(self) -> bool:
        """Whether it lends what is below the name, too."""
        return self.scope is HoldingScope.SUBTREE

    def revoke(self, at: datetime, now: datetime) -> None:
        """End it at a moment that never comes later than was said before."""
        self.revoked_at = self.revoked_at or now
        self.ends_at = at if self.ends_at is None else min(self.ends_at, at)

    def accept(self, organization_id: int) -> None:
        """Record who may use the name from now on; the code is worth nothing more."""
        self.grantee_organization_id = organization_id
        self.code_hash = self.code_expires_at = None
