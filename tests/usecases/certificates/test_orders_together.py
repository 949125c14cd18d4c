"""Several certificates carried together: what that costs, and that each fails for itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.usecases.certificates.certificate_rig import (
    DIRECTORY,
    NAME,
    Authority,
    Rig,
    Slow,
    local_authority,
    made,
)

from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.orders import Order
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Certificate, Event, HttpChallenge
from nameplate.ports.resolver import LookupResult
from nameplate.usecases import work
from nameplate.usecases.certificates import issuance, orders_together

ACTIVE, PENDING = CertificateStatus.ACTIVE, CertificateStatus.PENDING
POINTS = [point for point in work.CRASH_POINTS if point.startswith("certificate:")]


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    return made(migrated_sqlite_sessions)


def _several(rig: Rig, count: int = 3, **fields: Any) -> list[Lease]:
    """Want so many certificates, and lease them."""
    wanted = []
    for number in range(count):
        rig.want(hosts=[f"h{number}.{NAME}"], **fields)
        wanted.append(rig.certificate_id)
    return [rig.offline.leased(Certificate, one) for one in wanted]


def _row(rig: Rig, lease: Lease) -> Certificate:
    with rig.offline.sessions.begin(PLATFORM) as session:
        return session.get_one(Certificate, lease.id)


def _states(rig: Rig, leases: Sequence[Lease]) -> list[CertificateStatus]:
    return [_row(rig, one).status for one in leases]


@contextmanager
def _counted(rig: Rig) -> Iterator[tuple[list[str], list[str]]]:
    """Collect the statements that are sent, and the transactions that have written something."""
    engine = rig.offline.sessions.system_engine
    sent: list[str] = []
    writing: list[str] = []

    def statement(_c: Any, _cur: Any, text: str, *_: Any) -> None:
        if not text.startswith("BEGIN"):
            sent.append(text)

    def commit(_connection: Any) -> None:
        writing.append(sent[-1])

    sa.event.listen(engine, "before_cursor_execute", statement)
    sa.event.listen(engine, "commit", commit)
    yield sent, writing
    sa.event.remove(engine, "before_cursor_execute", statement)
    sa.event.remove(engine, "commit", commit)


def test_an_order_costs_three_transactions_and_few_statements(
    rig: Rig, trusting: AcmeAuthority
) -> None:
    rig.authority_is(trusting)
    lease = rig.offline.leased(Certificate, rig.certificate_id)
    with _counted(rig) as (sent, commits):
        issuance.reconcile(rig.offline.sessions, rig.offline.tools, lease)
    assert rig.row().status is ACTIVE
    assert len(commits) == 3
    assert len(sent) <= 14, sent


def test_eight_orders_cost_three_transactions_too(rig: Rig, trusting: AcmeAuthority) -> None:
    rig.authority_is(trusting)
    leases = _several(rig, 8)
    with _counted(rig) as (sent, commits):
        found = orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    assert found == ([], [])
    assert _states(rig, leases) == [ACTIVE] * 8
    assert len(commits) == 3
    assert len(sent) <= 15 + 8, sent  # one of each: it has a fence of its own
    with rig.offline.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(HttpChallenge)).all() == []
        told = session.scalars(sa.select(Event.object_id).where(Event.type == "certificate.issued"))
        assert sorted(told) == [one.id for one in leases]


def _again(rig: Rig, leases: Sequence[Lease]) -> list[Lease]:
    """Lease the same certificates once more, as soon as they are due."""
    return [rig.offline.leased(Certificate, one.id, after=timedelta(seconds=20)) for one in leases]


def test_orders_that_an_authority_works_on_are_looked_at_together(
    rig: Rig, trusting: AcmeAuthority
) -> None:
    slow = Slow(trusting)
    slow.pending_for = 10**6
    rig.authority_is(slow)
    leases = _several(rig, 8)
    sessions = rig.offline.sessions
    assert orders_together.reconcile(sessions, rig.offline.tools, leases) == ([], [])
    orders = {_row(rig, one).acme_order_url for one in leases}
    assert len(orders) == 8
    again, before = _again(rig, leases), slow.pending_for
    with _counted(rig) as (_, commits):
        assert orders_together.reconcile(sessions, rig.offline.tools, again) == ([], [])
    assert before - slow.pending_for == 8, "each is looked at once"
    assert len(commits) == 2, "read, and stored"
    for row in [_row(rig, one) for one in leases]:
        assert (row.status, row.lease_until, row.trouble_code) == (PENDING, None, None)
        assert row.acme_challenge_data is not None
        assert row.acme_challenge_data.waiting_since is not None
    slow.pending_for = 0
    again = _again(rig, leases)
    with _counted(rig) as (_, commits):
        assert orders_together.reconcile(sessions, rig.offline.tools, again) == ([], [])
    assert _states(rig, leases) == [ACTIVE] * 8
    assert {_row(rig, one).generation for one in leases} == {1}
    assert len(commits) == 2
    assert slow.finalized == 8


def test_an_authority_that_takes_its_time_is_not_asked_in_vain(
    rig: Rig, trusting: AcmeAuthority
) -> None:
    slow = Slow(trusting)
    slow.pending_for = 10**6
    rig.authority_is(slow)
    leases, before = _several(rig, 4), slow.pending_for
    orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    assert before - slow.pending_for == 2 * 4


def test_an_order_that_takes_long_says_so_among_others(rig: Rig, trusting: AcmeAuthority) -> None:
    slow = Slow(trusting)
    slow.pending_for = 10**6
    rig.authority_is(slow)
    leases = _several(rig, 2)
    orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    data = _row(rig, leases[0]).acme_challenge_data
    assert data is not None
    long_ago = datetime.now(UTC) - timedelta(minutes=5)
    rig.change(Certificate, leases[0].id, acme_challenge_data=replace(data, waiting_since=long_ago))
    again = _again(rig, leases)
    assert orders_together.reconcile(rig.offline.sessions, rig.offline.tools, again) == ([], [])
    found = [_row(rig, one) for one in leases]
    assert [one.trouble_code for one in found] == ["order_undecided", None]
    assert all(one.next_action_at is not None for one in found)


class _Picky(Authority):
    """Refuses one name, or is away from some order on."""

    bad: str = ""
    away_from = 10**9

    def order(self, names: Any, profile: Any = None, replaces: Any = None) -> Order:
        if self.orders >= self.away_from:
            self.orders += 1
            raise Unavailable("ca_unreachable", "No answer.")
        if self.bad in names:
            self.orders += 1
            raise Refused("acme_rejected_identifier", "Not this name.")
        return super().order(names, profile, replaces)


def _picky(rig: Rig) -> _Picky:
    plain = local_authority()
    picky = _Picky.__new__(_Picky)
    picky.__dict__.update(plain.__dict__)
    rig.authority_is(picky)
    return picky


def test_one_that_is_refused_fails_by_itself(rig: Rig) -> None:
    picky = _picky(rig)
    picky.bad = f"h1.{NAME}"
    leases = _several(rig)
    ended, left = orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    assert [(one.code, one.row_id) for one in ended] == [("acme_rejected_identifier", leases[1].id)]
    assert left == []
    assert _states(rig, leases) == [ACTIVE, CertificateStatus.ERROR, ACTIVE]
    assert picky.orders == 3


def test_an_authority_that_is_away_is_asked_once(rig: Rig) -> None:
    picky = _picky(rig)
    picky.away_from = 1
    leases = _several(rig, 4)
    ended, left = orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    assert [one.code for one in ended] == ["ca_unreachable"] * 3
    assert left == []
    assert _states(rig, leases) == [ACTIVE, PENDING, PENDING, PENDING]
    assert picky.orders == 2
    waiting = [_row(rig, one) for one in leases[1:]]
    assert {one.waits_for for one in waiting} == {
        f"account:{_row(rig, leases[0]).authority_account_id}"
    }
    assert all(one.lease_until is None for one in waiting)


def test_a_host_that_leads_elsewhere_keeps_no_other_from_its_certificate(rig: Rig) -> None:
    leases = _several(rig)
    resolver: Any = rig.internet
    asked = resolver.authoritative

    def answered(name: str, rdtype: str, **given: Any) -> Any:
        found = asked(name, rdtype, **given)
        return replace(found, answers=()) if name.startswith("h0.") else found

    resolver.authoritative = answered
    assert orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases) == ([], [])
    assert _states(rig, leases) == [PENDING, ACTIVE, ACTIVE]
    assert _row(rig, leases[0]).trouble_code == "host_not_resolved"


def test_slow_name_servers_keep_no_other_certificate(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = _several(rig)
    monkeypatch.setattr(orders_together, "SLOW", -1.0)
    assert orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases) == ([], [])
    assert _states(rig, leases) == [ACTIVE, PENDING, PENDING]
    given_back = [_row(rig, one) for one in leases[1:]]
    assert all(one.lease_until is None and one.trouble_code is None for one in given_back)


def test_one_that_somebody_else_has_is_left_to_them(rig: Rig) -> None:
    leases = _several(rig)

    def checkpoint(point: str) -> None:
        if point == "certificate:order_created":
            rig.change(Certificate, leases[1].id, fence=leases[1].fence + 1)

    rig.offline.tools = replace(rig.offline.tools, checkpoint=checkpoint)
    assert orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases) == ([], [])
    assert _states(rig, leases) == [ACTIVE, PENDING, ACTIVE]
    assert _row(rig, leases[1]).acme_order_url is None


@pytest.mark.parametrize(
    "change", [{"lost_names": "lost.example.org"}, {"organization_domain_id": 0}, {}]
)
def test_what_is_no_everyday_case_is_left(rig: Rig, change: dict[str, Any]) -> None:
    leases = _several(rig, 2)
    if "lost_names" in change:
        rig.change(Certificate, leases[0].id, **change)
    elif change:
        rig.change(Certificate, leases[0].id, subject_alternative_names=["foreign.example.org"])
    else:
        rig.change(Certificate, leases[0].id, acme_challenge_type="dns-01")
    found = orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    assert found == ([], [leases[0]])
    assert _states(rig, leases) == [PENDING, ACTIVE]


class _Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_loses_none_and_issues_none_twice(
    rig: Rig, trusting: AcmeAuthority, point: str
) -> None:
    rig.authority_is(trusting)
    leases = _several(rig)
    points = [point]

    def checkpoint(passed: str) -> None:
        if passed in points:
            points.clear()
            raise _Killed

    rig.offline.tools = replace(rig.offline.tools, checkpoint=checkpoint)
    with pytest.raises(_Killed):
        orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    before = {one.id: _row(rig, one).acme_order_url for one in leases}
    for one in leases:
        for _ in range(20):
            rig.change(Certificate, one.id, lease_until=None)
            again = rig.offline.leased(Certificate, one.id)
            issuance.reconcile(rig.offline.sessions, rig.offline.tools, again)
            if _row(rig, one).status is ACTIVE:
                break
    rows = [_row(rig, one) for one in leases]
    assert [(one.status, one.generation) for one in rows] == [(ACTIVE, 1)] * 3
    if point in POINTS[POINTS.index("certificate:order_stored") : -1]:
        assert all(before.values())


@pytest.mark.parametrize("point", POINTS[POINTS.index("certificate:finalize_intended") :])
def test_a_crash_among_orders_under_way_loses_none(
    rig: Rig, trusting: AcmeAuthority, point: str
) -> None:
    slow = Slow(trusting)
    slow.pending_for = 10**6
    rig.authority_is(slow)
    leases, sessions = _several(rig), rig.offline.sessions
    orders_together.reconcile(sessions, rig.offline.tools, leases)
    slow.pending_for = 0
    points = [point]

    def checkpoint(passed: str) -> None:
        if passed in points:
            points.clear()
            raise _Killed

    rig.offline.tools = replace(rig.offline.tools, checkpoint=checkpoint)
    with pytest.raises(_Killed):
        orders_together.reconcile(sessions, rig.offline.tools, _again(rig, leases))
    for _ in range(20):
        left = [one for one in leases if _row(rig, one).status is not ACTIVE]
        for one in left:
            rig.change(Certificate, one.id, lease_until=None)
        if not left:
            break
        orders_together.reconcile(sessions, rig.offline.tools, _again(rig, left))
    rows = [_row(rig, one) for one in leases]
    assert [(one.status, one.generation) for one in rows] == [(ACTIVE, 1)] * 3
    assert slow.finalized == 3


def test_what_is_above_several_names_is_asked_for_caa_once(
    migrated_sqlite_sessions: Sessions,
) -> None:
    rig = made(migrated_sqlite_sessions, account=False)
    rig.add_account(config={**DIRECTORY, "caa_identities": ["ca.example"]})
    leases = _several(rig, 3)
    asked: list[str] = []
    answer = rig.internet.authoritative

    def authoritative(name: str, rdtype: str, **more: Any) -> LookupResult:
        asked.extend([name] if rdtype == "CAA" else [])
        return answer(name, rdtype, **more)

    rig.internet.authoritative = authoritative  # type: ignore[method-assign]  # counts
    orders_together.reconcile(rig.offline.sessions, rig.offline.tools, leases)
    assert set(_states(rig, leases)) == {ACTIVE}
    assert len(asked) == len(set(asked))
    assert {f"h{one}.{NAME}" for one in range(3)} | {NAME, "example.com"} <= set(asked)
