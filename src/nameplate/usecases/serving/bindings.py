"""Bindings: which application answers at which host. `serving.py` brings them to life."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import basic_auth, ids, names, paths, route_settings
from nameplate.core.actor import Actor
from nameplate.core.errors import Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.redirection import RedirectKind
from nameplate.leases import lock_above
from nameplate.models import Application, Binding, Domain, ProxyType, Server
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.usecases import holders, lookup
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import (
    applications,
    arrivals,
    primaries,
    proxies,
    redirects,
    servers,
    sharing,
)
from nameplate.usecases.tools import Tools

CHANGEABLE = frozenset(
    {
        "port",
        "force_https",
        "hsts_enabled",
        "health_check_path",
        "health_check_interval",
        "health_check_timeout",
        "is_primary",
        "traffic_weight",
        "redirect",
        "redirect_status",
        "proxy_config",
        "metadata",
        "enabled",
        "server",
    }
)
_SHARED = ("ssl_enabled", "force_https", "hsts_enabled", "redirect_status", "proxy_config")
"""Settings that the host with or without `www.` has, too."""
_SECONDS = {"health_check_interval": (5, 86_400), "health_check_timeout": (1, 60)}


def add(
    session: Session,
    tools: Tools,
    actor: Actor,
    *,
    application: str,
    domain: str,
    now: datetime,
    subdomain: str | None = None,
    path: str = "/",
    port: int | None = None,
    server: str | None = None,
    proxy_type: str | None = None,
    is_primary: bool | None = None,
    with_partner: bool = False,
    metadata: dict[str, Any] | None = None,
    **settings: Any,  # noqa: ANN401 - ssl_enabled, force_https, health_check_path ...: columns
) -> Binding:
    """Want an application to answer at a host; workers see to DNS, certificate and proxy.

    Raises `Conflict` ("host_bound") when the host and path lead elsewhere already and no weight says how
    much of the traffic is wanted, what `sharing.join`, `redirects.settle` and `redirects.partner` raise, and
    `Invalid`; a tenant chooses a port only of those that the operator listed with the application. With
    `with_partner`, the host with or without `www.` is bound too, and redirects to it.
    """
    claim = lookup.domain(session, actor, domain)
    app = applications.get(session, actor, application)
    if app.organization_id != claim.organization_id:
        raise lookup.missing(Prefix.APPLICATION)
    host = _hostname(claim, subdomain, special_use=tools.special_use)
    _refuse_unlisted(actor, app, port)
    row = Binding(
        organization_id=claim.organization_id,
        application_id=app.id,
        organization_domain_id=claim.id,
        subdomain=subdomain,
        hostname=host,
        path=paths.parse(path),
        port=port,
        traffic_weight=sharing.MAX_WEIGHT,
        redirect=RedirectKind.NONE,
        metadata_=metadata,
        error_message=None if claim.is_live else arrivals.UNPROVED,
        next_action_at=now if claim.is_live else None,  # the proof wakes what waits for it
    )
    sharing.lock(session, claim.id)
    machine = _place(session, row, server, proxy_type)
    _seal(session, row, settings)
    _set(row, settings)
    sharing.join(session, row, {**settings, "server": server})
    primaries.claim(session, row, wanted=is_primary)
    redirects.settle(session, row)
    session.add(row)
    session.flush()
    _point(session, row, now)
    if with_partner:
        label, kind = redirects.partner(session, claim, row)
        place = ids.show(Prefix.SERVER, machine.id) if machine else None
        shared = {key: value for key, value in settings.items() if key in _SHARED}
        add(
            session, tools, actor, application=application, domain=domain, now=now, subdomain=label,
            path=path, port=port, server=place, redirect=kind, **shared,
        )  # fmt: skip
    return row


def _point(session: Session, row: Binding, now: datetime) -> None:
    pointing.settle(session, [(row.organization_domain_id, row.hostname)], now)


def _refuse_unlisted(actor: Actor, application: Application, port: int | None) -> None:
    """Refuse a port of the upstream that the operator did not list: something else may answer there."""
    listed = {None, application.upstream_port, *(application.binding_ports or ())}
    if port not in listed and not actor.is_platform:
        known = ", ".join(str(one) for one in sorted(one for one in listed if one is not None))
        raise Invalid(
            "port_not_listed",
            f"The application does not list the port {port}. Use one of: {known or 'none'}.",
            [Problem("/port", "port_not_listed", "Expected a port that the application lists.")],
        )


def _hostname(domain: Domain, subdomain: str | None, *, special_use: bool) -> str:
    name = f"{subdomain}.{holders.held_name(domain)}" if subdomain else domain.full_domain
    suffix = domain.is_suffix and not subdomain
    return names.parse(name, wildcard=True, private_suffix=suffix, special_use=special_use).name


def _proxy_type(server: Server) -> ProxyType:
    """Return the specification's name for the server's proxy; its default where it has none."""
    kind = (server.proxy or {}).get("type")
    return next((one for one in ProxyType if one == kind), ProxyType.NGINX)


def _place(
    session: Session, row: Binding, reference: str | None, proxy_type: str | None
) -> Server | None:
    """Give a new binding the server that was named, or the only one that fits or serves its route."""
    route = sharing.beside(session, row) if reference is None else ()
    if route:
        row.server_id, row.proxy_type = route[0].server_id, route[0].proxy_type
        return session.get(Server, row.server_id) if row.server_id else None
    machine = _server(session, row.organization_id, reference, proxy_type)
    row.server_id, row.proxy_type = machine.id, _proxy_type(machine)
    return machine


def _server(
    session: Session, organization_id: int, reference: str | None, proxy_type: str | None
) -> Server:
    """Return the named server, or the only one that fits."""
    if reference is not None:
        return servers.get(session, Actor(organization_id), reference)
    fitting = servers.serving(session, organization_id, proxy_type)
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(ids.show("srv", row.id) for row in fitting[:5])
    raise Invalid(
        "server_required",
        f"Several servers could serve this host. Name one of them: {known}."
        if fitting
        else "There is no server with a proxy yet. The operator must add one.",
    )


def _seal(session: Session, row: Binding, settings: dict[str, Any]) -> None:
    """Put hashes in the place of passwords before anything else sees them."""
    given = settings.get("proxy_config")
    if given and basic_auth.KEY in given:
        targets = sharing.enabled(session, row)
        known = (targets[0] if targets else row).proxy_config
        settings["proxy_config"] = basic_auth.sealed(given, known)


def _set(row: Binding, settings: dict[str, Any]) -> None:
    for key, value in settings.items():
        if key == "traffic_weight" and value is None:
            continue
        if key in _SECONDS:
            low, high = _SECONDS[key]
            if not low <= value <= high:
                raise Invalid("seconds_invalid", f"Expected {low} to {high} seconds in `{key}`.")
        if key == "health_check_path":
            paths.parse(value, "/health_check_path")
        if key == "traffic_weight":
            sharing.weight(value)
        if key == "redirect_status":
            redirects.status(value)
        if key == "proxy_config":
            route_settings.read(value, row.proxy_type)
        setattr(row, "metadata_" if key == "metadata" else key, value)


def get(session: Session, actor: Actor, reference: str) -> Binding:
    """Return the binding with that id, or the only one of that host name.

    Raises NotFound, Conflict `reference_ambiguous`.
    """
    if not reference.startswith(f"{Prefix.BINDING}_"):
        reference = lookup.spelled(reference)
    query = Binding.visible(actor)
    row: Binding = lookup.find(session, query, Binding, Prefix.BINDING, reference, Binding.hostname)
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | None = None,
    application: str | None = None,
    status: str | None = None,
) -> Sequence[Binding]:
    """Return up to `limit` + 1 bindings in order of their ids."""
    app = applications.get(session, actor, application).id if application is not None else None
    return lookup.page(
        session,
        Binding.visible(actor),
        Binding,
        limit=limit,
        after=after,
        organization_domain_id=lookup.domain_id(session, actor, domain),
        application_id=app,
        status=status,
    )


def update(
    session: Session,
    actor: Actor,
    reference: str,
    *,
    now: datetime,
    **changes: Any,  # noqa: ANN401 - columns
) -> Binding:
    """Change a binding; a worker brings the change to the proxy."""
    row = get(session, actor, reference)
    refused = sorted(changes.keys() - CHANGEABLE)
    if refused:
        raise Invalid("field_unknown", f"These fields cannot be changed: {', '.join(refused)}.")
    if "port" in changes:
        app = session.get_one(Application, row.application_id)
        _refuse_unlisted(actor, app, changes["port"])
    lock_above(session, Binding, row.id)
    moved_to = changes.pop("server", None)
    if moved_to is not None:
        _move(session, row, servers.get(session, Actor(row.organization_id), moved_to), now)
    enabled = changes.pop("enabled", None)
    primary = changes.pop("is_primary", None)
    with session.no_autoflush:
        _change(session, row, changes, now, enabled=enabled, server=moved_to)
    if primary is True:
        primaries.move(session, row, now)
    elif primary is False:
        primaries.refuse_none(row)
    row.wake(now)
    session.flush()
    redirects.wake(session, row, now)
    _wake_beside(session, row, now)
    if moved_to is not None or enabled is not None:
        _point(session, row, now)
    return row


def _change(
    session: Session,
    row: Binding,
    changes: dict[str, Any],
    now: datetime,
    *,
    enabled: bool | None,
    server: str | None,
) -> None:
    """Write changes of a binding, and of its route; it joins or leaves that when it is switched."""
    _seal(session, row, changes)
    _set(row, changes)
    if enabled is True and row.status is BindingStatus.DISABLED:
        sharing.join(session, row, {**changes, "server": server})
        row.enable()
    elif enabled is False:
        sharing.leave(session, row)
        row.disable("Disabled by its owner.")
        row.urgency = 1
    if changes.keys() & {"redirect", "redirect_status"}:
        _redirect(session, row)
    for other in sharing.change(session, row, changes):
        other.wake(now)


def _redirect(session: Session, row: Binding) -> None:
    if row.is_primary and row.redirect == RedirectKind.TO_PRIMARY:
        primaries.refuse_none(row)
    redirects.settle(session, row)


def _move(session: Session, row: Binding, server: Server, now: datetime) -> None:
    """Have another server serve the whole route: both proxies are told, and DNS follows."""
    if server.id == row.server_id:
        return
    left = row.server_id
    moving = [] if row.status is BindingStatus.DISABLED else sharing.enabled(session, row)
    for one in (row, *moving):
        one.server_id = server.id
        one.proxy_type = _proxy_type(server)
        route_settings.refuse_unsupported(route_settings.stored(one.proxy_config), one.proxy_type)
        if one.status is not BindingStatus.DISABLED:
            one.await_("Moving to another server.")
            one.wake(now)
    session.flush()
    for server_id in sorted({server.id} | ({left} if left else set())):
        proxies.wake(session, server_id, now)


def remove(session: Session, actor: Actor, reference: str, now: datetime) -> Binding:
    """Stop serving the host; workers take it from the proxy, and our record of it from DNS.

    Raises NotFound, Conflict `route_drained` when only drained targets of its route would be left.
    """
    row = get(session, actor, reference)
    lock_above(session, Binding, row.id)
    sharing.leave(session, row)
    soft_delete(session, row, now)
    row.next_action_at = now
    primaries.settle(session, [row.application_id], now)
    redirects.wake(session, row, now)
    session.flush()
    _point(session, row, now)
    _wake_beside(session, row, now)
    return row


def _wake_beside(session: Session, row: Binding, now: datetime) -> None:
    """Have other bindings of the host that are in error try again: this one may have been why."""
    session.execute(
        Binding.waking(now).where(
            Binding.hostname == row.hostname,
            Binding.organization_id == row.organization_id,
            Binding.id != row.id,
            Binding.status == BindingStatus.ERROR,
            Binding.deleted_at.is_(None),
        ),
        execution_options={"synchronize_session": False},
    )


def restore(session: Session, actor: Actor, reference: str, now: datetime) -> Binding:
    """Bring a removed binding back, and with it the record that leads its host to its server.

    Where others serve its host and path by now it comes back drained.

    Raises `NotFound`, and `Conflict` ("host_bound", "restore_conflict").
    """
    query = Binding.removed(actor)
    row: Binding = lookup.find(session, query, Binding, Prefix.BINDING, reference)
    sharing.refuse_same(session, row)
    restore_tree(session, row, now)
    sharing.rejoin(session, [row])
    primaries.settle(session, [row.application_id], now)
    redirects.wake(session, row, now)
    session.flush()
    _point(session, row, now)
    return row


def check(session: Session, actor: Actor, reference: str, now: datetime) -> Binding:
    """Look at the binding again now."""
    row = get(session, actor, reference)
    row.wake(now)
    return row
