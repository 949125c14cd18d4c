"""Sessions of people: a cookie that is kept as a hash, and whom it stands for at each request."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids, tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import KnownDevice, Organization, SignInMethod, User, UserSession
from nameplate.models.orm import UtcDateTime, later, utc_now
from nameplate.usecases import lookup
from nameplate.usecases.tenants import memberships

IDLE, ABSOLUTE = timedelta(hours=12), timedelta(days=7)
"""After how long a session ends that is not used, and that is."""
NOTED_EVERY = timedelta(minutes=5)
"""`last_seen_at` is true to this."""
_AGENT, _ADDRESS = 255, 64
_MAX_DEPTH = 32
NOBODY = Actor(0, "nobody")
"""Who is in no organization, and sees the rows of none."""


@dataclass(frozen=True, slots=True)
class SignInVisit:
    """Where a request comes from that begins a session."""

    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class SignedInUser:
    """Whom a cookie stands for."""

    session_id: int
    user_id: int
    email: str
    name: str
    is_operator: bool
    roles: Mapping[int, Role]
    """Organization -> role, as memberships say it."""
    has_factor: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ActingRole:
    """As whom a person acts, and what it may do there."""

    actor: Actor
    role: Role


def begin(
    session: Session,
    user: User,
    method: SignInMethod,
    visit: SignInVisit,
    *,
    now: datetime,
    random: Callable[[int], bytes],
    former: Secret | None = None,
) -> tuple[UserSession, Secret]:
    """Begin a session with a cookie that was never seen; what the browser had before ends."""
    if former is not None:
        end(session, former, now)
    cookie = Secret(tokens.verification_token(random(32)))
    row = UserSession(
        user_id=user.id,
        token_hash=tokens.digest(cookie),
        method=method,
        address=visit.address.encode("ascii", "replace").decode()[:_ADDRESS],
        agent=visit.agent[:_AGENT],
        last_seen_at=now,
        expires_at=now + ABSOLUTE,
    )
    session.add(row)
    session.flush()
    return row, cookie


def end(session: Session, cookie: Secret, now: datetime) -> None:
    """End the session of a cookie, if it has any."""
    query = sa.select(UserSession).where(UserSession.token_hash == tokens.digest(cookie))
    row = session.scalars(query).one_or_none()
    if row is not None:
        row.revoke(now)


def accepted(sessions: Sessions, cookie: Secret) -> SignedInUser | None:
    """Return whom a cookie stands for, None for one that is unknown, over, or of a disabled user."""
    row = sessions.first(_BY_COOKIE, {"hash": tokens.digest(cookie)})
    if row is None:
        return None
    if row.now - row.last_seen_at >= NOTED_EVERY:
        with sessions.begin(PLATFORM) as session:
            session.get_one(UserSession, row.id).last_seen_at = row.now
    return _user(sessions, row)


def by_id(sessions: Sessions, session_id: int) -> SignedInUser | None:
    """Return whose session that is, None when it is over: for what was made in it."""
    row = sessions.first(_BY_ID, {"id": session_id})
    return None if row is None else _user(sessions, row)


def _user(sessions: Sessions, row: Any) -> SignedInUser:  # noqa: ANN401 - a row of `_SHOWN`
    with sessions.look() as session:
        roles = memberships.of_user(session, row.user_id)
    return SignedInUser(
        row.id, row.user_id, row.email, row.name, row.is_operator, roles,
        row.totp_confirmed_at is not None, row.expires_at,
    )  # fmt: skip


def standing(sessions: Sessions, who: SignedInUser, organization: str | None) -> ActingRole:
    """Return as whom a person acts: in the organization that it names, or in its first one.

    A role counts in an organization and in all below it. An operator is the platform, or an owner of
    the organization that it names. Raises NotFound `organization_not_found` for any other.
    """
    if organization is None:
        if who.is_operator:
            return ActingRole(Actor(None, who.email), Role.OWNER)
        if not who.roles:
            return ActingRole(NOBODY, Role.VIEWER)
        organization = ids.show(Prefix.ORGANIZATION, next(iter(who.roles)))
    with sessions.look() as session:
        row = _organization(session, organization)
        if who.is_operator:
            return ActingRole(Actor(row.id, who.email), Role.OWNER)
        role = _role(session, row, who.roles)
    if role is None or not row.is_active:
        raise lookup.missing(Prefix.ORGANIZATION)
    return ActingRole(Actor(row.id, who.email), role)


def _organization(session: Session, reference: str) -> Organization:
    row: Organization = lookup.find(
        session,
        Organization.visible(PLATFORM),
        Organization,
        Prefix.ORGANIZATION,
        reference,
        Organization.slug,
        Organization.external_id,
    )
    return row


def _role(session: Session, row: Organization, roles: Mapping[int, Role]) -> Role | None:
    """Return the highest role in an organization and in those above it."""
    found: Role | None = None
    above: Organization | None = row
    for _ in range(_MAX_DEPTH):
        if above is None:
            break
        role = roles.get(above.id)
        if role is not None and (found is None or role.covers(found)):
            found = role
        parent = above.parent_organization_id
        query = Organization.visible(PLATFORM).where(Organization.id == parent)
        above = None if parent is None else session.scalars(query).one_or_none()
    return found


def live(sessions: Sessions, session_ids: Collection[int]) -> frozenset[int]:
    """Return which of these sessions are accepted still."""
    with sessions.look() as session:
        return frozenset(session.scalars(_LIVE, {"ids": sorted(session_ids)}))


def page(
    session: Session, user_id: int, *, limit: int, after: int | None = None
) -> Sequence[UserSession]:
    """Return up to `limit` + 1 sessions of a user that are not over, in order of their ids."""
    query = sa.select(UserSession).where(UserSession.user_id == user_id, *_STANDS)
    return lookup.page(session, query, UserSession, limit=limit, after=after)


def revoke(session: Session, user_id: int, reference: str, now: datetime) -> None:
    """End one of a user's own sessions. Raises NotFound `session_not_found`."""
    own = sa.select(UserSession).where(UserSession.user_id == user_id)
    row: UserSession = lookup.find(session, own, UserSession, Prefix.SESSION, reference)
    row.revoke(now)
    session.flush()


def forget_old(session: Session, now: datetime) -> None:
    """Drop sessions a month after their end, and browsers that are known no more."""
    session.execute(sa.delete(UserSession).where(UserSession.expires_at < now - timedelta(days=30)))
    session.execute(sa.delete(KnownDevice).where(KnownDevice.expires_at < now))


def csrf_token(cookie: Secret) -> str:
    """Return what a page sends beside the cookie to change anything: nobody else can know it."""
    return tokens.digest(Secret(f"csrf:{cookie.reveal()}"))


def chosen(text: str | None) -> str | None:
    """Return the organization that a request names. Raises Invalid `organization_malformed`."""
    if text is not None and not (0 < len(text) <= _AGENT and text.isascii() and text.isprintable()):
        raise Invalid("organization_malformed", "Name one organization, by id or slug.")
    return text


def _earlier(period: timedelta) -> sa.ColumnElement[datetime]:
    return later(utc_now(), -int(period.total_seconds()))


_STANDS = (
    UserSession.revoked_at.is_(None),
    UserSession.expires_at > utc_now(),
    UserSession.last_seen_at > _earlier(IDLE),
)
_USERS = sa.select(UserSession).join(User, User.id == UserSession.user_id)
_SHOWN = _USERS.where(User.disabled_at.is_(None), *_STANDS).with_only_columns(
    UserSession.id, UserSession.user_id, UserSession.last_seen_at, UserSession.expires_at,
    User.email, User.name, User.is_operator, User.totp_confirmed_at,
    sa.type_coerce(utc_now(), UtcDateTime).label("now"),
)  # fmt: skip
_BY_COOKIE = _SHOWN.where(UserSession.token_hash == sa.bindparam("hash"))
_BY_ID = _SHOWN.where(UserSession.id == sa.bindparam("id"))
_LIVE = _USERS.where(
    UserSession.id.in_(sa.bindparam("ids", expanding=True)), User.disabled_at.is_(None), *_STANDS
).with_only_columns(UserSession.id)
