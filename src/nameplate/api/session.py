"""Signing in and out, and what belongs to who is signed in: password, authenticator, other sessions."""

from typing import Any

from pydantic import SecretStr

from nameplate.api import rights
from nameplate.api.deps import Listed, TransactionCall
from nameplate.api.routing import router
from nameplate.api.session_shapes import (
    AuthenticatorCode,
    AuthenticatorGone,
    AuthenticatorNew,
    AuthenticatorSecret,
    InvitationTaken,
    OwnOrganization,
    PasswordNew,
    PersonShape,
    RecoveryCodes,
    SessionShape,
    SessionState,
    SignInMethods,
    SignInNew,
)
from nameplate.api.shapes import Page
from nameplate.api.visits import Person, PersonCall, Visitor
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.core.secret import Secret
from nameplate.db import database_now
from nameplate.models import UserSession
from nameplate.usecases.tenants import second_factors, sign_in, user_sessions
from nameplate.usecases.tenants.organization_trees import ReachedOrganization, reached

routes = router("session")


@routes.get("/session:methods", operation_id="show_sign_in_methods")
def methods(call: Visitor) -> SignInMethods:
    """Show how to sign in. Needs no login."""
    provider = call.tools.identity_provider
    return SignInMethods(oidc=None if provider is None else provider.name)


@routes.post("/session", status_code=201, operation_id="sign_in")
def begin(call: Visitor, body: SignInNew) -> SessionState:
    """Sign in with address and password. The session is a cookie of the browser."""
    begun = sign_in.with_password(
        call.sessions,
        call.tools,
        email=body.email,
        password=_secret(body.password),
        attempt=call.attempt(body.code),
    )
    return _given(call, begun)


@routes.post("/session/invitation", status_code=201, operation_id="accept_invitation")
def accept(call: Visitor, body: InvitationTaken) -> SessionState:
    """Choose a password by an invitation, and sign in. All other sessions of the user end."""
    begun = sign_in.by_invitation(
        call.sessions,
        call.tools,
        token=Secret(body.token),
        password=_secret(body.password),
        attempt=call.attempt(body.code),
    )
    return _given(call, begun)


@routes.get("/session", operation_id="show_session")
def get(call: Person) -> SessionState:
    """Show who is signed in, where that person may do what, and the token that changes need."""
    return _state(call, call.cookie)


@routes.delete("/session", status_code=204, operation_id="sign_out")
def end(call: Person) -> None:
    """Sign out."""
    with call.sessions.begin(PLATFORM) as session:
        user_sessions.end(session, call.cookie, database_now(session))
    call.take()


@routes.post("/session/password", operation_id="change_password")
def change_password(call: Person, body: PasswordNew) -> SessionState:
    """Change the own password. All sessions end; this one is replaced by a new one."""
    begun = sign_in.change_password(
        call.sessions,
        call.tools,
        user_id=call.user.user_id,
        current=None if body.current is None else _secret(body.current),
        password=_secret(body.password),
        attempt=call.attempt(),
    )
    return _given(call, begun)


@routes.post("/session/authenticator", status_code=201, operation_id="begin_authenticator")
def begin_authenticator(call: Person, body: AuthenticatorNew) -> AuthenticatorSecret:
    """Begin to set up an authenticator (TOTP). Its codes are asked for once one is confirmed."""
    sign_in.confirm(call.sessions, call.user.user_id, _optional(body.password))
    with call.sessions.begin(PLATFORM) as session:
        secret, url = second_factors.begin(
            session, call.tools.keyring, call.user.user_id, call.tools.random
        )
    return AuthenticatorSecret(secret=secret.reveal(), url=url)


@routes.post("/session/authenticator:confirm", operation_id="confirm_authenticator")
def confirm_authenticator(call: Person, body: AuthenticatorCode) -> RecoveryCodes:
    """Have codes asked for from now on; return recovery codes. All other sessions end."""
    with call.sessions.begin(PLATFORM) as session:
        codes = second_factors.confirm(
            session,
            call.tools.keyring,
            call.user.user_id,
            body.code,
            now=database_now(session),
            random=call.tools.random,
            session_id=call.user.session_id,
        )
    return RecoveryCodes(codes=[one.reveal() for one in codes])


@routes.post("/session/authenticator:remove", status_code=204, operation_id="remove_authenticator")
def remove_authenticator(call: Person, body: AuthenticatorGone) -> None:
    """Ask for no codes any more."""
    sign_in.confirm(call.sessions, call.user.user_id, _optional(body.password))
    with call.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        second_factors.remove(session, call.tools.keyring, call.user.user_id, body.code, now)


@routes.get("/session/list", operation_id="list_sessions")
def list_(call: Person, listing: Listed) -> Page[SessionShape]:
    """List the browsers in which the person is signed in."""
    with call.sessions.begin(PLATFORM, read_only=True) as session:
        told = TransactionCall(
            call.request, call.response, call.surface, call.actor, session, database_now(session)
        )
        rows = user_sessions.page(session, call.user.user_id, **listing.select())
        return listing.page(told, lambda _, row: _session(call, row), rows)


@routes.delete("/session/list/{session}", status_code=204, operation_id="revoke_session")
def revoke(call: Person, session: str) -> None:
    """End one of the own sessions."""
    with call.sessions.begin(PLATFORM) as transaction:
        now = database_now(transaction)
        user_sessions.revoke(transaction, call.user.user_id, session, now)


def _session(call: PersonCall, row: UserSession) -> SessionShape:
    identity = ids.show(Prefix.SESSION, row.id)
    return SessionShape(
        id=identity,
        metadata={},
        created_at=row.created_at,
        updated_at=row.updated_at,
        links={"self": f"/v1/session/list/{identity}"},
        method=row.method,
        address=row.address,
        agent=row.agent,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        current=row.id == call.user.session_id,
    )


def _given(call: Any, begun: sign_in.SignedIn) -> SessionState:  # noqa: ANN401 - a visitor's call
    call.give(begun)
    user = user_sessions.accepted(call.sessions, begun.cookie)
    assert user is not None  # noqa: S101 - it has just begun
    signed_in = PersonCall(
        call.request, call.response, call.surface, call.actor, user, begun.cookie
    )
    return _state(signed_in, begun.cookie)


def _state(call: PersonCall, cookie: Secret) -> SessionState:
    user = call.user
    organizations = reached(call.sessions, user.roles)
    held = {Role.OWNER} if user.is_operator else {one.role for one in organizations}
    return SessionState(
        id=ids.show(Prefix.SESSION, user.session_id),
        user=PersonShape(
            id=ids.show(Prefix.USER, user.user_id),
            email=user.email,
            name=user.name,
            operator=user.is_operator,
            authenticator=user.has_factor,
        ),
        organizations=[_organization(one) for one in organizations],
        permitted={role: list(rights.permitted(call.request, role)) for role in sorted(held)},
        csrf_token=user_sessions.csrf_token(cookie),
        expires_at=user.expires_at,
    )


def _organization(one: ReachedOrganization) -> OwnOrganization:
    above = None if one.parent_id is None else ids.show(Prefix.ORGANIZATION, one.parent_id)
    return OwnOrganization(
        id=ids.show(Prefix.ORGANIZATION, one.id),
        name=one.name,
        slug=one.slug,
        parent=above,
        role=one.role,
    )


def _secret(given: SecretStr) -> Secret:
    return Secret(given.get_secret_value())


def _optional(given: SecretStr | None) -> Secret | None:
    return None if given is None else _secret(given)
