"""Bearer tokens of the API: made once, kept as a hash, ended by revocation or time."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotPermitted, Problem
from nameplate.core.ids import Prefix
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import ApiToken, Organization
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
) -> tuple[ApiToken, Secret]:
    """Make a token and return it with its secret text, which exists nowhere afterwards.

    A tenant makes tokens of its own organization; the platform those of any, or with `platform` its
    own, which may do everything. `not_after` is when the token ends that asks for it: the new one ends then, too,
    unless earlier. Only who may export private keys, or the platform, makes tokens that may. Raises Invalid `expires_at_past`, `expires_at_too_late`, `token_owner_missing`
    when the platform says neither, `token_owner_twice` for both, NotPermitted `platform_only`,
    `export_not_permitted`.
    """
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
    )
    session.add(row)
    session.flush()
    return row, made.secret


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

    By the database's clock, or at `now`. One statement; who acts is not known yet.
    """
    try:
        presented = tokens.parse_api_token(bearer)
    except Invalid:
        return None
    row = sessions.first(_BY_KEY, {"key": presented.key_id})
    if row is None or not secrets.compare_digest(row.token_hash, presented.digest):
        return None
    now = now or row.now
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= now):
        return None
    if row.organization_id is not None and not row.is_active:
        return None
    noted = row.last_used_at is not None and now - row.last_used_at < USE_NOTED_EVERY
    actor = Actor(row.organization_id, row.name, row.id, row.may_export_keys)
    return AcceptedToken(row.id, row.key_id, actor, row.expires_at, noted, now)


def note_use(session: Session, row_id: int, now: datetime) -> None:
    """Set `last_used_at`; the session is the platform's."""
    row = session.get(ApiToken, row_id)
    if row is not None:
        row.last_used_at = now


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
        sa.type_coerce(utc_now(), UtcDateTime).label("now"),
    )
)  # fmt: skip
"""Made once: every request asks it."""
