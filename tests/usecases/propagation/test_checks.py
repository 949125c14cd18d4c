"""What is seen of records on an Internet of real servers: a registry, two hosters, a cache."""

import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.proof import prove
from tests.servers.internet import BIND, POWERDNS, Internet
from tests.usecases.offline import Offline

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.conditions import Condition
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Conflict, NotFound, Unavailable
from nameplate.core.records import RRset
from nameplate.models import Domain, Record
from nameplate.models.observations import DOUBTS, Observation
from nameplate.ports.dns import DnsProvider
from nameplate.ports.resolver import Answer, LookupResult
from nameplate.usecases.claims import conditions, domains
from nameplate.usecases.dns import records, zones
from nameplate.usecases.propagation import checks
from nameplate.usecases.tenants import accounts

BOTH = {"ns1.example.test": BIND, "ns2.example.test": POWERDNS}
WHERE = {"example.test": BIND, "dev.example.test": POWERDNS, "moved.test": POWERDNS} | {
    "lame.test": POWERDNS
}


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    folder = tmp_path_factory.mktemp("internet")
    at_powerdns = ["example.test", "dev.example.test", "moved.test", "lame.test"]
    with Internet(folder, ["example.test", "moved.test"], at_powerdns) as made:
        made.delegate("example.test", BOTH)
        made.delegate("moved.test", {"ns.hoster.test": POWERDNS})
        made.delegate("lame.test", {"ns1.lame.test": POWERDNS, "ns2.lame.test": BIND})
        made.resolve(WHERE)
        yield made


class Scene:
    """An organization whose domain's account is at one of the hosters."""

    def __init__(self, net: Internet, url: str) -> None:
        self.net = net
        offline = Offline(sessions_over(url))
        self.offline, self.sessions = offline, offline.sessions
        self.providers: dict[str, DnsProvider] = {
            "bind": net.at_bind,
            "powerdns": net.at_powerdns,
        }
        self.tools = offline.tools = replace(
            offline.tools,
            resolver=net.resolver(),
            dns_provider=lambda account: self.providers[account.name],
            special_use=True,
        )
        self.acme = offline.organization("acme")

    def claim(self, name: str, account: str) -> int:
        """Add a proved domain and return its id."""

        def made(session: Session) -> int:
            accounts.add(
                session, PLATFORM, self.tools, kind="dns", provider="memory", name=account,
                organization="acme", config={}, credentials={"api_key": "x"},
            )  # fmt: skip
            row = domains.add(session, self.tools, self.acme, name=name, account=account)
            return row.id

        def proved(session: Session, domain_id: int) -> None:
            prove(session, session.get_one(Domain, domain_id), datetime.now(UTC))

        domain_id = self.sessions.run(PLATFORM, made)
        self.sessions.run(PLATFORM, lambda session: proved(session, domain_id))
        return domain_id

    def record(self, domain: int, name: str, value: str, **fields: Any) -> int:
        """Want a record, have it written to the provider, and return its id."""
        reference, now = ids.show("dom", domain), datetime.now(UTC)
        wanted = {"type": "A", "ttl": 300, **fields}
        row = self.sessions.run(
            PLATFORM,
            lambda s: records.add(
                s, PLATFORM, reference, name=name, value=value, now=now, **wanted
            ),
        )
        self.write(domain)
        return row.id

    def write(self, domain: int) -> None:
        """Bring what is wanted to the provider."""
        zones.reconcile(self.sessions, self.tools, self.offline.leased(Domain, domain))

    def look(self, *record_ids: int, after: timedelta = timedelta(0)) -> list[Any]:
        """Have a worker look at records, and return them."""
        leases = [self.offline.leased(Record, one, after=after) for one in record_ids]
        checks.sweep(self.sessions, self.tools, leases)
        return [self.read(Record, one) for one in record_ids]

    def read(self, kind: type[Any], row_id: int) -> Any:
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(kind, row_id)

    def seen(self, record: int) -> Observation:
        with self.sessions.begin(self.acme) as session:
            look = checks.show(session, self.acme, ids.show("rec", record)).look
        assert look is not None
        return look

    def condition(self, domain: int, kind: str) -> Condition | None:
        with self.sessions.begin(PLATFORM) as session:
            found = conditions.of(session, self.tools, session.get_one(Domain, domain))
        return next((one for one in found if one.type == kind), None)


@pytest.fixture
def scene(net: Internet, migrated_sqlite_url: str) -> Iterator[Scene]:
    made = Scene(net, migrated_sqlite_url)
    yield made
    made.sessions.dispose()


def fresh() -> str:
    """Return a label that no server and no cache has heard of."""
    return f"n{secrets.token_hex(4)}"


def behind(net: Internet, name: str, *values: str, zone: str = "example.test") -> None:
    """Bring a record set to PowerDNS, which is behind BIND until somebody does."""
    net.write(net.at_powerdns, zone, RRset(name, "A", 300, values))


def test_a_server_that_is_behind_is_named(scene: Scene) -> None:
    domain, label = scene.claim("example.test", "bind"), fresh()
    record = scene.record(domain, label, "192.0.2.7")
    (row,) = scene.look(record)
    assert (row.propagated, row.attempts) == (False, 1)
    expected = (
        "Seen by 1 of 2 authoritative servers: "
        f"ns2.example.test ({POWERDNS}) says the name does not exist."
    )
    assert row.error_message == expected
    dns = scene.condition(domain, "dns")
    assert dns is not None
    assert (dns.status, dns.reason, dns.message) == (False, "record_active", expected)
    assert f"ns1.example.test ({BIND}) says 192.0.2.7" in dns.observed
    first = row.propagation_checked_at

    behind(scene.net, f"{label}.example.test", "192.0.2.7", "192.0.2.8")
    (row,) = scene.look(record, after=timedelta(seconds=10))
    assert (row.propagated, row.error_message, row.attempts) == (True, None, 0)
    assert row.propagation_checked_at > first
    left = row.next_action_at - row.propagation_checked_at
    assert timedelta(hours=23) < left <= timedelta(days=1, seconds=5), "it is watched from now on"
    delegation = scene.condition(domain, "delegation")
    assert delegation is not None
    assert (delegation.status, delegation.reason) == (True, "delegated_partly")
    assert "ns2.example.test" in delegation.message, "the provider's zone names ns1 alone"


def test_an_old_answer_is_counted_down(scene: Scene) -> None:
    net, resolver = scene.net, scene.tools.resolver
    domain, label = scene.claim("example.test", "bind"), fresh()
    record = scene.record(domain, label, "192.0.2.1")
    behind(net, f"{label}.example.test", "192.0.2.2")
    assert resolver.public(f"{label}.example.test", "A")[0].values == ("192.0.2.1",)
    reference = ids.show("rec", record)
    now = datetime.now(UTC)
    scene.sessions.run(
        PLATFORM, lambda s: records.update(s, PLATFORM, reference, now=now, value="192.0.2.2")
    )
    assert scene.read(Record, record).propagation is None, "what was seen was another value"
    scene.write(domain)
    time.sleep(1.1)
    (row,) = scene.look(record)
    assert (row.propagated, row.error_message) == (True, None), "caches inform, they do not decide"
    (cache,) = scene.seen(record).old
    assert cache.answer.values == ("192.0.2.1",)
    assert 290 < cache.answer.ttl < 300, "what is left, not what it was"
    now = row.propagation_checked_at
    look = scene.seen(record)
    left = cache.answer.ttl
    server = "{}:{}".format(*net.public)
    assert f"{server} caches an old answer for another {left} s." in look.sentence(now)
    later = now + timedelta(seconds=80)
    assert f"for another {left - 80} s." in look.sentence(later)
    assert look.ttl_left(cache, now + timedelta(hours=1)) == 0
    wait = (row.next_action_at - now).total_seconds()
    assert left < wait < left + 6, "the next look is when the old answer ends"


def test_a_remembered_nothing_ends_by_itself(scene: Scene) -> None:
    label = fresh()
    assert scene.tools.resolver.public(f"{label}.example.test", "A")[0].values == ()
    record = scene.record(scene.claim("example.test", "bind"), label, "192.0.2.3")
    behind(scene.net, f"{label}.example.test", "192.0.2.3")
    (row,) = scene.look(record)
    assert row.propagated
    sentence = scene.seen(record).sentence(row.propagation_checked_at)
    assert "caches an answer without the record for another " in sentence
    assert (row.next_action_at - row.propagation_checked_at) <= timedelta(seconds=62), "SOA minimum"


def test_a_delegation_that_points_elsewhere(scene: Scene) -> None:
    net = scene.net
    domain = scene.claim("moved.test", "bind")
    record = scene.record(domain, "www", "192.0.2.7")
    there = net.at_bind.records(net.zone(net.at_bind, "moved.test"))
    assert ("www.moved.test", "A") in {one.key for one in there}, "the provider has it"
    (row,) = scene.look(record)
    assert not row.propagated
    assert row.last_synced_at is not None
    found = scene.condition(domain, "delegation")
    assert found is not None
    assert (found.status, found.reason) == (False, "delegated_elsewhere")
    assert "the provider's zone is not visible on the Internet" in found.message
    assert found.observed == ("moved.test NS ns.hoster.test",)
    assert found.expected == ("moved.test NS ns1.moved.test",)
    assert found.fix == "Set these name servers at the registrar: ns1.moved.test."

    net.delegate("moved.test", {"ns1.moved.test": BIND})
    net.resolve({**WHERE, "moved.test": BIND})
    scene.tools = replace(scene.tools, resolver=net.resolver())
    try:
        (row,) = scene.look(record, after=timedelta(minutes=2))
        assert row.propagated
        found = scene.condition(domain, "delegation")
        assert found is not None
        assert (found.status, found.reason) == (True, "delegated")
    finally:
        net.delegate("moved.test", {"ns.hoster.test": POWERDNS})
        net.resolve(WHERE)


def test_the_provider_is_not_asked_with_every_look(scene: Scene) -> None:
    domain = scene.claim("moved.test", "bind")
    record = scene.record(domain, "often", "192.0.2.7")
    scene.look(record)
    asked: list[str] = []

    class Away:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            raise Unavailable("provider_unreachable", "away")

    away: Any = Away()
    scene.providers["bind"] = away
    scene.look(record, after=timedelta(minutes=2))
    assert asked == []
    scene.look(record, after=timedelta(days=8))
    assert asked, "but once a week"
    found = scene.condition(domain, "delegation")
    assert found is not None
    assert found.expected == ("moved.test NS ns1.moved.test",), "and what it said last stands"


def test_our_own_resolver_being_away_proves_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nameplate.adapters.resolver.query.TRIES", (0.05, 0.05))
    domain, label = scene.claim("example.test", "bind"), fresh()
    record = scene.record(domain, label, "192.0.2.7")
    behind(scene.net, f"{label}.example.test", "192.0.2.7")
    assert scene.look(record)[0].propagated
    good = scene.tools.resolver
    with scene.sessions.begin(PLATFORM) as session:
        session.get_one(Record, record).attempts = 9  # looks that waited for old answers in caches
    away = AuthoritativeResolver(EgressPolicy(), recursor=("127.0.0.1", 1))
    scene.tools = replace(scene.tools, resolver=away)
    for doubts in range(1, DOUBTS + 2):
        (row,) = scene.look(record, after=timedelta(minutes=2 * doubts))
        assert row.propagated is (doubts <= DOUBTS), "but not for ever"
        assert row.propagation_checked_at > datetime.now(UTC) + timedelta(minutes=2 * doubts - 1)
    assert row.error_message == "No authoritative server of the name was found."
    (row,) = scene.look(record, after=timedelta(hours=25))
    found = scene.condition(domain, "delegation")
    assert found is not None
    assert found.status, "what was seen of the delegation stands"
    scene.tools = replace(scene.tools, resolver=good)
    assert scene.look(record)[0].propagated


def test_a_lame_server_is_named(scene: Scene) -> None:
    domain = scene.claim("lame.test", "powerdns")
    (row,) = scene.look(scene.record(domain, "www", "192.0.2.7"))
    refusal = f"ns2.lame.test ({BIND}) refuses to answer"
    assert not row.propagated, "the zone itself names ns1 alone, but its parent names ns2 too"
    assert row.error_message == f"Seen by 1 of 2 authoritative servers: {refusal}."
    found = scene.condition(domain, "delegation")
    assert found is not None
    assert (found.status, found.reason) == (False, "lame_delegation")
    assert found.observed == (refusal,)


def test_a_zone_cut_below_hides_records(scene: Scene) -> None:
    net = scene.net
    for rrset in (
        RRset("dev.example.test", "NS", 300, ("ns1.dev.example.test.",)),
        RRset("ns1.dev.example.test", "A", 300, (POWERDNS,)),
    ):
        net.write(net.at_bind, "example.test", rrset)
    domain = scene.claim("example.test", "bind")
    (row,) = scene.look(scene.record(domain, "api.dev", "192.0.2.7"))
    assert not row.propagated
    found = scene.condition(domain, "delegation")
    assert found is not None
    assert (found.status, found.reason) == (False, "zone_cut_below")
    assert found.message.startswith("dev.example.test is a separate zone")


def test_a_wildcard_is_asked_for_by_a_name_below_it(scene: Scene) -> None:
    net = scene.net
    record = scene.record(scene.claim("example.test", "bind"), "*.w", "192.0.2.9")
    net.write(net.at_powerdns, "example.test", RRset("*.w.example.test", "A", 300, ("192.0.2.9",)))
    (row,) = scene.look(record)
    assert row.propagated
    names = {scene.seen(record).target.name for _ in range(2) if scene.look(record)}
    assert len(names) == 2, "a fresh label each time: no cache knows it"
    assert all(name.endswith(".w.example.test") and "*" not in name for name in names)


def test_behind_the_providers_edge_any_address_counts(scene: Scene) -> None:
    net = scene.net
    record = scene.record(scene.claim("example.test", "bind"), "edge", "192.0.2.10")
    net.write(net.at_bind, "example.test", RRset("edge.example.test", "A", 300, ("203.0.113.9",)))
    behind(net, "edge.example.test", "203.0.113.9")
    assert not scene.look(record)[0].propagated
    with scene.sessions.begin(PLATFORM) as session:
        session.get_one(Record, record).proxy_enabled = True
    assert scene.look(record)[0].propagated
    assert "any address counts" in scene.seen(record).sentence(datetime.now(UTC))


class Counting:
    """A resolver that notes what it is asked."""

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver
        self.asked: list[tuple[str, str]] = []

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        self.asked.append((name, rdtype))
        finding: LookupResult = self._resolver.authoritative(name, rdtype, delegated=delegated)
        return finding

    def public(self, name: str, rdtype: str) -> Sequence[Answer]:
        self.asked.append((name, rdtype))
        answers: Sequence[Answer] = self._resolver.public(name, rdtype)
        return answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resolver, name)


def test_a_record_set_is_asked_for_once(scene: Scene) -> None:
    domain = scene.claim("example.test", "bind")
    both = [scene.record(domain, "pair", value) for value in ("192.0.2.1", "192.0.2.2")]
    counting: Any = Counting(scene.tools.resolver)
    scene.tools = replace(scene.tools, resolver=counting)
    scene.look(*both)
    assert counting.asked == [("pair.example.test", "A")] * 2, "the authorities, and the caches"


def test_a_look_on_demand(scene: Scene) -> None:
    domain = scene.claim("example.test", "bind")
    reference = ids.show("rec", scene.record(domain, "now", "192.0.2.7"))
    view = checks.check(scene.sessions, scene.tools, scene.acme, reference)
    assert view.look is not None
    assert [one.seen for one in view.look.authoritative] == [True, False]
    again = checks.check(scene.sessions, scene.tools, scene.acme, reference)
    assert again.look == view.look, "other people's servers are not asked at every keystroke"
    stranger: Actor = scene.offline.organization("globex")
    with pytest.raises(NotFound):
        checks.check(scene.sessions, scene.tools, stranger, reference)
    now = datetime.now(UTC)
    scene.sessions.run(
        PLATFORM, lambda s: records.update(s, PLATFORM, reference, now=now, value="192.0.2.8")
    )
    with pytest.raises(Conflict, match="does not have it yet"):
        checks.check(scene.sessions, scene.tools, scene.acme, reference)


def test_checking_the_domain_looks_at_the_delegation_too(scene: Scene) -> None:
    domain = scene.claim("example.test", "bind")
    record = scene.record(domain, "again", "192.0.2.7")
    behind(scene.net, "again.example.test", "192.0.2.7")
    assert scene.look(record)[0].propagated
    first = scene.read(Domain, domain).delegation.at
    scene.look(record, after=timedelta(minutes=30))
    assert scene.read(Domain, domain).delegation.at == first, "all is well: once a day"
    scene.sessions.run(
        PLATFORM, lambda s: domains.check(s, PLATFORM, ids.show("dom", domain), datetime.now(UTC))
    )
    scene.look(record)
    assert scene.read(Domain, domain).delegation.at > first


def test_of_what_is_not_seen_for_long_one_record_is_looked_at_all_the_while(scene: Scene) -> None:
    """Whoever brings the name servers back is not told to wait for the longest back-off."""
    domain, label, other = scene.claim("example.test", "bind"), fresh(), fresh()
    both = [scene.record(domain, one, "192.0.2.7") for one in (label, other)]
    for _ in range(12):
        first, second = scene.look(*both)
    now = datetime.now(UTC)
    waits = sorted(row.next_action_at - now for row in (first, second))
    assert waits[0] <= checks.WATCH
    assert waits[1] > timedelta(minutes=2), "the others do not press on the servers"
    behind(scene.net, f"{label}.example.test", "192.0.2.7")
    (row,) = scene.look(both[0])
    assert row.propagated
    assert scene.read(Record, both[1]).next_action_at <= datetime.now(UTC), "it is woken"


def test_a_record_that_the_servers_deny_has_the_zone_read(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    domain, label = scene.claim("example.test", "bind"), fresh()
    record = scene.record(domain, label, "192.0.2.7")
    behind(scene.net, f"{label}.example.test", "192.0.2.7")
    scene.look(record)
    assert scene.read(Domain, domain).next_action_at > datetime.now(UTC) + timedelta(minutes=30)
    name = f"{label}.example.test"
    for provider in (scene.net.at_bind, scene.net.at_powerdns):
        scene.net.write(provider, "example.test", RRset(name, "A", 300, ("192.0.2.99",)))
    with caplog.at_level(logging.WARNING, "nameplate"):
        (row,) = scene.look(record)
    assert not row.propagated
    assert scene.read(Domain, domain).next_action_at <= datetime.now(UTC)
    assert [one.getMessage() for one in caplog.records] == ["record_unseen"]
