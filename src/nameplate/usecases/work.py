"""Working on leased rows: look at the world, take one step, record it under the lease's fence."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from nameplate import leases
from nameplate.core import backoff
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Unavailable
from nameplate.db import Sessions
from nameplate.leases import Lease, held, held_together, lease_one, seen
from nameplate.models import (
    Binding,
    Certificate,
    DanglingScan,
    Domain,
    NameChallenge,
    NameGrant,
    QuarantinedName,
    Record,
    RegisteredName,
    Server,
    Verification,
)
from nameplate.models.orm import UtcDateTime, Work, among
from nameplate.usecases.tools import Tools

Row = TypeVar("Row", bound=Work)
T = TypeVar("T")

WATCH = timedelta(seconds=4)
"""How often one of the rows that wait for a peer tries whether it is there again."""
WATCH_REFUSAL = timedelta(seconds=40)
"""The same for a peer that answers and says no, where asking costs something."""
ANSWER_AWAITED = "answer_awaited"
BUDGET_SPENT = "budget_spent"
"""What stops a row until there is room for it: that another one found room says nothing about it."""
LEASE = timedelta(seconds=90)
"""How long a worker has a row for itself; longer than any single call to the outside may take."""

LEFT_ALONE = 0.1
"""The part of a lease that may be over before it is renewed: most steps record something at once."""

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
    "registration:intended",
    "registration:sending",
    "registration:sent",
    "registration:answered",
    "registration:read",
    "registration:recorded",
)
"""Every place between two consecutive steps where a test ends the process."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended, where that is worth counting by itself."""

    code: str
    routine: bool = False
    """It is counted, and not logged as a failure: a proof that is not there yet, for instance."""
    row_id: int | None = None
    """Of which row of a sweep; None: of the one that was worked on."""


class Superseded(Exception):
    """A newer owner has the row: whatever this worker found out is void."""


def record(
    sessions: Sessions,
    kind: type[Row],
    lease: Lease,
    change: Callable[[Session, Row], T],
    *,
    release: bool | Callable[[T], bool],
    stopped: bool | Callable[[T], bool] = False,
    before: Callable[[Session], None] | None = None,
) -> T:
    """Run `change` on the leased row in one transaction; `release` (what came of it) ends the lease.

    Both `release` and `stopped` may depend on what `change` returned. A step that ends has overcome what stopped the row before, unless `stopped`, and wakes every row
    that waits for the same; it also ends the row's urgency.

    Otherwise the lease is renewed, and the row is due when that ends. Somebody who woke the row
    while it was leased is not forgotten: the earlier of both moments stands. `before` takes the
    locks that come before those of the row and its parents. Raises `Superseded`, having written
    nothing, when the lease's fence is not the row's any more.
    """

    def transaction(session: Session) -> T:
        if before is not None:
            before(session)
        row = held(session, kind, lease)
        if row is None:
            raise Superseded
        woken = woken_at(row)
        result = change(session, row)
        ends = release(result) if callable(release) else release
        if ends:
            is_stopped = stopped(result) if callable(stopped) else stopped
            peers = _released(row, woken, stopped=is_stopped)
            wake_all_waiting(session, peers, lease.now())
        else:
            _renew(row, lease, woken)
        return result

    return sessions.run(PLATFORM, transaction)


def record_together(
    sessions: Sessions,
    kind: type[Row],
    leases: Sequence[Lease],
    change: Callable[[Session, Sequence[tuple[Lease, Row]]], Sequence[T]],
    *,
    release: Callable[[T], bool],
    stopped: Callable[[T], bool] = lambda _: False,
) -> list[tuple[Lease, T]]:
    """Do as `record` for many rows in one transaction; `change` returns what came of each.

    Rows that a newer owner has are left out.
    """

    def transaction(session: Session) -> list[tuple[Lease, T]]:
        rows = held_together(session, kind, leases)
        if not rows:
            return []
        woken = [woken_at(row) for _, row in rows]
        results = change(session, rows)
        peers: set[str] = set()
        for (lease, row), result, waker in zip(rows, results, woken, strict=True):
            if release(result):
                peers |= _released(row, waker, stopped=stopped(result))
            else:
                _renew(row, lease, waker)
        wake_all_waiting(session, peers, rows[0][0].now())
        return [(lease, result) for (lease, _), result in zip(rows, results, strict=True)]

    return sessions.run(PLATFORM, transaction) if leases else []


def woken_at(row: Work) -> datetime | None:
    """Return the time for which somebody woke a leased row, if anybody did."""
    return row.next_action_at if row.next_action_at != row.lease_until else None


def _released(row: Work, woken: datetime | None, *, stopped: bool = False) -> set[str]:
    """Release a row; return for whom others wait that is known to be there again."""
    end_lease(row, woken, stopped=stopped)
    if row.trouble_code is None or stopped:
        return set()
    was_alone = row.trouble_code == BUDGET_SPENT
    peer = row.overcome()
    return set() if was_alone or peer is None else {peer}


def _renew(row: Work, lease: Lease, woken: datetime | None) -> None:
    """Have the lease begin anew; one that has just begun is left as it is, and nothing written for it."""
    whole = lease.until - lease.taken_at
    until = lease.now() + whole
    if row.lease_until is None or until - row.lease_until > whole * LEFT_ALONE:
        row.lease_until = until
    row.next_action_at = woken or row.lease_until


def end_lease(row: Work, woken: datetime | None, *, stopped: bool = False) -> None:
    """Release a row whose next time is planned; who woke it before is not forgotten."""
    row.lease_until = None
    if woken is not None:
        row.wake(woken)
    elif not stopped:
        row.urgency = 0


def write(
    sessions: Sessions,
    kind: type[Work],
    change: sa.Update,
    values: Mapping[Lease, Mapping[str, Any]],
    *,
    also: Callable[[Session], None],
) -> list[Lease]:
    """Change leased rows in one transaction, and do what goes with it; renews the leases.

    Nothing is read: what the columns become does not depend on what this worker knows of them.
    Returns those leases that hold; raises `Superseded`, having written nothing, when none does.
    """
    ordered = sorted(values, key=lambda one: one.id)

    def transaction(session: Session) -> list[Lease]:
        if session.connection().dialect.name == "mariadb":
            for one in ordered:
                leases.lock_above(session, kind, one.id)
        also(session)  # its foreign keys share the organization, before the rows are locked
        kept = [one for one in ordered if leases.write(session, kind, one, change, values[one])]
        if not kept:
            raise Superseded
        return kept

    return sessions.run(PLATFORM, transaction)


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
        "busy",
        "A worker is processing this object. Try again in a few seconds.",
        timedelta(seconds=2),
    )


@contextmanager
def kept(sessions: Sessions, kind: type[Row], *leased: Lease) -> Iterator[None]:
    """Renew the leases while one long call to the outside goes on inside."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE.total_seconds() / 3):
            for lease in leased:
                with suppress(Superseded, Unavailable, DBAPIError):  # the next time may go well
                    record(sessions, kind, lease, lambda _session, _row: None, release=False)

    thread = threading.Thread(target=renew, name="nameplate-lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


Authority = Callable[[int], int | None]
"""Returns the account at a certificate authority that issues for an organization."""
Peer = Callable[[Session, Any], str | None]
"""Returns whom the work on a row depends on: `account:7`, `server:3`; None: nobody in particular."""


def postpone(  # noqa: PLR0917 - what every step is given, and why it ended
    sessions: Sessions,
    tools: Tools,
    kind: type[Row],
    lease: Lease,
    error: Exception,
    peer: Peer = lambda _session, _row: None,
) -> datetime:
    """Release the row after a failure that says nothing about it, and return when it is due again.

    The row says what stopped it. Of all that wait for one peer one tries every few seconds, and
    wakes the others when it comes through; so the back-off of none outlasts the cause.
    """
    asked = error.retry_after if isinstance(error, Unavailable) else None
    expected = isinstance(error, NameplateError)
    code = error.code if isinstance(error, NameplateError) else "internal_error"
    message = str(error) if expected else "Nameplate failed unexpectedly. Its log says more."

    def change(session: Session, row: Row) -> datetime:
        row.attempts += 1
        now = lease.now()
        row.meet(code, message, peer(session, row), now)
        due = backoff.after_failure(row.attempts, now, tools.jitter())
        if code != BUDGET_SPENT:
            due = watched(session, kind, row, due, now)
        due = max(due, now + (asked or timedelta(0)))
        row.next_action_at = min(due, now + tools.poll) if tools.poll else due
        return due

    return record(sessions, kind, lease, change, release=True, stopped=True)


def watched(
    session: Session,
    kind: type[Work],
    row: Work,
    due: datetime,
    now: datetime,
    *,
    every: timedelta = WATCH,
) -> datetime:
    """Return when a row is due that waits for a peer: soon, unless another one tries soon for it."""
    if row.waits_for is None or is_watched(session, kind, row, now + every):
        return due
    return min(due, now + every)


def is_watched(session: Session, kind: type[Work], row: Work, soon: datetime) -> bool:
    """Tell whether another row of the kind tries soon whether its peer is there again."""
    session.flush()  # one that was just planned counts
    table: Any = kind
    identity = getattr(row, "id")  # noqa: B009 - every row of work has one, but the mixin does not say so
    query = sa.select(
        sa.exists().where(
            table.waits_for == row.waits_for,
            table.id != identity,
            table.next_action_at <= soon,
        )
    )
    return session.connection().execute(query).scalar_one()


def tell_waiting(
    sessions: Sessions, kind: type[Work], lease: Lease, peer: Peer, seconds: float
) -> None:
    """Have the row say that its step waits for an answer, unless it says already what is wrong.

    The step goes on and keeps its lease; when it ends, the row forgets this.
    """

    def change(session: Session) -> None:
        row = seen(session, kind, lease)
        if row is None or row.trouble_code is not None:
            return
        told = kind.meeting(
            ANSWER_AWAITED,
            f"No answer after {seconds:g} s. Nameplate is still waiting for it.",
            peer(session, row),
            lease.now(),
        )
        session.execute(
            told.where(kind.id == lease.id, kind.fence == lease.fence),  # type: ignore[attr-defined]  # every row of work has an id
            execution_options={"synchronize_session": False},
        )

    sessions.run(PLATFORM, change)


def wake_waiting(session: Session, peer: str | None, now: datetime) -> None:
    """Have workers look at every row that waits for `peer`, whatever its back-off.

    The caller may hold any locks: rows that another transaction has locked are passed over, and no
    lock is waited for. Such a row is in a step now, and one of those that wait tries soon.
    """
    if peer is not None:
        wake_all_waiting(session, [peer], now)


def wake_all_waiting(session: Session, peers: Collection[str], now: datetime) -> None:
    """Do so for every row that waits for one of `peers`."""
    if not peers:
        return
    session.flush()
    asked = {"peers": sorted(peers), "now": now}
    waiting = session.connection().execute(_waiting(), asked).all()
    for place, kind in enumerate(KINDS):
        ids = [id_ for at, id_ in waiting if at == place]
        if not ids:
            continue
        locked = sa.select(kind.id).where(kind.id.in_(ids), kind.next_action_at > now)
        free = session.scalars(locked.with_for_update(skip_locked=True, key_share=True)).all()
        if free:
            session.execute(
                kind.waking(now).where(kind.id.in_(free)),
                execution_options={"synchronize_session": False},
            )


KINDS: tuple[Any, ...] = (
    Domain,
    Record,
    Certificate,
    Verification,
    NameGrant,
    NameChallenge,
    QuarantinedName,
    Binding,
    Server,
    DanglingScan,
    RegisteredName,
)
"""Every kind of row that workers bring forward."""


@cache
def _waiting() -> sa.Executable:
    """Return one statement for who waits: mostly nobody does, and every step that ends well asks."""
    return sa.union_all(*(
        sa.select(sa.literal_column(str(place)).label("place"), kind.id).where(
            among(kind.waits_for, "peers"),
            kind.next_action_at > sa.bindparam("now", type_=UtcDateTime),
        )
        for place, kind in enumerate(KINDS)
    ))  # fmt: skip


def give_back(
    sessions: Sessions, kind: type[Row], lease: Lease, *, is_acting: bool = False
) -> None:
    """Release a row whose step is not over, due at once for another worker.

    Whatever that step still finds out is void; when it `is_acting`, it may do something yet. Raises
    `Superseded` like `record`.
    """

    def change(_session: Session, row: Row) -> None:
        row.fence += 1
        row.next_action_at = lease.now()
        if is_acting and isinstance(row, Domain):
            row.overrun_at = lease.now()

    record(sessions, kind, lease, change, release=True, stopped=True)


def soon(tools: Tools, at: datetime, now: datetime) -> datetime:
    """Return `at`, or earlier where a sandbox or a test does not want to wait that long."""
    return at if tools.poll is None else min(at, now + tools.poll)
