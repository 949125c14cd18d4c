"""The key ring and the database belong together: checked at the start, kept so when a key is retired."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import NotFound, Refused
from nameplate.database_errors import explained
from nameplate.db import Sessions
from nameplate.models import SealingKey
from nameplate.models.orm import utc_now
from nameplate.models.sealing import remember
from nameplate.usecases.operations import revisions
from nameplate.usecases.operations.keys import opens, usage_in
from nameplate.usecases.operations.revisions import SchemaMatch


def check(sessions: Sessions, ring: KeyRing, source: str) -> None:
    """Raise `Refused` unless the ring is the one that this database's secrets are sealed with.

    The codes are `keyring_wrong` (it lacks a key, or has another of the same id) and `keyring_older`
    (its primary is retired); `source` says in the message where the ring comes from. The keys of a
    ring that fits are noted, so that every later start can tell.
    """
    with sessions.begin(PLATFORM, read_only=True) as session:
        noted = {row.key_id: row for row in session.scalars(sa.select(SealingKey))}
        used = set() if noted else set(usage_in(session.connection()))
    _compare(ring, noted, used, source)
    fresh = [one for one in ring.key_ids if one not in noted or noted[one].check_value is None]
    if not fresh:
        return
    with sessions.begin(PLATFORM, read_only=True) as session:
        for key_id in fresh:
            if not opens(session.connection(), ring, key_id):
                raise _another(key_id, source)
    sessions.run(PLATFORM, partial(_note, ring=ring, key_ids=fresh))


def _another(key_id: str, source: str) -> Refused:
    return Refused(
        "keyring_wrong",
        f"Key {key_id} of {source} is not the key of that id that sealed this database's secrets. "
        "Restore the key ring from a backup.",
    )


def _compare(
    ring: KeyRing, noted: Mapping[str, SealingKey], used: Collection[str], source: str
) -> None:
    """Refuse a ring that is not the one that the database knows."""
    for key_id, row in noted.items():
        if key_id in ring.key_ids and row.check_value not in {None, ring.check_value(key_id)}:
            raise _another(key_id, source)
    retired = {key_id for key_id, row in noted.items() if row.retired_at is not None}
    missing = sorted((noted.keys() | set(used)) - retired - set(ring.key_ids))
    if missing:
        raise Refused(
            "keyring_wrong",
            f"The key ring in {source} lacks key {', '.join(missing)}, with which this database's "
            "secrets are sealed. Restore it from a backup, or, if the key is lost for good, run "
            f"`nameplate keys forget {missing[0]}`.",
        )
    if ring.primary in retired:
        raise Refused(
            "keyring_older",
            f"The key ring in {source} is older than the database: its primary key {ring.primary} "
            "is retired. Restore the newest copy of the key ring.",
        )


def _note(session: Session, ring: KeyRing, key_ids: Sequence[str]) -> None:
    connection = session.connection()
    remember(connection, key_ids)
    for key_id in key_ids:
        connection.execute(
            sa.update(SealingKey)
            .where(SealingKey.key_id == key_id, SealingKey.check_value.is_(None))
            .values(check_value=ring.check_value(key_id))
        )


def is_begun(sessions: Sessions) -> bool:
    """Tell whether secrets may be sealed in this database: a first ring must not be made then."""
    with explained(), sessions.system_engine.connect() as connection:
        match = revisions.standing(connection).match
        if match is SchemaMatch.ABSENT:
            return False
        # An older schema knows no keys yet: what is sealed there says it.
        known = match is SchemaMatch.CURRENT and _any_key(connection)
        return known or bool(usage_in(connection))


def _any_key(connection: sa.Connection) -> bool:
    return connection.execute(sa.select(SealingKey.key_id).limit(1)).first() is not None


def is_rotating(sessions: Sessions, ring: KeyRing) -> bool:
    """Tell whether a rotation was begun and not ended: values or retired keys are left from before."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        connection = session.connection()
        if usage_in(connection).keys() - {ring.primary}:
            return True
        old = [one for one in ring.key_ids if one != ring.primary]
        retired = sa.select(SealingKey.key_id).where(
            SealingKey.key_id.in_(old), SealingKey.retired_at.is_not(None)
        )
        return connection.execute(retired).first() is not None


def retire(sessions: Sessions, key_ids: Collection[str]) -> frozenset[str]:
    """Mark those of these keys that seal nothing, and return them: nobody can seal with them again.

    A transaction that stores a value under one of them is waited for, and the key is kept then.
    """
    return sessions.run(PLATFORM, partial(_retire, key_ids=key_ids))


def _retire(session: Session, key_ids: Collection[str]) -> frozenset[str]:
    connection = session.connection()
    remember(connection, key_ids)
    mine = SealingKey.key_id.in_(sorted(key_ids))
    locked = sa.select(SealingKey.key_id).where(mine).order_by(SealingKey.key_id)
    connection.execute(locked.with_for_update()).all()
    unused = frozenset(key_ids) - usage_in(connection).keys()
    _mark(connection, unused)
    return unused


def forget(sessions: Sessions, key_id: str) -> int:
    """Give up a key that is lost: no ring needs it any more. Return how many values it had sealed.

    Raises `NotFound` `key_not_known` for a key that the database does not know.
    """

    def work(session: Session) -> int:
        connection = session.connection()
        lost = usage_in(connection)[key_id]
        known = sa.select(SealingKey.key_id).where(SealingKey.key_id == key_id).with_for_update()
        if not lost and connection.execute(known).first() is None:
            raise NotFound("key_not_known", "No stored secret was ever sealed with this key.")
        remember(connection, [key_id])
        _mark(connection, [key_id])
        return lost

    return sessions.run(PLATFORM, work)


def _mark(connection: sa.Connection, key_ids: Collection[str]) -> None:
    connection.execute(
        sa.update(SealingKey)
        .where(SealingKey.key_id.in_(sorted(key_ids)), SealingKey.retired_at.is_(None))
        .values(retired_at=utc_now())
    )
