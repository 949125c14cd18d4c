"""Dangling records on an Internet of real servers: found, told to whoever owns them, ended by repair."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.proof import prove
from tests.servers.hostile import HostileServer, request_head
from tests.servers.internet import BIND, POWERDNS, Internet
from tests.usecases.offline import Offline

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.dangling.found import Severity
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.records import RRset
from nameplate.core.turns import Turn
from nameplate.models import (
    DanglingRecord,
    DanglingScan,
    DanglingState,
    Domain,
    Event,
    NameHolding,
    Record,
    RecordType,
    Server,
)
from nameplate.usecases.claims import diagnosis, domains
from nameplate.usecases.propagation import dangling
from nameplate.usecases.propagation.dangling_looks import ScanPace

APEX = "example.test"
HOSTED = [APEX, "lame.test", "github.io", "elasticbeanstalk.com"]
FREE = "There isn't a GitHub Pages site here."


class Site:
    """What the web server behind every name answers."""

    status = 404
    page = FREE


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    folder = tmp_path_factory.mktemp("internet")
    with Internet(folder, ["other.test"], HOSTED) as made:
        made.delegate(APEX, {"ns.example.test": POWERDNS})
        made.delegate("lame.test", {"ns1.lame.test": POWERDNS, "ns2.lame.test": BIND})
        made.resolve(dict.fromkeys(HOSTED, POWERDNS))
        yield made


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[Site, int]]:
    site = Site()

    def answer(connection: socket.socket) -> None:
        request_head(connection)
        body = site.page.encode()
        head = f"HTTP/1.1 {site.status} X\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with HostileServer(answer) as server:
        yield site, server.port


class Scene:
    """An organization with one held domain, whose zone is at a real name server."""

    def __init__(self, net: Internet, web: tuple[Site, int], url: str) -> None:
        self.net, (self.site, port) = net, web
        self.offline = Offline(sessions_over(url))
        self.sessions = self.offline.sessions
        resolver = net.resolver()
        pages = SafeFetcher(
            EgressPolicy(allow=(ip_network("127.0.0.0/8"),)),
            resolver.addresses,
            ports={"http": port, "https": 1},
        )
        self.tools = replace(
            self.offline.tools,
            resolver=resolver,
            pages=pages,
            special_use=True,
            scan_queries=1e6,
        )
        self.acme = self.offline.organization("acme")
        self.domain = self.claim(self.acme, APEX)
        self.written: set[tuple[str, str]] = set()

    def claim(self, actor: Actor, name: str) -> int:
        def proved(session: Session) -> int:
            row = domains.add(session, self.tools, actor, name=name)
            prove(session, row, datetime.now(UTC), subtree=True)
            return row.id

        return self.sessions.run(PLATFORM, proved)

    def publish(self, name: str, rdtype: str, *values: str, zone: str = APEX) -> None:
        """Put a record set into a zone as its owner would; without values it is taken out."""
        (self.written.add if values else self.written.discard)((name, rdtype))
        self.net.write(self.net.at_powerdns, zone, RRset(name, rdtype, 60, values))

    def want(self, name: str, rdtype: RecordType, value: str) -> None:
        """Note that the domain has a record there."""

        def made(session: Session) -> None:
            domain = session.get_one(Domain, self.domain)
            world.record(
                session, domain, name=name, record_type=rdtype, value=value,
                status=RecordStatus.ACTIVE,
            )  # fmt: skip

        self.sessions.run(PLATFORM, made)

    def sweep(self, *, after: timedelta = timedelta(0)) -> list[DanglingRecord]:
        """Have a worker look at the domain, and return what dangles."""
        self.sessions.run(PLATFORM, lambda s: dangling.plan_ahead(s, datetime.now(UTC)))
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(DanglingScan.id).where(
                DanglingScan.organization_domain_id == self.domain
            )
            row = session.scalars(query).one()
        dangling.sweep(
            self.sessions, self.tools, [self.offline.leased(DanglingScan, row, after=after)]
        )
        return self.open()

    def open(self, actor: Actor = PLATFORM, **filters: Any) -> list[DanglingRecord]:
        with self.sessions.begin(actor) as session:
            return list(dangling.page(session, actor, limit=50, **filters))

    def events(self) -> list[str]:
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Event.type).where(Event.type.startswith("dangling"))
            return list(session.scalars(query.order_by(Event.id)))


@pytest.fixture
def scene(net: Internet, web: tuple[Site, int], migrated_sqlite_url: str) -> Iterator[Scene]:
    made = Scene(net, web, migrated_sqlite_url)
    made.site.status, made.site.page = 404, FREE
    yield made
    for name, rdtype in sorted(made.written):
        zone = next(one for one in HOSTED if name.endswith(one))
        made.publish(name, rdtype, zone=zone)
    made.sessions.dispose()


def only(found: list[DanglingRecord]) -> DanglingRecord:
    (one,) = found
    return one


def test_a_name_at_a_service_where_nobody_has_it_until_it_is_set_up_again(scene: Scene) -> None:
    scene.want("blog", RecordType.CNAME, "acme.github.io.")
    scene.publish("blog.example.test", "CNAME", "acme.github.io.")
    scene.publish("acme.github.io", "A", "127.0.0.1", zone="github.io")
    found = only(scene.sweep())
    assert (found.problem, found.name) == ("dangling_cname", "blog.example.test")
    assert (found.subject, found.severity) == ("acme.github.io", Severity.MEDIUM)
    assert found.turn is Turn.YOU
    assert found.records == [
        {"action": "remove", "type": "CNAME", "name": "blog.example.test", "value": "acme.github.io."}
    ]  # fmt: skip
    assert any("GitHub Pages" in line for line in found.evidence)
    first = found.created_at
    again = only(scene.sweep())
    assert (again.id, again.created_at) == (found.id, first)
    scene.site.status, scene.site.page = 200, "Our blog"
    assert scene.sweep() == []
    assert only(scene.open(state=DanglingState.ENDED)).ended_at is not None
    assert scene.events() == ["dangling_record.found", "dangling_record.ended"]


def test_a_page_that_does_not_come_neither_finds_nor_ends(scene: Scene) -> None:
    scene.want("blog", RecordType.CNAME, "acme.github.io.")
    scene.publish("blog.example.test", "CNAME", "acme.github.io.")
    scene.publish("acme.github.io", "A", "127.0.0.1", zone="github.io")
    tools = scene.tools
    scene.tools = replace(tools, pages=None)
    assert scene.sweep() == []
    scene.tools = tools
    assert len(scene.sweep()) == 1
    scene.tools = replace(tools, pages=None)
    assert len(scene.sweep()) == 1


def test_silent_name_servers_end_nothing(scene: Scene) -> None:
    scene.publish("example.test", "A", "192.0.2.44")
    with scene.sessions.begin(PLATFORM) as session:
        row = world.server(session, None, address="192.0.2.44")
        row.deleted_at = datetime.now(UTC)
    assert len(scene.sweep()) == 1
    resolver = scene.tools.resolver
    scene.tools = replace(scene.tools, resolver=deaf())
    assert len(scene.sweep()) == 1
    scene.tools = replace(scene.tools, resolver=resolver)
    scene.publish("example.test", "A")
    assert scene.sweep() == []


def deaf() -> AuthoritativeResolver:
    """Return a resolver whose name servers are at a port where nobody answers."""
    return AuthoritativeResolver(
        EgressPolicy(allow=(ip_network("127.0.0.0/8"),)), recursor=("127.0.0.1", 1), port=1
    )


@pytest.mark.parametrize(
    ("target", "problem", "severity"),
    [
        ("gone.elasticbeanstalk.com", "dangling_cname", Severity.HIGH),
        ("x.nobody-has-this.test", "cname_target_missing", Severity.HIGH),
        ("gone.example.test", "cname_target_missing", Severity.MEDIUM),
    ],
)
def test_an_alias_of_what_does_not_exist(
    scene: Scene, target: str, problem: str, severity: Severity
) -> None:
    scene.want("app", RecordType.CNAME, f"{target}.")
    scene.publish("app.example.test", "CNAME", f"{target}.")
    found = only(scene.sweep())
    assert (found.problem, found.severity, found.subject) == (problem, severity, target)
    scene.publish("app.example.test", "CNAME")
    assert scene.sweep() == []


def test_an_address_that_a_server_gave_up_until_the_record_is_changed(scene: Scene) -> None:
    with scene.sessions.begin(PLATFORM) as session:
        machine = world.server(session, None, address="192.0.2.7").id
    scene.publish("example.test", "A", "192.0.2.7")
    assert scene.sweep() == []
    with scene.sessions.begin(PLATFORM) as session:
        session.get_one(Server, machine).address = "192.0.2.8"
    found = only(scene.sweep())
    assert (found.problem, found.subject, found.severity) == (
        "address_left", "192.0.2.7", Severity.HIGH,
    )  # fmt: skip
    assert [(one["action"], one["value"]) for one in found.records] == [
        ("remove", "192.0.2.7"), ("add", "192.0.2.8"),
    ]  # fmt: skip
    scene.publish("example.test", "A", "192.0.2.8")
    assert scene.sweep() == []


def test_another_organizations_former_address_is_none_of_mine(scene: Scene) -> None:
    other = scene.offline.organization("other")
    with scene.sessions.begin(PLATFORM) as session:
        machine = Server(organization_id=other.organization_id, name="x", address="192.0.2.50")
        session.add(machine)
        session.flush()
        machine.address = "192.0.2.51"
    scene.publish("example.test", "A", "192.0.2.50")
    assert scene.sweep() == []


def test_an_address_that_another_server_has_by_now_is_in_use(scene: Scene) -> None:
    with scene.sessions.begin(PLATFORM) as session:
        world.server(session, None, address="192.0.2.61").deleted_at = datetime.now(UTC)
        world.server(session, None, address="edge.example.net", addresses=["192.0.2.61"])
    scene.publish("example.test", "A", "192.0.2.61")
    assert scene.sweep() == []


def test_a_delegation_to_a_server_that_does_not_know_the_zone(scene: Scene) -> None:
    scene.domain = scene.claim(scene.acme, "lame.test")
    found = only(scene.sweep())
    assert (found.problem, found.severity) == ("delegation_lame", Severity.MEDIUM)
    assert found.subject == "ns2.lame.test"
    assert [(one["type"], one["value"]) for one in found.records] == [("NS", "ns2.lame.test.")]
    scene.net.delegate("lame.test", {"ns1.lame.test": POWERDNS})
    assert scene.sweep() == []
    scene.net.delegate("lame.test", {"ns1.lame.test": POWERDNS, "ns2.lame.test": BIND})


def test_a_domain_whose_registration_is_gone(scene: Scene) -> None:
    scene.domain = scene.claim(scene.acme, "lapsed.test")
    found = only(scene.sweep())
    assert (found.problem, found.severity) == ("name_not_registered", Severity.HIGH)


def test_a_name_server_below_a_domain_that_nobody_registered(scene: Scene) -> None:
    scene.net.delegate(APEX, {"ns.example.test": POWERDNS})
    scene.net.write(
        scene.net.registry,
        "test",
        RRset(APEX, "NS", 300, ("ns.example.test.", "ns.free-for-all.test.")),
    )
    found = [one for one in scene.sweep() if one.problem == "name_server_unregistered"]
    assert only(found).subject == "ns.free-for-all.test"
    scene.net.delegate(APEX, {"ns.example.test": POWERDNS})
    assert scene.sweep() == []


def test_a_wildcard_that_nobody_asked_for(scene: Scene) -> None:
    scene.publish("*.example.test", "A", "192.0.2.9")
    found = only(scene.sweep())
    assert (found.problem, found.severity) == ("wildcard_open", Severity.LOW)
    assert found.records[0]["name"] == "*.example.test"
    scene.want("*", RecordType.A, "192.0.2.9")
    assert scene.sweep() == []


def test_names_of_removed_records_and_released_domains_are_looked_at_for_a_while(
    scene: Scene,
) -> None:
    scene.want("app", RecordType.CNAME, "gone.example.test.")
    scene.publish("app.example.test", "CNAME", "gone.example.test.")
    scene.sessions.run(PLATFORM, lambda s: dangling.plan_ahead(s, datetime.now(UTC)))
    with scene.sessions.begin(PLATFORM) as session:
        domains.remove(session, scene.tools, scene.acme, APEX, datetime.now(UTC))
        removed = session.scalars(sa.select(Record)).one()
        assert removed.deleted_at is not None
    assert only(scene.sweep()).name == "app.example.test"
    assert scene.sweep(after=timedelta(days=100)) == []
    assert only(scene.open(state=DanglingState.ENDED)).ended_at is not None


def test_nothing_is_looked_at_that_another_organization_holds_by_now(scene: Scene) -> None:
    scene.want("app", RecordType.CNAME, "gone.example.test.")
    scene.publish("app.example.test", "CNAME", "gone.example.test.")
    assert len(scene.sweep()) == 1
    other = scene.offline.organization("other")
    with scene.sessions.begin(PLATFORM) as session:
        domains.remove(session, scene.tools, scene.acme, APEX, datetime.now(UTC))
        session.execute(sa.delete(NameHolding))
    scene.claim(other, APEX)
    assert scene.sweep() == []
    assert scene.open(other) == []


def test_a_tenant_sees_its_own_only_and_the_operator_everything(scene: Scene) -> None:
    other = scene.offline.organization("other")
    scene.publish("*.example.test", "A", "192.0.2.9")
    found = only(scene.sweep())
    reference = ids.show("dng", found.id)
    assert len(scene.open(scene.acme)) == 1
    assert scene.open(other) == []
    with scene.sessions.begin(other) as session, pytest.raises(NotFound):
        dangling.get(session, other, reference)
    with scene.sessions.begin(other) as session:
        assert dangling.report(session, other).counts == {}
        assert dangling.report(session, other).domains == 0
    with scene.sessions.begin(PLATFORM) as session:
        report = dangling.report(session, PLATFORM)
    assert report.counts == {("wildcard_open", Severity.LOW): 1}
    assert report.organizations == {scene.acme.organization_id: 1}
    assert (report.domains, report.unseen) == (1, 0)


def test_a_look_by_hand_is_for_names_that_are_held(scene: Scene) -> None:
    scene.publish("*.example.test", "A", "192.0.2.9")
    assert dangling.scan(scene.sessions, scene.tools, scene.acme, APEX) == scene.domain
    assert len(scene.open()) == 1
    scene.publish("*.example.test", "A")
    dangling.scan(scene.sessions, scene.tools, scene.acme, APEX)
    assert len(scene.open()) == 1  # a look of a moment ago counts
    with scene.sessions.begin(PLATFORM) as session:
        domains.add(session, scene.tools, scene.acme, name="victim.test")
    with pytest.raises(Conflict, match="not proved"):
        dangling.scan(scene.sessions, scene.tools, scene.acme, "victim.test")
    other = scene.offline.organization("other")
    with pytest.raises(NotFound):
        dangling.scan(scene.sessions, scene.tools, other, APEX)


def test_the_diagnosis_of_the_domain_shows_it(scene: Scene) -> None:
    scene.want("app", RecordType.CNAME, "gone.example.test.")
    scene.publish("app.example.test", "CNAME", "gone.example.test.")
    scene.sweep()
    found = diagnosis.diagnose(scene.sessions, scene.tools, scene.acme, APEX)
    assert "cname_target_missing" in {one.check for one in found.findings}


def test_many_names_are_looked_at_in_several_steps(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nameplate.usecases.propagation.dangling_names.MAX_NAMES", 2)
    for label in ("a", "b", "c", "d"):
        scene.want(label, RecordType.CNAME, "gone.example.test.")
        scene.publish(f"{label}.example.test", "CNAME", "gone.example.test.")
    assert [len(scene.sweep()) for _ in range(3)] == [2, 4, 4]
    with scene.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(DanglingScan)).one()
        assert row.done_until is None
        assert row.next_action_at is not None
        assert row.next_action_at > datetime.now(UTC) + timedelta(hours=5)


def test_whoever_is_over_the_pace_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    pace = ScanPace(lambda: 100.0)
    assert pace.wait(600, 60) == 0
    monkeypatch.setattr("nameplate.usecases.propagation.dangling_looks.PACE", pace)
    scene.publish("*.example.test", "A", "192.0.2.9")
    assert scene.sweep() == []
    with scene.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(DanglingScan)).one()
        assert row.scanned_at is None
        assert row.next_action_at is not None
        assert row.next_action_at > datetime.now(UTC) + timedelta(seconds=30)


def test_what_dangles_no_more_is_forgotten(scene: Scene) -> None:
    with scene.sessions.begin(PLATFORM) as session:
        row = world.dangling_record(session, session.get_one(Domain, scene.domain))
        row.end(world.NOW)
        dangling.forget_old(session, world.NOW + timedelta(days=89))
        assert session.scalars(sa.select(DanglingRecord)).all()
        dangling.forget_old(session, world.NOW + timedelta(days=91))
        assert not session.scalars(sa.select(DanglingRecord)).all()
