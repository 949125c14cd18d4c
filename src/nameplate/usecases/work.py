"""Working on leased rows: look at the world, take one step, record it under the lease's fence."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from nameplate import leases
from nameplate.core import backoff
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.db import Sessions
from nameplate.leases import Lease, held, lease_one, seen
from nameplate.models.orm import Work
from nameplate.usecases.tools import Tools

Row = TypeVar("Row", bound=Work)
T = TypeVar("T")

LEASE = timedelta(seconds=90)
"""How long a worker has a row for itself; longer than any single call to the outside may take."""

CRASH_POINTS = (
    "verification:checked",
    "verification:recorded",
    "records:read",
    "records:intended",
    "records:applied",
    "records:recorded",
    "certificate:order_intended",
    "certificate:order_created",
    "certificate:order_stored",
    "certificate:presented",
    "certificate:respond_intended",
    "certificate:responded",
    "certificate:finalize_intended",
    "certificate:finalized",
    "certificate:downloaded",
    "certificate:installed",
    "proxy:rendered",
    "proxy:applied",
    "proxy:recorded",
)
"""Every place between two consecutive steps where a test ends the process."""


class Superseded(Exception):
    """A newer owner has the row: whatever this worker found out is void."""


def record(
    sessions: Sessions,
    kind: type[Row],
    lease: Lease,
    change: Callable[[Session, Row], T],
    *,
    release: bool | Callable[[T], bool],
    before: Callable[[Session], None] | None = None,
    repeat: bool = False,
) -> T:
    """Run `change` on the leased row in one transaction; `release` (what came of it) ends the lease.

    Otherwise the lease is renewed, and the row is due when that ends. Somebody who woke the row
    while it was leased is not forgotten: the earlier of both moments stands. `before` takes locks
    that come before those of the row and its parents; with `repeat` what was urgent stays so. Raises `Superseded`, having written nothing,
    when the lease's fence is not the row's any more.
    """

    def transaction(session: Session) -> T:
        if before is not None:
            before(session)
        row = held(session, kind, lease)
        if row is None:
            raise Superseded
        woken = row.next_action_at if row.next_action_at != row.lease_until else None
        result = change(session, row)
        if release(result) if callable(release) else release:
            row.lease_until = None
            if woken is not None:
                row.wake(woken)
            elif not repeat:
                row.urgency = 0
        else:
            row.lease_until = lease.now() + (lease.until - lease.taken_at)
            row.next_action_at = woken or row.lease_until
        return result

    return sessions.run(PLATFORM, transaction)


def write(
    sessions: Sessions,
    kind: type[Work],
    lease: Lease,
    change: sa.Update,
    *,
    values: Mapping[str, Any],
    also: Callable[[Session], None],
) -> None:
    """Change the leased row in one transaction, and do what goes with it; renews the lease.

    Nothing is read: what the columns become does not depend on what this worker knows of them.
    Raises `Superseded` like `record`.
    """

    def transaction(session: Session) -> None:
        if not leases.write(session, kind, lease, change, values):
            raise Superseded
        also(session)

    sessions.run(PLATFORM, transaction)


def read(sessions: Sessions, kind: type[Row], lease: Lease, load: Callable[[Session, Row], T]) -> T:
    """Read what a step needs, without a lock. Raises `Superseded` like `record`."""
    with sessions.look() as session:
        row = seen(session, kind, lease)
        if row is None:
            raise Superseded
        return load(session, row)


def confirm(sessions: Sessions, kind: type[Row], lease: Lease) -> None:
    """Make sure that nobody else has the row: asked right before an act that carries no fence.

    Raises `Superseded` like `record`: a worker that was paused past its lease must not act.
    """
    read(sessions, kind, lease, lambda _session, _row: None)


def take(session: Session, kind: type[Row], row_id: int) -> Lease:
    """Lease one row at once, due or not; the caller commits.

    Raises `Unavailable` ("busy") when a worker has it.
    """
    found = lease_one(session, kind, row_id, seconds=LEASE.total_seconds())
    if found is None:
        raise busy()
    return found


def busy() -> Unavailable:
    """Return the error for a row that a worker has."""
    return Unavailable(
        "busy", "a worker is at it right now; try again in a few seconds", timedelta(seconds=2)
    )


@contextmanager
def kept(sessions: Sessions, kind: type[Row], lease: Lease) -> Iterator[None]:
    """Renew the lease while one long call to the outside goes on inside."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE.total_seconds() / 3):
            with suppress(Superseded, Unavailable, DBAPIError):  # the next time may go well
                record(sessions, kind, lease, lambda _session, _row: None, release=False)

    thread = threading.Thread(target=renew, name="nameplate-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def postpone(
    sessions: Sessions, tools: Tools, kind: type[Row], lease: Lease, error: Exception
) -> datetime:
    """Release the row after a failure that says nothing about it, and return when it is due again."""
    asked = error.retry_after if isinstance(error, Unavailable) else None

    def change(_session: Session, row: Row) -> datetime:
        row.attempts += 1
        now = lease.now()
        due = backoff.after_failure(row.attempts, now, tools.jitter())
        due = max(due, now + (asked or timedelta(0)))
        row.next_action_at = min(due, now + tools.poll) if tools.poll else due
        return due

    return record(sessions, kind, lease, change, release=True, repeat=True)


def give_back(sessions: Sessions, kind: type[Row], lease: Lease) -> None:
    """Release a row whose step is not over, due at once for another worker.

    Whatever that step still finds out is void. Raises `Superseded` like `record`.
    """

    def change(_session: Session, row: Row) -> None:
        row.fence += 1
        row.next_action_at = lease.now()

    record(sessions, kind, lease, change, release=True, repeat=True)


def soon(tools: Tools, at: datetime, now: datetime) -> datetime:
    """Return `at`, or earlier where a sandbox or a test does not want to wait that long."""
    return at if tools.poll is None else min(at, now + tools.poll)
