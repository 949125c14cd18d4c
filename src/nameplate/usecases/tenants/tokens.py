"""Bearer tokens of the API: made once, kept as a hash, ended by revocation or time."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids, tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotPermitted, Problem
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import ApiToken, Organization, Server
from nameplate.models.orm import UtcDateTime, utc_now
from nameplate.usecases import lookup
from nameplate.usecases.tenants import organizations

USE_NOTED_EVERY = timedelta(hours=1)
"""`last_used_at` is true to this, so that reading does not mean writing."""

_KEY_ID_BYTES = 8


def add(
    session: Session,
    actor: Actor,
    *,
    name: str,
    now: datetime,
    random: Callable[[int], bytes],
    organization: str | None = None,
    platform: bool = False,
    expires_at: datetime | None = None,
    not_after: datetime | None = None,
    may_export_keys: bool = False,
    server: str | None = None,
) -> tuple[ApiToken, Secret]:
    """Make a token and return it with its secret text, which exists nowhere afterwards.

    A tenant makes tokens of its own organization; the platform those of any, or with `platform` its
    own, which may do everything. `not_after` is when the token ends that asks for it: the new one ends then, too,
    unless earlier. Only who may export private keys, or the platform, makes tokens that may. Raises Invalid `expires_at_past`, `expires_at_too_late`, `token_owner_missing`
    when the platform says neither, `token_owner_twice` for both, NotPermitted `platform_only`,
    `export_not_permitted`. With `server` it is that of a server's agent: see `_agents`.
    """
    agents = None if server is None else _agents(session, actor, server)
    if agents is not None:
        organization, platform = agents.organization, agents.is_shared
    if may_export_keys and not (actor.may_export_keys or actor.is_platform):
        raise NotPermitted(
            "export_not_permitted",
            "A token that may export private keys is made by one that may, or by the platform.",
        )
    if platform:
        organizations.only_platform(actor, "add a token of the platform")
        if organization is not None:
            raise Invalid(
                "token_owner_twice",
                "A token acts for the platform or for an organization, not both.",
            )
    elif actor.is_platform and organization is None:
        raise Invalid(
            "token_owner_missing",
            "Name the organization that the token acts for (`--organization`), or ask for a token of the "
            "platform, which may do everything (`--platform`).",
        )
    if not_after is not None and (expires_at or not_after) > not_after:
        detail = (
            "A token cannot outlive the one that creates it. Give a time up to "
            f"{not_after:%Y-%m-%dT%H:%M:%SZ}."
        )
        raise Invalid(
            "expires_at_too_late", detail, [Problem("/expires_at", "expires_at_too_late", detail)]
        )
    expires_at = expires_at or not_after
    if expires_at is not None and expires_at <= now:
        detail = "The token would already be expired. Give a time in the future."
        raise Invalid(
            "expires_at_past", detail, [Problem("/expires_at", "expires_at_past", detail)]
        )
    owner = None if platform else organizations.acting(session, actor, organization).id
    made = tokens.api_token(random(_KEY_ID_BYTES).hex(), random(tokens.RANDOM_BYTES))
    row = ApiToken(
        organization_id=owner,
        name=name,
        key_id=made.key_id,
        token_hash=made.digest,
        expires_at=expires_at,
        may_export_keys=may_export_keys,
        server_id=None if agents is None else agents.server_id,
    )
    session.add(row)
    session.flush()
    return row, made.secret


@dataclass(frozen=True, slots=True)
class _AgentOwner:
    """Of which server an agent's token is, and whom it belongs to."""

    server_id: int
    is_shared: bool
    organization: str | None
    """Public id, where the platform adds it."""


def _agents(session: Session, actor: Actor, reference: str) -> _AgentOwner:
    """Return the server of an agent's token, which belongs to the server's owner.

    Such a token opens the private keys of what the server serves, so only the platform, or a token that
    may export keys, makes one. Raises NotFound, NotPermitted `export_not_permitted`, `server_shared`.
    """
    query = Server.visible(actor)
    columns = (Server.external_id, Server.name)
    row: Server = lookup.find(session, query, Server, Prefix.SERVER, reference, *columns)
    if actor.is_platform:
        owner = row.organization_id
        shown = None if owner is None else ids.show(Prefix.ORGANIZATION, owner)
        return _AgentOwner(row.id, owner is None, shown)
    if row.organization_id is None:
        raise NotPermitted(
            "server_shared",
            "This server belongs to the platform. Ask the operator to run its agent.",
        )
    if not actor.may_export_keys:
        raise NotPermitted(
            "export_not_permitted",
            "A token of an agent opens private keys. It is added by a token that may export them, or by "
            "the platform.",
        )
    return _AgentOwner(row.id, is_shared=False, organization=None)


def get(session: Session, actor: Actor, reference: str) -> ApiToken:
    """Return the token with that id. Raises NotFound."""
    row: ApiToken = lookup.find(session, ApiToken.visible(actor), ApiToken, Prefix.TOKEN, reference)
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    name: str | None = None,
) -> Sequence[ApiToken]:
    """Return up to `limit` + 1 tokens, revoked ones included, in order of their ids."""
    query = ApiToken.visible(actor)
    return lookup.page(session, query, ApiToken, limit=limit, after=after, name=name)


def revoke(session: Session, actor: Actor, reference: str, now: datetime) -> ApiToken:
    """End a token's life at once; repeating keeps the first moment."""
    row = get(session, actor, reference)
    row.revoke(now)
    session.flush()
    return row


@dataclass(frozen=True, slots=True)
class AcceptedToken:
    """Whom a presented token stands for."""

    id: int
    key_id: str
    actor: Actor
    expires_at: datetime | None
    use_is_noted: bool
    """`last_used_at` is recent enough."""
    now: datetime
    """The database's clock."""


def accepted(sessions: Sessions, bearer: str, now: datetime | None = None) -> AcceptedToken | None:
    """Return the token that is presented when it is known, live and of a live organization.

    That of a server's agent is none here. By the database's clock, or at `now`. One statement; who acts is not known yet.
    """
    try:
        presented = tokens.parse_api_token(bearer)
    except Invalid:
        return None
    row = sessions.first(_BY_KEY, {"key": presented.key_id})
    if (
        row is None
        or row.server_id is not None
        or not secrets.compare_digest(row.token_hash, presented.digest)
    ):
        return None
    now = now or row.now
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    if row.organization_id is not None and not row.is_active:
        return None
    noted = row.last_used_at is not None and now - row.last_used_at < USE_NOTED_EVERY
    actor = Actor(row.organization_id, row.name, row.id, row.may_export_keys)
    return AcceptedToken(row.id, row.key_id, actor, row.expires_at, noted, now)


@dataclass(frozen=True, slots=True)
class AgentToken:
    """The token of a server's agent, live or not: its holder is told so, signed."""

    id: int
    server_id: int
    digest: str
    """SHA-256 of the token, which answers are signed with."""
    is_live: bool
    offered_revision: int
    """What its server is offered; 0: no worker has looked at it yet."""
    use_is_noted: bool
    now: datetime


def agents(sessions: Sessions, bearer: str) -> AgentToken | None:
    """Return the agent's token that is presented, None for any other text. One statement."""
    try:
        presented = tokens.parse_api_token(bearer)
    except Invalid:
        return None
    row = sessions.first(_AGENT_BY_KEY, {"key": presented.key_id})
    if row is None or not secrets.compare_digest(row.token_hash, presented.digest):
        return None
    noted = row.last_used_at is not None and row.now - row.last_used_at < USE_NOTED_EVERY
    return AgentToken(
        row.id,
        row.server_id,
        row.token_hash,
        bool(row.is_live),
        row.offered_revision,
        noted,
        row.now,
    )


def standing(sessions: Sessions, token_ids: Sequence[int]) -> dict[int, int]:
    """Return which of these agents' tokens are live, and what revision each's server is offered."""
    found: dict[int, int] = {}
    with sessions.look() as session:
        for start in range(0, len(token_ids), _TOGETHER):
            asked = {"ids": token_ids[start : start + _TOGETHER]}
            found |= {row.id: row.offered_revision for row in session.execute(_STANDING, asked)}
    return found


_TOGETHER = 1000
"""Tokens in one statement."""
_IS_LIVE = sa.and_(
    ApiToken.revoked_at.is_(None),
    sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > utc_now()),
    Server.deleted_at.is_(None),
    sa.or_(
        Server.organization_id.is_(None),
        sa.and_(Organization.deleted_at.is_(None), Organization.is_active.is_(True)),
    ),
)
_AGENTS = (
    ApiToken.visible(PLATFORM)
    .join(Server, Server.id == ApiToken.server_id)
    .outerjoin(Organization, Organization.id == Server.organization_id)
)
_AGENT_BY_KEY = _AGENTS.where(ApiToken.key_id == sa.bindparam("key")).with_only_columns(
    ApiToken.id, ApiToken.server_id, ApiToken.token_hash, ApiToken.last_used_at,
    Server.offered_revision,
    sa.case((_IS_LIVE, 1), else_=0).label("is_live"),
    sa.type_coerce(utc_now(), UtcDateTime).label("now"),
)  # fmt: skip
_STANDING = _AGENTS.where(
    _IS_LIVE, ApiToken.id.in_(sa.bindparam("ids", expanding=True))
).with_only_columns(ApiToken.id, Server.offered_revision)


def live(sessions: Sessions, token_ids: Collection[int]) -> frozenset[int]:
    """Return which of these tokens, agents' left out, would be accepted now."""
    with sessions.look() as session:
        return frozenset(session.scalars(_LIVE, {"ids": sorted(token_ids)}))


def note_use(session: Session, row_id: int, now: datetime) -> None:
    """Set `last_used_at`; the session is the platform's."""
    row = session.get(ApiToken, row_id)
    if row is not None:
        row.last_used_at = now


_LIVE = (
    ApiToken.visible(PLATFORM)
    .outerjoin(Organization, Organization.id == ApiToken.organization_id)
    .where(
        ApiToken.id.in_(sa.bindparam("ids", expanding=True)),
        ApiToken.revoked_at.is_(None),
        sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > utc_now()),
        sa.or_(
            ApiToken.organization_id.is_(None),
            sa.and_(Organization.deleted_at.is_(None), Organization.is_active.is_(True)),
        ),
    )
    .with_only_columns(ApiToken.id)
)
_BY_KEY = (
    ApiToken.visible(PLATFORM)
    .outerjoin(
        Organization,
        sa.and_(Organization.id == ApiToken.organization_id, Organization.deleted_at.is_(None)),
    )
    .where(ApiToken.key_id == sa.bindparam("key"))
    .with_only_columns(
        ApiToken.id, ApiToken.organization_id, ApiToken.name, ApiToken.key_id, ApiToken.token_hash,
        ApiToken.expires_at, ApiToken.revoked_at, ApiToken.last_used_at, ApiToken.may_export_keys, Organization.is_active,
        ApiToken.server_id,
        sa.type_coerce(utc_now(), UtcDateTime).label("now"),
    )
)  # fmt: skip
"""Made once: every request asks it."""
