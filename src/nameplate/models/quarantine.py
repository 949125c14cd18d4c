"""Released names whose DNS may still point here: nobody's, until it does not."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from nameplate.core import names
from nameplate.models.bindings import Binding
from nameplate.models.domains import Domain
from nameplate.models.holdings import HoldingScope, NameHolding
from nameplate.models.orm import (
    BigId,
    Identified,
    Model,
    Tenant,
    UtcDateTime,
    Work,
    ascii_text,
    enum_of,
    same_organization,
    table,
    utc_now,
)


class ReleaseReason(StrEnum):
    """How a name was given up."""

    REMOVED = "removed"
    LAPSED = "lapsed"


class QuarantinedName(Identified, Tenant, Work, Model):
    """A name that an organization held, or a host that it served below such a name."""

    __tablename__ = "quarantined_names"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "name", name="unique_quarantined_name"),
        sa.Index("quarantined_names_name_index", "name"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("quarantined_names_domain_index", "organization_id", "organization_domain_id"),
        sa.Index("quarantined_names_base_index", "base"),
        table("Released names that may still point here."),
    )

    name: Mapped[str] = mapped_column(ascii_text(), comment="Canonical name, `*.` for a wildcard.")
    base: Mapped[str] = mapped_column(ascii_text(), comment="Registrable domain.")
    scope: Mapped[HoldingScope] = mapped_column(
        enum_of(HoldingScope, "scope"), comment="The name alone, or everything below it too."
    )
    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The claim that held it.")
    reason: Mapped[ReleaseReason] = mapped_column(
        enum_of(ReleaseReason, "reason"), comment="How it was given up."
    )
    since: Mapped[datetime] = mapped_column(UtcDateTime, comment="When it was given up.")
    looked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When somebody last looked where it points."
    )
    away_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when it points elsewhere or nowhere; NULL: it points here."
    )
    explanation: Mapped[str | None] = mapped_column(
        sa.Text, comment="What the last look saw, in words for a person."
    )

    @property
    def is_subtree(self) -> bool:
        """Whether what is below the name is meant, too."""
        return self.scope is HoldingScope.SUBTREE

    def begin(self, held: NameHolding, scope: HoldingScope, reason: ReleaseReason) -> None:
        """Record that the name was given up with a holding, now or once more.

        The moment is the database's: tokens are compared with it.
        """
        self.organization_id = held.organization_id
        self.organization_domain_id = held.organization_domain_id
        self.scope, self.reason = scope, reason
        self.looked_at = self.away_since = self.explanation = None
        self.since = self.next_action_at = _now()

    def look(self, *, points_here: bool | None, explanation: str, now: datetime) -> None:
        """Record where the name points; None: that cannot be said now, and counts for nothing."""
        self.looked_at = now
        self.explanation = explanation
        if points_here is not None:
            self.away_since = None if points_here else self.away_since or now


def _now() -> Any:  # noqa: ANN401 - an expression that a column takes
    return sa.type_coerce(utc_now(), UtcDateTime)


def quarantine(session: Session, holdings: sa.ColumnElement[bool], reason: ReleaseReason) -> None:
    """Put the names of the holdings that are about to end into quarantine, and their bound hosts.

    Not what another organization's holding lends: that one holds it still.
    """
    ending = sa.select(NameHolding).where(holdings, NameHolding.grant_id.is_(None))
    held = session.scalars(ending).all()
    if not held:
        return
    known = {row.name: row for row in session.scalars(_known(held))}
    hosts = _hosts(session, held)
    for holding in held:
        given = [(host, HoldingScope.EXACT) for host in hosts if _is_reached(host, holding)]
        for name, scope in [*given, (holding.name, holding.scope)]:
            row = known.get(name)
            if row is None:
                row = known[name] = QuarantinedName(name=name, base=holding.base)
                session.add(row)
            row.begin(holding, scope, reason)
    session.flush()


def _known(held: Sequence[NameHolding]) -> sa.Select[Any]:
    """Select what these organizations have in quarantine below the same registrable domains."""
    return sa.select(QuarantinedName).where(
        QuarantinedName.organization_id.in_({one.organization_id for one in held}),
        QuarantinedName.base.in_({one.base for one in held}),
    )


def _hosts(session: Session, held: Sequence[NameHolding]) -> Sequence[str]:
    """Return the hosts that were bound below the registrable domains of these holdings."""
    query = (
        sa.select(Binding.hostname)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .where(
            Binding.organization_id.in_({one.organization_id for one in held}),
            Binding.deleted_at.is_(None),
            Domain.domain_name.in_({one.base for one in held}),
        )
        .distinct()
    )
    return sorted(session.scalars(query))


def _is_reached(host: str, held: NameHolding) -> bool:
    return held.scope is HoldingScope.SUBTREE and names.is_below(host, held.name)
