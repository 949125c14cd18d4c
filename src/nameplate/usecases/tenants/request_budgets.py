"""Requests at providers, counted over all workers and all uses of an account: one row per limit."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.budget import Limit, spend
from nameplate.db import Sessions, database_now, insert_missing
from nameplate.models import Budget
from nameplate.ports.pacing import TakeTurn


def counted(sessions: Sessions) -> TakeTurn:
    """Return what takes a turn in a short transaction of its own."""

    def take(key: str, limits: Sequence[Limit]) -> timedelta:
        return sessions.run(PLATFORM, lambda session: _take(session, key, limits))

    return take


def bucket(session: Session, key: str, now: datetime) -> Budget:
    """Return the row of a limit, locked: all workers together stay within it."""
    row = session.get(Budget, key, with_for_update=True)
    if row is None:
        insert_missing(session, Budget, [{"key": key, "arrival_at": now}])
        row = session.get_one(Budget, key, with_for_update=True)
    return row


def _take(session: Session, key: str, limits: Sequence[Limit]) -> timedelta:
    now = database_now(session)
    rows = [bucket(session, f"{key}:{number}", now) for number in range(len(limits))]
    spent = [spend(row.arrival_at, now, one) for row, one in zip(rows, limits, strict=True)]
    wait = max(wait for _, wait in spent)
    if not wait:
        for row, (arrival_at, _) in zip(rows, spent, strict=True):
            row.arrival_at = arrival_at
    return wait
