"""Users: people who sign in. Operators add them; organizations say what they are there."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import tokens
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import KnownDevice, RecoveryCode, User, UserSession
from nameplate.usecases import lookup
from nameplate.usecases.tenants import organizations

INVITATION = timedelta(days=7)
"""How long somebody has to choose a password."""
_ADDRESS = re.compile(r"[^\s@\x00-\x1f\x7f<>\"(),:;\\\[\]]{1,64}@[^\s@\x00-\x1f\x7f<>\"]{1,180}")
_ONLY = "manage users"


def add(
    session: Session,
    actor: Actor,
    *,
    email: str,
    now: datetime,
    random: Callable[[int], bytes],
    name: str | None = None,
    operator: bool = False,
) -> tuple[User, Secret]:
    """Add a user; return it with the token of an invitation, by which it chooses a password.

    Raises NotPermitted `platform_only`, Invalid `email_invalid`, Conflict `user_exists`.
    """
    organizations.only_platform(actor, _ONLY)
    address = folded(email)
    if session.scalars(sa.select(User.id).where(User.email == address)).first() is not None:
        raise Conflict("user_exists", "There is a user with this address.")
    row = User(email=address, name=name or address, is_operator=operator)
    session.add(row)
    token = _invite(row, now, random)
    session.flush()
    return row, token


def invite(
    session: Session,
    actor: Actor,
    reference: str,
    *,
    now: datetime,
    random: Callable[[int], bytes],
) -> tuple[User, Secret]:
    """Make another invitation for a user, who chooses another password by it; the last one ends."""
    row = get(session, actor, reference)
    token = _invite(row, now, random)
    session.flush()
    return row, token


def _invite(row: User, now: datetime, random: Callable[[int], bytes]) -> Secret:
    token = Secret(tokens.verification_token(random(tokens.RANDOM_BYTES)))
    row.invitation_hash = tokens.digest(token)
    row.invitation_expires_at = now + INVITATION
    return token


def folded(email: str) -> str:
    """Return an address as it is kept. Raises Invalid `email_invalid`."""
    address = email.strip().lower()
    if not _ADDRESS.fullmatch(address):
        detail = "Not an e-mail address. Expected `name@example.com`."
        raise Invalid("email_invalid", detail, [Problem("/email", "email_invalid", detail)])
    return address


def get(session: Session, actor: Actor, reference: str) -> User:
    """Return the user with that id or address. Raises NotFound, NotPermitted."""
    organizations.only_platform(actor, _ONLY)
    return named(session, reference)


def named(session: Session, reference: str) -> User:
    """Return the user with that id or address, whoever asks; the session is the platform's."""
    row: User = lookup.find(
        session, sa.select(User), User, Prefix.USER, reference.strip().lower(), User.email
    )
    return row


def page(session: Session, actor: Actor, *, limit: int, after: int | None = None) -> Sequence[User]:
    """Return up to `limit` + 1 users in order of their ids."""
    organizations.only_platform(actor, _ONLY)
    return lookup.page(session, sa.select(User), User, limit=limit, after=after)


def update(
    session: Session, actor: Actor, reference: str, changes: Mapping[str, Any], now: datetime
) -> User:
    """Change name, whether it is an operator, or whether it may sign in; that ends its sessions."""
    row = get(session, actor, reference)
    if "name" in changes:
        row.name = changes["name"]
    if "operator" in changes:
        row.is_operator = changes["operator"]
    if "disabled" in changes:
        row.disabled_at = (row.disabled_at or now) if changes["disabled"] else None
    if row.disabled_at is not None:
        end_sessions(session, row.id, now)
    session.flush()
    return row


def remove(session: Session, actor: Actor, reference: str) -> None:
    """Remove a user with everything that is its own."""
    session.delete(get(session, actor, reference))
    session.flush()


def forget_factor(session: Session, actor: Actor, reference: str, now: datetime) -> User:
    """Take away the authenticator of somebody who has lost it, and end the sessions."""
    row = get(session, actor, reference)
    row.totp_secret = row.totp_confirmed_at = None
    session.execute(sa.delete(RecoveryCode).where(RecoveryCode.user_id == row.id))
    end_sessions(session, row.id, now)
    session.flush()
    return row


def end_sessions(session: Session, user_id: int, now: datetime, *, but: int | None = None) -> None:
    """End all sessions of a user but one, and forget its browsers."""
    live = UserSession.user_id == user_id, UserSession.revoked_at.is_(None)
    ending = sa.update(UserSession).where(*live).values(revoked_at=now)
    if but is not None:
        ending = ending.where(UserSession.id != but)
    session.execute(ending)
    session.execute(sa.delete(KnownDevice).where(KnownDevice.user_id == user_id))


def emails(sessions: Sessions, user_ids: Iterable[int]) -> Mapping[int, str]:
    """Return the addresses of users, for those who see their memberships."""
    asked = sorted(set(user_ids))
    if not asked:
        return {}
    with sessions.look() as session:
        rows = session.execute(sa.select(User.id, User.email).where(User.id.in_(asked)))
        return {row.id: row.email for row in rows}
