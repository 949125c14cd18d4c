"""One batch with everything in it, a worker that is killed in the middle, a hostile organization."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
import sqlalchemy as sa
from tests.adapters.resolver.test_authoritative import LOOPBACK
from tests.servers.scripted_dns import ScriptedDns
from tests.usecases.offline import DNS_TXT, Offline
from tests.worker.busy import going, until

from nameplate import leases
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core import backoff
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Domain, Event, EventActor, NameHolding, StepCount, Verification
from nameplate.ports.verification import Proof
from nameplate.usecases import work
from nameplate.usecases.claims import domains, proving, verification_sweeps, verifications
from nameplate.usecases.claims.verification_sweeps import Look
from nameplate.worker import wide_looks
from nameplate.worker.handlers import HANDLERS
from nameplate.worker.loop import Worker


class World:
    """Claims whose name servers say what the first label of the name calls for."""

    def __init__(self, sessions: Sessions, stack: ExitStack) -> None:
        self.offline = Offline(sessions)
        self.sessions = sessions
        self.published: dict[str, str] = {}
        self.asked: list[str] = []
        self.failing = ""
        self._cut: set[str] = set()
        server = stack.enter_context(ScriptedDns(self._say))
        second = stack.enter_context(ScriptedDns(self._say))
        known = [("ns1", "127.0.0.1", server.port), ("ns2", "127.0.0.1", second.port)]
        resolver = AuthoritativeResolver(LOOPBACK, overrides={"com": known}, seconds=2.0)
        methods = {**self.offline.tools.methods, DNS_TXT: DnsTxt(resolver)}
        self.tools = replace(self.offline.tools, resolver=resolver, methods=methods)

    def _say(self, query: dns.message.Message) -> dns.message.Message | None:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = name.removeprefix("_nameplate-challenge.").partition(".")[0].partition("-")[0]
        self.asked.append(name)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        value = self.published.get(name)
        if name == self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        match kind:
            case "silent":
                return None
            case "broken":
                reply.set_rcode(dns.rcode.SERVFAIL)
            case "lying":
                reply.id ^= 1
            case "wrong" if name.startswith("_"):
                value = "something else"
            case "gone":
                reply.set_rcode(dns.rcode.NXDOMAIN)
            case "chained" if name.startswith("_"):
                target = f"elsewhere.{name[len('_nameplate-challenge.') :]}."
                reply.answer = [dns.rrset.from_text(question.name, 60, "IN", "CNAME", target)]
                return reply
            case "cut" if value and name not in self._cut:
                self._cut.add(name)
                reply.flags |= dns.flags.TC
                return reply
        if value:
            reply.answer = [dns.rrset.from_text(question.name, 60, "IN", "TXT", f'"{value}"')]
        return reply

    def organization(self, name: str) -> Actor:
        return self.offline.organization(name)

    def claim(self, actor: Actor, name: str, *, published: bool = False, at: str = "") -> int:
        with self.sessions.begin(actor) as session:
            domains.add(session, self.tools, actor, name=name)
            (proof,) = verifications.page(session, actor, limit=5, domain=name)
            if published:
                place = at or str(proof.verification_record_name)
                self.published[place] = str(proof.verification_record_value)
            return proof.id

    def row(self, row_id: int) -> Verification:
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            return session.get_one(Verification, row_id)

    def domain(self, row_id: int) -> Domain:
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            row = session.get_one(Verification, row_id)
            return session.get_one(Domain, row.organization_domain_id)

    def lease(self, seconds: float = 60) -> list[Lease]:
        with self.sessions.begin(PLATFORM) as session:
            return list(leases.lease(session, Verification, limit=100, seconds=seconds))


@pytest.fixture
def world(sessions: Sessions) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(sessions, stack)


PROOFS = tuple(one for one in HANDLERS if one.kind is Verification)


def _work(world: World, **given: Any) -> Worker:
    return Worker(world.sessions, world.tools, handlers=PROOFS, **given)


def _until_looked_at(world: World, ids: list[int], seconds: float = 15) -> None:
    seen = until(lambda: all(world.row(one).verification_attempts for one in ids), seconds)
    assert seen is not None, [(one, world.row(one).verification_attempts) for one in ids]


REASONS = {
    "plain.com": "txt_absent",
    "gone.com": "txt_absent",
    "wrong.com": "txt_mismatch",
    "broken.com": "servers_unreachable",
    "silent.com": "servers_unreachable",
    "lying.com": "servers_unreachable",
    "doubled.com": "txt_at_doubled_name",
    "apex.com": "txt_at_wrong_name",
}
PROVED = ("match.com", "cut.com", "chained.com")


def test_one_batch_with_everything_in_it(world: World) -> None:
    acme = world.organization("acme")
    ids = {name: world.claim(acme, name) for name in REASONS}
    for name, place in (("doubled.com", "_nameplate-challenge.doubled.com.com"), ("apex.com",) * 2):
        world.published[place] = str(world.row(ids[name]).verification_record_value)
    proved = {name: world.claim(acme, name, published=True) for name in PROVED}
    record = str(world.row(proved["chained.com"]).verification_record_name)
    world.published["elsewhere.chained.com"] = world.published.pop(record)
    before = datetime.now(UTC)
    worker = _work(world)
    with going(worker):
        _until_looked_at(world, [*ids.values(), *proved.values()])
    assert len(worker._running) == 0
    for name, row_id in ids.items():
        row, domain = world.row(row_id), world.domain(row_id)
        assert row.status is VerificationStatus.VERIFYING, name
        assert row.verification_logs is not None
        assert [one["reason"] for one in row.verification_logs][-1] == REASONS[name], name
        assert len(row.verification_logs) == row.verification_attempts
        assert row.last_look is not None
        assert len(row.last_look.observed) == 2, "the evidence of each server"
        assert row.error_message == row.verification_logs[-1]["message"]
        assert row.lease_until is None
        at = row.last_verification_attempt_at
        assert at is not None
        assert row.next_action_at == backoff.next_look(row.verification_attempts, at)
        assert domain.last_checked_at is not None
        assert domain.last_checked_at >= before - timedelta(seconds=5)
    for name, row_id in proved.items():
        assert world.row(row_id).status is VerificationStatus.VERIFIED, name
        assert world.domain(row_id).verified_at is not None


class _Killed(BaseException):
    """The process has ended here."""


def test_a_worker_killed_in_a_batch_loses_nothing_and_repeats_nothing(world: World) -> None:
    acme = world.organization("acme")
    ids = [world.claim(acme, f"n{number}.com") for number in range(30)]
    ids += [world.claim(acme, f"match-{number}.com", published=True) for number in range(3)]
    late: list[tuple[Look, Proof]] = []

    def killed(point: str) -> None:
        if point == "verification:checked":
            raise _Killed

    first = Worker(
        world.sessions,
        replace(world.tools, checkpoint=killed),
        handlers=PROOFS,
        lease_for=timedelta(seconds=3),
    )
    looks = first._looks
    assert looks is not None
    record = looks._record_some

    def remembered(taken: Any) -> None:
        late.extend(taken)
        record(taken)

    looks._record_some = remembered  # type: ignore[method-assign]  # what it knew when it died
    assert first._start_due() > 0
    assert until(lambda: len(late) > 0, 10) is not None
    assert all(world.row(one).verification_attempts == 0 for one in ids)
    with going(_work(world)):
        _until_looked_at(world, ids, 20)
    counts = {one: world.row(one).verification_attempts for one in ids}
    assert all(world.row(one).status is VerificationStatus.VERIFIED for one in ids[30:])
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        assert len(session.scalars(NameHolding.visible(PLATFORM)).all()) == 3
    for look, proof in late:  # the dead one wakes up: it was only paused
        if verification_sweeps.is_fruitless(look, proof):
            ended, others = verification_sweeps.record_fruitless(
                world.sessions, world.tools, [(look, proof)]
            )
            assert (ended, len(others)) == ([], 1)
        with pytest.raises(work.Superseded):
            proving.conclude(world.sessions, world.tools, look.lease, look.question, proof)
    assert {one: world.row(one).verification_attempts for one in ids} == counts


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_stopping_worker_gives_back_what_it_looks_at(world: World, monkeypatch: Any) -> None:
    monkeypatch.setattr("nameplate.worker.loop.GRACE", 0.2)
    row_id = world.claim(world.organization("acme"), "silent.com")
    worker = _work(world)
    with going(worker):
        assert until(lambda: world.row(row_id).lease_until is not None, 5) is not None
    row = world.row(row_id)
    assert row.lease_until is None
    assert row.verification_attempts == 0
    assert row.next_action_at is not None
    assert row.next_action_at <= datetime.now(UTC) + timedelta(seconds=1)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_dead_name_servers_of_one_organization_delay_nobody(world: World, monkeypatch: Any) -> None:
    """More dead looks than there is room for; those of the other organization go on beside them."""
    monkeypatch.setattr(wide_looks, "CAPACITY", 40)
    hostile, other = world.organization("hostile"), world.organization("other")
    for number in range(150):
        world.claim(hostile, f"silent-{number}.com")
    with going(_work(world)):
        time.sleep(0.5)
        for number in range(5):
            row_id = world.claim(other, f"match-{number}.com", published=True)
            took = until(lambda row_id=row_id: world.row(row_id).verified_at is not None, 10)  # type: ignore[misc]  # bound at once
            assert took is not None
            assert took < 2.0, "as without the dead ones: found at the next poll"


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_looks_are_counted_by_what_they_saw(world: World) -> None:
    acme = world.organization("acme")
    ids = [world.claim(acme, f"n{number}.com") for number in range(5)]
    worker = _work(world)
    assert worker.run_until_idle(10)
    worker._counts.write(world.sessions, at_once=True)
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        counted = session.get(StepCount, ("verification", "txt_absent"))
    assert counted is not None
    assert counted.steps >= len(ids)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_events_say_that_a_worker_saw_the_proof(world: World) -> None:
    row_id = world.claim(world.organization("acme"), "match-1.com", published=True)
    assert _work(world).run_until_idle(10)
    with world.sessions.begin(PLATFORM, read_only=True) as session:
        told = session.scalars(sa.select(Event).where(Event.type == "domain.verified")).all()
    assert world.row(row_id).verified_at is not None
    assert [one.actor for one in told] == [EventActor.WORKER]
