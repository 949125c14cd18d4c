"""Who calls: by a bearer token (RFC 6750), or by the cookie of somebody who is signed in.

A cookie is sent by browsers whatever page asks, so a change by it has to come from our own page: its
`Origin` is ours, and it knows the token that `GET /v1/session` shows only there.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from nameplate.api.errors import Unauthenticated
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NotPermitted
from nameplate.core.roles import Role
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.usecases.tenants import embed_tokens, tokens, user_sessions
from nameplate.usecases.tenants.embed_tokens import EmbedScope
from nameplate.usecases.tenants.user_sessions import SignedInUser

ORGANIZATION_HEADER = "nameplate-organization"
"""Names the organization that a person acts in."""
CSRF_HEADER = "x-csrf-token"
ORGANIZATION = "organization"
"""Key of the state in which a route says the same, where a browser can send no header."""
_HOST_SECONDS = 600
"""After so long an answer that lasts asks the host about its token again."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPERATOR = replace(PLATFORM, may_export_keys=True)
"""Who is on the installation's own machine has its keys anyway."""

Authenticate = Callable[[str], Actor | None]
"""Whom a bearer token of the host application stands for; None when it is none of the host's."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and under which name repeated requests are kept."""

    actor: Actor
    principal: str
    expires_at: datetime | None = None
    """When the token ends: nothing made with it may outlive it and do the same."""
    credential: tuple[str, int] | None = None
    """What the caller is known by, for answers that last: `token`, `session` or `embed` and its row, or
    `until` and a second of Unix time; None: it does not end."""
    role: Role | None = None
    """What a person may do; None: everything that its actor may."""
    user: SignedInUser | None = None
    """Who is signed in; None: a token calls."""
    scope: EmbedScope | None = None
    """What an embed token is for; None: it is none."""


@dataclass(frozen=True, slots=True)
class Doors:
    """By what callers are known."""

    sessions: Sessions
    local_token: Secret | None
    """Credential of the command line in the same process: acts as the platform."""
    authenticate: Authenticate | None
    """How a host application knows its own tokens; Nameplate's are tried when it does not."""
    public_url: str | None
    """Where browsers reach the API; None: as the request says."""


def authenticated(doors: Doors, scope: Scope) -> Caller:
    """Return who calls. Raises `Unauthenticated`, NotPermitted as `signed_in` and `_embedded` say."""
    headers = Headers(scope=scope)
    given = headers.getlist("authorization")
    if not given:
        return _person(doors, scope, headers)
    scheme, _, bearer = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    bearer = bearer.strip()
    if scheme.lower() != "bearer" or not bearer:
        raise Unauthenticated
    if doors.local_token is not None and Secret(bearer) == doors.local_token:
        return Caller(_OPERATOR, "platform:local")
    known = doors.authenticate(bearer) if doors.authenticate is not None else None
    if known is not None:
        again = int(time.monotonic()) + _HOST_SECONDS
        return Caller(known, _principal(known, bearer), None, ("until", again))
    if embed_tokens.is_one(bearer):
        return _embedded(doors, bearer, headers)
    found = tokens.accepted(doors.sessions, bearer)
    if found is None:
        raise Unauthenticated
    if not found.use_is_noted:
        with doors.sessions.begin(PLATFORM) as session:
            tokens.note_use(session, found.id, found.now)
    principal = f"{found.actor.organization_id or 'platform'}:{found.key_id}"
    return Caller(found.actor, principal, found.expires_at, ("token", found.id))


def _principal(actor: Actor, bearer: str) -> str:
    """Return under which name requests with a token of the host's are kept; not the token itself."""
    digest = hashlib.sha256(bearer.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{actor.organization_id or 'platform'}:host:{digest}"


def _embedded(doors: Doors, bearer: str, headers: Headers) -> Caller:
    """Return whom an embed token stands for. It is used by the pages that it names, and nowhere else.

    Raises NotPermitted `origin_not_allowed`.
    """
    found = embed_tokens.accepted(doors.sessions, bearer)
    if found is None:
        raise Unauthenticated
    if headers.get("origin", "") not in found.origins:
        raise NotPermitted(
            "origin_not_allowed", "This embed token is not for the page that sends the request."
        )
    principal = f"{found.actor.organization_id}:embed:{found.id}"
    credential = ("embed", found.id)
    return Caller(found.actor, principal, found.expires_at, credential, found.role, None, found)


def _person(doors: Doors, scope: Scope, headers: Headers) -> Caller:
    """Return whom the cookie stands for, in the organization that the request names."""
    user, _ = signed_in(doors.sessions, scope, doors.public_url)
    named = scope["state"].get(ORGANIZATION) or headers.get(ORGANIZATION_HEADER)
    found = user_sessions.standing(doors.sessions, user, user_sessions.chosen(named))
    principal = f"{found.actor.organization_id or 'platform'}:session:{user.session_id}"
    credential = ("session", user.session_id)
    return Caller(found.actor, principal, None, credential, found.role, user)


def signed_in(
    sessions: Sessions, scope: Scope, public_url: str | None
) -> tuple[SignedInUser, Secret]:
    """Return who is signed in, and the cookie.

    Raises `Unauthenticated`, and for a change that another page may have sent NotPermitted
    `origin_not_allowed`, `csrf_token_wrong`.
    """
    headers = Headers(scope=scope)
    cookie = Secret(cookie_of(scope))
    if not cookie:
        raise Unauthenticated
    if scope["method"] not in _SAFE:
        check_origin(scope, public_url)
        sent = headers.get(CSRF_HEADER, "").encode()
        if not hmac.compare_digest(sent, user_sessions.csrf_token(cookie).encode()):
            raise NotPermitted(
                "csrf_token_wrong",
                "Send `csrf_token` of `GET /v1/session` as `X-CSRF-Token`. It changes with each login.",
            )
    user = user_sessions.accepted(sessions, cookie)
    if user is None:
        raise Unauthenticated
    return user, cookie


def cookie_name(scope: Scope, what: str) -> str:
    """Return the name of one of our cookies; browsers tie `__Host-` to this very host and to TLS."""
    return f"__Host-nameplate-{what}" if scope["scheme"] == "https" else f"nameplate-{what}"


def cookie_of(scope: Scope, what: str = "session") -> str:
    """Return the value of one of our cookies, empty without."""
    sent = Headers(scope=scope).getlist("cookie")
    return cookie_parser("; ".join(sent)).get(cookie_name(scope, what), "")


def origin(scope: Scope, public_url: str | None) -> str:
    """Return the origin of our own page."""
    if public_url is not None:
        scheme, _, rest = public_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}".lower()
    return f"{scope['scheme']}://{Headers(scope=scope).get('host', '')}".lower()


def check_origin(scope: Scope, public_url: str | None) -> None:
    """Raise NotPermitted `origin_not_allowed` unless our own page sends the request.

    Browsers name the page in `Origin` with every request that is no GET; what names none is no browser's.
    """
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or headers.get("origin", "").lower() != origin(scope, public_url):
        raise NotPermitted(
            "origin_not_allowed",
            "The request does not come from this installation's own page. If it does, "
            "`NAMEPLATE_PUBLIC_URL` is not the address in the browser.",
        )


def still_accepted(
    sessions: Sessions, credentials: Collection[tuple[str, int]]
) -> Collection[tuple[str, int]]:
    """Return which of these callers would be accepted now; one statement for each kind."""
    kinds = {
        "token": tokens.live,
        "session": user_sessions.live,
        "embed": embed_tokens.live,
    }
    now = time.monotonic()
    found = [one for one in credentials if one[0] == "until" and one[1] > now]
    for kind, live in kinds.items():
        asked = {number for one, number in credentials if one == kind}
        if asked:
            found += [(kind, number) for number in live(sessions, asked)]
    return found
