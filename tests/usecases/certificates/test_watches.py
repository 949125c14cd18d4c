"""What stopped a certificate wakes it when it changes, however long the certificate would still wait."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import DIRECTORY, NAME, Rig, made
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Certificate, CertificateWatch, WatchKind
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind
from nameplate.usecases.certificates import watches

BEGINS = datetime(2026, 5, 1, tzinfo=UTC)
OURS, THEIRS = "192.0.2.1", "198.51.100.7"
FORBIDS = (Answer(AnswerKind.DATA, "ns1", ('0 issue "nobody.example"',)),)
FREE = (Answer(AnswerKind.NODATA, "ns1"),)


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    found = made(migrated_sqlite_sessions, account=False)
    found.add_account(config={**DIRECTORY, "caa_identities": ["ca.example"]})
    return found


def _watched(rig: Rig) -> list[tuple[WatchKind, str]]:
    with rig.offline.sessions.begin(PLATFORM) as session:
        rows = session.scalars(sa.select(CertificateWatch)).all()
        return [(one.kind, one.name) for one in rows]


def _break(rig: Rig, cause: str) -> None:
    stranger = Fetched(HttpOutcome.UNREACHABLE)
    if cause == "no address":
        rig.internet.points_to()
    elif cause == "address elsewhere":
        rig.internet.points_to(THEIRS)
        rig.internet.strangers[THEIRS] = stranger
    elif cause == "path":
        rig.internet.strangers[OURS] = stranger
    elif cause == "name servers":
        rig.internet.answers["A"] = (Answer(AnswerKind.TIMEOUT, "ns1"),)
    elif cause == "caa unanswered":
        rig.internet.answers["CAA"] = (Answer(AnswerKind.SERVFAIL, "ns1"),)
    else:
        rig.internet.answers["CAA"] = FORBIDS


def _repair(rig: Rig) -> None:
    rig.internet.strangers.clear()
    rig.internet.points_to(OURS)
    rig.internet.answers["CAA"] = FREE


@pytest.mark.parametrize(
    "cause",
    ["no address", "address elsewhere", "path", "name servers", "caa unanswered", "caa"],
)
def test_a_repair_wakes_a_certificate_that_waits_for_days(rig: Rig, cause: str) -> None:
    _break(rig, cause)
    row = rig.work()
    assert row.trouble_code is not None
    rig.age()
    assert (rig.causes(), rig.causes()) == (0, 0), "nothing has changed"
    assert not rig.is_due()
    _repair(rig)
    assert rig.causes() == 1
    assert rig.is_due()
    assert rig.work().status is CertificateStatus.ACTIVE
    assert rig.row().watch_key is None
    assert rig.causes() == 0


def test_an_unchanged_failure_is_not_retried_at_the_authority(rig: Rig) -> None:
    _break(rig, "path")
    for days in (0, 1, 5):
        rig.work(after=timedelta(days=days))
    assert rig.authority.orders == 0


def test_a_failed_proof_is_tried_again_when_the_host_has_changed(rig: Rig) -> None:
    rig.authority.offered, rig.authority.status = "http-01", "invalid"
    row = rig.work()
    assert (row.status, rig.authority.orders) == (CertificateStatus.ERROR, 1)
    assert _watched(rig) == [(WatchKind.HOST, NAME)]
    rig.age()
    assert (rig.causes(), rig.causes()) == (0, 0), "the first look is what others are compared with"
    assert not rig.is_due()
    rig.internet.points_to("192.0.2.2")
    rig.authority.offered = None
    assert rig.causes() == 1
    assert rig.work().status is CertificateStatus.ACTIVE


def test_certificates_stopped_by_one_record_share_one_look(rig: Rig) -> None:
    _break(rig, "caa")
    rig.work()
    first = rig.certificate_id
    rig.want()
    rig.work()
    assert _watched(rig) == [(WatchKind.CAA, NAME)]
    for one in (first, rig.certificate_id):
        rig.change(Certificate, one, next_action_at=datetime.now(UTC) + timedelta(hours=9))
    _repair(rig)
    assert rig.causes() == 2


def test_a_removed_certificate_is_looked_at_for_no_more(rig: Rig) -> None:
    _break(rig, "path")
    rig.work()
    rig.change(Certificate, rig.certificate_id, deleted_at=datetime.now(UTC), watch_key=None)
    rig.internet.asked.clear()
    assert rig.causes() == 0
    assert rig.internet.asked == []
    with rig.offline.sessions.begin(PLATFORM) as session:
        watches.forget_old(session, datetime.now(UTC))
    assert _watched(rig) == []


def test_two_workers_share_the_names(rig: Rig) -> None:
    _break(rig, "path")
    rig.work()
    rig.causes()
    tools, sessions = rig.offline.tools, rig.offline.sessions
    with sessions.begin(PLATFORM) as session:
        session.execute(CertificateWatch.postponing(datetime(2026, 1, 1, tzinfo=UTC)))
    with sessions.begin(PLATFORM) as session:
        assert len(watches.due(session, tools, 9)) == 1
    with sessions.begin(PLATFORM) as session:
        assert not watches.due(session, tools, 9)


def test_looks_stay_frequent_and_apart(rig: Rig) -> None:
    _break(rig, "path")
    rig.work()
    waits = []
    for jitter in (0.0, 1.0):
        rig.offline.tools = replace(rig.offline.tools, jitter=partial(float, jitter))
        rig.causes()
        with rig.offline.sessions.begin(PLATFORM) as session:
            at = session.scalar(sa.select(CertificateWatch.next_look_at))
        assert at is not None
        waits.append((at - datetime.now(UTC)).total_seconds())
    assert waits == pytest.approx([12, 16], abs=1)


def _stopped(session: Session, count: int) -> set[str]:
    """Have so many names of one organization be watched, all due."""
    owner = rows.organization(session)
    home = rows.domain(session, owner, f"d{owner.id}.example")
    hosts = [f"h{n}.{home.domain_name}" for n in range(count)]
    keys = [watches.Watched(WatchKind.HOST, one).key for one in hosts]
    session.execute(
        sa.insert(CertificateWatch),
        [
            {"kind": WatchKind.HOST, "name": one, "key": key, "next_look_at": BEGINS}
            for one, key in zip(hosts, keys, strict=True)
        ],
    )
    certificates = [
        {"organization_id": owner.id, "organization_domain_id": home.id, "watch_key": key, "common_name": "a"}
        for key in keys
    ]  # fmt: skip
    session.execute(sa.insert(Certificate), certificates)
    return set(hosts)


def test_ten_thousand_stopped_names_of_one_stretch_no_others_rhythm(
    migrated_sqlite_sessions: Sessions,
) -> None:
    """By a clock of ours: a minute of a worker's questions, every two seconds."""
    tools = Offline(migrated_sqlite_sessions).tools
    with migrated_sqlite_sessions.begin(PLATFORM) as session:
        _stopped(session, 10_000)
        honest = _stopped(session, 3)
        seen: dict[str, list[float]] = {name: [0.0] for name in honest}
        for second in range(0, 60, 2):
            now = BEGINS + timedelta(seconds=second)
            found = watches.due(session, tools, 120, now=now)
            assert len(found) == 120
            for one in found:
                seen.get(one.name, []).append(second)
    for looks in seen.values():
        gaps = [after - before for before, after in pairwise(looks)]
        assert len(looks) >= 4
        assert max(gaps) <= (watches.EVERY + watches.SPREAD).total_seconds() + 2


def test_an_organization_whose_looks_are_stuck_is_passed_over(
    sessions: Sessions,
) -> None:
    tools = Offline(sessions).tools
    with sessions.begin(PLATFORM) as session:
        _stopped(session, 9)
        stuck = session.scalars(sa.select(Certificate.organization_id)).first()
        honest = _stopped(session, 2)
        found = watches.due(session, tools, 9, but=[stuck or 0], now=BEGINS)
        assert {one.name for one in found} == honest
