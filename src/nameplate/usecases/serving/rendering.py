"""Routes as a server's proxy is told of them, made of rows once for as long as these say the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import route_settings
from nameplate.core.encryption import KeyRing
from nameplate.core.route_settings import RouteSettings
from nameplate.db import Sessions
from nameplate.models import Server
from nameplate.ports.proxy import KeyPair, LaterKeyPair, Redirect, Route, Upstream
from nameplate.usecases.serving import key_pairs, routes
from nameplate.usecases.serving.known import Known
from nameplate.usecases.serving.routes import WantedRoute

_ROUTES: Known[Route] = Known()
"""By server and binding."""


def rendered(
    session: Session,
    ring: KeyRing,
    found: Iterable[WantedRoute],
    server: Server,
    later: Sessions | None = None,
) -> tuple[Route, ...]:
    """Return the routes for a server's proxy. A private key is opened only when it is written.

    With `later` certificates that were read once are read again when they are needed, from there.
    """
    rows = tuple(found)
    return _rendered(rows, key_pairs.of(session, ring, rows, later), server)


def rendered_for_many(
    session: Session, ring: KeyRing, told: Mapping[Server, Sequence[WantedRoute]]
) -> dict[int, tuple[Route, ...]]:
    """Return the routes for the proxies of several servers, by the servers' ids."""
    pairs = key_pairs.of(session, ring, chain.from_iterable(told.values()))
    return {server.id: _rendered(rows, pairs, server) for server, rows in told.items()}


def _rendered(
    rows: Sequence[WantedRoute], pairs: Mapping[Any, KeyPair], server: Server
) -> tuple[Route, ...]:
    kind = str((server.proxy or {}).get("type", ""))
    made = []
    for row in rows:
        pair = pairs.get(key_pairs.generation(row))
        make = partial(_route, row, kind, pair)
        if pair is None or isinstance(pair, LaterKeyPair):
            # A pair is known by what it is, not by what is in it: comparing keys would open them.
            said = *routes.SAID(row), row.edges, kind, id(pair)
            made.append(_ROUTES.of((server.id, row.binding), said, make))
        else:  # it holds a whole certificate
            made.append(make())
    return tuple(made)


def _route(row: WantedRoute, kind: str, pair: KeyPair | None, _said: object = None) -> Route:
    settings = _settings(row, kind)
    return Route(
        id=row.id,
        hostname=row.hostname,
        path=row.path,
        upstream=Upstream(row.upstream_host, row.upstream_port),
        key_pair=pair,
        force_https=row.force_https,
        hsts=row.hsts,
        weight=row.weight,
        redirect=Redirect(row.redirect_to, row.redirect_status) if row.redirect_to else None,
        settings=settings,
        answer=row.answer,
        edges=row.edges if settings.allow_ips else (),
    )


def _settings(row: WantedRoute, kind: str) -> RouteSettings:
    """Return a route's settings; the edges in front are trusted where the proxy can do that."""
    found = route_settings.stored(row.proxy_config)
    if not row.edges or "trusted_proxies" in route_settings.UNSUPPORTED.get(kind, {}):
        return found
    trusted = dict.fromkeys((*found.trusted_proxies, *row.edges))
    return replace(found, trusted_proxies=tuple(trusted))
