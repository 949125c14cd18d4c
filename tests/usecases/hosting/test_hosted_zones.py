"""A zone on the operator's own servers: after the proof, for its holder alone, and gone with him."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.proof import prove
from tests.servers.bind import Bind
from tests.servers.knot import CATALOG, Knot
from tests.servers.powerdns import PowerDns
from tests.usecases.offline import Offline

from nameplate import bootstrap
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions
from nameplate.models import Domain, HostedState, HostedZone, LedgerEntry, Verification
from nameplate.models.orm import Work
from nameplate.ports.dns import Zone
from nameplate.settings import Settings
from nameplate.usecases.claims import conditions, domains, holdings, instructions, proving
from nameplate.usecases.dns import records, zones
from nameplate.usecases.hosting import offers
from nameplate.usecases.tenants import accounts, organizations
from nameplate.usecases.tools import Tools

NAME, STATIC = "hosted.test", "static.test"
SERVERS = ["ns1.platform.example", "ns2.platform.example"]
HOSTED = {"name_servers": SERVERS, "hostmaster": "hostmaster.platform.example"}


@pytest.fixture(scope="module")
def present(tmp_path_factory: Any) -> Iterator[Bind]:
    """Start the DNS host that the Internet asks before the owner changes the name servers."""
    with Bind(tmp_path_factory.mktemp("present"), [NAME, STATIC]) as server:
        yield server


@pytest.fixture(scope="module")
def powerdns(tmp_path_factory: Any) -> Iterator[PowerDns]:
    with PowerDns(tmp_path_factory.mktemp("powerdns"), [STATIC]) as server:
        yield server


@pytest.fixture(scope="module")
def knot(tmp_path_factory: Any) -> Iterator[Knot]:
    with Knot(tmp_path_factory.mktemp("knot"), [STATIC]) as server:
        yield server


@dataclass
class Story:
    """A database, the operator's server, and which of two DNS hosts the Internet asks."""

    sessions: Sessions
    home: Path
    present: Bind
    server: Any
    delegated: bool = False
    actors: dict[str, Actor] = field(default_factory=dict)

    @property
    def tools(self) -> Tools:
        """The real ones; the resolver asks whichever host the names are delegated to."""
        own = self.server.dns_port if isinstance(self.server, PowerDns) else self.server.port
        there = f"127.0.0.1:{own if self.delegated else self.present.port}"
        servers: dict[str, tuple[str, ...]] = {NAME: (there,), STATIC: (there,)}
        settings = Settings(home=self.home, sandbox=True, dns_servers=servers)
        return bootstrap.tools(settings, bootstrap.keyring(settings))

    @property
    def host(self) -> Any:
        """The operator's server as it is reached by Nameplate."""
        with self.sessions.begin(PLATFORM) as session:
            return self.tools.dns_provider(accounts.get(session, PLATFORM, "platform"))

    def open_account(self, **hosted: Any) -> None:
        if isinstance(self.server, PowerDns):
            provider, config = "powerdns", {"api_url": self.server.api_url}
            secret = {"api_key": self.server.api_key.reveal()}
        else:
            name, algorithm, key = self.server.tsig
            provider, config = "rfc2136", {"server": f"127.0.0.1:{self.server.port}"}
            config |= {"tsig_name": name, "tsig_algorithm": algorithm}
            secret, hosted = {"tsig_secret": key.reveal()}, {"catalog": CATALOG, **hosted}
        with self.sessions.begin(PLATFORM) as session:
            accounts.add(
                session, PLATFORM, self.tools, kind="dns", provider=provider, name="platform",
                config={**config, "hosted": {**HOSTED, **hosted}}, credentials=secret,
            )  # fmt: skip

    def actor(self, name: str) -> Actor:
        if name not in self.actors:
            with self.sessions.begin(PLATFORM) as session:
                owner = organizations.add(session, PLATFORM, name=name)
                self.actors[name] = Actor(owner.id, name)
        return self.actors[name]

    def claim(self, who: str, name: str = NAME) -> int:
        """Claim as a tenant; the name servers are told at once."""
        offer = offers.offer(self.sessions)
        with self.sessions.begin(self.actor(who)) as session:
            row = domains.add(session, self.tools, self.actor(who), name=name, hosted=offer)
            told = instructions.of(session, self.tools, row)
            assert told[-1].instruction.all("name_server") == SERVERS
            return row.id

    def publish(self, domain_id: int) -> None:
        """Publish the proof at the present DNS host, as its owner."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(Domain, domain_id)
            told = instructions.of(session, self.tools, row)[0].instruction
        name = told.get("name") or ""
        host = Rfc2136("127.0.0.1", self.present.port, [NAME], self.present.tsig)
        wanted = RRset(name, "TXT", 60, (f'"{told.expected}"',))
        zone = Zone(STATIC if name.endswith(STATIC) else NAME)
        there = {rrset.key: rrset for rrset in host.records(zone)}.get(wanted.key)
        (outcome,) = host.apply(zone, [Change(there, wanted)])
        assert outcome.result == "applied"

    def work(self, kind: type[Work], row_id: int, after: timedelta = timedelta(0)) -> None:
        """Do what a worker does with one row, `after` from now."""
        lease = Offline(self.sessions).leased(kind, row_id, after=after)
        act = proving.reconcile if kind is Verification else zones.reconcile
        act(self.sessions, self.tools, lease)

    def prove(self, domain_id: int) -> None:
        with self.sessions.begin(PLATFORM) as session:
            token = session.get_one(Domain, domain_id).verification_token
            query = sa.select(Verification.id).where(Verification.verification_token == token)
            proof_id = session.scalars(query).one()
        self.work(Verification, proof_id)

    def hold(self, domain_id: int) -> None:
        """Let a name below have a proof of its own."""
        with self.sessions.begin(PLATFORM) as session:
            prove(session, session.get_one(Domain, domain_id), self.tools.clock())

    def domain(self, domain_id: int) -> Domain:
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, domain_id)

    def zone(self, name: str = NAME) -> HostedZone | None:
        with self.sessions.begin(PLATFORM) as session:
            return session.scalars(sa.select(HostedZone).where(HostedZone.name == name)).first()

    def condition(self, who: str, domain_id: int) -> Any:
        with self.sessions.begin(self.actor(who), read_only=True) as session:
            found = conditions.of(session, self.tools, session.get_one(Domain, domain_id))
        return next(one for one in found if one.type == "hosting")

    def remove(self, who: str, domain_id: int) -> None:
        with self.sessions.begin(self.actor(who)) as session:
            row = session.get_one(Domain, domain_id)
            domains.remove(
                session, self.tools, self.actor(who), row.full_domain, self.tools.clock()
            )
        self.work(Domain, domain_id)

    def names(self) -> set[str]:
        return {zone.name for zone in self.host.zones()}

    def live(self, name: str = NAME) -> dict[tuple[str, str], tuple[str, ...]]:
        return {rrset.key: rrset.values for rrset in self.host.records(Zone(name))}


@contextlib.contextmanager
def told(sessions: Sessions, tmp_path: Path, present: Bind, server: Any) -> Iterator[Story]:
    made = Story(sessions, tmp_path, present, server)
    made.open_account()
    yield made
    with contextlib.suppress(Exception):
        for zone in made.host.zones():
            row = made.zone(zone.name)
            if row is not None:
                made.host.delete(zone, row.mark)


@pytest.fixture
def story(sessions: Sessions, tmp_path: Path, present: Bind, powerdns: PowerDns) -> Iterator[Story]:
    """Let the operator run PowerDNS, on each database."""
    with told(sessions, tmp_path, present, powerdns) as made:
        yield made


@pytest.fixture(params=["powerdns", "knot"])
def at_each(
    request: Any, migrated_sqlite_url: str, tmp_path: Path, present: Bind
) -> Iterator[Story]:
    """Let the operator run each kind of server, on SQLite."""
    sessions = sessions_over(migrated_sqlite_url)
    with told(sessions, tmp_path, present, request.getfixturevalue(request.param)) as made:
        yield made
    sessions.dispose()


def hosted(story: Story, who: str = "acme") -> int:
    """Claim, prove and create."""
    domain_id = story.claim(who)
    story.publish(domain_id)
    story.prove(domain_id)
    story.work(Domain, domain_id)
    row = story.zone()
    assert row is not None
    assert row.state is HostedState.PRESENT
    return domain_id


def tells_the_whole_way(story: Story) -> None:
    """From the claim over the proof and the delegation to the release."""
    domain_id = story.claim("acme")
    assert story.condition("acme", domain_id).reason == "zone_after_proof"
    story.work(Domain, domain_id)
    assert (story.names(), story.zone()) == (set(story.names()) - {NAME}, None)

    story.publish(domain_id)
    story.prove(domain_id)
    with story.sessions.begin(story.actor("acme")) as session:
        records.add(
            session, story.actor("acme"), NAME,
            type="A", name="www", value="192.0.2.7", ttl=300, now=story.tools.clock(),
        )  # fmt: skip
    story.work(Domain, domain_id)
    live = story.live()
    assert live[NAME, "NS"] == tuple(f"{server}." for server in SERVERS)
    assert live[f"www.{NAME}", "A"] == ("192.0.2.7",)
    waiting = story.condition("acme", domain_id)
    assert (waiting.reason, waiting.expected) == ("not_delegated", tuple(SERVERS))
    assert "ns1.hosted.test" in str(waiting.observed)
    assert story.domain(domain_id).next_action_at is not None

    story.delegated = True
    story.work(Domain, domain_id, after=timedelta(minutes=2))
    assert story.condition("acme", domain_id).status is True
    story.prove(domain_id)  # the proof has moved with the name
    assert story.domain(domain_id).error_message is None

    story.remove("acme", domain_id)
    assert NAME not in story.names()
    assert story.zone() is None
    with story.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(LedgerEntry)).all() == []
    assert story.domain(domain_id).next_action_at is None


def test_the_whole_way_on_each_database(story: Story) -> None:
    tells_the_whole_way(story)


def test_the_whole_way_at_each_server(at_each: Story) -> None:
    tells_the_whole_way(at_each)


def test_of_two_claims_the_proved_one_has_the_zone(at_each: Story) -> None:
    story = at_each
    rival, owner = story.claim("rival"), story.claim("owner")
    story.publish(owner)
    for domain_id in (rival, owner):
        story.prove(domain_id)
        story.work(Domain, domain_id)
    row = story.zone()
    assert row is not None
    assert row.organization_id == story.actor("owner").organization_id
    assert story.condition("rival", rival).reason == "zone_after_proof"
    story.remove("rival", rival)
    assert NAME in story.names()


def test_a_zone_that_is_there_already_is_refused(at_each: Story) -> None:
    story = at_each
    domain_id = story.claim("acme", STATIC)
    story.publish(domain_id)
    story.prove(domain_id)
    there = story.live(STATIC)
    story.work(Domain, domain_id)
    assert "that Nameplate did not create" in (story.domain(domain_id).error_message or "")
    assert story.zone(STATIC) is None
    story.remove("acme", domain_id)
    assert story.live(STATIC) == there


def test_a_zone_with_records_of_others_stays_and_says_so(at_each: Story) -> None:
    story = at_each
    domain_id = hosted(story)
    theirs = RRset(f"theirs.{NAME}", "A", 60, ("192.0.2.66",))
    story.host.apply(Zone(NAME), [Change(None, theirs)])
    story.remove("acme", domain_id)
    live = story.live()
    assert live[theirs.key] == theirs.values
    assert not any(key[1] == "TXT" for key in live), "what we wrote is taken back"
    row = story.zone()
    assert row is not None
    assert row.state is HostedState.KEPT
    assert f"theirs.{NAME} A" in (row.error_message or "")
    story.host.apply(Zone(NAME), [Change(theirs, None)])
    story.work(Domain, domain_id)
    assert NAME not in story.names()


def test_a_worker_that_dies_after_the_creation_is_followed_by_one_that_knows(
    at_each: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = at_each
    domain_id = story.claim("acme")
    story.publish(domain_id)
    story.prove(domain_id)
    kind = type(story.host)
    create = kind.create

    def dying(self: Any, new: Any) -> Any:
        create(self, new)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(kind, "create", dying)
        with pytest.raises(KeyboardInterrupt):
            story.work(Domain, domain_id)
    row = story.zone()
    assert row is not None
    assert row.state is HostedState.INTENDED
    assert NAME in story.names()
    story.work(Domain, domain_id, after=timedelta(minutes=2))
    after = story.zone()
    assert after is not None
    assert (after.state, after.mark) == (HostedState.PRESENT, row.mark)


def test_the_next_holder_gets_the_zone_when_the_last_one_has_lost_the_name(at_each: Story) -> None:
    story = at_each
    former = hosted(story, "former")
    with story.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, former)
        row.lapse("the proof is gone")
        holdings.release(session, row)
    heir = story.claim("heir")
    story.publish(heir)
    story.prove(heir)
    story.work(Domain, heir)
    assert "older zone" in (story.domain(heir).error_message or "")
    story.work(Domain, former)
    assert NAME not in story.names()
    story.work(Domain, heir)
    found = story.zone()
    assert found is not None
    assert found.organization_id == story.actor("heir").organization_id


def test_names_below_live_in_the_same_zone_and_keep_it(at_each: Story) -> None:
    story = at_each
    apex = hosted(story)
    below = story.claim("acme", f"www.{NAME}")
    assert story.domain(below).dns.zone == NAME
    story.work(Domain, below)
    assert any(key[0].endswith(f"www.{NAME}") for key in story.live())
    story.hold(below)
    story.remove("acme", apex)
    assert NAME in story.names(), "another domain lives in it"
    row = story.zone()
    assert row is not None
    assert row.organization_domain_id == below
    story.remove("acme", below)
    assert NAME not in story.names()


def test_a_name_below_gives_nobody_the_zone_above(at_each: Story) -> None:
    """The zone went with its domain; the name that lay in it is proved, its parent is not."""
    story = at_each
    apex = hosted(story)
    below = story.claim("acme", f"www.{NAME}")
    story.hold(below)
    story.remove("acme", apex)
    assert NAME not in story.names()
    assert story.domain(below).is_live
    story.work(Domain, below)
    assert f"Prove {NAME} itself" in (story.domain(below).error_message or "")
    assert NAME not in story.names()


def test_a_claim_is_refused_where_it_makes_no_sense(at_each: Story) -> None:
    story, actor = at_each, at_each.actor("acme")
    offer = offers.offer(story.sessions)
    refused: dict[str, dict[str, Any]] = {
        "hosted_needs_dns": {"verification_method": "file_upload"},
        "hosted_with_account": {"zone": NAME},
    }
    for code, given in refused.items():
        with story.sessions.begin(actor) as session, pytest.raises(Invalid) as caught:
            domains.add(session, story.tools, actor, name=NAME, hosted=offer, **given)
        assert caught.value.code == code


POWER: Any = {"config": {"api_url": "http://127.0.0.1:1"}, "credentials": {"api_key": "k"}}


def test_what_is_not_offered_cannot_be_had(sessions: Sessions, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    for config, kind, code in (
        ({}, Conflict, "hosting_unavailable"),
        ({"hosted": {**HOSTED, "closed": True}}, Conflict, "hosting_unavailable"),
        ({"hosted": {"name_servers": []}}, Invalid, "hosting_misconfigured"),
    ):
        with sessions.begin(PLATFORM) as session:
            row = accounts.add(
                session, PLATFORM, tools, kind="dns", provider="powerdns", name="x", **POWER
            )
            row.config = {**row.config, **config}  # an older version let more pass
        with pytest.raises(kind) as caught:
            offers.offer(sessions)
        assert caught.value.code == code


def test_only_the_platforms_account_hosts(sessions: Sessions, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    with sessions.begin(PLATFORM) as session:
        owner = organizations.add(session, PLATFORM, name="Mallory")
        accounts.add(
            session, PLATFORM, tools, kind="dns", provider="powerdns", name="evil",
            organization=owner.slug, credentials={"api_key": "k"},
            config={"api_url": "http://127.0.0.1:1", "hosted": HOSTED},
        )  # fmt: skip
    with pytest.raises(Conflict):
        offers.offer(sessions)
