"""Events: what happened to the objects of an organization, in the order in which readers see it.

A row is written in the transaction of the change (`telling.py`) and gets its numbers afterwards, from
one step at a time (`usecases/events.py`, ADR 20). There is no foreign key: an event outlives what it
tells of, and writing one locks nothing.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.actor import Actor
from nameplate.models.orm import (
    BigId,
    Json,
    Model,
    UtcDateTime,
    ascii_text,
    enum_of,
    table,
    utc_now,
)

ALL = "all"
"""The stream of every event; `platform` is that of the platform's own objects."""


def stream(organization_id: int | None) -> str:
    """Return the name of the stream of an organization, or of the platform's own objects."""
    return "platform" if organization_id is None else f"organization:{organization_id}"


class EventActor(StrEnum):
    """Who caused an event."""

    ORGANIZATION = "organization"
    """The organization itself: one of its tokens, or the host application for it."""
    OPERATOR = "operator"
    """The platform's operator."""
    WORKER = "worker"
    """Background work."""


class Event(Model):
    """One thing that happened to one object."""

    __tablename__ = "events"
    __table_args__ = (
        sa.Index("events_position_unique", "position", unique=True),
        sa.Index("events_organization_index", "organization_id", "position"),
        sa.Index("events_object_index", "object_type", "object_id"),
        sa.Index("events_domain_index", "organization_domain_id"),
        table(
            "What happened to objects, and who caused it; rows are added and purged, never changed."
        ),
    )

    id: Mapped[int] = mapped_column(
        BigId, primary_key=True, comment="Identity of the row, in the order of writing."
    )
    position: Mapped[int | None] = mapped_column(
        BigId,
        comment="Place among all events, in the order in which readers see them; NULL: not numbered yet.",
    )
    sequence: Mapped[int | None] = mapped_column(
        BigId, comment="Number among the events of the organization, without gaps; NULL likewise."
    )
    organization_id: Mapped[int | None] = mapped_column(
        BigId, comment="The organization in whose feed it is; NULL: the platform's own."
    )
    type: Mapped[str] = mapped_column(
        ascii_text(64), comment="What happened: `domain.verified`, `certificate.renewed` ..."
    )
    object_type: Mapped[str] = mapped_column(
        ascii_text(32), comment="Kind of the object: `domain`, `certificate` ..."
    )
    object_id: Mapped[int] = mapped_column(BigId, comment="Its id.")
    organization_domain_id: Mapped[int | None] = mapped_column(
        BigId, comment="The domain that it is about, if any."
    )
    hostname: Mapped[str | None] = mapped_column(
        ascii_text(511), comment="The host name that it is about, if any."
    )
    actor: Mapped[EventActor] = mapped_column(
        enum_of(EventActor, "actor"), comment="Who caused it."
    )
    actor_name: Mapped[str | None] = mapped_column(
        sa.String(255), comment="Name of the token, or of what acted; NULL for a worker."
    )
    token_id: Mapped[int | None] = mapped_column(BigId, comment="The token that acted, if any.")
    request_id: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="The request that led to it, as it was answered."
    )
    before: Mapped[dict[str, Any]] = mapped_column(
        Json, comment="Declared columns as they were, where they changed."
    )
    after: Mapped[dict[str, Any]] = mapped_column(
        Json, comment="The same as they are now, and what explains the event."
    )
    at: Mapped[datetime] = mapped_column(
        UtcDateTime, server_default=utc_now(), comment="When it happened (UTC)."
    )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the numbered events that `actor` may see: its organization's, or all for the platform."""
        query = sa.select(cls).where(cls.position.is_not(None))
        if actor.is_platform:
            return query
        return query.where(cls.organization_id == actor.organization_id)


class EventCounter(Model):
    """The last number given in one stream; whoever numbers events locks the row of `all`."""

    __tablename__ = "event_counters"
    __table_args__ = (
        table("The last number given to an event, in all and for each organization."),
    )

    stream: Mapped[str] = mapped_column(
        ascii_text(40), primary_key=True, comment="`all`, `platform`, `organization:7`."
    )
    number: Mapped[int] = mapped_column(
        BigId, default=0, server_default="0", comment="The last number given."
    )
