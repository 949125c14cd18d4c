"""Groups of servers that all serve the same hosts, of one organization or shared by the platform.

A server is in one group at most. A group has servers of its own organization, or of the platform, so that
nobody's hosts come to a machine of somebody else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids, route_settings
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotPermitted, Problem
from nameplate.core.ids import Prefix
from nameplate.models import Binding, Server, ServerGroup
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.models.reconfiguration import wake_group, wake_server
from nameplate.usecases import lookup
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import servers, withholding
from nameplate.usecases.tenants import organizations

CHANGES = frozenset({"name", "metadata"})
MAX_SERVERS = 16
_NAMED = 5
"""Bindings in a message."""


def add(
    session: Session,
    actor: Actor,
    *,
    name: str,
    organization: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> ServerGroup:
    """Add a group of servers; without `organization` the platform's is shared by all."""
    shared = actor.is_platform and organization is None
    owner = None if shared else organizations.acting(session, actor, organization).id
    row = ServerGroup(organization_id=owner, name=name, metadata_=metadata)
    session.add(row)
    session.flush()
    return row


def get(session: Session, actor: Actor, reference: str) -> ServerGroup:
    """Return the group with that id or name. Raises NotFound."""
    query = ServerGroup.visible(actor)
    row: ServerGroup = lookup.find(
        session, query, ServerGroup, Prefix.SERVER_GROUP, reference, ServerGroup.name
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    name: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[ServerGroup]:
    """Return up to `limit` + 1 groups in order of their ids."""
    query = ServerGroup.visible(actor)
    return lookup.page(
        session, query, ServerGroup, limit=limit, after=after, metadata=metadata, name=name
    )


def update(
    session: Session,
    actor: Actor,
    reference: str,
    **changes: Any,  # noqa: ANN401 - columns
) -> ServerGroup:
    """Change a group. Raises NotPermitted `server_group_shared` when a tenant changes a shared one."""
    row = _own(session, actor, reference)
    with session.no_autoflush:
        lookup.changed(row, changes, CHANGES)
    session.flush()
    return row


def remove(
    session: Session, actor: Actor, reference: str, now: datetime, *, force: bool = False
) -> ServerGroup:
    """Soft-delete a group, which its servers leave.

    Raises NotPermitted, and Conflict `in_use` while it has bindings; with `force` those end in error until
    they are moved.
    """
    row = _own(session, actor, reference)
    if not force:
        _refuse_used(session, row)
    wake_group(session, row.id)
    soft_delete(session, row, now)
    for server in members(session, row):
        server.server_group_id = None
        wake_server(session, server.id, urgent=True)
    pointing.of_group(session, row.id, now)
    return row


def restore(session: Session, actor: Actor, reference: str, now: datetime) -> ServerGroup:
    """Bring a removed group back, without servers.

    Raises NotFound, NotPermitted `server_group_shared`, Conflict `restore_conflict`.
    """
    query = ServerGroup.removed(actor)
    row: ServerGroup = lookup.find(
        session, query, ServerGroup, Prefix.SERVER_GROUP, reference, ServerGroup.name
    )
    restore_tree(session, row, now)
    return row


def members(session: Session, row: ServerGroup) -> Sequence[Server]:
    """Return the servers of a group in order of their ids."""
    query = Server.visible(PLATFORM).where(Server.server_group_id == row.id)
    return session.scalars(query.order_by(Server.id)).all()


def serving(session: Session, row: ServerGroup) -> Sequence[Server]:
    """Return the servers of a group. Raises Invalid `server_group_empty` when it has none."""
    found = members(session, row)
    if not found:
        detail = f"The server group {row.name} has no server. Add one to it first."
        raise Invalid("server_group_empty", detail)
    return found


def join(session: Session, actor: Actor, reference: str, server: str, now: datetime) -> Server:
    """Add a server to a group: its proxy gets all of the group's bindings, and then DNS leads to it.

    Raises NotPermitted `server_group_shared`, Conflict `server_grouped`, `server_group_full`, Invalid
    `server_of_other_owner`, `server_not_groupable`, and what a proxy cannot serve of the bindings.
    """
    group = _own(session, actor, reference)
    row = servers.get(session, actor, server)
    if row.server_group_id == group.id:
        return row
    if row.organization_id != group.organization_id:
        raise Invalid(
            "server_of_other_owner",
            "A server group has servers of its own organization only, and a shared one shared servers.",
            [
                Problem(
                    "/server", "server_of_other_owner", "Expected a server of the group's owner."
                )
            ],
        )
    if row.server_group_id is not None:
        known = ids.show(Prefix.SERVER_GROUP, row.server_group_id)
        detail = f"The server {row.name} is in the group {known}. Remove it there first."
        raise Conflict("server_grouped", detail)
    servers.refuse_ungroupable(row)
    if len(members(session, group)) >= MAX_SERVERS:
        detail = f"A server group has {MAX_SERVERS} servers at most."
        raise Conflict("server_group_full", detail)
    bound = session.scalars(_bound(group).order_by(Binding.id)).all()
    for config in {str(one.proxy_config): one.proxy_config for one in bound}.values():
        kind = str((row.proxy or {}).get("type"))
        route_settings.refuse_unsupported(route_settings.stored(config), kind)
    row.server_group_id = group.id
    withholding.withhold(session, row, bound, now)
    _settle(session, row, group, now)
    return row


def leave(session: Session, actor: Actor, reference: str, server: str, now: datetime) -> Server:
    """Take a server out of a group: its proxy stops serving the bindings, DNS leads to it no more.

    Raises NotFound, NotPermitted `server_group_shared`, Conflict `in_use` when it is the last one of a
    group with bindings.
    """
    group = _own(session, actor, reference)
    row = servers.get(session, actor, server)
    if row.server_group_id != group.id:
        raise lookup.missing(Prefix.SERVER)
    if len(members(session, group)) == 1:
        _refuse_used(session, group)
    row.server_group_id = None
    _settle(session, row, group, now)
    return row


def _settle(session: Session, row: Server, group: ServerGroup, now: datetime) -> None:
    """Have proxy, bindings and DNS follow a server that joins or leaves."""
    session.flush()
    row.wake(now)
    session.execute(
        Binding.waking(now).where(
            Binding.server_group_id == group.id, Binding.deleted_at.is_(None)
        ),
        execution_options={"synchronize_session": False},
    )
    pointing.of_group(session, group.id, now)


def _bound(row: ServerGroup) -> sa.Select[Any]:
    return Binding.visible(PLATFORM).where(Binding.server_group_id == row.id)


def _own(session: Session, actor: Actor, reference: str) -> ServerGroup:
    row = get(session, actor, reference)
    if row.organization_id is None and not actor.is_platform:
        raise NotPermitted(
            "server_group_shared",
            "This server group belongs to the platform. Ask the operator to change it.",
        )
    return row


def _refuse_used(session: Session, row: ServerGroup) -> None:
    using = _bound(row)
    count = session.scalar(using.with_only_columns(sa.func.count(Binding.id))) or 0
    if count:
        hosts = using.with_only_columns(Binding.hostname).order_by(Binding.id).limit(_NAMED)
        forced = "Move or remove them first. They fail while their group has no server."
        raise lookup.in_use("server group", "bindings", session.scalars(hosts).all(), count, forced)
