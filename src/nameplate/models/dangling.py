"""Dangling DNS records: what leads a name to something that somebody else can take."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.dangling.found import Dangling, Severity
from nameplate.core.diagnosis.finding import FixAction, RecordFix
from nameplate.core.turns import Turn
from nameplate.models.orm import (
    BigId,
    Identified,
    Json,
    Model,
    Tenant,
    UtcDateTime,
    Work,
    ascii_text,
    enum_of,
    same_organization,
    table,
)

_MAX_LINE = 300
_MAX_LINES = 20


class DanglingState(StrEnum):
    """Whether the cause of a dangling record is still there."""

    OPEN = "open"
    ENDED = "ended"


class DanglingScan(Identified, Tenant, Work, Model):
    """When the names of one domain are looked at next, and how far the last look came."""

    __tablename__ = "dangling_scans"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.UniqueConstraint("organization_domain_id", name="unique_dangling_scan"),
        sa.Index("dangling_scans_domain_index", "organization_id", "organization_domain_id"),
        table("Daily looks at the names of domains that are held, or were."),
    )

    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The domain.")
    scanned_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When some of its names were looked at last."
    )
    done_until: Mapped[str | None] = mapped_column(
        ascii_text(), comment="The last name looked at; NULL: the next look begins anew."
    )


class DanglingRecord(Identified, Tenant, Model):
    """One dangling record, from when it was first seen until it was seen to be gone."""

    __tablename__ = "dangling_records"
    __table_args__ = (
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("dangling_records_domain_index", "organization_id", "organization_domain_id"),
        sa.Index("dangling_records_ended_index", "ended_at"),
        table("Dangling DNS records that were found; they end when the cause is gone."),
    )

    organization_domain_id: Mapped[int] = mapped_column(BigId, comment="The domain.")
    name: Mapped[str] = mapped_column(ascii_text(), comment="Name that was looked at, absolute.")
    problem: Mapped[str] = mapped_column(ascii_text(80), comment="Code of the cause.")
    subject: Mapped[str] = mapped_column(
        sa.String(255), comment="What it leads to: a target, an address, a name server."
    )
    severity: Mapped[Severity] = mapped_column(
        enum_of(Severity, "severity"), comment="What can come of it."
    )
    turn: Mapped[Turn] = mapped_column(enum_of(Turn, "turn"), comment="Who must act.")
    message: Mapped[str] = mapped_column(sa.Text, comment="What is wrong, for a person.")
    fix: Mapped[str] = mapped_column(sa.Text, comment="What to do.")
    evidence: Mapped[list[str]] = mapped_column(Json, comment="What was seen, one line each.")
    records: Mapped[list[dict[str, Any]]] = mapped_column(
        Json, comment="Records to add and to remove."
    )
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="When it was seen last.")
    ended_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When it was seen to be gone; NULL: it is there."
    )

    @property
    def state(self) -> DanglingState:
        """Whether it is still there."""
        return DanglingState.OPEN if self.ended_at is None else DanglingState.ENDED

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same as before when it is seen again."""
        return self.name, self.problem, self.subject

    @property
    def fixes(self) -> tuple[RecordFix, ...]:
        """The records to add and to remove."""
        return tuple(
            RecordFix(FixAction(one["action"]), one["type"], one["name"], one["value"])
            for one in self.records
        )

    def see(self, found: Dangling, now: datetime) -> None:
        """Keep what was seen of it now."""
        self.name, self.problem, self.subject = found.key
        self.severity, self.turn = found.severity, found.turn
        self.message, self.fix = found.message, found.fix
        self.evidence = [line[:_MAX_LINE] for line in found.evidence[:_MAX_LINES]]
        self.records = [
            {"action": one.action.value, "type": one.type, "name": one.name, "value": one.value}
            for one in found.records
        ]
        self.last_seen_at = now

    def end(self, now: datetime) -> None:
        """Note that the cause is gone; repeating keeps the first moment."""
        self.ended_at = self.ended_at or now

    @classmethod
    def forgetting(cls, ids: Sequence[int]) -> sa.Delete:
        """Return the statement that removes these rows for good."""
        return sa.delete(cls).where(cls.id.in_(ids))
