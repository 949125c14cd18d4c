"""Records follow bindings and servers: made, changed, shared, taken away, never in the owner's way."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.databases import Templates, sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import show
from nameplate.core.lifecycle import DomainStatus, RecordStatus
from nameplate.core.pointing import Obstacle
from nameplate.db import Sessions
from nameplate.models import Application, Domain, Organization, Record, Server
from nameplate.models.deletion import restore
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import pointing, records
from nameplate.usecases.serving import applications, bindings, servers
from nameplate.usecases.tenants import organizations

CADDY = {"type": "caddy"}


class Acme:
    """An organization with a proved domain whose DNS Nameplate writes."""

    def __init__(self, session: Session, provider: str = "powerdns") -> None:
        self.session = session
        self.tools = Offline(Sessions(sa.create_engine("sqlite://"))).tools
        self.organization: Organization = world.organization(session)
        self.application: Application = world.application(session, self.organization, name="Shop")
        account = world.account(session, self.organization, provider=provider)
        self.account_id = account.id
        self.domain: Domain = self.claim("acme.com")
        self.edge: Server = world.server(session, None, proxy=CADDY, name="edge")
        self.actor = Actor(self.organization.id)

    def claim(self, name: str, subdomain: str | None = None, **columns: Any) -> Domain:
        return world.domain(
            self.session, self.organization, name, subdomain=subdomain, dns_account_id=self.account_id,
            status=DomainStatus.VERIFIED, **columns,
        )  # fmt: skip

    def bind(self, subdomain: str | None = None, **more: Any) -> str:
        given = {"domain": "acme.com", "server": show("srv", self.edge.id), **more}
        row = bindings.add(
            self.session, self.tools, self.actor, application="Shop", now=NOW,
            subdomain=subdomain, **given,
        )  # fmt: skip
        return show("bnd", row.id)

    def move(self, **changes: Any) -> None:
        servers.update(
            self.session, self.tools, PLATFORM, show("srv", self.edge.id), NOW, **changes
        )

    def there(self) -> set[tuple[str, str, str]]:
        """Return all records that are wanted, by hand or not."""
        rows = self.session.scalars(Record.visible(PLATFORM)).all()
        return {(row.name, row.record_type.value, row.value) for row in rows}

    def obstacles(self) -> list[Obstacle]:
        return pointing.obstacles(self.session, [self.domain]).get(self.domain.id, [])

    def one(self) -> Record:
        row: Record = self.session.scalars(Record.visible(PLATFORM)).one()
        return row

    def by_hand(self, kind: str, name: str, value: str) -> str:
        row = records.add(
            self.session, self.actor, "acme.com", type=kind, name=name, value=value, now=NOW
        )
        return show("rec", row.id)


@pytest.fixture
def session(templates: Templates) -> Iterator[Session]:
    """Open a transaction on SQLite; what databases could see differently is tested at the end."""
    made = sessions_over(templates.url("sqlite"))
    with made.begin(PLATFORM) as session:
        yield session
        session.rollback()
    made.dispose()


@pytest.fixture
def acme(session: Session) -> Acme:
    return Acme(session)


def test_a_binding_gets_the_address_of_its_server(acme: Acme) -> None:
    acme.domain.next_action_at = None
    binding = acme.bind("shop")
    row = acme.one()
    assert (row.name, row.record_type, row.value) == ("shop", "A", "192.0.2.1")
    assert row.managed_by_system
    assert (row.recordable_type, show("bnd", row.recordable_id or 0)) == (
        "application_domain_binding", binding,
    )  # fmt: skip
    assert acme.domain.next_action_at == NOW


def test_several_addresses_names_and_apexes(acme: Acme) -> None:
    acme.bind()
    acme.bind("www")
    acme.move(addresses=["2001:db8::1", "192.0.2.2"])
    values = [("A", "192.0.2.1"), ("A", "192.0.2.2"), ("AAAA", "2001:db8::1")]
    assert acme.there() == {(name, *value) for name in ("@", "www") for value in values}
    acme.move(address="edge.platform.net")
    assert acme.there() == {
        ("@", "A", "192.0.2.2"), ("@", "AAAA", "2001:db8::1"), ("www", "CNAME", "edge.platform.net."),
    }  # fmt: skip
    acme.move(addresses=[])
    assert acme.there() == {
        ("www", "CNAME", "edge.platform.net."), ("@", "ALIAS", "edge.platform.net."),
    }  # fmt: skip
    assert not acme.obstacles()


def test_an_apex_whose_provider_has_no_alias(session: Session) -> None:
    acme = Acme(session, "digitalocean")
    acme.bind()
    acme.move(address="edge.platform.net")
    assert not acme.there()
    (obstacle,) = acme.obstacles()
    assert (obstacle.reason, obstacle.blocks) == ("apex_needs_address", True)
    assert "edge.platform.net" in obstacle.message
    assert "addresses" in obstacle.fix


def test_an_apex_that_the_provider_flattens(session: Session) -> None:
    acme = Acme(session, "cloudflare")
    acme.move(address="edge.platform.net")
    acme.bind()
    assert acme.there() == {("@", "CNAME", "edge.platform.net.")}
    acme.by_hand("TXT", "@", "v=spf1 -all")
    assert not acme.obstacles()


def test_wildcards_and_claims_below_the_apex(acme: Acme) -> None:
    acme.claim("acme.com", "*.apps")
    acme.claim("acme.com", "shop")
    acme.bind(domain="*.apps.acme.com")
    acme.bind("blue", domain="*.apps.acme.com")
    acme.bind(domain="shop.acme.com")
    assert acme.there() == {(name, "A", "192.0.2.1") for name in ("*", "blue", "@")}


def test_a_record_is_shared_and_goes_with_the_last(acme: Acme) -> None:
    first, second = acme.bind("shop"), acme.bind("shop", path="/api")
    row = acme.one()
    assert show("bnd", row.recordable_id or 0) == first
    bindings.remove(acme.session, acme.actor, first, NOW)
    assert show("bnd", acme.one().recordable_id or 0) == second
    assert acme.one().id == row.id
    bindings.update(acme.session, acme.actor, second, now=NOW, enabled=False)
    assert not acme.there()
    bindings.update(acme.session, acme.actor, second, now=NOW, enabled=True)
    assert acme.there() == {("shop", "A", "192.0.2.1")}
    bindings.remove(acme.session, acme.actor, second, NOW)
    assert not acme.there()
    bindings.restore(acme.session, acme.actor, second, NOW)
    assert acme.there() == {("shop", "A", "192.0.2.1")}
    acme.move(address="192.0.2.9")
    assert acme.there() == {("shop", "A", "192.0.2.9")}


def test_a_row_stays_itself_when_the_address_changes(acme: Acme) -> None:
    acme.bind("shop")
    row = acme.one()
    row.confirm(NOW)
    acme.domain.next_action_at = None
    acme.move(address="192.0.2.1")  # nothing changes
    assert (row.status, acme.domain.next_action_at) == (RecordStatus.ACTIVE, None)
    acme.move(address="192.0.2.7")
    assert acme.one().id == row.id
    assert (row.status, row.value, row.propagated) == (RecordStatus.PENDING, "192.0.2.7", False)
    assert acme.domain.next_action_at == NOW
    acme.move(address="edge.platform.net")
    assert (acme.one().id, row.record_type) == (row.id, "CNAME")


def test_a_binding_that_moves(acme: Acme) -> None:
    binding = acme.bind("shop")
    other = world.server(acme.session, None, address="192.0.2.50", proxy={"type": "nginx"})
    moved = bindings.update(
        acme.session, acme.actor, binding, now=NOW, server=show("srv", other.id)
    )
    assert acme.there() == {("shop", "A", "192.0.2.50")}
    acme.session.expire_all()
    assert (moved.proxy_type, other.next_action_at, acme.edge.next_action_at) == ("nginx", NOW, NOW)


@pytest.mark.parametrize("what", ["application", "server", "domain", "organization"])
def test_what_is_released_takes_its_records_along(acme: Acme, what: str) -> None:
    acme.bind("shop")
    acme.by_hand("TXT", "note", "kept")
    if what == "application":
        applications.remove(acme.session, acme.actor, "Shop", NOW)
    elif what == "server":
        servers.remove(acme.session, PLATFORM, "edge", NOW, force=True)
    elif what == "domain":
        domains.remove(acme.session, acme.tools, acme.actor, "acme.com", NOW)
    else:
        organizations.remove(acme.session, PLATFORM, acme.organization.slug, NOW)
    kept = {("note", "TXT", '"kept"')} if what in {"application", "server"} else set()
    assert acme.there() == kept
    if what == "organization":
        organizations.restore(acme.session, PLATFORM, acme.organization.slug, NOW)
        assert ("shop", "A", "192.0.2.1") in acme.there()
    if what == "domain":
        acme.move(address="192.0.2.9")
        domains.restore(acme.session, acme.tools, acme.actor, show("dom", acme.domain.id), NOW)
        pointing.of_domain(acme.session, acme.domain, NOW)  # as its new proof does
        assert ("shop", "A", "192.0.2.9") in acme.there()


def test_a_server_has_records_of_its_own(acme: Acme) -> None:
    own = servers.add(
        acme.session, acme.tools, acme.actor, name="own", address="Edge-1.acme.com",
        addresses=["192.0.2.5", "2001:DB8::5"], now=NOW,
    )  # fmt: skip
    addresses = {("edge-1", "A", "192.0.2.5"), ("edge-1", "AAAA", "2001:db8::5")}
    assert acme.there() == addresses
    assert {row.recordable_type for row in acme.session.scalars(Record.visible(PLATFORM))} == {
        "server"
    }
    own.proxy = CADDY
    acme.bind("shop", server="own")
    acme.bind("edge-1", server="own")  # the same name: the same records
    assert acme.there() == {*addresses, ("shop", "CNAME", "edge-1.acme.com.")}
    servers.update(acme.session, acme.tools, acme.actor, "own", NOW, addresses=["192.0.2.6"])
    assert acme.there() == {("edge-1", "A", "192.0.2.6"), ("shop", "CNAME", "edge-1.acme.com.")}
    servers.update(acme.session, acme.tools, acme.actor, "own", NOW, address="edge-2.acme.com")
    assert acme.there() == {
        ("edge-2", "A", "192.0.2.6"), ("shop", "CNAME", "edge-2.acme.com."),
        ("edge-1", "CNAME", "edge-2.acme.com."),
    }  # fmt: skip
    servers.remove(acme.session, acme.actor, "own", NOW, force=True)
    assert not acme.there()


def test_a_servers_record_is_in_the_closest_domain(acme: Acme) -> None:
    servers.add(
        acme.session, acme.tools, acme.actor, name="own", address="edge.eu.acme.com", addresses=["192.0.2.5"],
        now=NOW,
    )  # fmt: skip
    assert acme.there() == {("edge.eu", "A", "192.0.2.5")}
    closer = domains.add(acme.session, acme.tools, acme.actor, name="eu.acme.com", account="DNS")
    assert closer.is_live
    assert acme.there() == {("edge", "A", "192.0.2.5")}
    domains.remove(acme.session, acme.tools, acme.actor, "eu.acme.com", NOW)
    assert acme.there() == {("edge.eu", "A", "192.0.2.5")}


def test_another_organizations_server_is_not_named_here(acme: Acme) -> None:
    other = world.organization(acme.session)
    servers.add(
        acme.session, acme.tools, PLATFORM, organization=other.slug, name="x", address="evil.acme.com",
        addresses=["192.0.2.66"], now=NOW,
    )  # fmt: skip
    acme.bind("evil")
    assert acme.there() == {("evil", "A", "192.0.2.1")}


def test_the_owners_record_is_never_replaced(acme: Acme) -> None:
    by_hand = acme.by_hand("CNAME", "shop", "shop.cdn.net")
    acme.bind("shop")
    assert acme.there() == {("shop", "CNAME", "shop.cdn.net.")}
    (obstacle,) = acme.obstacles()
    assert (obstacle.reason, obstacle.blocks) == ("own_record", False)
    assert "shop.cdn.net" in obstacle.message
    acme.move(address="192.0.2.7")
    assert acme.there() == {("shop", "CNAME", "shop.cdn.net.")}
    records.remove(acme.session, acme.actor, by_hand, NOW)
    assert acme.there() == {("shop", "A", "192.0.2.7")}
    assert not acme.obstacles()


def test_the_right_record_by_hand_is_enough(acme: Acme) -> None:
    acme.by_hand("A", "shop", "192.0.2.1")
    binding = acme.bind("shop")
    assert not acme.obstacles()
    assert not acme.one().is_automatic
    bindings.remove(acme.session, acme.actor, binding, NOW)
    assert acme.there() == {("shop", "A", "192.0.2.1")}


def test_other_types_at_the_name(acme: Acme) -> None:
    acme.by_hand("TXT", "shop", "proof")
    acme.move(address="edge.platform.net")
    acme.bind("shop")
    assert acme.there() == {("shop", "TXT", '"proof"')}
    assert [one.reason for one in acme.obstacles()] == ["name_has_others"]
    acme.move(addresses=["192.0.2.8"])
    assert acme.there() == {("shop", "TXT", '"proof"'), ("shop", "A", "192.0.2.8")}


def test_what_is_kept_right_is_not_changed_by_hand(acme: Acme) -> None:
    acme.bind("shop")
    name = show("rec", acme.one().id)
    with pytest.raises(Conflict, match="detach") as raised:
        records.update(acme.session, acme.actor, name, now=NOW, value="192.0.2.3")
    assert raised.value.code == "record_automatic"
    with pytest.raises(Conflict, match="detach"):
        records.remove(acme.session, acme.actor, name, NOW)
    with pytest.raises(Conflict, match="detach"):
        acme.by_hand("A", "shop", "192.0.2.3")
    records.update(acme.session, acme.actor, name, now=NOW, notes="ours")
    records.detach(acme.session, acme.actor, name)
    records.update(acme.session, acme.actor, name, now=NOW, value="192.0.2.3")
    acme.move(address="192.0.2.7")
    assert acme.there() == {("shop", "A", "192.0.2.3")}
    assert not acme.one().managed_by_system


def test_switched_off_and_on(acme: Acme) -> None:
    acme.bind("shop")
    domains.update(acme.session, acme.actor, "acme.com", NOW, automatic_dns=False)
    acme.move(address="192.0.2.7")
    acme.bind("www")
    assert acme.there() == {("shop", "A", "192.0.2.1")}
    assert not acme.obstacles()
    assert not acme.one().is_automatic
    domains.update(acme.session, acme.actor, "acme.com", NOW, automatic_dns=True)
    assert acme.there() == {("shop", "A", "192.0.2.1"), ("www", "A", "192.0.2.7")}


def test_a_domain_without_account_is_left_alone(acme: Acme) -> None:
    world.domain(acme.session, acme.organization, "plain.com", status=DomainStatus.VERIFIED)
    acme.bind(domain="plain.com")
    assert not acme.there()


def test_one_host_on_two_servers(acme: Acme) -> None:
    acme.bind("shop")
    other = world.server(acme.session, None, address="192.0.2.50", proxy=CADDY)
    acme.bind("shop", path="/api", server=show("srv", other.id))
    assert acme.there() == {("shop", "A", "192.0.2.1")}
    assert [one.reason for one in acme.obstacles()] == ["several_servers"]


def test_a_server_that_only_the_machine_knows(acme: Acme) -> None:
    acme.move(address="localhost")
    acme.bind("shop")
    assert not acme.there()
    assert [one.reason for one in acme.obstacles()] == ["server_without_address"]


def test_addresses_are_checked(acme: Acme) -> None:
    with pytest.raises(Invalid) as raised:
        acme.move(addresses=["192.0.2.1", "::ffff:192.0.2.1", "edge.example.com", "0.0.0.0"])
    assert [(one.pointer, one.code) for one in raised.value.problems] == [
        ("/addresses/1", "address_mapped"),
        ("/addresses/2", "address_invalid"),
        ("/addresses/3", "address_unusable"),
    ]


def test_a_restored_row_below_the_use_cases(acme: Acme) -> None:
    binding = acme.bind("shop")
    row = bindings.remove(acme.session, acme.actor, binding, NOW)
    restore(acme.session, row, NOW)
    for _ in range(2):  # settling is idempotent
        pointing.settle(acme.session, [(acme.domain.id, "shop.acme.com")], NOW)
        assert acme.there() == {("shop", "A", "192.0.2.1")}


def test_a_tenants_own_server_on_every_database(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = Acme(session)
        world.server(session, acme.organization, name="own", proxy=CADDY)
    with sessions.begin(acme.actor) as session:
        acme.session = session
        for subdomain in ("shop", "www"):
            first = acme.bind(subdomain, server="own")
        acme.bind("www", path="/api", server="own")
        bindings.remove(session, acme.actor, first, NOW)
    with sessions.begin(acme.actor) as session:
        servers.update(
            session,
            acme.tools,
            acme.actor,
            "own",
            NOW,
            address="own.acme.com",
            addresses=["2001:db8::9"],
        )
    with sessions.begin(acme.actor) as session:
        acme.session = session
        assert acme.there() == {
            ("shop", "CNAME", "own.acme.com."), ("www", "CNAME", "own.acme.com."),
            ("own", "AAAA", "2001:db8::9"),
        }  # fmt: skip
        bindings.restore(session, acme.actor, first, NOW)
        applications.remove(session, acme.actor, "Shop", NOW)
        assert acme.there() == {("own", "AAAA", "2001:db8::9")}
        servers.remove(session, acme.actor, "own", NOW, force=True)
        assert not acme.there()


def test_two_at_once_share_the_record(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = Acme(session)

    def bind(path: str) -> None:
        def work(session: Session) -> None:
            row = world.binding(
                session, acme.application, acme.domain, server_id=acme.edge.id, path=path
            )
            pointing.settle(session, [(acme.domain.id, row.hostname)], NOW)

        sessions.run(acme.actor, work)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(bind, ("/a", "/b", "/c", "/d")))
    with sessions.begin(acme.actor) as session:
        acme.session = session
        assert acme.there() == {("@", "A", "192.0.2.1")}
