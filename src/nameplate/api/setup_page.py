"""The page behind a setup link: plain HTML, without script, login or anything of another site."""

import base64
import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jinja2
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from nameplate.api.deps import surface
from nameplate.core import budget, ids, names
from nameplate.core.actor import PLATFORM
from nameplate.core.budget import Limit
from nameplate.core.conditions import Condition
from nameplate.core.errors import Conflict, NotFound, RateLimited
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.core.turns import Turn
from nameplate.db import database_now
from nameplate.models import SetupLink
from nameplate.usecases.claims import conditions, domains, instructions
from nameplate.usecases.claims.to_publish import ToPublish
from nameplate.usecases.setup import links
from nameplate.usecases.setup.links import LinkVisit
from nameplate.usecases.tools import Tools

routes = APIRouter(prefix="/setup", include_in_schema=False)

PREFIX = "/setup/"
_COOKIE = "nameplate_setup"
_PER_SOURCE = Limit(60, timedelta(minutes=1))
_MOST_SOURCES = 10_000
_SHOWN = {
    "type": "Type", "name": "Name", "relative_name": "Host", "value": "Value", "url": "Address",
    "path": "Path", "content": "Content", "name_server": "Name server", "page": "Page",
    "tag": "Tag", "zone": "Zone",
}  # fmt: skip
"""How a person calls the fields of an instruction."""

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("nameplate.api", "pages"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_STYLE = _PAGES.get_template("setup.css").render()
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors "
    ),
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


class TooManyRequests(Exception):
    """An address asks too often: a person reads the answer, so it is a page."""

    def __init__(self, wait: timedelta) -> None:
        """Say how long it has to wait."""
        super().__init__(wait)
        self.seconds = math.ceil(wait.total_seconds())


class Sources:
    """How often each address may ask: a process forgets the one that was quiet the longest."""

    def __init__(self) -> None:

        self._arrivals: OrderedDict[str, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, source: str, now: datetime) -> timedelta:
        """Count one request; return how long to wait instead (zero: it may go on)."""
        with self._lock:
            known = self._arrivals.pop(source, now)
            self._arrivals[source], wait = budget.spend(known, now, _PER_SOURCE)
            if len(self._arrivals) > _MOST_SOURCES:
                self._arrivals.popitem(last=False)
        return wait


def install(app: FastAPI) -> None:
    """Add the pages to an application."""
    app.state.setup_sources = Sources()
    app.add_exception_handler(TooManyRequests, _too_many)
    app.include_router(routes)


def address(request: Request, tools: Tools, token: Secret) -> str:
    """Return the address of a link, as browsers reach it."""
    base = tools.public_url or str(request.base_url)
    return f"{base.rstrip('/')}{PREFIX}open/{token.reveal()}"


@routes.get("/open/{token}")
def ask(request: Request, token: str) -> Response:
    """Show a button: what only fetches the page, as mail scanners do, uses the token not up."""
    _admit(request)
    shared = surface(request)
    with shared.sessions.begin(PLATFORM, read_only=True) as session:
        found = links.is_unopened(session, Secret(token), database_now(session))
    return _page(request, "open.html") if found else _gone(request)


@routes.post("/open/{token}")
def exchange(request: Request, token: str) -> Response:
    """Exchange the token for a cookie, and go where no address has the token."""
    _admit(request)
    shared = surface(request)
    with shared.sessions.begin(PLATFORM) as session:
        try:
            row, kept = links.open_(
                session, Secret(token), database_now(session), shared.tools.random
            )
        except NotFound:
            return _gone(request)
        there = _path(request, row)
        until = row.expires_at
    answer = RedirectResponse(there, 303, _headers(request))
    answer.set_cookie(
        _COOKIE,
        kept.reveal(),
        expires=until,
        path=there,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@routes.get("/{link}")
def page(request: Request, link: str) -> Response:
    """Show what to publish, and what of it was seen."""
    _admit(request)
    return _shown(request, link)


@routes.post("/{link}/check")
def check(request: Request, link: str) -> Response:
    """Have everything of the domain looked at now."""
    _admit(request)
    shared = surface(request)
    try:
        with shared.sessions.begin(PLATFORM) as session:
            now = database_now(session)
            seen = _visit(request, session, link, now)
            domains.check(session, seen.actor, ids.show(Prefix.DOMAIN, seen.domain.id), now)
            return RedirectResponse(_path(request, seen.link), 303, _headers(request))
    except NotFound:
        return _gone(request)
    except RateLimited as error:
        return _shown(request, link, notice=error.detail, status=429)


@routes.post("/{link}/share")
def share(request: Request, link: str) -> Response:
    """Make another link for somebody else, and show its address once."""
    _admit(request)
    shared = surface(request)
    try:
        with shared.sessions.begin(PLATFORM) as session:
            now = database_now(session)
            seen = _visit(request, session, link, now)
            _, token = links.pass_on(session, seen, now, shared.tools.random)
    except NotFound:
        return _gone(request)
    except Conflict as error:
        return _shown(request, link, notice=error.detail, status=409)
    return _shown(request, link, new_link=address(request, shared.tools, token))


def _shown(
    request: Request,
    link: str,
    *,
    notice: str | None = None,
    new_link: str | None = None,
    status: int = 200,
) -> Response:
    shared = surface(request)
    with shared.sessions.begin(PLATFORM, read_only=True) as session:
        now = database_now(session)
        try:
            seen = _visit(request, session, link, now)
        except NotFound:
            return _gone(request)
        found = conditions.of(session, shared.tools, seen.domain)
        told = instructions.of(session, shared.tools, seen.domain)
        is_ready = conditions.ready(found)
        shown = {
            "name": names.shown(seen.domain.full_domain),
            "ascii_name": seen.domain.full_domain,
            "ready": is_ready,
            "follows": not is_ready and not new_link and request.query_params.get("follow") == "1",
            "steps": [_step(one) for one in told],
            "problems": [_problem(one) for one in found if _is_for_visitor(one)],
            "looked_at": seen.domain.last_checked_at,
            "expires_at": seen.link.expires_at,
            "now": now,
            "base": f"{request.scope.get('root_path', '')}{PREFIX}{link}",
            "notice": notice,
            "new_link": new_link,
        }
    return _page(request, "setup.html", shown, status)


def _step(one: ToPublish) -> Mapping[str, Any]:
    fields = [(_SHOWN.get(name, name), value) for name, value in one.instruction.fields]
    return {"done": one.done, "sentence": one.instruction.sentence, "fields": fields}


def _is_for_visitor(one: Condition) -> bool:
    """Tell whether the person at the DNS provider can do something about it."""
    return one.status is not True and one.turn is Turn.YOU


def _problem(one: Condition) -> Mapping[str, Any]:
    return {"message": one.message, "fix": one.fix, "observed": one.observed}


def _visit(request: Request, session: Any, link: str, now: datetime) -> LinkVisit:  # noqa: ANN401 - a Session
    return links.visit(session, link, Secret(request.cookies.get(_COOKIE, "")), now)


def _path(request: Request, row: SetupLink) -> str:
    identity = ids.show(Prefix.SETUP_LINK, row.id)
    return f"{request.scope.get('root_path', '')}{PREFIX}{identity}"


def _admit(request: Request) -> None:
    """Raise `TooManyRequests` for an address that asks too often."""
    source = request.client.host if request.client is not None else ""
    wait = request.app.state.setup_sources.admit(source, surface(request).tools.clock())
    if wait > timedelta(0):
        raise TooManyRequests(wait)


def _too_many(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooManyRequests)  # noqa: S101 - registered for nothing else
    answer = _page(request, "busy.html", status=429)
    answer.headers["Retry-After"] = str(error.seconds)
    return answer


def _gone(request: Request) -> Response:
    return _page(request, "gone.html", status=404)


def _page(
    request: Request, name: str, given: Mapping[str, Any] | None = None, status: int = 200
) -> Response:
    html = _PAGES.get_template(name).render(style=_STYLE, **(given or {}))
    return HTMLResponse(html, status, _headers(request))


def _headers(request: Request) -> Mapping[str, str]:
    """Return what every answer has. Only pages that the operator lists may frame it (CSP 3, 6.4.2)."""
    ancestors = surface(request).tools.frame_ancestors
    policy = _HEADERS["Content-Security-Policy"] + (" ".join(ancestors) or "'none'")
    return _HEADERS | {"Content-Security-Policy": policy}
