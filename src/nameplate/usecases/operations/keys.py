"""Replacing the keys that seal stored secrets, while everything runs and however often it is killed."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing, Place, prefix
from nameplate.core.errors import NameplateError, Refused
from nameplate.db import Sessions
from nameplate.models import Account, Certificate, Purchase, RegisteredName, User, metadata
from nameplate.models.sealing import hold

BATCH = 200
"""Values wrapped again in one transaction."""
_TRIED = 3
"""Values of a column that are tried: one may have been moved or damaged."""
_HEAD = 40
"""Characters of a sealed value that name its version and key."""

Progress = Callable[[str, int, int], None]
"""Called with `table.column`, how many of its values are done, and how many were found."""


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values, and the place that each is sealed to."""

    table: str
    column: str
    place: Callable[[int | None, int], Place]
    """From the row's organization_id and id."""
    former: Callable[[int | None, int], Place] | None = None
    """The same for values that former versions sealed."""

    @property
    def name(self) -> str:
        """`table.column`."""
        return f"{self.table}.{self.column}"


def _key_place(organization_id: int | None, row_id: int) -> Place:
    return Place(Certificate.__tablename__, "private_key", organization_id, row_id)


def _pending_place(organization_id: int | None, row_id: int) -> Place:
    return Place(Certificate.__tablename__, "pending_private_key", organization_id, row_id)


def _former_place(organization_id: int | None, row_id: int) -> Place:
    return Place(Certificate.__tablename__, "former_private_key", organization_id, row_id)


def _account_place(organization_id: int | None, row_id: int) -> Place:
    return Place(Account.__tablename__, "credentials", organization_id or 0, row_id)


def _contact_place(organization_id: int | None, row_id: int) -> Place:
    return Place(RegisteredName.__tablename__, "contact", organization_id, row_id)


def _code_place(organization_id: int | None, row_id: int) -> Place:
    return Place(Purchase.__tablename__, "transfer_code", organization_id, row_id)


def _authenticator_place(_organization_id: int | None, row_id: int) -> Place:
    return Place(User.__tablename__, "totp_secret", None, row_id)


SEALED = (
    SealedColumn("ssl_certificates", "private_key", _key_place),
    SealedColumn("ssl_certificates", "pending_private_key", _pending_place, _key_place),
    SealedColumn("ssl_certificates", "former_private_key", _former_place),
    SealedColumn("accounts", "credentials", _account_place),
    SealedColumn("registrations", "contact", _contact_place),
    SealedColumn("purchases", "transfer_code", _code_place),
    SealedColumn("users", "totp_secret", _authenticator_place),
)
"""Every column that holds sealed values; soft-deleted rows count too."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """A value that could not be wrapped again, and why."""

    column: str
    row_id: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did."""

    wrapped: int
    stuck: tuple[Stuck, ...]


def usage(sessions: Sessions) -> Counter[str]:
    """Return how many stored values each key id seals, ids that no ring has included."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        return usage_in(session.connection())


def usage_in(connection: sa.Connection) -> Counter[str]:
    """Return the same inside a transaction."""
    found: Counter[str] = Counter()
    for sealed in SEALED:
        column = metadata.tables[sealed.table].c[sealed.column]
        # What stands in front of the second colon names the key, and is never a secret.
        heads = sa.select(sa.func.substr(column, 1, _HEAD)).where(column.is_not(None))
        streamed = connection.execute(heads, execution_options={"yield_per": 1000})
        for head in streamed.scalars():
            found[head.split(":")[1] if head.count(":") > 1 else "?"] += 1
    return found


def opens(connection: sa.Connection, ring: KeyRing, key_id: str) -> bool:
    """Tell whether the ring's key opens what the key of this id sealed, or that sealed nothing."""
    is_tried = False
    for sealed in SEALED:
        table = metadata.tables[sealed.table]
        column, mine = table.c[sealed.column], prefix(key_id)
        query = sa.select(table.c.id, _owner(table), column)
        some = query.where(sa.func.substr(column, 1, len(mine)) == mine).limit(_TRIED)
        for row_id, organization_id, value in connection.execute(some):
            is_tried = True
            for place in filter(None, (sealed.place, sealed.former)):
                with suppress(NameplateError):
                    ring.open(value, place(organization_id, row_id))
                    return True
    return not is_tried


def rotate(
    sessions: Sessions, ring: KeyRing, progress: Progress, *, batch: int = BATCH
) -> Rotation:
    """Wrap every stored value's data key under the ring's primary, in short transactions.

    A value already there is passed over, so that a rotation that was killed goes on where it was. A
    value that changes meanwhile is left to its writer and seen again. What does not open (its key
    is missing, or it was moved) is reported and does not stop the rest.
    """
    wrapped = 0
    while True:
        again = 0
        stuck: list[Stuck] = []
        for sealed in SEALED:
            done, failed = _rotate_column(sessions, ring, sealed, progress, batch)
            again += done
            stuck += failed
        wrapped += again
        if not again:  # a whole pass found nothing: no process still seals under an old key
            return Rotation(wrapped, tuple(stuck))


def _rotate_column(
    sessions: Sessions, ring: KeyRing, sealed: SealedColumn, progress: Progress, limit: int
) -> tuple[int, list[Stuck]]:
    total = sessions.run(PLATFORM, partial(_left, ring=ring, sealed=sealed))
    wrapped, stuck = 0, list[Stuck]()
    batch = _Batch(last=0)
    while total:
        wrap = partial(_wrap, ring=ring, sealed=sealed, after=batch.last, limit=limit)
        batch = sessions.run(PLATFORM, wrap)
        if not batch.last:
            break
        wrapped += batch.wrapped
        stuck += batch.stuck
        progress(sealed.name, min(wrapped + len(stuck), total), total)
    return wrapped, stuck


@dataclass(frozen=True, slots=True)
class _Batch:
    last: int
    """Id of the last row seen; 0 when there was none."""
    wrapped: int = 0
    stuck: tuple[Stuck, ...] = ()


def _wrap(session: Session, ring: KeyRing, sealed: SealedColumn, after: int, limit: int) -> _Batch:
    """Wrap the next values of the column whose row id is above `after`."""
    table = metadata.tables[sealed.table]
    column = table.c[sealed.column]
    hold(session.connection(), {ring.primary})
    query = (
        sa.select(table.c.id, _owner(table), column)
        .where(table.c.id > after, *_old(ring, column))
        .order_by(table.c.id)
        .limit(limit)
        .with_for_update()
    )
    rows: Sequence[Any] = session.connection().execute(query).all()
    stuck = []
    for row_id, organization_id, value in rows:
        try:
            fresh = _rewrapped(ring, sealed, value, organization_id, row_id)
        except NameplateError as error:
            stuck.append(Stuck(sealed.name, row_id, error.code, error.detail))
            continue
        session.connection().execute(
            sa.update(table)
            .where(table.c.id == row_id)
            .values({column: fresh, table.c.updated_at: table.c.updated_at})
        )
    return _Batch(rows[-1].id if rows else 0, len(rows) - len(stuck), tuple(stuck))


def _rewrapped(
    ring: KeyRing, sealed: SealedColumn, value: str, organization_id: int | None, row_id: int
) -> str:
    place = sealed.place(organization_id, row_id)
    try:
        return ring.rewrap(value, place)
    except Refused as error:
        if sealed.former is None or error.code != "ciphertext_moved_or_damaged":
            raise
    return ring.seal(ring.open(value, sealed.former(organization_id, row_id)), place)


def _left(session: Session, ring: KeyRing, sealed: SealedColumn) -> int:
    table = metadata.tables[sealed.table]
    query = sa.select(sa.func.count()).select_from(table)
    return session.connection().scalar(query.where(*_old(ring, table.c[sealed.column]))) or 0


def _owner(table: sa.Table) -> sa.ColumnElement[Any]:
    """Return the column of the owner; people belong to no organization."""
    found = table.c.get("organization_id")
    return sa.null().label("organization_id") if found is None else found


def _old(ring: KeyRing, column: sa.Column[Any]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what is true for values that another key than the primary seals."""
    mine = prefix(ring.primary)
    # Not LIKE: SQLite compares without case there, and key ids may differ in case alone.
    return column.is_not(None), sa.func.substr(column, 1, len(mine)) != mine
