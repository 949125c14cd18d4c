"""Signing in: a password, a second factor, and how often somebody may try.

Each attempt takes from budgets, and gets it back when it was right. A browser in which the user has
signed in before has a budget of its own, so that nobody locks its user out by failing elsewhere; who
comes from an unknown one waits with all others that guess, and never for good.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import passwords, tokens
from nameplate.core.actor import PLATFORM
from nameplate.core.budget import Limit
from nameplate.core.errors import Invalid, NotPermitted
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import KnownDevice, SignInMethod, User
from nameplate.usecases.tenants import second_factors, user_sessions, users
from nameplate.usecases.tenants import sign_in_budgets as budgets
from nameplate.usecases.tenants.user_sessions import SignInVisit
from nameplate.usecases.tools import Tools

DEVICE = timedelta(days=180)
"""How long a browser is known."""
_HASHING = threading.BoundedSemaphore(2)
"""Passwords that are hashed at one time: each takes 32 MiB."""


@cache
def _nobodys() -> str:
    """Return the hash for unknown addresses: looking at it takes as long as for a known one."""
    return passwords.hashed(Secret("of no user at all"), bytes(passwords.SALT_BYTES))


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody signs in with."""

    visit: SignInVisit
    device: Secret | None = None
    """What the browser keeps from the last time."""
    former: Secret | None = None
    """Cookie of the session that it has; it ends."""
    code: str | None = None
    """Of the authenticator, or a recovery code."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that has begun: what the browser is given."""

    cookie: Secret
    expires_at: datetime
    device: Secret | None
    """To keep for the next time; None: it has one."""


@dataclass(frozen=True, slots=True)
class _KnownUser:
    user_id: int | None
    password_hash: str
    has_device: bool
    buckets: Sequence[tuple[str, Limit]]


def with_password(
    sessions: Sessions, tools: Tools, *, email: str, password: Secret, attempt: Attempt
) -> SignedIn:
    """Begin a session for who knows the password, and the code where the user has an authenticator.

    Raises RateLimited `sign_in_delayed`, NotPermitted `sign_in_refused` whatever is wrong,
    `second_factor_required`, `second_factor_wrong`.
    """
    known = sessions.run(PLATFORM, lambda session: _look(session, email, attempt))
    with _HASHING:
        fits = passwords.fits(password, known.password_hash)
    if not fits or known.user_id is None:
        raise _refused()
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        user = session.get_one(User, known.user_id, with_for_update=True)
        if user.disabled_at is not None or user.password_hash != known.password_hash:
            raise _refused()
        if attempt.code or user.totp_confirmed_at is None:
            second_factors.require(session, tools.keyring, user, attempt.code, now)
        budgets.give_back(session, known.buckets)  # the password was right
        if attempt.code or user.totp_confirmed_at is None:
            begin = _Beginning(user, SignInMethod.PASSWORD, attempt, known.has_device)
            return _begun(session, tools.random, begin, now)
    raise second_factors.required()


def by_invitation(
    sessions: Sessions, tools: Tools, *, token: Secret, password: Secret, attempt: Attempt
) -> SignedIn:
    """Set the password of who has an invitation, end all other sessions, and begin one.

    Raises NotPermitted `invitation_invalid`, Invalid `password_weak`.
    """
    digest = tokens.digest(token)
    query = sa.select(User).where(User.invitation_hash == digest, User.disabled_at.is_(None))
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        user = session.scalars(query.with_for_update()).one_or_none()
        if user is None or (user.invitation_expires_at or now) <= now:
            raise NotPermitted(
                "invitation_invalid",
                "This invitation does not work. It was used or replaced, or has expired.",
            )
        second_factors.require(session, tools.keyring, user, attempt.code, now)
        set_password(session, user, password, now, tools.random)
        user.invitation_hash = user.invitation_expires_at = None
        return _begun(
            session, tools.random, _Beginning(user, SignInMethod.INVITATION, attempt), now
        )


def by_identity(
    sessions: Sessions, tools: Tools, *, identity: str, email: str | None, attempt: Attempt
) -> SignedIn:
    """Begin a session for whom an identity provider vouches.

    `identity` is what it calls the person, for good; the first time the user is found by the address
    that the provider has verified, unless it is another's there. Raises NotPermitted `user_unknown`.
    """
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        by_identity_ = sa.select(User).where(User.oidc_identity == identity)
        user = session.scalars(by_identity_.with_for_update()).one_or_none()
        if user is None and email is not None:
            unlinked = sa.select(User).where(
                User.email == email.strip().lower(), User.oidc_identity.is_(None)
            )
            user = session.scalars(unlinked.with_for_update()).one_or_none()
        if user is None or user.disabled_at is not None:
            raise NotPermitted(
                "user_unknown",
                "No user has this identity. Ask an operator to add you as a user.",
            )
        user.oidc_identity = identity
        return _begun(session, tools.random, _Beginning(user, SignInMethod.OIDC, attempt), now)


def change_password(
    sessions: Sessions,
    tools: Tools,
    *,
    user_id: int,
    current: Secret | None,
    password: Secret,
    attempt: Attempt,
) -> SignedIn:
    """Change a user's own password, end all other sessions, and go on in a new one.

    Raises NotPermitted `current_password_wrong`, RateLimited `sign_in_delayed`, Invalid `password_weak`.
    """
    confirm(sessions, user_id, current)
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        user = session.get_one(User, user_id, with_for_update=True)
        set_password(session, user, password, now, tools.random)
        return _begun(session, tools.random, _Beginning(user, SignInMethod.PASSWORD, attempt), now)


def confirm(sessions: Sessions, user_id: int, password: Secret | None) -> None:
    """See that who is signed in knows the password, where there is one. Takes from a budget.

    Raises NotPermitted `current_password_wrong`, RateLimited `sign_in_delayed`.
    """
    bucket = ((f"sign_in:again:{user_id}", budgets.OF_PAIR),)
    with sessions.begin(PLATFORM) as session:
        kept = session.get_one(User, user_id).password_hash
        if kept is None:
            return
        budgets.take(session, bucket, database_now(session))
    with _HASHING:
        fits = password is not None and passwords.fits(password, kept)
    if not fits:
        raise NotPermitted("current_password_wrong", "This is not the current password.")
    sessions.run(PLATFORM, lambda session: budgets.give_back(session, bucket))


def set_password(
    session: Session,
    user: User,
    password: Secret,
    now: datetime,
    random: Callable[[int], bytes],
) -> None:
    """Set a password and end all sessions. Raises Invalid `password_weak`."""
    passwords.check(password, user.email.partition("@")[0])
    with _HASHING:
        user.password_hash = passwords.hashed(password, random(passwords.SALT_BYTES))
    user.password_changed_at = now
    users.end_sessions(session, user.id, now)


def _look(session: Session, email: str, attempt: Attempt) -> _KnownUser:
    """Find the user, and take one attempt from each budget that it has to come from."""
    now = database_now(session)
    try:
        address = users.folded(email)
    except Invalid:
        address = ""
    row = session.scalars(sa.select(User).where(User.email == address)).one_or_none()
    device = None if row is None else _device(session, row.id, attempt.device, now)
    buckets = budgets.buckets(address, attempt.visit.address, device)
    budgets.take(session, buckets, now)
    usable = row is not None and row.disabled_at is None and row.password_hash is not None
    return _KnownUser(
        row.id if row is not None and usable else None,
        (row.password_hash if row is not None and usable else None) or _nobodys(),
        device is not None,
        buckets,
    )


def _device(session: Session, user_id: int, token: Secret | None, now: datetime) -> int | None:
    if token is None:
        return None
    query = sa.select(KnownDevice.id).where(
        KnownDevice.user_id == user_id,
        KnownDevice.token_hash == tokens.digest(token),
        KnownDevice.expires_at > now,
    )
    return session.scalars(query).one_or_none()


@dataclass(frozen=True, slots=True)
class _Beginning:
    user: User
    method: SignInMethod
    attempt: Attempt
    has_device: bool = False


def _begun(
    session: Session, random: Callable[[int], bytes], what: _Beginning, now: datetime
) -> SignedIn:
    row, cookie = user_sessions.begin(
        session,
        what.user,
        what.method,
        what.attempt.visit,
        now=now,
        random=random,
        former=what.attempt.former,
    )
    device = None
    if not what.has_device:
        device = Secret(tokens.verification_token(random(32)))
        known = {"user_id": what.user.id, "token_hash": tokens.digest(device)}
        session.add(KnownDevice(**known, expires_at=now + DEVICE))
        session.flush()
    return SignedIn(cookie, row.expires_at, device)


def _refused() -> NotPermitted:
    return NotPermitted("sign_in_refused", "Address or password is wrong, or the user is disabled.")
