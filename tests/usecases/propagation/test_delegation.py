"""Whether the account's zone is the one that the Internet sees: when it is asked, and what is kept."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.offline import Offline
from tests.usecases.seen_dns import SeenDns

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.actor import PLATFORM
from nameplate.core.delegation import Delegated
from nameplate.core.errors import Unavailable
from nameplate.core.records import RRset
from nameplate.db import database_now
from nameplate.models import DnsSettings, Domain, KnownDelegation
from nameplate.usecases.propagation import delegation
from nameplate.usecases.propagation.delegation import Question

SERVERS = ("ns1.hoster.example", "ns2.hoster.example")
THERE = SeenDns({"acme.com": SERVERS})
APEX = RRset("acme.com", "NS", 60, tuple(f"{server}." for server in SERVERS))


class Rig:
    """A domain whose records are in the zone of an account."""

    def __init__(self, url: str) -> None:
        self.world = Offline(sessions_over(url))
        self.provider: Any = MemoryDns({"acme.com": [APEX]})
        with self.world.sessions.begin(PLATFORM) as session:
            owner = rows.organization(session)
            account = rows.account(session, owner)
            dns = DnsSettings("acme.com")
            self.id = rows.domain(session, owner, dns_account_id=account.id, dns=dns).id

    def question(
        self, *, doubtful: bool = False, after: timedelta = timedelta(0)
    ) -> Question | None:
        with self.world.sessions.begin(PLATFORM) as session:
            row = session.get_one(Domain, self.id)
            return delegation.question(
                session, row, database_now(session) + after, doubtful=doubtful
            )

    def look(self, seen: SeenDns) -> None:
        asked = self.question(doubtful=True, after=timedelta(hours=1))
        assert asked is not None
        tools = replace(
            self.world.tools, resolver=seen, dns_provider=lambda _account: self.provider
        )
        delegation.note(self.world.sessions, [delegation.ask(tools, asked)])

    def domain(self) -> Domain:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, self.id)

    @property
    def kept(self) -> KnownDelegation:
        return self.domain().delegation or KnownDelegation()

    @property
    def seen(self) -> Delegated:
        seen = self.kept.seen
        assert seen is not None
        return seen


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return Rig(migrated_sqlite_url)


def test_it_is_asked_at_first_and_then_rarely_unless_in_doubt(rig: Rig) -> None:
    rig.look(THERE)
    assert rig.question() is None
    assert rig.question(after=timedelta(hours=23)) is None
    assert rig.question(after=timedelta(hours=25)) is not None
    assert rig.question(doubtful=True) is None
    assert rig.question(doubtful=True, after=timedelta(minutes=2)) is not None


def test_somebody_can_have_it_asked_at_once(rig: Rig) -> None:
    rig.look(THERE)
    with rig.world.sessions.begin(PLATFORM) as session:
        delegation.ask_again(session.get_one(Domain, rig.id))
    assert rig.question() is not None


def test_the_provider_is_asked_once_a_week(rig: Rig) -> None:
    first = rig.question()
    assert first is not None
    assert first.account is not None
    rig.look(THERE)
    assert rig.kept.expected == SERVERS
    again = rig.question(after=timedelta(days=2))
    assert again is not None
    assert (again.account, again.expected) == (None, SERVERS)
    later = rig.question(after=timedelta(days=8))
    assert later is not None
    assert later.account is not None


def test_a_provider_that_does_not_tell_changes_nothing(rig: Rig) -> None:
    class Away:
        def records(self, _zone: Any) -> Any:
            raise Unavailable("provider_unreachable", "It is away.")

    rig.provider = Away()
    rig.look(THERE)
    assert (rig.kept.expected, rig.kept.expected_at) == ((), None)
    assert rig.seen.parent == SERVERS


def test_a_look_without_a_zone_keeps_the_last_one(rig: Rig) -> None:
    rig.look(THERE)
    first = rig.kept.at
    assert first is not None
    rig.look(SeenDns())
    assert rig.seen.zone == "acme.com"
    assert rig.seen.parent == SERVERS
    last = rig.kept.at
    assert last is not None
    assert last >= first


def test_lame_servers_are_kept_with_what_they_said(rig: Rig) -> None:
    rig.look(SeenDns({"acme.com": SERVERS}, lame=frozenset({"acme.com"})))
    assert rig.seen.working == 0
    assert rig.seen.lame[0] == f"{SERVERS[0]} (192.0.2.1) lame"
    found = delegation.condition(rig.domain(), [])
    assert found is not None
    assert found.status is not True


def test_the_right_servers_are_said_to_be_right(rig: Rig) -> None:
    assert delegation.condition(rig.domain(), []) is None
    rig.look(THERE)
    found = delegation.condition(rig.domain(), [])
    assert found is not None
    assert found.status is True


def test_an_answer_for_another_zone_is_void(rig: Rig) -> None:
    asked = rig.question()
    assert asked is not None
    tools = replace(rig.world.tools, resolver=THERE, dns_provider=lambda _account: rig.provider)
    answered = delegation.ask(tools, asked)
    with rig.world.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, rig.id)
        row.dns = DnsSettings("other.com")
    delegation.note(rig.world.sessions, [answered])
    assert rig.domain().delegation is None


def test_without_an_account_there_is_nothing_to_ask(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        session.get_one(Domain, rig.id).dns_account_id = None
    assert rig.question() is None
    assert delegation.condition(rig.domain(), []) is None
