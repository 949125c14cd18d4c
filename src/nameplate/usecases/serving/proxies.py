"""Telling proxies what to serve: one server's lease is the one writer of its configuration."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Application, Binding, Certificate, Domain, Organization, Server
from nameplate.ports.proxy import Config, KeyPair, Proxy, Route, RouteRefused, Upstream
from nameplate.usecases import work
from nameplate.usecases.certificates import requests
from nameplate.usecases.serving import hosts
from nameplate.usecases.tools import Tools

AGAIN_AFTER_REFUSAL = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Load:
    server: Server
    routes: tuple[Route, ...]


def peer(_session: Session, row: Server) -> str | None:
    """Return the server itself: its proxy is what the work depends on."""
    return f"server:{row.id}"


def doubt(session: Session, server_id: int, now: datetime) -> None:
    """Have a server configured again even though nothing changed here: it may have forgotten."""
    server = session.get(Server, server_id, with_for_update=True)
    if server is not None:
        server.configured_fingerprint = None
        server.wake(now)


def wake(session: Session, server_id: int | None, now: datetime) -> None:
    """Have a server look at what it should serve."""
    server = session.get(Server, server_id, with_for_update=True) if server_id else None
    if server is not None:
        server.wake(now)


def serving(session: Session, server_id: int) -> list[tuple[Binding, Application]]:
    """Return the bindings that a server should serve now (I11), with their applications."""
    query: sa.Executable = (
        Binding.visible(PLATFORM)
        .add_columns(Application)
        .join(Application, Application.id == Binding.application_id)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Organization, Organization.id == Binding.organization_id)
        .where(
            Binding.server_id == server_id,
            Binding.status.in_([BindingStatus.CONFIGURING, BindingStatus.ACTIVE]),
            Domain.permits(Binding.hostname),
            Application.deleted_at.is_(None),
            Organization.deleted_at.is_(None),
            Organization.is_active.is_(True),
        )
        .order_by(Binding.id)
    )
    found = [(binding, application) for binding, application in session.execute(query)]
    return _of_holders(session, found)


def _of_holders(
    session: Session, found: Sequence[tuple[Binding, Application]]
) -> list[tuple[Binding, Application]]:
    """Leave out what another organization's rows say about a host that is not theirs (I12)."""
    by_host: dict[str, list[tuple[Binding, Application]]] = {}
    for one in found:
        by_host.setdefault(one[0].hostname, []).append(one)
    kept = {
        binding.id
        for hostname, of_host in by_host.items()
        for binding, _ in hosts.of_one_holder(
            session, hostname, of_host, lambda one: one[0].organization_id
        )
    }
    return [one for one in found if one[0].id in kept]


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Make one proxy serve exactly the bindings that it should, and have those probed."""
    load = work.read(sessions, Server, lease, lambda s, row: _load(s, tools, row))
    if load is None:
        work.record(sessions, Server, lease, _rest, release=True)
        return
    try:
        proxy = tools.proxy(load.server)
        config, refused = _render(proxy, load.routes)
        fingerprint = _fingerprint(config)
        if fingerprint != load.server.configured_fingerprint:
            tools.checkpoint("proxy:rendered")
            work.confirm(sessions, Server, lease)
            proxy.apply(config)
            tools.checkpoint("proxy:applied")
    except Refused as error:
        reason = error.detail
        left_out = error.route_ids if isinstance(error, RouteRefused) else ()
        work.record(
            sessions, Server, lease,
            lambda s, row: _refused(s, row, reason, left_out, lease.now()), release=True,
        )  # fmt: skip
        return
    work.record(
        sessions, Server, lease,
        lambda s, row: _configured(s, row, fingerprint, refused, lease.now()), release=True,
    )  # fmt: skip
    tools.checkpoint("proxy:recorded")


def _load(session: Session, tools: Tools, row: Server) -> _Load | None:
    if row.proxy is None or row.deleted_at is not None:
        return None
    routes = [_route(session, tools, binding, app) for binding, app in serving(session, row.id)]
    return _Load(row, tuple(route for route in routes if route is not None))


def _route(
    session: Session, tools: Tools, binding: Binding, application: Application
) -> Route | None:
    port = binding.port or application.upstream_port
    if application.upstream_host is None or port is None:
        return None
    return Route(
        id=ids.show("bnd", binding.id),
        hostname=binding.hostname,
        path=binding.path,
        upstream=Upstream(application.upstream_host, port),
        key_pair=_key_pair(session, tools, binding),
        force_https=binding.force_https,
        hsts=binding.hsts_enabled,
    )


def _key_pair(session: Session, tools: Tools, binding: Binding) -> KeyPair | None:
    if not binding.ssl_enabled or binding.ssl_certificate_id is None:
        return None
    row = session.get(Certificate, binding.ssl_certificate_id)
    if row is None or row.certificate_bundle is None or row.private_key is None:
        return None
    key = tools.keyring.open(row.private_key, requests.key_place(row))
    return KeyPair(f"{ids.show('crt', row.id)}-{row.generation}", row.certificate_bundle, key)


def _render(proxy: Proxy, routes: Sequence[Route]) -> tuple[Config, dict[str, str]]:
    """Render what can be rendered: a route that is refused is its owner's problem alone."""
    refused: dict[str, str] = {}
    while True:
        try:
            return proxy.render([route for route in routes if route.id not in refused]), refused
        except RouteRefused as error:
            if not error.reasons.keys() - refused.keys():
                raise  # naming nothing new it would name it for ever
            refused |= error.reasons


def _fingerprint(config: Config) -> str:
    """Return a digest of the configuration; key pairs are named by certificate and generation."""
    digest = hashlib.sha256()
    for name, content in sorted(config.files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    for name in sorted(config.secrets):
        digest.update(f"{name}\0".encode())
    return digest.hexdigest()


def _rest(_session: Session, row: Server) -> None:
    row.next_action_at = None


def _refused(
    session: Session, row: Server, reason: str, routes: Sequence[str], now: datetime
) -> None:
    """Record a refusal: the old configuration keeps serving, and who is to blame is told."""
    row.error_message = reason
    for binding, _ in serving(session, row.id):
        blamed = ids.show("bnd", binding.id) in routes
        if blamed or (not routes and binding.status is BindingStatus.CONFIGURING):
            binding.fail(reason)
            binding.next_action_at = now + 5 * AGAIN_AFTER_REFUSAL
    row.next_action_at = now if routes else now + AGAIN_AFTER_REFUSAL


def _configured(
    session: Session, row: Server, fingerprint: str, refused: dict[str, str], now: datetime
) -> None:
    row.configured_fingerprint = fingerprint
    row.configured_at = now
    row.error_message = None
    row.next_action_at = None
    for binding, _ in serving(session, row.id):
        reason = refused.get(ids.show("bnd", binding.id))
        if reason is not None:
            binding.fail(reason)
            binding.next_action_at = now + 5 * AGAIN_AFTER_REFUSAL
        elif binding.status is BindingStatus.CONFIGURING:
            binding.next_action_at = now
