"""Embed tokens: what a page of somebody else shows of one organization, or of one domain.

A token lasts an hour at most and says what it allows and to which pages. Its maker's rights are asked at
every use: a token that was revoked, a session that has ended, a role that was taken are so for what was
made with them.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids, tokens, web_origins
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotFound, Problem
from nameplate.core.ids import Prefix
from nameplate.core.roles import ACTIONS, Role
from nameplate.core.secret import Secret
from nameplate.db import Sessions, upsert
from nameplate.models import ApiToken, EmbedOrigin, EmbedToken, Organization
from nameplate.models.orm import utc_now
from nameplate.usecases import lookup
from nameplate.usecases.tenants import organizations, user_sessions

LIFETIME = timedelta(hours=1)
MAX_ORIGINS = 10
_MARK = "embed"
"""Begins the key id: tells an embed token from others without a query."""
_KEY_BYTES = 8


@dataclass(frozen=True, slots=True)
class Maker:
    """What an embed token is made with, and ends with; both None: the host, or this machine."""

    token_id: int | None = None
    user_session_id: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EmbedScope:
    """What an embed token that was presented is for."""

    id: int
    actor: Actor
    role: Role | None
    """What its maker is in the organization now; None: it was made with a token."""
    actions: Sequence[str]
    origins: Sequence[str]
    domain_id: int | None
    expires_at: datetime


def add(
    session: Session,
    actor: Actor,
    maker: Maker,
    *,
    actions: Collection[str],
    origins: Collection[str],
    now: datetime,
    random: Callable[[int], bytes],
    organization: str | None = None,
    domain: str | None = None,
    seconds: int | None = None,
) -> tuple[EmbedToken, Secret]:
    """Make a token for some actions, pages, and one organization or domain.

    Raises Invalid `action_unknown`, `origin_invalid`, `organization_required`, NotFound.
    """
    _check(actions, origins)
    domain_id = None
    if domain is not None and actor.is_platform and organization is None:
        row = lookup.domain(session, actor, domain)
        owner_id, domain_id = row.organization_id, row.id
    else:
        owner_id = organizations.acting(session, actor, organization).id
        if domain is not None:
            row = lookup.domain(session, actor, domain)
            if row.organization_id != owner_id:
                raise lookup.missing(Prefix.DOMAIN)
            domain_id = row.id
    wanted = LIFETIME if seconds is None else timedelta(seconds=seconds)
    until = min(filter(None, (now + min(wanted, LIFETIME), maker.expires_at)))
    made = tokens.api_token(_MARK + random(_KEY_BYTES).hex(), random(tokens.RANDOM_BYTES))
    token = EmbedToken(
        organization_id=owner_id,
        key_id=made.key_id,
        token_hash=made.digest,
        organization_domain_id=domain_id,
        actions=sorted(set(actions)),
        origins=sorted(set(origins)),
        token_id=maker.token_id,
        user_session_id=maker.user_session_id,
        expires_at=until,
    )
    session.add(token)
    session.flush()
    return token, made.secret


def _check(actions: Collection[str], origins: Collection[str]) -> None:
    for one in actions:
        if one not in ACTIONS:
            detail = f"No such action. Expected some of {', '.join(ACTIONS)}."
            raise Invalid("action_unknown", detail, [Problem("/actions", "action_unknown", detail)])
    for one in origins:
        if not web_origins.is_origin(one):
            detail = f"Expected {web_origins.EXPECTED}"
            raise Invalid("origin_invalid", detail, [Problem("/origins", "origin_invalid", detail)])


def note_origins(sessions: Sessions, origins: Collection[str], until: datetime) -> None:
    """Let browsers on these pages ask what a token allows, until the last one ends.

    They ask before they send the token, so it cannot be looked at then.
    """
    with sessions.begin(PLATFORM) as session:
        asked = {"origins": sorted(origins)}
        known = {row.origin: row.expires_at for row in session.execute(_KNOWN, asked)}
        rows = [
            {"origin": one, "expires_at": until}
            for one in sorted(origins)
            if one not in known or known[one] < until
        ]
        if rows:
            upsert(session, EmbedOrigin, rows)


def is_noted(sessions: Sessions, origin: str) -> bool:
    """Tell whether some token is for a page of this origin."""
    if not web_origins.is_origin(origin):
        return False
    return sessions.first(_NOTED, {"origin": origin}) is not None


def is_one(bearer: str) -> bool:
    """Tell whether a bearer token has the form of an embed token."""
    return bearer.startswith(f"np_{_MARK}")


def accepted(sessions: Sessions, bearer: str) -> EmbedScope | None:
    """Return what the token is for that is presented, None unless it and its maker are live."""
    try:
        presented = tokens.parse_api_token(bearer)
    except Invalid:
        return None
    row: Any = sessions.first(_BY_KEY, {"key": presented.key_id})
    if row is None or not secrets.compare_digest(row.token_hash, presented.digest):
        return None
    actor, role = Actor(row.organization_id, "embed", row.token_id), None
    if row.user_session_id is not None:
        user = user_sessions.by_id(sessions, row.user_session_id)
        if user is None:
            return None
        owner = ids.show(Prefix.ORGANIZATION, row.organization_id)
        try:
            role = user_sessions.standing(sessions, user, owner).role
        except NotFound:
            return None
        actor = Actor(row.organization_id, user.email)
    place = row.organization_domain_id, row.expires_at
    return EmbedScope(row.id, actor, role, tuple(row.actions), tuple(row.origins), *place)


def live(sessions: Sessions, token_ids: Collection[int]) -> frozenset[int]:
    """Return which of these tokens are accepted still, as far as tokens and sessions say it."""
    with sessions.look() as session:
        rows = session.execute(_LIVE, {"ids": sorted(token_ids)}).all()
    by_session = {row.user_session_id for row in rows} - {None}
    sessions_live = user_sessions.live(sessions, by_session) | {None} if by_session else {None}
    return frozenset(row.id for row in rows if row.user_session_id in sessions_live)


def forget_old(session: Session, now: datetime) -> None:
    """Drop what is over."""
    session.execute(sa.delete(EmbedToken).where(EmbedToken.expires_at < now))
    session.execute(sa.delete(EmbedOrigin).where(EmbedOrigin.expires_at < now))


_STANDS = (
    EmbedToken.expires_at > utc_now(),
    Organization.deleted_at.is_(None),
    Organization.is_active.is_(True),
    sa.or_(
        EmbedToken.token_id.is_(None),
        sa.and_(
            ApiToken.revoked_at.is_(None),
            sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > utc_now()),
        ),
    ),
)
_TOKENS = (
    EmbedToken.visible(PLATFORM)
    .join(Organization, Organization.id == EmbedToken.organization_id)
    .outerjoin(ApiToken, ApiToken.id == EmbedToken.token_id)
    .where(*_STANDS)
)
_BY_KEY = _TOKENS.where(EmbedToken.key_id == sa.bindparam("key")).with_only_columns(
    EmbedToken.id, EmbedToken.organization_id, EmbedToken.token_hash, EmbedToken.token_id,
    EmbedToken.user_session_id, EmbedToken.organization_domain_id, EmbedToken.actions,
    EmbedToken.origins, EmbedToken.expires_at,
)  # fmt: skip
_LIVE = _TOKENS.where(EmbedToken.id.in_(sa.bindparam("ids", expanding=True))).with_only_columns(
    EmbedToken.id, EmbedToken.user_session_id
)
_KNOWN = sa.select(EmbedOrigin.origin, EmbedOrigin.expires_at).where(
    EmbedOrigin.origin.in_(sa.bindparam("origins", expanding=True))
)
_NOTED = sa.select(EmbedOrigin.origin).where(
    EmbedOrigin.origin == sa.bindparam("origin"), EmbedOrigin.expires_at > utc_now()
)
