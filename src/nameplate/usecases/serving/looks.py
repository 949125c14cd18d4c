"""The last day's health checks of each binding, kept small: five minutes are one entry of one row.

A process keeps what it saw and writes it when five minutes are over, and at once where a look failed or
is the first: of a thousand bindings that are well that is three rows a second, whatever their interval.
What a process that is killed has not written yet is lost; it is for people to look at, and no decision
hangs on it.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, inserting
from nameplate.models import Binding, HealthHour

KEPT_FOR = timedelta(hours=25)
MINUTES = 5
"""Minutes that are one point of the series."""
MAX_HELD = 20_000
"""Bindings of which a process keeps something; beyond, all is written."""
_MAX_TEXT = 8000
"""Characters after which an hour takes no more: some three hundred entries."""
_PIECE = 500
_MAX_PIECES = 20


class TargetLook(NamedTuple):
    """One look at one binding."""

    binding: int
    organization: int
    at: datetime
    failed: bool
    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """The looks of five minutes."""

    at: datetime
    looks: int
    failed: int
    status: int | None
    """The highest status that was seen; None: there was no answer."""
    milliseconds: int
    """On average."""
    longest: int


class _Entry(NamedTuple):
    looks: int
    failed: int
    status: int
    total: int
    longest: int

    def more(self, look: TargetLook) -> "_Entry":
        took = min(round(look.seconds * 1000), 999_999)
        return _Entry(
            self.looks + 1,
            self.failed + look.failed,
            max(self.status, look.status or 0),
            self.total + took,
            max(self.longest, took),
        )

    def text(self, minute: int) -> str:
        average = self.total // self.looks
        return f"{minute},{self.looks},{self.failed},{self.status},{average},{self.longest};"


_NOTHING = _Entry(0, 0, 0, 0, 0)
_Key = tuple[datetime, int, int]
"""When five minutes began, the binding and its organization."""


@dataclass
class _Held:
    """What one process has seen in one database and not written yet."""

    entries: dict[_Key, _Entry] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    """Bindings of which something was written in the current five minutes or before."""
    due: set[_Key] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, looks: Collection[TargetLook]) -> dict[_Key, _Entry]:
        """Add looks, and return what is to be written now, which is kept no longer."""
        with self.lock:
            latest = None
            for look in looks:
                latest = _begin(look.at)
                key = latest, look.binding, look.organization
                self.entries[key] = self.entries.get(key, _NOTHING).more(look)
                if look.failed or look.binding not in self.begun:
                    self.due.add(key)
            if len(self.entries) > MAX_HELD or len(self.begun) > MAX_HELD:
                self.due.update(self.entries)
                self.begun.clear()
            elif latest is not None and next(iter(self.entries))[0] < latest:
                self.due.update(key for key in self.entries if key[0] < latest)
            found = {key: self.entries.pop(key) for key in sorted(self.due)}
            self.begun.update(binding for _, binding, _ in found)
            self.due.clear()
            return found


_HELD: WeakKeyDictionary[Sessions, _Held] = WeakKeyDictionary()


def note(sessions: Sessions, looks: Sequence[TargetLook]) -> None:
    """Add looks to the series; what cannot be written is left out, and never fails a health check."""
    if not looks:
        return
    found = _HELD.setdefault(sessions, _Held()).add(looks)
    rows = list(found.items())
    for start in range(0, len(rows), _PIECE):
        some = dict(rows[start : start + _PIECE])
        try:
            sessions.run(PLATFORM, partial(_append, entries=some))
        except SQLAlchemyError:  # a binding was removed for good, or the database is away
            continue


def series(session: Session, binding: Binding, now: datetime) -> list[SeriesPoint]:
    """Return the last day's points of a binding that the caller may see, oldest first."""
    since = now - timedelta(days=1)
    query = (
        HealthHour.visible(PLATFORM)
        .with_only_columns(HealthHour.hour, HealthHour.looks)
        .where(
            HealthHour.organization_id == binding.organization_id,
            HealthHour.binding_id == binding.id,
            HealthHour.hour >= _hour(since),
        )
    )
    points: dict[datetime, list[Sequence[int]]] = {}
    for hour, text in session.execute(query):
        for minute, *numbers in _read(text):
            at = hour + timedelta(minutes=minute // MINUTES * MINUTES)
            if at >= since:
                points.setdefault(at, []).append(numbers)
    return [_point(at, entries) for at, entries in sorted(points.items())]


def forget_old(session: Session, now: datetime) -> int:
    """Remove, some at a time, the hours that are older than a day; return how many."""
    columns = HealthHour.binding_id, HealthHour.hour
    old = HealthHour.visible(PLATFORM).with_only_columns(*columns)
    piece = old.where(HealthHour.hour < now - KEPT_FOR).limit(_PIECE)
    removed = 0
    for _ in range(_MAX_PIECES):
        some = [(binding, hour) for binding, hour in session.execute(piece)]
        if not some:
            break
        session.execute(
            HealthHour.forgetting(some), execution_options={"synchronize_session": False}
        )
        removed += len(some)
    return removed


def _append(session: Session, *, entries: Mapping[_Key, _Entry]) -> None:
    rows: dict[tuple[int, datetime], dict[str, Any]] = {}
    for (at, binding, organization), entry in entries.items():
        hour = _hour(at)
        row = rows.setdefault(
            (binding, hour),
            {"binding_id": binding, "organization_id": organization, "hour": hour, "looks": ""},
        )
        row["looks"] += entry.text(at.minute)
    connection = session.connection()
    ordered = [rows[key] for key in sorted(rows)]
    connection.execute(_appending(connection.dialect.name), ordered)


@cache
def _appending(dialect: str) -> Any:  # noqa: ANN401 - what dialects have in common has no type
    insert = inserting(HealthHour.__table__, dialect)
    known = HealthHour.__table__.c.looks
    is_mariadb = dialect in {"mysql", "mariadb"}
    new = insert.inserted.looks if is_mariadb else insert.excluded.looks
    most: sa.ColumnElement[int] = sa.literal_column(
        str(_MAX_TEXT)
    )  # PyMySQL takes no other value there
    longer = sa.case((sa.func.length(known) < most, known + new), else_=known)
    if is_mariadb:
        return insert.on_duplicate_key_update(looks=longer)
    keys = list(HealthHour.__table__.primary_key)
    return insert.on_conflict_do_update(index_elements=keys, set_={"looks": longer})


def _read(text: str) -> list[list[int]]:
    """Return the entries of an hour; what another version wrote in another form is left out."""
    found = []
    for entry in text.split(";"):
        numbers = entry.split(",")
        if len(numbers) == 1 + len(_Entry._fields) and all(map(str.isdecimal, numbers)):
            found.append([int(one) for one in numbers])
    return found


def _point(at: datetime, entries: Sequence[Sequence[int]]) -> SeriesPoint:
    looks = sum(one[0] for one in entries)
    total = sum(one[0] * one[3] for one in entries)
    return SeriesPoint(
        at=at,
        looks=looks,
        failed=sum(one[1] for one in entries),
        status=max(one[2] for one in entries) or None,
        milliseconds=total // max(looks, 1),
        longest=max(one[4] for one in entries),
    )


def _begin(at: datetime) -> datetime:
    return at.replace(minute=at.minute // MINUTES * MINUTES, second=0, microsecond=0)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
