"""One ACME order, step by step at a real server: what is stored when, and what a crash repeats."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.servers.pebble import ChallTestSrv
from tests.usecases.certificates.certificate_rig import NAME, Rig, Slow, made

from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core import certificates
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.issuance import LONGEST_POLL
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.records import RRset
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import Budget, Certificate, Domain, HttpChallenge, LedgerEntry
from nameplate.ports.ca import Challenge
from nameplate.ports.dns import Zone
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases import work
from nameplate.usecases.certificates import challenges, issuance, requests
from nameplate.usecases.dns import zones
from nameplate.usecases.tenants import accounts

STEPS = [
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
]
APEX = "example.com"


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    return made(migrated_sqlite_sessions)


def _passed(rig: Rig) -> list[str]:
    return [point for point in rig.passed if point.startswith("certificate:")]


def _finish(rig: Rig, looks: int = 20) -> Certificate:
    """Look until the certificate is there."""
    for _ in range(looks):
        row = rig.work()
        if row.status is CertificateStatus.ACTIVE:
            return row
    raise AssertionError(row.status)


@contextmanager
def _transactions(rig: Rig) -> Iterator[list[str]]:
    """Count what is committed, by whether anything was written."""
    engine, kinds, written = rig.offline.sessions.system_engine, [], []

    def statement(_c: Any, _cur: Any, text: str, *_: Any) -> None:
        written.append(not text.lstrip().upper().startswith(("SELECT", "PRAGMA", "BEGIN")))

    def commit(_connection: Any) -> None:
        kinds.append("write" if any(written) else "read")
        written.clear()

    sa.event.listen(engine, "before_cursor_execute", statement)
    sa.event.listen(engine, "commit", commit)
    yield kinds
    sa.event.remove(engine, "before_cursor_execute", statement)
    sa.event.remove(engine, "commit", commit)


def test_two_writes_and_one_read_are_enough(rig: Rig, trusting: AcmeAuthority) -> None:
    rig.authority_is(trusting)
    lease = rig.offline.leased(Certificate, rig.certificate_id)
    with _transactions(rig) as kinds:
        issuance.reconcile(rig.offline.sessions, rig.offline.tools, lease)
    assert kinds == ["read", "write", "write"]
    assert _passed(rig) == STEPS
    assert rig.row().status is CertificateStatus.ACTIVE


class Died(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("point", STEPS)
def test_a_crash_repeats_nothing_that_matters(
    rig: Rig, trusting: AcmeAuthority, point: str
) -> None:
    authority = Slow(trusting)
    rig.authority_is(authority)
    points = [point]

    def checkpoint(passed: str) -> None:
        if passed in points:
            points.clear()
            raise Died

    rig.offline.tools = replace(rig.offline.tools, checkpoint=checkpoint)
    with pytest.raises(Died):
        _finish(rig)
    before = rig.row()
    _end_lease(rig)
    row = _finish(rig)
    assert (row.generation, authority.finalized) == (1, 1)
    if before.pending_private_key is not None:
        ring = rig.offline.tools.keyring
        stored = ring.open(before.pending_private_key, requests.pending_key_place(row))
        served = ring.open(row.private_key or "", requests.key_place(row))
        assert served == stored, "the order that was stored went on"
    with rig.offline.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(HttpChallenge)).all() == []


def _end_lease(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Certificate, rig.certificate_id).lease_until = None


def test_a_lost_answer_to_finalize_is_looked_up(rig: Rig, trusting: AcmeAuthority) -> None:
    authority = Slow(trusting)
    authority.away = True
    rig.authority_is(authority)
    with pytest.raises(Unavailable):
        _finish(rig)
    _end_lease(rig)
    assert _finish(rig).generation == 1
    assert authority.finalized == 1


def test_a_wait_keeps_what_is_known(rig: Rig, trusting: AcmeAuthority) -> None:
    authority = Slow(trusting)
    authority.pending_for = 2
    rig.authority_is(authority)
    row = rig.work()
    assert row.acme_challenge_data is not None
    assert len(row.acme_challenge_data.responded) == 1
    assert row.acme_challenge_data.presented == row.acme_challenge_data.responded
    assert row.next_action_at is not None
    assert timedelta(0) < row.next_action_at - datetime.now(UTC) <= timedelta(seconds=2)
    assert row.lease_until is None
    url = row.acme_order_url
    assert rig.work().acme_order_url == url
    rig.passed.clear()
    _finish(rig)
    assert "certificate:respond_intended" not in rig.passed
    assert "certificate:order_created" not in rig.passed


def test_an_authority_that_takes_long_is_told_of_until_it_has_decided(
    rig: Rig, trusting: AcmeAuthority
) -> None:
    """It was looked at every 2 s for ever, and nobody was told."""
    authority = Slow(trusting)
    authority.pending_for = 2
    rig.authority_is(authority)
    row = rig.work()
    known = row.acme_challenge_data
    assert known is not None
    assert known.waiting_since is not None
    assert row.trouble_code is None
    began = known.waiting_since - timedelta(minutes=5)
    earlier = replace(known, waiting_since=began)
    rig.change(Certificate, rig.certificate_id, acme_challenge_data=earlier)
    row = rig.work()
    assert row.trouble_code == "order_undecided"
    assert f"{began:%Y-%m-%d %H:%M}" in (row.trouble_message or "")
    assert row.next_action_at is not None
    assert timedelta(seconds=10) < row.next_action_at - datetime.now(UTC) <= LONGEST_POLL
    told = rig.condition()
    assert (told.reason, told.turn) == ("order_undecided", Turn.AUTHORITY)
    assert told.fix.startswith("Wait.")
    assert _finish(rig).trouble_code is None


def test_tokens_are_answered_while_they_are_needed(rig: Rig, looking: AcmeAuthority) -> None:
    """The web server has no token: the authority says so, and nothing of the order stays."""
    seen: list[str | None] = []

    class Watched(Slow):
        def respond(self, challenge: Challenge) -> None:
            with rig.offline.sessions.begin(PLATFORM) as session:
                seen.append(challenges.answer(session, NAME, challenge.token))
                assert challenges.answer(session, "other.example.com", challenge.token) is None
            super().respond(challenge)

    rig.authority_is(Watched(looking))
    for _ in range(50):
        row = rig.work()
        if row.status is CertificateStatus.ERROR:
            break
    assert row.renewal_error_code in {"order_invalid", "challenge_invalid"}
    assert NAME in (row.renewal_error_message or "")
    assert row.next_action_at is not None, "it is tried again"
    assert all(seen)
    assert len(seen) == 1
    with rig.offline.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(HttpChallenge)).all() == []


@pytest.mark.parametrize("is_cut_off", [True, False])
def test_a_connection_that_was_cut_off_is_tried_again_soon(
    rig: Rig, looking: AcmeAuthority, world: ChallTestSrv, is_cut_off: bool
) -> None:
    """A proxy that loads something closes connections; a web server without the token answers."""
    if is_cut_off:
        world.add_a(NAME, "127.0.0.99")  # nobody listens there
    rig.authority_is(Slow(looking))
    try:
        for _ in range(50):
            row = rig.work()
            if row.status is CertificateStatus.ERROR:
                break
    finally:
        world.clear_a(NAME)
    assert row.renewal_error_code in {"order_invalid", "challenge_invalid"}
    assert row.next_renewal_attempt_at is not None
    assert row.last_renewal_error_at is not None
    wait = row.next_renewal_attempt_at - row.last_renewal_error_at
    assert (wait <= timedelta(seconds=10)) is is_cut_off


def test_a_served_token_proves_the_name(
    rig: Rig, looking: AcmeAuthority, world: ChallTestSrv
) -> None:
    class Served(Slow):
        def respond(self, challenge: Challenge) -> None:
            with rig.offline.sessions.begin(PLATFORM) as session:
                told = challenges.answer(session, NAME, challenge.token)
            world.add_http01(challenge.token, told or "")
            super().respond(challenge)

    rig.authority_is(Served(looking))
    assert _finish(rig, 50).generation == 1


class Mirror:
    """The Internet as a provider in memory would have it, once it has arrived there."""

    def __init__(self, provider: MemoryDns) -> None:
        self._provider = provider
        self.has_arrived = True

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del delegated
        found = {rrset.key: rrset for rrset in self._provider.records(Zone(APEX))}
        rrset = found.get((name, rdtype)) if self.has_arrived else None
        if rrset is None:
            return LookupResult(APEX, (Answer(AnswerKind.NXDOMAIN, "ns1"),))
        texts = tuple(value.strip('"') for value in rrset.values)
        return LookupResult(APEX, (Answer(AnswerKind.DATA, "ns1", texts),))


@pytest.fixture
def hosted(rig: Rig) -> tuple[Rig, Mirror, Callable[[], None]]:
    """Return a wildcard's rig, the world that shows its zone, and a look at that zone."""
    provider = MemoryDns({APEX: [RRset(APEX, "SOA", 3600, ("ns. host. 1 2 3 4 5",))]})
    mirror: Any = Mirror(provider)
    offline = rig.offline
    offline.tools = replace(offline.tools, resolver=mirror, dns_provider=lambda _account: provider)
    with offline.sessions.begin(rig.actor) as session:
        account = accounts.add(
            session, rig.actor, offline.tools, kind="dns", provider="memory", name="dns",
            credentials={"api_key": "a secret"},
        )  # fmt: skip
        domain = session.get_one(Domain, rig.domain_id)
        domain.dns_account_id = account.id
        domain.dns = replace(domain.dns, zone=APEX)
    rig.want(hosts=[NAME, f"*.{NAME}"])

    def look() -> None:
        zones.reconcile(offline.sessions, offline.tools, offline.leased(Domain, rig.domain_id))

    return rig, mirror, look


def test_a_wildcard_is_proved_by_two_values_at_one_name(
    hosted: tuple[Rig, Mirror, Callable[[], None]], trusting: AcmeAuthority
) -> None:
    rig, mirror, look = hosted
    rig.authority_is(trusting)
    row = rig.work()
    assert row.next_action_at is not None
    assert row.next_action_at - datetime.now(UTC) <= timedelta(seconds=5)
    with rig.offline.sessions.begin(PLATFORM) as session:
        wanted = session.scalars(sa.select(LedgerEntry)).all()
        assert {entry.name for entry in wanted} == {f"_acme-challenge.{NAME}"}
        assert len(wanted) == 2
        assert session.get_one(Domain, rig.domain_id).next_action_at is not None
    look()
    mirror.has_arrived = False
    rig.work()
    assert "certificate:presented" not in rig.passed, "written, but nobody can see it"
    mirror.has_arrived = True
    row = _finish(rig)
    assert _passed(rig) == STEPS
    assert set(certificates.facts((row.certificate or "").encode()).names) == {NAME, f"*.{NAME}"}
    look()
    assert mirror.authoritative(f"_acme-challenge.{NAME}", "TXT").answers[0].values == ()


def test_who_lost_the_row_writes_nothing(rig: Rig, trusting: AcmeAuthority) -> None:
    rig.authority_is(trusting)

    def lose(passed: str) -> None:
        if passed == "certificate:order_created":
            with rig.offline.sessions.begin(PLATFORM) as session:
                session.get_one(Certificate, rig.certificate_id).fence += 1

    rig.offline.tools = replace(rig.offline.tools, checkpoint=lose)
    with pytest.raises(work.Superseded):
        rig.work()
    assert (rig.row().pending_private_key, rig.row().acme_order_url) == (None, None)


def test_orders_at_lets_encrypt_are_spent_from_budgets(rig: Rig) -> None:
    """The account says Let's Encrypt, whatever it is connected to."""
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.update(
            session, PLATFORM, rig.offline.tools, "ca",
            config={"directory_url": "https://acme-v02.api.letsencrypt.org/directory"},
        )  # fmt: skip
    rig.work()
    with rig.offline.sessions.begin(PLATFORM) as session:
        spent = sorted(row.key.split(":")[2] for row in session.scalars(sa.select(Budget)))
    assert spent == ["domain", "orders", "organization", "set"]
