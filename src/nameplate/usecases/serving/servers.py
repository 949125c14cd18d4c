"""Servers: machines with a proxy, of one organization or shared by the whole platform."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import configuration
from nameplate.core import pointing as rules
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotPermitted, Problem, Refused
from nameplate.core.ids import Prefix
from nameplate.models import Binding, BindingPlacement, Server
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.ports.proxy import ProxyConfiguration
from nameplate.usecases import lookup, work
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import hosted, withholding
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

PLATFORM_FIELDS = frozenset({"proxy", "external_id"})
"""`proxy` holds addresses of administrative interfaces."""
CHANGES = PLATFORM_FIELDS | {"name", "address", "addresses", "region", "metadata"}

_USABLE = (
    Server.visible(PLATFORM)
    .where(
        sa.or_(
            Server.organization_id == sa.bindparam("organization"),
            Server.organization_id.is_(None),
        )
    )
    .order_by(Server.id)
)
_REGION = re.compile("[a-z0-9][a-z0-9.-]{0,62}")
_NAMED = 5
"""Bindings in a message."""


def add(
    session: Session,
    tools: Tools,
    actor: Actor,
    *,
    name: str,
    address: str,
    now: datetime,
    addresses: Sequence[str] = (),
    organization: str | None = None,
    proxy: dict[str, Any] | None = None,
    external_id: str | None = None,
    region: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Server:
    """Add a server; without `organization` the platform's is shared by all.

    A server with a name and `addresses` gets records of its own where its organization has a domain
    for that name. Raises NotPermitted `platform_only` when a tenant sets `proxy` or `external_id`,
    Invalid `addresses_invalid`, `region_invalid` and what `check_proxy` raises.
    """
    if proxy is not None or external_id is not None:
        organizations.only_platform(actor, "configure the proxy of a server")
    check_proxy(tools, proxy)
    shared = actor.is_platform and organization is None
    owner = None if shared else organizations.acting(session, actor, organization).id
    row = Server(
        organization_id=owner,
        name=name,
        address=address,
        addresses=rules.addresses(addresses) or None,
        proxy=proxy,
        external_id=external_id,
        region=_region(region),
        metadata_=metadata,
    )
    _refuse_taken(session, row)
    session.add(row)
    pointing.of_server(session, row, now)
    return row


def get(session: Session, actor: Actor, reference: str) -> Server:
    """Return the server with that id, external id or name. Raises NotFound."""
    row: Server = lookup.find(
        session,
        Server.visible(actor),
        Server,
        Prefix.SERVER,
        reference,
        Server.external_id,
        Server.name,
    )
    return row


def serving(session: Session, organization_id: int, proxy_type: str | None = None) -> list[Server]:
    """Return the servers that could serve an organization's hosts: its own and the platform's."""
    rows = usable(session, organization_id)
    return [row for row in rows if row.proxy and proxy_type in {None, row.proxy.get("type")}]


def are_one_group(rows: Sequence[Server]) -> bool:
    """Tell whether these are servers of one group, and of nothing else."""
    groups = {row.server_group_id for row in rows}
    return len(groups) == 1 and None not in groups


def usable(session: Session, organization_id: int) -> Sequence[Server]:
    """Return an organization's own servers and the platform's, with or without a proxy."""
    return session.scalars(_USABLE, {"organization": organization_id}).all()


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    name: str | None = None,
    region: str | None = None,
    server_group_id: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[Server]:
    """Return up to `limit` + 1 servers in order of their ids."""
    return lookup.page(
        session, Server.visible(actor), Server, limit=limit, after=after, metadata=metadata,
        name=name, region=region, server_group_id=server_group_id,
    )  # fmt: skip


def update(
    session: Session,
    tools: Tools,
    actor: Actor,
    reference: str,
    now: datetime,
    **changes: Any,  # noqa: ANN401 - columns
) -> Server:
    """Change a server, have its proxy configured again, and DNS follow to its new addresses.

    Raises NotPermitted `server_shared` when a tenant changes a server of the platform, Invalid
    `addresses_invalid`, `region_invalid`, `server_not_groupable` and what `check_proxy` raises.
    """
    if changes.keys() & PLATFORM_FIELDS:
        organizations.only_platform(actor, "configure the proxy of a server")
    check_proxy(tools, changes.get("proxy"))
    row = get(session, actor, reference)
    _refuse_shared(actor, row)
    if "addresses" in changes:
        changes["addresses"] = rules.addresses(changes["addresses"] or ()) or None
    if "region" in changes:
        changes["region"] = _region(changes["region"])
    with session.no_autoflush:
        lookup.changed(row, changes, CHANGES)
        if row.server_group_id is not None:
            refuse_ungroupable(row)
        if "external_id" in changes:
            _refuse_taken(session, row)
    row.wake(now)
    session.flush()
    work.wake_waiting(session, f"server:{row.id}", now)
    if changes.keys() & {"address", "addresses"}:
        pointing.of_server(session, row, now)
    return row


def remove(
    session: Session, actor: Actor, reference: str, now: datetime, *, force: bool = False
) -> Server:
    """Soft-delete a server: no binding can lead through it any more.

    Raises Conflict `in_use` while it has bindings; with `force` those end in error until they are
    moved to another server, and its proxy keeps the configuration that it has.
    """
    row = get(session, actor, reference)
    _refuse_shared(actor, row)
    if not force:
        _refuse_used(session, actor, row)
    soft_delete(session, row, now)
    _wake_shared(session, row, now)
    pointing.of_server(session, row, now)
    return row


def restore(session: Session, actor: Actor, reference: str, now: datetime) -> Server:
    """Bring a removed server back; its proxy is configured again and its bindings looked at.

    Raises NotFound, NotPermitted `server_shared`, Conflict `restore_conflict`.
    """
    query = Server.removed(actor)
    row: Server = lookup.find(
        session, query, Server, Prefix.SERVER, reference, Server.external_id, Server.name
    )
    restore_tree(session, row, now)
    row.configured_fingerprint = None
    session.flush()
    if row.server_group_id is not None:
        on_group = Binding.visible(PLATFORM).where(Binding.server_group_id == row.server_group_id)
        withholding.withhold(session, row, session.scalars(on_group).all(), now)
    _wake_shared(session, row, now)
    pointing.of_server(session, row, now)
    return row


def _wake_shared(session: Session, row: Server, now: datetime) -> None:
    """Have the bindings looked at that the server serves with others, or until others do."""
    served: sa.ColumnElement[bool] = Binding.id.in_(BindingPlacement.moving_from(row.id))
    if row.server_group_id is not None:
        served = sa.or_(served, Binding.server_group_id == row.server_group_id)
    session.execute(
        Binding.waking(now).where(served, Binding.deleted_at.is_(None)),
        execution_options={"synchronize_session": False},
    )


def _refuse_used(session: Session, actor: Actor, row: Server) -> None:
    on = Binding.server_id == row.id
    if row.server_group_id is not None:
        on = sa.or_(on, Binding.server_group_id == row.server_group_id)
    on = sa.or_(on, Binding.id.in_(BindingPlacement.moving_from(row.id)))
    using = Binding.visible(actor).where(on)
    count = session.scalar(using.with_only_columns(sa.func.count(Binding.id))) or 0
    if count:
        hosts = using.with_only_columns(Binding.hostname).order_by(Binding.id).limit(_NAMED)
        forced = (
            "Move or remove them, or take the server out of its group, first. If the server is removed by force, they fail until they are "
            "moved, and its proxy keeps its configuration."
        )
        raise lookup.in_use("server", "bindings", session.scalars(hosts).all(), count, forced)


def check_proxy(tools: Tools, given: Mapping[str, Any] | None) -> None:
    """Check how a proxy is reached by the schema of its type.

    Raises Invalid with a problem for each wrong key, at `/proxy/<key>`.
    """
    if given is None:
        return
    kind = given.get("type")
    try:
        plugin = tools.proxies.get(kind if isinstance(kind, str) else "")
    except Refused as error:
        raise Invalid(
            error.code, error.detail, [Problem("/proxy/type", error.code, error.detail)]
        ) from None
    settings = {name: value for name, value in given.items() if name != "type"}
    conflict = configuration.parse(plugin.configuration, settings, "/proxy").conflict()
    if conflict is not None:
        problem = Problem("/proxy/reach", "setting_invalid", conflict)
        raise Invalid(problem.code, problem.detail, [problem])


def refuse_ungroupable(row: Server) -> None:
    """Refuse a server that cannot share hosts with others. Raises Invalid `server_not_groupable`."""
    why = None
    if row.proxy is None:
        why = "has no proxy"
    elif hosted.is_hosted(row):
        why = "stands for a service, which leads hosts to its own addresses"
    elif not rules.PointingTarget.together([(row.address, row.addresses or ())]).addresses:
        why = "has no IP address for DNS to point to: set `addresses`"
    if why is not None:
        detail = f"The server {row.name} cannot be in a group: it {why}."
        raise Invalid("server_not_groupable", detail)


def _region(given: str | None) -> str | None:
    if given is None or _REGION.fullmatch(given):
        return given
    detail = "Expected a region of up to 63 lower-case letters, digits, hyphens and dots."
    raise Invalid("region_invalid", detail, [Problem("/region", "region_invalid", detail)])


def reach(row: Server) -> ProxyConfiguration:
    """Return where probes find a server's proxy. Raises Refused `setting_invalid`."""
    return configuration.load(ProxyConfiguration, row.proxy or {})


def _refuse_shared(actor: Actor, row: Server) -> None:
    if row.organization_id is None and not actor.is_platform:
        raise NotPermitted(
            "server_shared", "This server belongs to the platform. Ask the operator to change it."
        )


def _refuse_taken(session: Session, row: Server) -> None:
    """Refuse an external id that another server has; only the platform sets it."""
    if row.external_id is None:
        return
    others = Server.visible(PLATFORM).where(Server.external_id == row.external_id)
    if row.id is not None:
        others = others.where(Server.id != row.id)
    if session.scalars(others).first():
        raise Conflict("external_id_taken", "Another server has this external id.")
