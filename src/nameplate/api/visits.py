"""Requests of people: before they are signed in, and about themselves, whatever organization they are in."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from nameplate.api import callers
from nameplate.api.callers import Caller
from nameplate.api.deps import AppState, NetworkCall, Opening, surface
from nameplate.core.secret import Secret
from nameplate.usecases.tenants.sign_in import Attempt, SignedIn
from nameplate.usecases.tenants.user_sessions import NOBODY, SignedInUser, SignInVisit

DEVICE_SECONDS = 180 * 86400


@dataclass(frozen=True)
class VisitorCall(NetworkCall):
    """A call of somebody who need not be signed in; no transaction is open."""

    def attempt(self, code: str | None = None) -> Attempt:
        """Return where somebody comes from who signs in, and what the browser has."""
        scope = self.request.scope
        device = callers.cookie_of(scope, "device")
        former = callers.cookie_of(scope)
        client = self.request.client
        return Attempt(
            SignInVisit(
                "" if client is None else client.host, self.request.headers.get("user-agent", "")
            ),
            Secret(device) if device else None,
            Secret(former) if former else None,
            code,
        )

    def give(self, begun: SignedIn) -> None:
        """Have the browser keep a session that has begun."""
        self._keep("session", begun.cookie, None)
        if begun.device is not None:
            self._keep("device", begun.device, DEVICE_SECONDS)

    def take(self) -> None:
        """Have the browser forget its session."""
        self._keep("session", Secret(""), 0)

    def _keep(self, what: str, value: Secret, seconds: int | None) -> None:
        name = callers.cookie_name(self.request.scope, what)
        self.response.set_cookie(
            name, value.reveal(), seconds, path="/", secure=True, httponly=True, samesite="lax"
        )


@dataclass(frozen=True)
class PersonCall(VisitorCall):
    """A call of somebody who is signed in."""

    user: SignedInUser
    cookie: Secret


@dataclass(frozen=True, slots=True)
class VisitorOpening(Opening):
    """An endpoint that is called without knowing who calls."""

    def begin(self) -> AbstractContextManager[NetworkCall]:
        """Begin; a change has to come from our own page, signed in or not."""
        shared = surface(self.request)
        if self.request.method not in {"GET", "HEAD"}:
            callers.check_origin(self.request.scope, shared.tools.public_url)
        return self.how(self, shared, Caller(NOBODY, "nobody"))


@dataclass(frozen=True, slots=True)
class PersonOpening(Opening):
    """An endpoint that is called for who is signed in."""

    def begin(self) -> AbstractContextManager[NetworkCall]:
        """Find out who is signed in, and begin."""
        shared = surface(self.request)
        return self.how(self, shared, Caller(NOBODY, "nobody"))


@contextmanager
def _visiting(opening: Opening, shared: AppState, who: Caller) -> Iterator[VisitorCall]:
    yield VisitorCall(opening.request, opening.response, shared, who.actor)


@contextmanager
def _signed_in(opening: Opening, shared: AppState, who: Caller) -> Iterator[PersonCall]:
    scope = opening.request.scope
    found: tuple[Any, Any] = callers.signed_in(shared.sessions, scope, shared.tools.public_url)
    yield PersonCall(opening.request, opening.response, shared, who.actor, *found)


async def _visitor(request: Request, response: Response) -> VisitorOpening:
    return VisitorOpening(request, response, _visiting)


async def _person(request: Request, response: Response) -> PersonOpening:
    return PersonOpening(request, response, _signed_in)


Visitor = Annotated[VisitorCall, Depends(_visitor)]
Person = Annotated[PersonCall, Depends(_person)]
