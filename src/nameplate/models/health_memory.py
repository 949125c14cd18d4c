"""What is remembered of health checks: a column of bindings, and the last day's looks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.health import HealthMemory
from nameplate.models.orm import (
    BigId,
    Model,
    Tenant,
    UtcDateTime,
    moment,
    same_organization,
    table,
)

_COUNTS = ("bad", "good", "lapses", "target_bad", "target_good")


@dataclass(frozen=True, slots=True)
class KnownHealth:
    """The counts of a binding's looks."""

    memory: HealthMemory

    def as_json(self) -> dict[str, Any] | None:
        """Return what goes into the column, without what says nothing."""
        at = self.memory.lapsed_at
        found = {name: value for name, value in asdict(self.memory).items() if value}
        return (found | ({"lapsed_at": at.isoformat()} if at else {})) or None

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the counts; None for what says nothing."""
        if not isinstance(document, dict):
            return None
        counts = {name: document.get(name) for name in _COUNTS}
        given = {name: value for name, value in counts.items() if type(value) is int and value >= 0}
        return cls(
            HealthMemory(
                **given,
                is_unsettled=document.get("is_unsettled") is True,
                is_reached=document.get("is_reached") is True,
                lapsed_at=moment(document.get("lapsed_at")),
            )
        )


class HealthHour(Tenant, Model):
    """The looks at one binding within one hour."""

    __tablename__ = "health_hours"
    __table_args__ = (
        same_organization("application_domain_bindings", "binding_id"),
        sa.Index("health_hours_binding_index", "organization_id", "binding_id"),
        table("Health checks of the last day: one row for each binding and hour."),
    )

    binding_id: Mapped[int] = mapped_column(
        BigId, primary_key=True, autoincrement=False, comment="The binding that was checked."
    )
    hour: Mapped[datetime] = mapped_column(
        UtcDateTime, primary_key=True, index=True, comment="When the hour began (UTC)."
    )
    looks: Mapped[str] = mapped_column(
        sa.Text,
        comment="`minute,looks,failed,status,milliseconds,longest;` for some minutes each; "
        "status 0: no answer.",
    )

    @classmethod
    def forgetting(cls, keys: Sequence[tuple[int, datetime]]) -> sa.Delete:
        """Return the statement that removes hours of bindings, by binding and hour."""
        return sa.delete(cls).where(sa.tuple_(cls.binding_id, cls.hour).in_(keys))
