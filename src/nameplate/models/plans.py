"""Stored plans of DNS changes: what was seen, what is to change, and what became of it."""

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.lifecycle import PlanStatus, move
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
from nameplate.models.plan_content import PlanContent, PlanOutcome, report, report_rows
from nameplate.ports.dns import Outcome


class PackedJson(sa.types.TypeDecorator[Any]):
    """JSON, deflated: a plan of a hundred thousand changes still fits into one packet."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Use MEDIUMBLOB on MariaDB, whose BLOB ends at 64 KiB."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - where it is spoken

            return dialect.type_descriptor(mysql.MEDIUMBLOB())
        return dialect.type_descriptor(sa.LargeBinary())

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> bytes | None:  # noqa: ANN401 - JSON
        """Deflate."""
        if value is None:
            return None
        return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), 1)

    def process_result_value(self, value: bytes | None, _dialect: sa.Dialect) -> Any:  # noqa: ANN401 - JSON
        """Inflate."""
        return None if value is None else json.loads(zlib.decompress(value))


class PackedContent(PackedJson):
    """The same for a plan's content, a value on the Python side."""

    cache_ok = True

    def process_bind_param(self, value: PlanContent | None, dialect: sa.Dialect) -> bytes | None:
        """Deflate."""
        return super().process_bind_param(None if value is None else value.as_json(), dialect)

    def process_result_value(self, value: bytes | None, dialect: sa.Dialect) -> PlanContent:
        """Inflate."""
        return PlanContent.from_json(super().process_result_value(value, dialect))


class PlanOrigin(StrEnum):
    """Why a plan was made."""

    REQUEST = "request"
    UNDO = "undo"
    DRIFT = "drift"


class ChangePlan(Identified, Tenant, Model):
    """A plan that somebody may look at and then apply, as long as the zone is as it was seen."""

    __tablename__ = "dns_plans"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("dns_plans_domain_index", "organization_domain_id", "status"),
        table("Plans of DNS changes, and what became of them."),
    )

    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The domain whose records are planned."
    )
    zone: Mapped[str] = mapped_column(ascii_text(), comment="Apex of the zone at the provider.")
    status: Mapped[PlanStatus] = mapped_column(
        enum_of(PlanStatus, "status"),
        default=PlanStatus.READY,
        server_default="ready",
        comment="Where the plan stands.",
    )
    origin: Mapped[PlanOrigin] = mapped_column(
        enum_of(PlanOrigin, "origin"), comment="Why it was made."
    )
    forced: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Whoever applied it accepted that it changes much.",
    )
    adopting: Mapped[bool] = mapped_column(
        default=False,
        server_default=sa.false(),
        comment="Wanted values that others put into the zone become ours.",
    )
    fingerprint: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of the zone that it was made from."
    )
    wanted_fingerprint: Mapped[str] = mapped_column(
        ascii_text(64), comment="SHA-256 of the domain's records that it was made from."
    )
    expires_at: Mapped[datetime] = mapped_column(
        UtcDateTime, comment="Until when it may be applied."
    )
    content: Mapped[PlanContent] = mapped_column(
        PackedContent, comment="Edits of records and changes of the zone, deflated JSON."
    )
    _report: Mapped[list[Any] | None] = mapped_column(
        "report", PackedJson, comment="What became of each change, deflated JSON."
    )
    created_by: Mapped[str | None] = mapped_column(sa.String(255), comment="Who made it.")
    applied_by: Mapped[str | None] = mapped_column(sa.String(255), comment="Who applied it.")
    applied_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When the provider was told."
    )
    undoes_id: Mapped[int | None] = mapped_column(BigId, comment="The plan that it takes back.")
    error_message: Mapped[str | None] = mapped_column(
        sa.Text, comment="What is wrong, in words for a person."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )

    @property
    def report(self) -> list[PlanOutcome]:
        """What became of each change."""
        return report(self._report or (), with_applied=True)

    @property
    def exceptions(self) -> list[PlanOutcome]:
        """What became of those changes that did not simply succeed."""
        return report(self._report or (), with_applied=False)

    def begin(self, now: datetime, by: str) -> None:
        """Record that it is being carried out: committed with the intents."""
        self.status = move(self.status, PlanStatus.APPLYING)
        self.applied_at = now
        self.applied_by = by

    def conclude(self, outcomes: Sequence[Outcome], refused: Mapping[str, str]) -> None:
        """Record what became of each change; `refused` is why, by record set."""
        self.status = move(self.status, PlanStatus.FAILED if refused else PlanStatus.APPLIED)
        self._report = [*(self._report or ()), *report_rows(outcomes)]
        self.error_message = next(iter(refused.values()), None)

    def take_back(self) -> None:
        """Record that a later plan has taken this one back."""
        self.status = move(self.status, PlanStatus.UNDONE)
