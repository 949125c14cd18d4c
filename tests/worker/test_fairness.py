"""Nobody's backlog and nobody's dead peer delays another organization; what ends service goes first."""

import threading
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.adapters.ca.hostile import HostileAuthority, Reply
from tests.worker.busy import Busy, going, until

from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core import keys
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.db import Sessions, database_now
from nameplate.leases import DueRow
from nameplate.models import Account, AccountKind, Binding, Certificate, Domain, Verification
from nameplate.ports.verification import Proof
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains
from nameplate.worker import shares
from nameplate.worker.bulkheads import SLOW
from nameplate.worker.loop import Worker

pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)


@pytest.fixture
def busy(sessions: Sessions) -> Busy:
    made = Busy(sessions)
    made.server()
    return made


def _count(busy: Busy, query: sa.Select[Any]) -> int:
    with busy.sessions.begin(PLATFORM, read_only=True) as session:
        return session.scalar(query) or 0


def _proved(busy: Busy, row_id: int) -> bool:
    with busy.sessions.begin(PLATFORM, read_only=True) as session:
        return session.get_one(Domain, row_id).verified_at is not None


def _is_up(busy: Busy, row_id: int) -> bool:
    with busy.sessions.begin(PLATFORM, read_only=True) as session:
        return session.get_one(Binding, row_id).activated_at is not None


def test_an_authority_that_hangs_delays_no_other_organization(busy: Busy) -> None:
    acme, globex = busy.organization("acme"), busy.organization("globex")
    _seed_names(busy, acme, 20)
    hang = threading.Event()
    key = keys.new_key()
    with HostileAuthority() as server:

        def never(_: dict[str, Any]) -> Reply:
            hang.wait(30)
            return Reply(500)

        server.replies["/newOrder"] = never
        busy.tools = replace(
            busy.tools,
            authority=lambda _: AcmeAuthority(f"{server.base}/dir", key, f"{server.base}/a/1"),
        )
        worker = Worker(busy.sessions, busy.tools, threads=8)
        try:
            with going(worker):
                assert until(lambda: len(worker._running) >= 4, 20) is not None
                time.sleep(SLOW)
                row = busy.claim(globex, "quick.com")
                assert until(lambda: _proved(busy, row), 10) is not None
                bound = busy.bind(globex, "quick.com")
                assert until(lambda: _is_up(busy, bound), 10) is not None
                assert not hang.is_set()
                hang.set()
        finally:
            hang.set()


def _seed_names(busy: Busy, actor: Actor, number: int) -> None:
    """Add proved names whose certificates wait for an authority."""
    with busy.sessions.begin(PLATFORM) as session:
        session.add(Account(kind=AccountKind.CA, provider="acme", name="ca", config={}))
    idle = Worker(
        busy.sessions, busy.tools, handlers=Worker(busy.sessions, busy.tools)._handlers[:1]
    )
    rows = [busy.claim(actor, f"c{one}.com") for one in range(number)]
    with going(idle):
        assert until(lambda: all(_proved(busy, one) for one in rows), 30) is not None
    with busy.sessions.begin(PLATFORM) as session:
        for one in rows:
            domain = session.get_one(Domain, one)
            requests.create(
                session,
                domain,
                [domain.full_domain],
                CertificatePreferences(),
                database_now(session),
            )
    assert _count(busy, sa.select(sa.func.count()).select_from(Certificate)) == number


def test_dead_name_servers_delay_no_other_proof(busy: Busy) -> None:
    acme, globex = busy.organization("acme"), busy.organization("globex")
    end = threading.Event()
    memory = busy.offline.method

    def check(name: str, token: str) -> Proof:
        if name.startswith("dead"):
            end.wait(5)
        return MemoryMethod.check(memory, name, token)

    memory.check = check  # type: ignore[method-assign]  # a world whose servers are dead
    for number in range(200):
        busy.claim(acme, f"dead{number}.com")
    try:
        with going(Worker(busy.sessions, busy.tools, threads=8)):
            time.sleep(1.5)
            row = busy.claim(globex, "quick.com")
            assert until(lambda: _proved(busy, row), 10) is not None
            end.set()
    finally:
        end.set()


def test_a_suspension_overtakes_a_backlog(busy: Busy) -> None:
    acme, globex = busy.organization("acme"), busy.organization("globex")
    row = busy.claim(globex, "shop.com")
    bound = 0
    worker = Worker(busy.sessions, busy.tools, threads=2)
    with going(worker):
        assert until(lambda: _proved(busy, row), 10) is not None
        bound = busy.bind(globex, "shop.com")
        assert until(lambda: _is_up(busy, bound), 10) is not None
    (proxy,) = busy.proxies.values()
    assert proxy.visit("http", "shop.com", "/").status == 200
    memory = busy.offline.method

    def check(name: str, token: str) -> Proof:
        time.sleep(0.3)
        return MemoryMethod.check(memory, name, token)

    memory.check = check  # type: ignore[method-assign]  # a world that takes its time
    for number in range(60):
        busy.claim(acme, f"n{number}.com")
        busy.claim(globex, f"m{number}.com")
    with going(Worker(busy.sessions, busy.tools, threads=2)):
        time.sleep(1)
        with busy.sessions.begin(PLATFORM) as session:
            domains.suspend(session, PLATFORM, "shop.com", database_now(session), "abuse")
        assert until(lambda: proxy.visit("http", "shop.com", "/").status is None, 10) is not None
        assert until(lambda: _urgency(busy, bound) == 0, 10) is not None


def _urgency(busy: Busy, bound: int) -> int:
    with busy.sessions.begin(PLATFORM, read_only=True) as session:
        return session.get_one(Binding, bound).urgency


def test_an_organization_behind_a_long_backlog_has_its_turn(busy: Busy) -> None:
    acme, globex = busy.organization("acme"), busy.organization("globex")
    for number in range(400):
        busy.claim(acme, f"n{number}.com")
    busy.claim(globex, "last.com")
    worker = Worker(busy.sessions, busy.tools, threads=4)
    with busy.sessions.begin(PLATFORM) as session:
        taken = worker._lease(session)
        session.rollback()
    owners = Counter(row.organization_id for handler, _, group in taken for row in group
                     if handler.kind is Verification)  # fmt: skip
    assert owners[globex.organization_id] == 1
    assert owners[acme.organization_id] > 0


def test_certificates_are_spread_over_free_threads_first(busy: Busy) -> None:
    worker = Worker(busy.sessions, busy.tools, threads=8)
    worker._authorities = {None: 7}
    handler = next(one for one in worker._handlers if one.kind is Certificate)
    now = datetime.now(UTC)

    def sizes(due: int, free: int) -> list[int]:
        found = [DueRow(number, 1, now, None) for number in range(due)]
        return [len(group) for group in worker._chosen(handler, found, free)]

    assert sizes(5, 5) == [1] * 5
    assert sizes(6, 3) == [2] * 3
    assert sizes(40, 2) == [8, 8]


def _due(organization: int, count: int, first: int = 0) -> list[DueRow]:
    now = datetime.now(UTC)
    return [DueRow(first + number, organization, now, None) for number in range(count)]


def test_nobody_is_in_one_joint_step_with_a_crowd(busy: Busy) -> None:
    worker = Worker(busy.sessions, busy.tools, threads=8)
    worker._authorities = {None: 7}
    handler = next(one for one in worker._handlers if one.kind is Certificate)

    def groups(*found: DueRow) -> list[Counter[int | None]]:
        order = shares.in_turn(found, Counter())
        return [
            Counter(row.organization_id for row in group)
            for group in worker._chosen(handler, order, 4)
        ]

    together = groups(*_due(1, 30), *_due(2, 1, 100), *_due(3, 2, 200))
    assert {2: 1, 3: 2} in together
    assert [one for one in together if 1 in one] == [{1: 8}] * 3
    assert groups(*_due(1, 3), *_due(2, 3, 100)) == [{1: 1, 2: 1}] * 3, "no crowd"


def test_a_crowd_s_sweep_holds_up_nobody(busy: Busy) -> None:
    worker = Worker(busy.sessions, busy.tools, threads=8)
    handler = next(one for one in worker._handlers if one.kind is Binding)

    def sizes(*found: DueRow) -> list[int]:
        return [len(group) for group in worker._chosen(handler, found, 4)]

    def run(count: int) -> None:
        worker._running = {Future(): (handler, ()) for _ in range(count)}

    few, many = _due(2, 1, 1000), _due(1, 300)
    assert (sizes(*few), sizes(*many), sizes(*many, *few)) == ([1], [200], [1, 200])
    run(2)
    assert (sizes(*few), sizes(*many), sizes(*many, *few)) == ([], [], [1])
    run(3)
    assert sizes(*many, *few) == []
