"""Groups of servers, and how a binding is there at servers: of its group, or that it is moving away from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.core.actor import Actor
from nameplate.models.bindings import Binding
from nameplate.models.organizations import Server
from nameplate.models.orm import (
    BigId,
    Identified,
    Json,
    Model,
    SoftDeletable,
    Tenant,
    UtcDateTime,
    same_organization,
    table,
)
from nameplate.models.presence import Presence
from nameplate.models.ranges import ranges


class ServerGroup(Identified, SoftDeletable, Model):
    """Servers that serve the same hosts. Without an organization it is shared by the platform."""

    __tablename__ = "server_groups"
    __table_args__ = (
        *ranges("server_groups"),
        table("Servers that serve the same hosts; without organization: shared by all."),
    )

    organization_id: Mapped[int | None] = mapped_column(
        BigId,
        sa.ForeignKey("organizations.id", ondelete="CASCADE"),
        index=True,
        comment="The organization that owns this row; NULL: shared by the platform.",
    )
    name: Mapped[str] = mapped_column(sa.String(255), comment="Name for people.")
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", Json, comment="The host platform's own keys."
    )

    @classmethod
    def visible(cls, actor: Actor) -> sa.Select[Any]:
        """Select the live groups that `actor` may see: its own and the platform's, or all."""
        query = sa.select(cls).where(cls.deleted_at.is_(None))
        if actor.is_platform:
            return query
        own = cls.organization_id == actor.organization_id
        return query.where(sa.or_(own, cls.organization_id.is_(None)))

    @classmethod
    def removed(cls, actor: Actor) -> sa.Select[Any]:
        """Select the soft-deleted groups that `actor` may bring back."""
        query = sa.select(cls).where(cls.deleted_at.is_not(None))
        if actor.is_platform:
            return query
        return query.where(cls.organization_id == actor.organization_id)


class BindingPlacement(Presence, Tenant, Model):
    """How a binding on a group of servers is there at one of them, or at one that it is moving away from."""

    __tablename__ = "binding_placements"
    __table_args__ = (
        same_organization("application_domain_bindings", "binding_id"),
        table(
            "How bindings are there at each server of their group, and at those that they leave."
        ),
    )

    binding_id: Mapped[int] = mapped_column(
        BigId, primary_key=True, autoincrement=False, comment="The binding."
    )
    server_id: Mapped[int] = mapped_column(
        BigId,
        sa.ForeignKey("servers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
        comment="The server, which may have left the group and serve it still.",
    )
    failures: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Looks in a row that did not see it answer there."
    )
    looked_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When a look there last told something new."
    )
    withheld_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when DNS does not lead to the server; NULL: it does."
    )
    trouble: Mapped[str | None] = mapped_column(
        sa.Text, comment="What is wrong there, in words for a person."
    )
    leaving_since: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        index=True,
        comment="Since when the binding is moving away from the server, which serves it on; NULL: it is not.",
    )
    led_over_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        comment="When DNS was led to where it moves, which was seen to serve it; NULL: it leads here.",
    )
    leaves_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="When caches have forgotten the server, which serves it no more then."
    )

    @property
    def is_leaving(self) -> bool:
        """Whether the server goes on serving a binding that is moving away."""
        return self.leaving_since is not None

    def leave(self, now: datetime) -> None:
        """Record that the binding is moving away from the server."""
        if self.leaving_since is None:
            self.leaving_since = now

    def lead_over(self, now: datetime) -> None:
        """Record that DNS leads to where the binding moves."""
        self.led_over_at = now

    def let_go(self, at: datetime) -> None:
        """Record until when caches may lead visitors to the server."""
        self.leaves_at = at

    def stay(self) -> None:
        """Record that the binding is not moving away, or has moved."""
        self.leaving_since = self.led_over_at = self.leaves_at = None

    @property
    def is_told(self) -> bool:
        """Whether the server's proxy serves it by its last configuration."""
        return self.served_digest is not None

    def look(self, trouble: str | None, now: datetime) -> None:
        """Record what a look through the server saw: the trouble, or that it answers."""
        self.looked_at = now
        self.trouble = trouble
        self.failures = 0 if trouble is None else self.failures + 1

    @classmethod
    def serving(cls, server_id: int) -> sa.Update:
        """Return the statement that records how a server serves the binding `row`."""
        columns = cls.__table__.c
        return (
            sa.update(cls.__table__)  # type: ignore[arg-type]  # a table, not any FROM clause
            .where(columns.binding_id == sa.bindparam("row"), columns.server_id == server_id)
            .values(served_digest=sa.bindparam("digest"), served_serial=sa.bindparam("serial"))
        )

    @classmethod
    def moving_from(cls, server_id: int) -> sa.Select[Any]:
        """Select the ids of the bindings that move away from a server, which serves them still."""
        return sa.select(cls.binding_id).where(
            cls.server_id == server_id, cls.leaving_since.is_not(None)
        )

    @classmethod
    def taking(cls, server_id: int, bindings: Sequence[int]) -> sa.Update:
        """Return the statement that forgets what a server's proxy refused of these bindings before."""
        return (
            sa.update(cls)
            .where(cls.server_id == server_id, cls.binding_id.in_(bindings))
            .values(refused_serial=None, refused_since=None, refused_at=None, refusal=None)
        )

    @classmethod
    def withdrawing(cls, server_id: int, bindings: Sequence[int]) -> sa.Update:
        """Return the statement that records that a server serves these bindings no more."""
        return (
            sa.update(cls)
            .where(cls.server_id == server_id, cls.binding_id.in_(bindings))
            .values(served_digest=None, served_serial=None)
        )

    @classmethod
    def forgetting(cls, server_id: int, bindings: Sequence[int]) -> sa.Delete:
        """Return the statement that removes what is known of bindings that a server's group has not."""
        here = (
            sa.select(Binding.id)
            .join(Server, Server.server_group_id == Binding.server_group_id)
            .where(Server.id == server_id, Binding.id.in_(bindings), Binding.deleted_at.is_(None))
        )
        return sa.delete(cls).where(
            cls.server_id == server_id,
            cls.binding_id.in_(bindings),
            cls.binding_id.not_in(here),
            cls.leaving_since.is_(None),  # DNS is led away first
        )

    @classmethod
    def beginning(cls, bindings: Sequence[int]) -> sa.Update:
        """Return the statement that lets bindings that come to a group begin there afresh."""
        return (
            sa.update(cls)
            .where(cls.binding_id.in_(bindings))
            .values(failures=0, trouble=None, withheld_at=None)
        )

    @classmethod
    def looking(cls, server_id: int) -> sa.Update:
        """Return the statement that notes what a server's agent saw of the binding `row`."""
        columns = cls.__table__.c
        return (
            sa.update(cls.__table__)  # type: ignore[arg-type]  # a table, not any FROM clause
            .where(columns.binding_id == sa.bindparam("row"), columns.server_id == server_id)
            .values(agent_look=sa.bindparam("look"))
        )
