"""The application: every noun's routes, in one envelope."""

from functools import partial

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import ASGIApp

import nameplate
from nameplate.api import (
    accounts,
    applications,
    binding_health,
    bindings,
    campaigns,
    certificate_budgets,
    certificate_schedule,
    certificates,
    dangling,
    diagnosis,
    dns_hosts,
    domain_connect,
    domains,
    edge_asks,
    embed_tokens,
    errors,
    event_stream,
    events,
    explanations,
    grants,
    health,
    memberships,
    name_challenges,
    oidc,
    openapi,
    organizations,
    overrides,
    plans,
    preflight,
    propagation,
    providers,
    purchases,
    purges,
    quarantine,
    records,
    registrant_contacts,
    registrations,
    server_groups,
    servers,
    session,
    setup_links,
    setup_page,
    templates,
    tokens,
    transfer_codes,
    transfers,
    uploads,
    users,
    verifications,
    wellknown,
)
from nameplate.api.broadcast import Broadcast
from nameplate.api.callers import Authenticate, still_accepted
from nameplate.api.cors import EmbedCors
from nameplate.api.deps import AppState, Replayed, identify
from nameplate.api.envelope import RequestMiddleware
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.usecases.tools import Tools

NOUNS = (
    organizations,
    applications,
    server_groups,
    servers,
    templates,
    accounts,
    domains,
    purges,
    diagnosis,
    dns_hosts,
    domain_connect,
    verifications,
    records,
    plans,
    propagation,
    providers,
    campaigns,
    certificate_budgets,
    certificate_schedule,
    certificates,
    preflight,
    uploads,
    bindings,
    binding_health,
    tokens,
    session,
    users,
    memberships,
    embed_tokens,
    event_stream,
    events,
    setup_links,
    grants,
    dangling,
    name_challenges,
    transfers,
    overrides,
    quarantine,
    registrations,
    registrant_contacts,
    transfer_codes,
    purchases,
    edge_asks,
)


def create(
    sessions: Sessions,
    tools: Tools,
    *,
    local_token: Secret | None = None,
    authenticate: Authenticate | None = None,
    edge: ASGIApp | None = None,
) -> FastAPI:
    """Return the API as an ASGI application, which a host may mount below a prefix.

    `local_token` is a credential of the platform for callers in this process only; `authenticate`
    says whom a host's own bearer token stands for; `edge` answers below /edge.
    """
    app = FastAPI(
        title="Nameplate",
        version=nameplate.__version__,
        docs_url=None,  # FastAPI's page loads scripts from somebody else's server
        redoc_url=None,
        openapi_url="/openapi.json",
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    state = AppState(sessions, tools, local_token, authenticate)
    app.state.surface = state
    app.state.broadcast = Broadcast(sessions, still_accepted)
    app.state.metrics = health.Metrics(sessions, tools.clock)
    for noun in NOUNS:  # a router that is included looks for its route twice
        app.router.routes.extend(noun.routes.routes)
    app.include_router(health.routes)
    app.include_router(wellknown.routes)
    app.include_router(explanations.routes)
    app.include_router(oidc.routes)
    setup_page.install(app)
    if edge is not None:
        app.mount("/edge", edge)
    errors.install(app)
    openapi.install(app)
    app.add_exception_handler(Replayed, _replay)
    app.add_middleware(
        RequestMiddleware,
        count=app.state.metrics.count,
        authenticate=partial(identify, state),
    )
    app.add_middleware(EmbedCors, sessions=sessions)
    _make_routes(app)
    return app


def _make_routes(app: FastAPI) -> None:
    """Have every route made here, in one thread, by looking for one that does not exist.

    FastAPI makes them with the first request, and two applications that do so at once in a process
    disturb each other: they share the declarations of parameters, which pydantic changes meanwhile.
    """
    nowhere = {"type": "http", "method": "GET", "path": "/-", "root_path": "", "headers": []}
    for route in app.routes:
        route.matches(nowhere)


def _replay(_request: Request, error: Exception) -> Response:
    """Send the answer that the first request got."""
    assert isinstance(error, Replayed)  # noqa: S101 - registered for nothing else
    return Response(
        error.body or None,
        error.status,
        {"Idempotent-Replayed": "true"},
        "application/json" if error.body else None,
    )
