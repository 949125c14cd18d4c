"""Which processes run, by their heartbeats, and which key each of them seals with."""

import os
import secrets
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Conflict
from nameplate.db import Sessions, database_now, upsert
from nameplate.models import LiveProcess

BEAT = 3.0
"""Seconds between two heartbeats."""
ALIVE = timedelta(seconds=15)
"""How long after its last heartbeat a process counts as running."""
KEPT = timedelta(days=1)
"""How long the heartbeat of a process that was killed is kept."""
_LOOK = 0.5


class Heartbeat:
    """Says every few seconds that this process lives, and with which key it seals."""

    def __init__(self, sessions: Sessions, ring: KeyRing) -> None:
        """Say nothing yet."""
        self._sessions = sessions
        self._ring = ring
        self._id = secrets.token_hex(16)
        self._started_at: datetime | None = None
        self._beaten_at = float("-inf")

    def beat(self) -> None:
        """Say it when it is time. Raises what the database raises."""
        if time.monotonic() - self._beaten_at < BEAT:
            return
        self._beaten_at = time.monotonic()
        self._sessions.run(PLATFORM, self._write)

    def end(self) -> None:
        """Say that this process ends."""
        with suppress(Exception):  # it will be seen by its silence
            gone = sa.delete(LiveProcess).where(LiveProcess.id == self._id)
            self._sessions.run(PLATFORM, lambda session: session.execute(gone))

    def run(self, stopping: threading.Event) -> None:
        """Say it until `stopping`; a database that is away is waited for."""
        while not stopping.is_set():
            with suppress(Exception):
                self.beat()
            stopping.wait(BEAT)
        self.end()

    def _write(self, session: Session) -> None:
        now = database_now(session)
        self._started_at = self._started_at or now
        row = {
            "id": self._id,
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
            "key_id": self._ring.primary,
            "started_at": self._started_at,
            "seen_at": now,
        }
        upsert(session, LiveProcess, [row])


@dataclass(frozen=True, slots=True)
class Straggler:
    """A running process that seals with another key."""

    host: str
    pid: int
    key_id: str


def stragglers(sessions: Sessions, primary: str) -> Sequence[Straggler]:
    """Return the running processes that do not seal with the key `primary`."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        alive = LiveProcess.seen_at > database_now(session) - ALIVE
        query = sa.select(LiveProcess).where(alive, LiveProcess.key_id != primary)
        rows = session.scalars(query.order_by(LiveProcess.host, LiveProcess.pid)).all()
        return [Straggler(row.host, row.pid, row.key_id) for row in rows]


def wait_for_key(sessions: Sessions, primary: str, seconds: float) -> None:
    """Wait until every running process seals with the key `primary`.

    Raises `Conflict` `keyring_not_everywhere`, which names those that do not.
    """
    deadline = time.monotonic() + seconds
    while found := stragglers(sessions, primary):
        if time.monotonic() >= deadline:
            told = ", ".join(f"process {one.pid} on {one.host}" for one in found)
            raise Conflict(
                "keyring_not_everywhere",
                f"These running processes do not have key {primary}: {told}. Copy the key file to "
                "their machines, or restart them with the new key ring, then run the command again.",
            )
        time.sleep(_LOOK)


def forget_old(session: Session, now: datetime) -> None:
    """Remove the heartbeats of processes that ended without a word long ago."""
    session.execute(sa.delete(LiveProcess).where(LiveProcess.seen_at < now - KEPT))
