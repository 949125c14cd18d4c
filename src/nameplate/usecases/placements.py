"""Which servers are to serve a binding that is on a group of servers, and how it is there at each."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from nameplate.models import Binding, BindingPlacement, Server, ServerGroup

MAX_FAILURES = 3
"""Looks in a row that see nothing before DNS leads to the server no more."""


class MemberServer(NamedTuple):
    """A server of a binding's group."""

    server: Server
    at: BindingPlacement | None
    """None: its proxy was not told of the binding yet."""

    @property
    def is_told(self) -> bool:
        """Whether the server's proxy serves the binding by its last configuration."""
        return self.at is not None and self.at.is_told

    @property
    def trouble(self) -> str | None:
        """What is wrong there, in words for a person; None where nothing is known to be.

        While the server has not taken the binding, whatever keeps its proxy from being configured.
        """
        if not self.is_told and self.server.trouble_told:
            return f"Its proxy cannot be configured: {self.server.trouble_told}"
        return None if self.at is None else self.at.trouble

    @property
    def shown(self) -> str:
        """The server and where it is, for a person."""
        region = self.server.region
        return f"{self.server.name} ({region})" if region else self.server.name

    @property
    def is_led_over(self) -> bool:
        """Whether DNS leads a binding that moves away from the server to where it moves."""
        return self.at is not None and self.at.led_over_at is not None

    @property
    def is_withheld(self) -> bool:
        """Whether DNS does not lead the binding's host to the server."""
        return self.at is not None and self.at.withheld_at is not None


def of_groups(session: Session, rows: Iterable[Binding]) -> dict[int, list[MemberServer]]:
    """Return the servers of the groups that bindings are on, by the bindings' ids.

    A binding on a group that has no server, or was removed, has none; one on no group has no entry.
    Nothing is asked where no binding is on a group.
    """
    return of_ids(session, [row.id for row in rows if row.server_group_id is not None])


def of_ids(session: Session, binding_ids: Iterable[int]) -> dict[int, list[MemberServer]]:
    """Return the same of bindings that are on groups, by their ids alone."""
    found: dict[int, list[MemberServer]] = {number: [] for number in binding_ids}
    if found:
        for binding, server, at in session.execute(_OF_GROUPS, {"bindings": sorted(found)}):
            found[binding].append(MemberServer(server, at))
    return found


def leading(session: Session, binding_ids: Collection[int]) -> dict[int, list[Server]]:
    """Return the servers that DNS leads bindings to still, which move to where nothing was seen to serve yet."""
    if not binding_ids:
        return {}
    found: dict[int, list[Server]] = {}
    for binding, server in session.execute(_LEADING, {"bindings": sorted(binding_ids)}):
        found.setdefault(binding, []).append(server)
    return found


def of_moving(session: Session, binding_ids: Collection[int]) -> dict[int, list[MemberServer]]:
    """Return the servers that bindings move away from, and how they are there."""
    found: dict[int, list[MemberServer]] = {}
    for server, at in session.execute(_MOVING, {"bindings": sorted(binding_ids)}):
        found.setdefault(at.binding_id, []).append(MemberServer(server, at))
    return found


def is_told(session: Session, row: Binding, server_id: int) -> bool:
    """Tell whether a server's proxy serves a binding by its last configuration, alone or in a group."""
    at = session.get(BindingPlacement, (row.id, server_id))
    return row.served_server_id == server_id or (at is not None and at.is_told)


def is_moving() -> sa.ColumnElement[bool]:
    """Return whether a server serves the binding that it moves away from."""
    at, left = BindingPlacement, aliased(Server)
    return sa.exists().where(
        at.binding_id == Binding.id,
        at.leaving_since.is_not(None),
        left.id == at.server_id,
        left.deleted_at.is_(None),
    )


def served(*columns: Any) -> tuple[sa.Select[Any], ...]:  # noqa: ANN401 - what `select` takes
    """Select of bindings and the servers whose proxies serve them, alone and in groups."""
    alone = (
        sa.select(*columns).select_from(Binding).join(Server, Server.id == Binding.served_server_id)
    )
    together = (
        sa.select(*columns)
        .select_from(Binding)
        .join(BindingPlacement, BindingPlacement.binding_id == Binding.id)
        .join(Server, Server.id == BindingPlacement.server_id)
        .where(BindingPlacement.served_digest.is_not(None))
    )
    return alone, together


def is_at(binding: Any, server: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - mapped classes or aliases
    """Return whether a server is to serve a binding, alone or in its group."""
    return sa.or_(server.id == binding.server_id, server.server_group_id == binding.server_group_id)


_MOVING = (
    sa.select(Server, BindingPlacement)
    .join(BindingPlacement, BindingPlacement.server_id == Server.id)
    .where(
        BindingPlacement.binding_id.in_(sa.bindparam("bindings", expanding=True)),
        BindingPlacement.leaving_since.is_not(None),
        Server.deleted_at.is_(None),
    )
    .order_by(BindingPlacement.binding_id, Server.id)
)
_LEADING = _MOVING.with_only_columns(BindingPlacement.binding_id, Server).where(
    BindingPlacement.led_over_at.is_(None)
)
_OF_GROUPS = (
    sa.select(Binding.id, Server, BindingPlacement)
    .join(
        ServerGroup,
        sa.and_(ServerGroup.id == Binding.server_group_id, ServerGroup.deleted_at.is_(None)),
    )
    .join(Server, sa.and_(Server.server_group_id == ServerGroup.id, Server.deleted_at.is_(None)))
    .outerjoin(
        BindingPlacement,
        sa.and_(BindingPlacement.binding_id == Binding.id, BindingPlacement.server_id == Server.id),
    )
    .where(Binding.id.in_(sa.bindparam("bindings", expanding=True)))
    .order_by(Binding.id, Server.id)
)
