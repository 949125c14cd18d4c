"""Which keys have sealed stored secrets, which of them are retired, and which processes run.

Whoever stores a sealed value holds the row of its key until the transaction ends. Whoever retires a
key waits for that, looks for what it still seals, and only then marks it: no value is ever left
behind under a key that is gone, however late it is written.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Mapped, Mapper, Session, attributes, mapped_column

from nameplate.core.encryption import key_id
from nameplate.core.errors import Invalid, Unavailable
from nameplate.models.orm import Model, UtcDateTime, ascii_text, table, utc_now

SEALED = "sealed"
"""Marks a column of sealed values in its `info`."""
_INSERT = {
    "sqlite": ("INSERT OR IGNORE", ""),
    "mysql": ("INSERT IGNORE", ""),
    "mariadb": ("INSERT IGNORE", ""),
    "postgresql": ("INSERT", " ON CONFLICT DO NOTHING"),
}


class SealingKey(Model):
    """A key that this database's secrets were, or are, sealed with; never the key itself."""

    __tablename__ = "sealing_keys"
    __table_args__ = (table("Keys that have sealed stored secrets; the keys are elsewhere."),)

    key_id: Mapped[str] = mapped_column(
        ascii_text(32), primary_key=True, comment="Id of the key in the key ring."
    )
    check_value: Mapped[str | None] = mapped_column(
        ascii_text(64), comment="Derived from the key: tells it from another of the same id."
    )
    created_at: Mapped[datetime] = mapped_column(
        UtcDateTime, server_default=utc_now(), comment="When the key was first used (UTC)."
    )
    retired_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="Since when nothing may be sealed with it; NULL: it may."
    )


class LiveProcess(Model):
    """A running worker or server, by its heartbeat."""

    __tablename__ = "live_processes"
    __table_args__ = (table("Running processes; each says every few seconds that it lives."),)

    id: Mapped[str] = mapped_column(
        ascii_text(40), primary_key=True, comment="Random id of this run of the process."
    )
    host: Mapped[str] = mapped_column(sa.String(255), comment="Name of its machine.")
    pid: Mapped[int] = mapped_column(comment="Number of the process there.")
    key_id: Mapped[str] = mapped_column(ascii_text(32), comment="Id of the key that it seals with.")
    started_at: Mapped[datetime] = mapped_column(
        UtcDateTime, server_default=utc_now(), comment="When it started (UTC)."
    )
    seen_at: Mapped[datetime] = mapped_column(
        UtcDateTime, server_default=utc_now(), comment="When it last said that it lives (UTC)."
    )


def hold(connection: sa.Connection, key_ids: Collection[str]) -> None:
    """Keep these keys from being retired until the transaction ends.

    Raises `Unavailable` `key_retired`: what was sealed with such a key must not be stored.
    """
    there = _held(connection, key_ids)
    missing = set(key_ids) - there.keys()
    if missing:
        remember(connection, missing)
        there |= _held(connection, missing)
    if any(retired is not None for retired in there.values()):
        raise Unavailable(
            "key_retired",
            "The key that sealed this secret was retired meanwhile. Repeat the request.",
        )


def remember(connection: sa.Connection, key_ids: Iterable[str]) -> None:
    """Note that secrets are sealed with these keys; one that is known stays as it is."""
    words, end = _INSERT[connection.dialect.name]
    insert = f"{words} INTO {SealingKey.__tablename__} (key_id) VALUES (:key_id){end}"
    for one in sorted(key_ids):
        connection.execute(sa.text(insert), {"key_id": one})


def _held(connection: sa.Connection, key_ids: Collection[str]) -> dict[str, datetime | None]:
    """Return which of these keys are known and since when they are retired, locked as shared."""
    if len(key_ids) == 1:
        rows = connection.execute(_HOLDING_ONE, {"id": next(iter(key_ids))})
    else:
        rows = connection.execute(_HOLDING, {"ids": sorted(key_ids)})
    return {row.key_id: row.retired_at for row in rows}


_KEYS = sa.select(SealingKey.key_id, SealingKey.retired_at).with_for_update(read=True)
_HOLDING = _KEYS.where(SealingKey.key_id.in_(sa.bindparam("ids", expanding=True))).order_by(
    SealingKey.key_id
)
_HOLDING_ONE = _KEYS.where(SealingKey.key_id == sa.bindparam("id"))
"""Made once: every secret that is stored asks one of them. A list is written into the statement anew
each time, which one value is not."""


@event.listens_for(Session, "before_flush")
def _hold_keys(session: Session, _context: object, _instances: object) -> None:
    """Hold the keys of the sealed values that are about to be written."""
    found = set(_keys((*session.new, *session.dirty)))
    if found:
        hold(session.connection(), found)


def _keys(rows: Iterable[object]) -> Iterator[str]:
    for row in rows:
        kind: Any = type(row)
        for name in _sealed(kind):
            value = getattr(row, name)
            if value is None or not attributes.get_history(row, name).has_changes():
                continue
            try:
                yield key_id(value)
            except Invalid:
                continue  # no key has sealed it


@cache
def _sealed(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - any mapped class
    """Return the attributes of a mapped class that hold sealed values."""
    mapper: Mapper[Any] = sa.inspect(kind)
    return tuple(one.key for one in mapper.column_attrs if one.columns[0].info.get(SEALED, False))
