"""Bindings: which application answers at which host. `serving.py` brings them to life."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import basic_auth, names, paths, route_settings
from nameplate.core.actor import Actor
from nameplate.core.errors import Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.redirection import RedirectKind
from nameplate.leases import lock_above
from nameplate.models import Application, Binding, Domain
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.usecases import holders, lookup, placements
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import (
    applications,
    arrivals,
    departures,
    places,
    primaries,
    proxies,
    redirects,
    sharing,
    withholding,
)
from nameplate.usecases.serving.places import BindingPlace
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
        "server_group",
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
    server_group: str | None = None,
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
    spot = places.choose(session, row, server, server_group, proxy_type)
    spot.give(row)
    _seal(session, row, settings)
    _set(row, settings)
    spot.refuse_unsupported(row)
    sharing.join(session, row, {**settings, "server": server, "server_group": server_group})
    primaries.claim(session, row, wanted=is_primary)
    redirects.settle(session, row)
    session.add(row)
    session.flush()
    _point(session, row, now)
    if with_partner:
        label, kind = redirects.partner(session, claim, row)
        shared = {key: value for key, value in settings.items() if key in _SHARED}
        add(
            session, tools, actor, application=application, domain=domain, now=now, subdomain=label,
            path=path, port=port, redirect=kind, **spot.named, **shared,
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
    moved_to = {key: changes.pop(key, None) for key in ("server", "server_group")}
    is_moved = any(moved_to.values())
    if is_moved:
        _move(session, row, places.named(session, row, **moved_to), now)
    enabled = changes.pop("enabled", None)
    primary = changes.pop("is_primary", None)
    with session.no_autoflush:
        _change(session, row, changes, now, enabled=enabled, moved_to=moved_to)
    if primary is True:
        primaries.move(session, row, now)
    elif primary is False:
        primaries.refuse_none(row)
    row.wake(now)
    session.flush()
    redirects.wake(session, row, now)
    _wake_beside(session, row, now)
    if is_moved or enabled is not None:
        _point(session, row, now)
    return row


def _change(
    session: Session,
    row: Binding,
    changes: dict[str, Any],
    now: datetime,
    *,
    enabled: bool | None,
    moved_to: Mapping[str, str | None],
) -> None:
    """Write changes of a binding, and of its route; it joins or leaves that when it is switched."""
    _seal(session, row, changes)
    _set(row, changes)
    if row.server_group_id is not None and "proxy_config" in changes:
        BindingPlace.of(session, row).refuse_unsupported(row)
    if enabled is True and row.status is BindingStatus.DISABLED:
        sharing.join(session, row, {**changes, **moved_to})
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


def _move(session: Session, row: Binding, spot: BindingPlace, now: datetime) -> None:
    """Have another server, or a group, serve the whole route: proxies are told, and DNS follows.

    The servers that it leaves serve it on until then.
    """
    if spot.is_of(row):
        return
    left = BindingPlace.of(session, row)
    moving = [] if row.status is BindingStatus.DISABLED else sharing.enabled(session, row)
    for one in (row, *moving):
        departures.begin(session, one, spot.server_ids, now)
        spot.give(one)
        spot.refuse_unsupported(one)
        if one.status is not BindingStatus.DISABLED:
            one.await_("Moving to another server.")
            one.wake(now)
    session.flush()
    if spot.group is not None:
        _begin_in_group(session, spot, [row, *moving], now)
    for server_id in sorted({*spot.server_ids, *left.server_ids}):
        proxies.wake(session, server_id, now)


def _begin_in_group(
    session: Session, spot: BindingPlace, rows: Sequence[Binding], now: datetime
) -> None:
    """Let bindings begin in a group: DNS leads to each server that was seen to serve them."""
    places.forget(session, [row.id for row in rows])
    for server in spot.servers:
        new = [row for row in rows if not placements.is_told(session, row, server.id)]
        withholding.withhold(session, server, new, now)


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
