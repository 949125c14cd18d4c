"""Looks at many verifications: read together, and written in one statement when they found nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.lifecycle import DomainStatus, VerificationStatus, move
from nameplate.models.domains import Domain
from nameplate.models.orm import UtcDateTime, among
from nameplate.models.surroundings import Surroundings
from nameplate.models.verifications import (
    LOG_LENGTH,
    Verification,
    VerificationMethodName,
)

_OPEN = (VerificationStatus.PENDING, VerificationStatus.VERIFYING)
_AFTER = move(VerificationStatus.PENDING, VerificationStatus.VERIFYING)


class LookedAt(NamedTuple):
    """What decides about a look, of a verification and its domain."""

    id: int
    fence: int
    verification_method: VerificationMethodName
    verification_token: str
    status: VerificationStatus
    expires_at: datetime | None
    deleted_at: datetime | None
    attempts: int
    domain_id: int
    full_domain: str
    domain_name: str
    domain_status: DomainStatus
    domain_token: str | None
    domain_verified_at: datetime | None
    domain_deleted_at: datetime | None
    grant_id: int | None
    holding_name: str | None
    verified_at: datetime | None
    lost_at: datetime | None
    surroundings: Surroundings | None
    points_here: bool | None
    registrar: str | None
    registered_at: datetime | None
    registration_ends_at: datetime | None
    contest_id: int | None
    """The challenge that somebody else has opened against the domain."""


def read(session: Session, ids: Sequence[int]) -> list[LookedAt]:
    """Return what decides about looks at these rows, removed ones too."""
    return [LookedAt._make(row) for row in session.connection().execute(_LOOKED_AT, {"ids": ids})]


_LOOKED_AT = (
    sa.select(
        Verification.id,
        Verification.fence,
        Verification.verification_method,
        Verification.verification_token,
        Verification.status,
        Verification.expires_at,
        Verification.deleted_at,
        Verification.verification_attempts,
        Domain.id,
        Domain.full_domain,
        Domain.domain_name,
        Domain.status,
        Domain.verification_token,
        Domain.verified_at,
        Domain.deleted_at,
        Domain.grant_id,
        Domain.holding_name,
        Verification.verified_at,
        Verification.lost_at,
        Verification.surroundings,
        Verification.points_here,
        Domain.registrar,
        Domain.registered_at,
        Domain.expires_at,
        Domain.contest_id,
    )
    .join(Domain, Domain.id == Verification.organization_domain_id)
    .where(among(Verification.id, "ids"))
)


@dataclass(frozen=True, slots=True)
class FruitlessLook:
    """One look at a proof that is not there yet."""

    row_id: int
    domain_id: int
    fence: int
    """The number under which the row is leased."""
    entry: dict[str, Any]
    """What `verification_logs` says of it."""
    message: str
    due_at: datetime
    """When to look again, unless somebody asked for it earlier."""


def write(session: Session, looks: Sequence[FruitlessLook], now: datetime) -> set[int]:
    """Record the looks, end the leases, and return the rows of which that is true.

    Passed over, and left as they were: rows that a newer owner or another transaction has, and those
    with more to change than a look does (removed or over meanwhile, stopped by some trouble).
    """
    connection = session.connection()
    dialect = connection.dialect.name
    domains = sorted({one.domain_id for one in looks})
    free = set(connection.scalars(_LOCK_DOMAINS, {"ids": domains}))
    looks = [one for one in looks if one.domain_id in free]
    if not looks:
        return set()
    locked = {
        row.id: row
        for row in connection.execute(
            _LOCK, {"ids": [one.row_id for one in looks], "open": list(_OPEN)}
        )
    }
    mine = [one for one in looks if one.row_id in locked and locked[one.row_id].fence == one.fence]
    if not mine:
        return set()
    connection.execute(_CHECKED, {"ids": sorted({one.domain_id for one in mine}), "now": now})
    rows = [_parameters(one, locked[one.row_id], dialect) for one in mine]
    connection.execute(_WRITE[dialect], {"rows": json.dumps(rows), "now": now})
    return {one.row_id for one in mine}


def keep(
    session: Session, looks: Mapping[int, int], at: Mapping[int, datetime], now: datetime
) -> set[int]:
    """Record looks at proofs that are where they were, and end the leases; return of which rows.

    `looks` has the fence of each row, `at` when to look again. Passed over are rows that a newer owner
    or another transaction has, those that somebody woke, and those with more to change.
    """
    connection = session.connection()
    locked = connection.execute(_LOCK_PROVED, {"ids": list(looks)}).all()
    mine = [
        row.id
        for row in locked
        if row.fence == looks[row.id] and row.next_action_at == row.lease_until
    ]
    if mine:
        rows = [{"row_id": one, "due": at[one], "now": now} for one in mine]
        connection.execute(_KEEP, rows)
    return set(mine)


_LOCK_PROVED = (
    sa.select(
        Verification.id,
        Verification.fence,
        Verification.next_action_at,
        Verification.lease_until,
    )
    .where(
        among(Verification.id, "ids"),
        Verification.status == VerificationStatus.VERIFIED,
        Verification.lost_at.is_(None),
        Verification.deleted_at.is_(None),
        Verification.trouble_code.is_(None),
    )
    .order_by(Verification.id)
    .with_for_update(skip_locked=True, key_share=True)
)
_PROOFS: Any = Verification.__table__
_KEEP = (
    sa.update(_PROOFS)
    .where(_PROOFS.c.id == sa.bindparam("row_id"))
    .values(
        last_verification_attempt_at=sa.bindparam("now", type_=UtcDateTime),
        next_action_at=sa.bindparam("due", type_=UtcDateTime),
        lease_until=None,
        urgency=0,
        error_message=None,
        updated_at=_PROOFS.c.updated_at,
    )
)


def _parameters(look: FruitlessLook, row: Any, dialect: str) -> dict[str, Any]:  # noqa: ANN401 - a row of `_LOCK`
    # The end of a lease is no plan: an earlier time is that of somebody who woke the row meanwhile.
    woken = row.next_action_at is not None and row.next_action_at != row.lease_until
    due = min(row.next_action_at, look.due_at) if woken else look.due_at
    return {
        "id": look.row_id,
        "entry": json.dumps(look.entry),
        "message": look.message,
        "due": due.isoformat() if dialect == "postgresql" else _plain(due),
        "urgency": row.urgency if woken else 0,
    }


def _plain(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


_LOCK_DOMAINS = (
    sa.select(Domain.id)
    .where(among(Domain.id, "ids"))
    .order_by(Domain.id)
    .with_for_update(skip_locked=True, key_share=True)
)
_CHECKED = (
    sa.update(Domain.__table__)  # type: ignore[arg-type]  # a mapped class has a table
    .where(among(Domain.id, "ids"))
    .values(last_checked_at=sa.bindparam("now", type_=UtcDateTime))
)
_LOCK = (
    sa.select(
        Verification.id,
        Verification.fence,
        Verification.next_action_at,
        Verification.lease_until,
        Verification.urgency,
    )
    .where(
        among(Verification.id, "ids"),
        Verification.status.in_(sa.bindparam("open", expanding=True)),
        Verification.deleted_at.is_(None),
        Verification.trouble_code.is_(None),
    )
    .order_by(Verification.id)
    .with_for_update(skip_locked=True, key_share=True)
)

_SET = f"""
    verification_attempts = verification_attempts + 1,
    last_verification_attempt_at = :now,
    status = '{_AFTER.value}',
    error_message = looked.message,
    next_action_at = looked.due,
    urgency = looked.urgency,
    lease_until = NULL,
    updated_at = {{clock}},
    verification_logs = """

_SQLITE = f"""
UPDATE domain_verifications SET {_SET.format(clock="(strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')")}
    json_insert(
        CASE WHEN json_type(verification_logs) = 'array' THEN
            CASE WHEN json_array_length(verification_logs) >= {LOG_LENGTH}
                THEN json_remove(verification_logs, '$[0]') ELSE verification_logs END
        ELSE '[]' END,
        '$[#]', json(looked.entry))
FROM (
    SELECT json_extract(value, '$.id') AS row_id, json_extract(value, '$.entry') AS entry,
        json_extract(value, '$.message') AS message, json_extract(value, '$.due') AS due,
        json_extract(value, '$.urgency') AS urgency
    FROM json_each(:rows)
) AS looked
WHERE domain_verifications.id = looked.row_id
"""  # noqa: S608 - constants

_POSTGRESQL = f"""
UPDATE domain_verifications SET {_SET.format(clock="now()")}
    CASE WHEN jsonb_typeof(verification_logs) = 'array' THEN
        CASE WHEN jsonb_array_length(verification_logs) >= {LOG_LENGTH}
            THEN verification_logs - 0 ELSE verification_logs END
    ELSE '[]' END || jsonb_build_array(CAST(looked.entry AS jsonb))
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS looked(
    id bigint, entry text, message text, due timestamptz, urgency smallint
)
WHERE domain_verifications.id = looked.id
"""  # noqa: S608 - constants

_MARIADB = f"""
UPDATE domain_verifications JOIN JSON_TABLE(:rows, '$[*]' COLUMNS (
    row_id BIGINT PATH '$.id', entry LONGTEXT PATH '$.entry', message TEXT PATH '$.message',
    due DATETIME(6) PATH '$.due', looked_urgency SMALLINT PATH '$.urgency'
)) AS looked ON domain_verifications.id = looked.row_id
SET {_SET.format(clock="utc_timestamp(6)").replace("looked.urgency", "looked.looked_urgency")}
    JSON_ARRAY_APPEND(
        CASE WHEN JSON_TYPE(verification_logs) = 'ARRAY' THEN
            CASE WHEN JSON_LENGTH(verification_logs) >= {LOG_LENGTH}
                THEN JSON_REMOVE(verification_logs, '$[0]') ELSE verification_logs END
        ELSE '[]' END,
        '$', JSON_COMPACT(looked.entry))
"""  # noqa: S608 - constants


def _statement(text: str) -> sa.TextClause:
    return sa.text(text).bindparams(sa.bindparam("now", type_=UtcDateTime))


_WRITE = {
    "sqlite": _statement(_SQLITE),
    "postgresql": _statement(_POSTGRESQL),
    "mariadb": _statement(_MARIADB),
}
"""What each database knows as a table made of one parameter: thousands of rows are one statement,
parsed once, and their logs, which grow to 50 entries, never travel to the worker and back."""
