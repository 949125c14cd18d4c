"""Telling proxies what to serve: one server's lease is the one writer of its configuration."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease
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


def peer(row: Server | DueRow, _authority: work.Authority) -> str:
    """Return the server itself: its proxy is what the work depends on."""
    return f"server:{row.id}"


def doubt(session: Session, server_id: int, now: datetime) -> None:
    """Have a server configured again even though nothing changed here: it may have forgotten."""
    _rouse(session, server_id, now, configured_fingerprint=None)


def wake(session: Session, server_id: int | None, now: datetime, *, urgent: bool = False) -> None:
    """Have a server look at what it should serve; at once where something is served no more."""
    if server_id:
        _rouse(session, server_id, now, **({"urgency": 1} if urgent else {}))


def _rouse(session: Session, server_id: int, now: datetime, **also: Any) -> None:  # noqa: ANN401 - columns
    """Wake a server without reading it, after everything else that is to be written before it."""
    session.flush()
    session.execute(
        Server.waking(now).where(Server.id == server_id).values(also),
        execution_options={"synchronize_session": "fetch"},
    )


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


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> str | None:
    """Make one proxy serve exactly the bindings that it should, and have those probed.

    Returns the code of a refusal.
    """
    load = work.read(sessions, Server, lease, lambda s, row: _load(s, tools, row))
    if load is None:
        work.record(sessions, Server, lease, _rest, release=True)
        return None
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
        _refuse(sessions, lease, load.server.id, error)
        return error.code
    work.record(
        sessions, Server, lease, lambda _s, row: _configured(row, fingerprint, lease.now()),
        release=False,
    )  # fmt: skip
    _tell(sessions, load.server.id, refused, lease.now())
    work.record(sessions, Server, lease, _rest, release=True)
    tools.checkpoint("proxy:recorded")
    return None


def _refuse(sessions: Sessions, lease: Lease, server_id: int, error: Refused) -> None:
    """Record why a proxy did not take its configuration; bindings before their server."""
    routes = error.route_ids if isinstance(error, RouteRefused) else ()
    work.confirm(sessions, Server, lease)
    now, reason = lease.now(), error.detail

    def change(session: Session) -> None:
        for binding in _waiting(session, server_id, routes):
            if not routes or ids.show("bnd", binding.id) in routes:
                binding.fail(reason)
                binding.next_action_at = now + 5 * AGAIN_AFTER_REFUSAL

    sessions.run(PLATFORM, change)
    work.record(
        sessions, Server, lease,
        lambda _s, row: _refused(row, reason, now, blamed=bool(routes)), release=True,
    )  # fmt: skip


def _tell(sessions: Sessions, server_id: int, refused: Mapping[str, str], now: datetime) -> None:
    """Have the bindings that wait for a server looked at, and those that it left out told why.

    In a transaction of its own, for who locks a binding and a server locks the binding first.
    """

    def change(session: Session) -> None:
        waiting: list[int] = []
        for binding in _waiting(session, server_id, refused):
            reason = refused.get(ids.show("bnd", binding.id))
            if reason is None:
                waiting.append(binding.id)
            else:
                binding.fail(reason)
                binding.next_action_at = now + 5 * AGAIN_AFTER_REFUSAL
        session.flush()
        session.execute(
            Binding.waking(now).where(Binding.id.in_(waiting)),
            execution_options={"synchronize_session": False},
        )

    sessions.run(PLATFORM, change)


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


def _refused(row: Server, reason: str, now: datetime, *, blamed: bool) -> None:
    """Record a refusal: the old configuration keeps serving, and who is to blame is told."""
    row.error_message = reason
    row.next_action_at = now if blamed else now + AGAIN_AFTER_REFUSAL


def _waiting(session: Session, server_id: int, named: Collection[str]) -> list[Binding]:
    """Return, locked, the served bindings that are named or being configured, in order of their ids."""
    found = {
        binding.id
        for binding, _ in serving(session, server_id)
        if binding.status is BindingStatus.CONFIGURING or ids.show("bnd", binding.id) in named
    }
    query = Binding.visible(PLATFORM).where(Binding.id.in_(found)).order_by(Binding.id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    served = {BindingStatus.CONFIGURING, BindingStatus.ACTIVE}
    return [one for one in session.scalars(locked) if one.status in served]


def _configured(row: Server, fingerprint: str, now: datetime) -> None:
    row.configured_fingerprint = fingerprint
    row.configured_at = now
    row.error_message = None
