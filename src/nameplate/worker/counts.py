"""Counting steps by kind and outcome: in memory, added up in the database every few seconds."""

import threading
import time
from collections import Counter
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, inserting
from nameplate.models import StepCount

WRITTEN_EVERY = 2.0
"""Seconds between two times that a worker adds its counts to those of all."""
_MAX_OUTCOME = 100


class StepCounts:
    """The steps of one worker since it last wrote them down."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._steps: Counter[tuple[str, str]] = Counter()
        self._written_at = time.monotonic()

    def count(self, kind: str, outcome: str, steps: int = 1) -> None:
        """Count steps on rows of a kind; any thread may."""
        with self._lock:
            self._steps[kind, outcome[:_MAX_OUTCOME]] += steps

    def write(self, sessions: Sessions, *, at_once: bool = False) -> None:
        """Add what was counted to the database when it is time; what cannot be written is kept."""
        if not at_once and time.monotonic() - self._written_at < WRITTEN_EVERY:
            return
        self._written_at = time.monotonic()
        with self._lock:
            steps, self._steps = self._steps, Counter()
        try:
            sessions.run(PLATFORM, lambda session: _add(session, steps))
        except BaseException:
            with self._lock:
                self._steps.update(steps)
            raise


def _add(session: Session, steps: Counter[tuple[str, str]]) -> None:
    connection = session.connection()
    rows = [
        {"kind": kind, "outcome": outcome, "steps": number}
        for (kind, outcome), number in sorted(steps.items())
    ]
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)


@cache
def _adding(dialect: str) -> Any:  # noqa: ANN401 - what dialects have in common has no type
    insert = inserting(StepCount, dialect)
    if dialect in {"mysql", "mariadb"}:
        return insert.on_duplicate_key_update(steps=StepCount.steps + insert.inserted.steps)
    keys = list(sa.inspect(StepCount).primary_key)
    more = StepCount.steps + insert.excluded.steps
    return insert.on_conflict_do_update(index_elements=keys, set_={"steps": more})
