"""Who holds which name: claims may repeat, holdings may not (S8)."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import (
    BigId,
    Model,
    Tenant,
    UtcDateTime,
    ascii_text,
    enum_of,
    same_organization,
    table,
    utc_now,
)


class HoldingScope(StrEnum):
    """How far a holding reaches."""

    EXACT = "exact"
    """The name alone."""
    SUBTREE = "subtree"
    """The name and everything below it."""


class HoldingBasis(StrEnum):
    """What a holding rests on, unless it is a grant."""

    PROOF = "proof"
    TRANSFER = "transfer"
    """Another organization gave it. It must be proved in time."""
    OPERATOR = "operator"
    """The platform's operator gave it."""
    REGISTRATION = "registration"
    """The name is registered through an account here, for this organization. It ends with that."""


class NameLock(Model):
    """One row per registrable domain: whoever decides about a name below it locks this row."""

    __tablename__ = "name_locks"
    __table_args__ = (table("One lock row per registrable domain with decisions."),)

    base: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="Registrable domain (ICANN section)."
    )


class NameHolding(Tenant, Model):
    """A name held by the one organization that proved it."""

    __tablename__ = "name_holdings"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("name_holdings_domain_index", "organization_id", "organization_domain_id"),
        table("Names held; the primary key is what makes a holder the only one."),
    )

    name: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="Canonical name, without `*.`."
    )
    scope: Mapped[HoldingScope] = mapped_column(
        enum_of(HoldingScope, "scope"), comment="The name alone, or everything below it too."
    )
    base: Mapped[str] = mapped_column(
        ascii_text(),
        sa.ForeignKey("name_locks.base"),
        index=True,
        comment="Registrable domain: the lock row.",
    )
    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The claim that became this holding."
    )
    grant_id: Mapped[int | None] = mapped_column(BigId, comment="The grant it rests on.")
    basis: Mapped[HoldingBasis] = mapped_column(
        enum_of(HoldingBasis, "basis"),
        default=HoldingBasis.PROOF,
        server_default="proof",
        comment="What it rests on, unless it is a grant.",
    )
    lapsed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="Since when the proof is lost for good: the name is kept for its holder and serves "
        "nothing; NULL: it serves.",
    )
    held_at: Mapped[datetime] = mapped_column(
        UtcDateTime, server_default=utc_now(), comment="Since when the name is held."
    )
