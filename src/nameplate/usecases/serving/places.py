"""Where a binding is placed: on one server, or on a group of servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy.orm import Session

from nameplate.core import ids, route_settings
from nameplate.core.actor import Actor
from nameplate.core.errors import Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.models import Binding, BindingPlacement, ProxyType, Server, ServerGroup
from nameplate.usecases.serving import server_groups, servers, sharing


@dataclass(frozen=True, slots=True)
class BindingPlace:
    """A server, or a group with its servers."""

    servers: Sequence[Server] = ()
    group: ServerGroup | None = None

    @classmethod
    def of(cls, session: Session, row: Binding) -> Self:
        """Return where a binding is."""
        if row.server_group_id is not None:
            group = session.get(ServerGroup, row.server_group_id)
            return cls() if group is None else cls(server_groups.members(session, group), group)
        server = session.get(Server, row.server_id) if row.server_id is not None else None
        return cls() if server is None else cls([server])

    @property
    def server_ids(self) -> list[int]:
        """The ids of the servers."""
        return [one.id for one in self.servers]

    @property
    def named(self) -> dict[str, Any]:
        """The same as a caller names it."""
        if self.group is not None:
            return {"server_group": ids.show(Prefix.SERVER_GROUP, self.group.id)}
        known = self.server_ids
        return {"server": ids.show(Prefix.SERVER, known[0])} if known else {}

    def is_of(self, row: Binding) -> bool:
        """Tell whether a binding is there already."""
        if self.group is not None:
            return row.server_group_id == self.group.id
        return row.server_group_id is None and self.server_ids == [row.server_id]

    def give(self, row: Binding) -> None:
        """Place a binding there."""
        row.server_group_id = None if self.group is None else self.group.id
        row.server_id = self.servers[0].id if self.servers and self.group is None else None
        if self.servers:
            row.proxy_type = _proxy_type(self.servers[0])

    def refuse_unsupported(self, row: Binding) -> None:
        """Refuse settings that a proxy there cannot serve. Raises Invalid `setting_unsupported`."""
        for one in self.servers if row.proxy_config else ():
            stored = route_settings.stored(row.proxy_config)
            route_settings.refuse_unsupported(stored, _proxy_type(one))


def choose(
    session: Session,
    row: Binding,
    server: str | None,
    server_group: str | None,
    proxy_type: str | None,
) -> BindingPlace:
    """Return where a new binding goes: what was named, where its route is, or the only one that fits."""
    if server is not None or server_group is not None:
        return named(session, row, server, server_group)
    route = sharing.beside(session, row)
    if route:
        return BindingPlace.of(session, route[0])
    return _only(session, row.organization_id, proxy_type)


def named(
    session: Session, row: Binding, server: str | None = None, server_group: str | None = None
) -> BindingPlace:
    """Return the server or the group that is named. Raises Invalid `placement_ambiguous`, NotFound."""
    owner = Actor(row.organization_id)
    if server is not None and server_group is not None:
        detail = "Name a server or a server group, not both."
        problem = Problem("/server_group", "placement_ambiguous", detail)
        raise Invalid("placement_ambiguous", detail, [problem])
    if server_group is not None:
        group = server_groups.get(session, owner, server_group)
        return BindingPlace(server_groups.serving(session, group), group)
    return BindingPlace([servers.get(session, owner, server or "")])


def forget(session: Session, binding_ids: Sequence[int]) -> None:
    """Let bindings that come to a group begin there without what was known of them before."""
    session.execute(
        BindingPlacement.beginning(sorted(binding_ids)),
        execution_options={"synchronize_session": False},
    )


def _only(session: Session, organization_id: int, proxy_type: str | None) -> BindingPlace:
    fitting = servers.serving(session, organization_id, proxy_type)
    if len(fitting) == 1 and fitting[0].server_group_id is None:
        return BindingPlace(fitting)
    if servers.are_one_group(fitting):
        group = session.get_one(ServerGroup, fitting[0].server_group_id)
        return BindingPlace(server_groups.serving(session, group), group)
    known = ", ".join(ids.show("srv", one.id) for one in fitting[:5])
    raise Invalid(
        "server_required",
        f"Several servers could serve this host. Name one of them, or a server group: {known}."
        if fitting
        else "There is no server with a proxy yet. The operator must add one.",
    )


def _proxy_type(server: Server) -> ProxyType:
    """Return the specification's name for the server's proxy; its default where it has none."""
    kind = (server.proxy or {}).get("type")
    return next((one for one in ProxyType if one == kind), ProxyType.NGINX)
