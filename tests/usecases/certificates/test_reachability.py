"""No order before the authority will reach the hosts, through every address that DNS has of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import NAME, Rig, made

from nameplate import leases
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Account, Certificate, Domain, Record, RecordType
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases import work
from nameplate.usecases.certificates import issuance, reachability
from nameplate.usecases.propagation import checks

OURS, THEIRS, SIX = "192.0.2.1", "198.51.100.7", "2001:db8::1"
NOWHERE = Fetched(HttpOutcome.UNREACHABLE)


def answered(status: int, body: bytes = b"") -> Fetched:
    return Fetched(HttpOutcome.ANSWERED, (Hop(f"http://{NAME}/", THEIRS, status),), body)


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    return made(migrated_sqlite_sessions)


def test_a_host_that_leads_here_is_ordered_at_once(rig: Rig) -> None:
    rig.internet.points_to(OURS, SIX)
    assert rig.work().status is CertificateStatus.ACTIVE
    assert [one[:2] for one in rig.internet.asked] == [(OURS, NAME), (SIX, NAME)]


def test_nothing_is_ordered_for_a_host_without_address(rig: Rig) -> None:
    rig.bind()
    rig.internet.points_to()
    row = rig.work()
    assert (rig.authority.orders, row.status) == (0, CertificateStatus.PENDING)
    said = rig.condition()
    assert said.reason == "host_without_address"
    assert said.message == f"{NAME} has no address in DNS."
    assert said.expected == (f"{NAME} A {OURS}",)
    assert said.fix.startswith("Point the host to its server.")
    assert said.fix.endswith(f"To publish: {NAME} A {OURS}.")
    assert said.since is not None
    assert said.next_check_at == row.next_action_at
    rig.internet.points_to(OURS)
    assert rig.work().status is CertificateStatus.ACTIVE
    assert rig.row().trouble_code is None


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (answered(404), "which answers with HTTP status 404"),
        (answered(200, b"<html>"), "which answers with another page"),
        (NOWHERE, "which does not accept connections at port 80"),
        (Fetched(HttpOutcome.TIMEOUT), "which did not answer in time"),
        (Fetched(HttpOutcome.ADDRESS_REFUSED), "which is not an address on the public Internet"),
        (Fetched(HttpOutcome.REDIRECT_REFUSED), "which redirects to another site"),
    ],
)
def test_it_says_where_the_host_leads_instead(rig: Rig, seen: Fetched, words: str) -> None:
    rig.bind(address="edge.example.net")
    rig.internet.points_to(THEIRS)
    rig.internet.strangers[THEIRS] = seen
    rig.work()
    said = rig.condition()
    assert (said.reason, said.observed) == ("host_points_elsewhere", (THEIRS,))
    assert f"{NAME} points to {THEIRS}, {words}" in said.message
    assert said.fix.endswith(f"To publish: {NAME} CNAME edge.example.net.")
    assert rig.authority.orders == 0


def test_every_address_must_lead_here(rig: Rig) -> None:
    rig.bind()
    rig.internet.points_to(OURS, SIX)
    rig.internet.strangers[SIX] = answered(404)
    rig.work()
    assert rig.authority.orders == 0
    assert f"{OURS}, {SIX}, of which {SIX} answers with HTTP status 404" in rig.condition().message


def test_where_dns_is_right_it_is_the_operators_turn(rig: Rig) -> None:
    rig.bind()
    rig.internet.strangers[OURS] = answered(502)
    rig.work()
    said = rig.condition()
    assert said.fix.startswith("The operator must check that port 80 of this server reaches")


def test_an_unbound_host_is_to_be_bound(rig: Rig) -> None:
    rig.internet.points_to()
    rig.work()
    said = rig.condition()
    assert said.fix.startswith("Bind an application to the host")
    assert said.expected == (NAME,)


def test_every_name_server_must_have_the_address(rig: Rig) -> None:
    there, absent = Answer(AnswerKind.DATA, "ns1", (OURS,)), Answer(AnswerKind.NXDOMAIN, "ns2")
    rig.internet.answers["A"] = (there, absent)
    row = rig.work()
    assert row.trouble_code == "host_without_address"
    assert "ns2 has none" in (row.trouble_message or "")
    rig.internet.answers["A"] = (there, Answer(AnswerKind.TIMEOUT, "ns2"))
    assert rig.work().status is CertificateStatus.ACTIVE, "an authority asks another server too"


def test_name_servers_that_do_not_answer_are_said(rig: Rig) -> None:
    rig.internet.answers["A"] = (Answer(AnswerKind.REFUSED, "ns1", detail="refuses to answer"),)
    row = rig.work()
    assert row.trouble_code == "host_not_resolved"
    assert "refuses to answer" in (row.trouble_message or "")
    assert rig.condition().fix.startswith("Check the name servers of the domain.")


def test_what_this_machine_has_no_route_to_is_left_to_the_authority(rig: Rig) -> None:
    rig.internet.points_to(OURS, SIX)
    rig.internet.strangers[SIX], rig.internet.unroutable = NOWHERE, {SIX}
    assert rig.work().status is CertificateStatus.ACTIVE


def test_a_host_that_cannot_be_looked_at_is_the_operators(rig: Rig) -> None:
    rig.internet.points_to(SIX)
    rig.internet.strangers[SIX], rig.internet.unroutable = NOWHERE, {SIX}
    row = rig.work()
    assert (row.trouble_code, rig.authority.orders) == ("host_not_checkable", 0)
    assert "NAMEPLATE_CHALLENGE_CHECK_VIA" in rig.condition().fix


def test_looks_are_quick_at_first_and_then_ever_rarer(rig: Rig) -> None:
    rig.internet.points_to()
    waits = []
    for _ in range(8):
        row = rig.work()
        assert row.next_action_at is not None
        waits.append(round((row.next_action_at - datetime.now(UTC)).total_seconds()))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    later = rig.work(after=timedelta(days=1))
    assert later.next_action_at is not None
    ahead = later.next_action_at - datetime.now(UTC) - timedelta(days=1)
    assert timedelta(minutes=59) < ahead <= timedelta(hours=1)


def test_what_changes_begins_with_quick_looks_again(rig: Rig) -> None:
    rig.internet.points_to()
    for _ in range(6):
        rig.work()
    rig.internet.points_to(THEIRS)
    rig.internet.strangers[THEIRS] = answered(404)
    row = rig.work()
    assert row.next_action_at is not None
    assert row.next_action_at - datetime.now(UTC) <= timedelta(seconds=1)


def test_a_record_that_is_seen_wakes_who_waits(rig: Rig) -> None:
    """The look at the record's propagation that succeeds, however long the certificate's back-off."""
    rig.internet.points_to()
    for _ in range(9):
        rig.work()
    with rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.domain_id)
        record = rows.record(session, domain, value=OURS, record_type=RecordType.A)
        record.status = type(record.status)("active")
        record_id = record.id

    class Seen:
        def authoritative(self, _name: str, _type: str, **_: Any) -> LookupResult:
            return LookupResult("example.com", (Answer(AnswerKind.DATA, "ns1", (OURS,)),))

        def public(self, _name: str, _type: str) -> tuple[Answer, ...]:
            return ()

    seen: Any = Seen()
    tools = rig.offline.tools
    object.__setattr__(tools, "resolver", seen)
    checks.sweep(rig.offline.sessions, tools, [rig.offline.leased(Record, record_id)])
    row = rig.row()
    assert row.next_action_at is not None
    assert row.next_action_at <= datetime.now(UTC)


def test_a_renewal_waits_too_and_what_is_served_stays(rig: Rig) -> None:
    rig.work()
    rig.internet.points_to(THEIRS)
    rig.internet.strangers[THEIRS] = answered(404)
    row = rig.work(after=timedelta(days=70))
    assert (row.status, row.generation, rig.authority.orders) == (CertificateStatus.ACTIVE, 1, 1)
    said = rig.condition()
    assert (said.status, said.reason, said.observed) == (True, "renewal_failing", (THEIRS,))
    assert THEIRS in said.message
    row = rig.work(after=timedelta(days=91))
    assert row.status is CertificateStatus.EXPIRED


def test_the_authority_of_this_installation_asks_nobody(rig: Rig) -> None:
    rig.internet.points_to()
    with rig.offline.sessions.begin(PLATFORM) as session:
        for row in session.scalars(Account.visible(PLATFORM)):
            row.provider = "local"
    assert rig.work().status is CertificateStatus.ACTIVE
    assert rig.internet.asked == []


def test_the_hosts_of_a_sandbox_answer_at_the_port_of_their_server(rig: Rig) -> None:
    object.__setattr__(rig.offline.tools, "special_use", True)
    rig.bind(proxy={"type": "nginx", "http_port": 8081})
    rig.work()
    assert rig.internet.asked == [(OURS, NAME, 8081)]


def test_without_a_sandbox_it_is_port_80(rig: Rig) -> None:
    rig.bind(proxy={"type": "nginx", "http_port": 8081})
    rig.work()
    assert rig.internet.asked == [(OURS, NAME, None)]


def test_the_slow_servers_of_an_owner_do_not_count_for_the_authority(rig: Rig) -> None:
    rig.internet.points_to()
    row = rig.work()
    assert row.waits_for == f"domain:{rig.domain_id}"
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, row.id).next_action_at = datetime(2026, 1, 1, tzinfo=UTC)

    with rig.offline.sessions.begin(PLATFORM) as session:
        (due,) = leases.oldest(session, Certificate, 10)
    assert issuance.peer(due, lambda _organization: 7) == f"resolvers:{rig.actor.organization_id}"
    with rig.offline.sessions.begin(PLATFORM) as session:
        work.wake_waiting(session, row.waits_for, datetime.now(UTC))
    rig.internet.points_to(OURS)
    rig.work()
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, row.id).next_action_at = datetime(2026, 1, 1, tzinfo=UTC)
    with rig.offline.sessions.begin(PLATFORM) as session:
        (due,) = leases.oldest(session, Certificate, 10)
    assert issuance.peer(due, lambda _organization: 7) == "account:7"


RING = KeyRing({"old": bytes(range(32)), "new": bytes(range(100, 132))}, "new")


def test_only_the_same_key_ring_answers_alike() -> None:
    token = "nameplate-0011223344556677-new"
    told = reachability.answer(RING, NAME, token)
    assert told is not None
    assert told != reachability.answer(RING, f"www.{NAME}", token)
    assert told != reachability.answer(RING, NAME, "nameplate-0011223344556678-new")
    later = KeyRing({"newer": bytes(range(50, 82)), "new": bytes(range(100, 132))}, "newer")
    assert reachability.answer(later, NAME, token) == told, "whoever rotates keys knows both"
    stranger = KeyRing({"new": bytes(range(7, 39))}, "new")
    assert reachability.answer(stranger, NAME, token) != told


@pytest.mark.parametrize("token", ["", "nameplate-", "nameplate-00-gone", "nameplate-00", "t0ken"])
def test_what_is_no_look_of_ours_is_not_answered(token: str) -> None:
    assert reachability.answer(RING, NAME, token) is None
