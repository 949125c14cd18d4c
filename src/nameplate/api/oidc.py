"""Signing in by an identity provider: the browser goes there and comes back.

What the answer has to fit is in a cookie of the browser that asked, so that nobody else's answer counts.
"""

import base64
import binascii
import hashlib
import re
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from nameplate.api import callers
from nameplate.api.deps import AppState, surface
from nameplate.api.visits import VisitorCall
from nameplate.core import tokens
from nameplate.core.errors import NameplateError, NotFound, Refused
from nameplate.core.secret import Secret
from nameplate.ports.identity import IdentityProvider, IdentityQuestion
from nameplate.usecases.tenants import sign_in
from nameplate.usecases.tenants.user_sessions import NOBODY

routes = APIRouter(prefix="/v1/session/oidc", include_in_schema=False)

_COOKIE = "oidc"
_SECONDS = 600
_MAX = 500
_LOCAL = re.compile(r"/(?:[A-Za-z0-9_.~!$&'()*+,;=:@%?#-][\x21-\x5b\x5d-\x7e]*)?")
"""A path of our own: `//host` and `/\\host` lead elsewhere."""


@routes.get("")
def begin(request: Request, return_to: str = "/") -> Response:
    """Send the browser to the provider's page."""
    shared = surface(request)
    try:
        provider = _provider(shared)
        kept = Secret(tokens.verification_token(shared.tools.random(32)))
        there = provider.address(_question(request, shared, kept))
    except NameplateError as error:
        return _back(request, error.code)
    answer = RedirectResponse(there, 303)
    value = f"{kept.reveal()}.{base64.urlsafe_b64encode(_local(return_to).encode()).decode()}"
    _keep(request, answer, value, _SECONDS)
    return answer


@routes.get("/callback")
def finish(
    request: Request,
    state: str = "",
    code: str = "",
    iss: str | None = None,
    error: str = "",
) -> Response:
    """Take the provider's answer, begin a session, and go where the person wanted to."""
    shared = surface(request)
    kept, _, wanted = callers.cookie_of(request.scope, _COOKIE).partition(".")
    call = VisitorCall(request, Response(), shared, NOBODY)
    try:
        provider = _provider(shared)
        question = _question(request, shared, Secret(kept))
        if not kept or Secret(state) != Secret(question.state):
            raise Refused("identity_refused", "This browser did not ask, or too long ago.")
        if error or not code:
            raise Refused("identity_refused", "The identity provider did not let you in.")
        found = provider.identity(question, code, iss)
        identity = hashlib.sha256(f"{found.issuer}\n{found.subject}".encode()).hexdigest()
        begun = sign_in.by_identity(
            shared.sessions,
            shared.tools,
            identity=identity,
            email=found.email,
            attempt=call.attempt(),
        )
    except NameplateError as refused:
        return _back(request, refused.code)
    call.give(begun)
    answer = RedirectResponse(_below(request, _local(_decoded(wanted))), 303)
    answer.headers.raw.extend(one for one in call.response.headers.raw if one[0] == b"set-cookie")
    _keep(request, answer, "", 0)
    return answer


def _provider(shared: AppState) -> IdentityProvider:
    found = shared.tools.identity_provider
    if found is None:
        raise NotFound("identity_provider_missing", "There is no identity provider here.")
    return found


def _question(request: Request, shared: AppState, kept: Secret) -> IdentityQuestion:
    """Return what this browser asks, made from what only it has."""

    def made(what: str) -> str:
        return tokens.digest(Secret(f"{what}:{kept.reveal()}"))

    base = shared.tools.public_url or str(request.base_url)
    at = f"{base.rstrip('/')}/v1/session/oidc/callback"
    return IdentityQuestion(made("state"), made("nonce"), Secret(made("verifier")), at)


def _keep(request: Request, answer: Response, value: str, seconds: int) -> None:
    name = callers.cookie_name(request.scope, _COOKIE)
    answer.set_cookie(name, value, seconds, path="/", secure=True, httponly=True, samesite="lax")
    answer.headers["Referrer-Policy"] = "no-referrer"


def _back(request: Request, code: str) -> Response:
    """Return to the page of the login, which says what is wrong."""
    answer = RedirectResponse(_below(request, f"/sign-in?error={quote(code)}"), 303)
    _keep(request, answer, "", 0)
    return answer


def _below(request: Request, path: str) -> str:
    return f"{request.scope.get('root_path', '')}{path}"


def _local(path: str) -> str:
    """Return a path of our own page, the first one for anything else."""
    return path if len(path) <= _MAX and _LOCAL.fullmatch(path) else "/"


def _decoded(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text.encode()).decode()
    except (ValueError, binascii.Error):
        return "/"
