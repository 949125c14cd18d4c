"""Hosts that lead to servers: who wants which where, and what is there already."""

from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.lifecycle import BindingStatus
from nameplate.core.pointing import Decision
from nameplate.models import Binding, DnsSettings, Domain, RecordableType, RecordType, Server
from nameplate.usecases.dns import bound_hosts
from nameplate.usecases.dns.bound_hosts import BoundHost

BINDING, SERVER = RecordableType.APPLICATION_DOMAIN_BINDING, RecordableType.SERVER
EDGE = ("CNAME", "edge.platform.net.")


class Acme:
    """A domain whose records Nameplate keeps, a shared server, and an application."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.owner = world.organization(session)
        self.account_id = world.account(session, self.owner).id
        self.domain = self.claim()
        self.edge = world.server(session, None, address="edge.platform.net")
        self.app = world.application(session, self.owner)

    def claim(self, **columns: Any) -> Domain:
        return world.domain(
            self.session, self.owner, **{"dns_account_id": self.account_id, **columns}
        )

    def server(self, address: str, **columns: Any) -> Server:
        return world.server(self.session, self.owner, address=address, **columns)

    def bind(self, subdomain: str = "www", **columns: Any) -> Binding:
        host = f"{subdomain}.acme.com"
        given = {"server_id": self.edge.id, "hostname": host, "subdomain": subdomain, **columns}
        return world.binding(self.session, self.app, self.domain, **given)

    def read(self, host: str = "www.acme.com", *, locked: bool = False) -> BoundHost:
        name = (self.domain.id, host)
        return bound_hosts.read(self.session, [name], locked=locked)[name]


@pytest.fixture
def acme(lite: Session) -> Acme:
    return Acme(lite)


def test_bindings_want_their_host_to_lead_to_their_server_the_oldest_first(acme: Acme) -> None:
    first = acme.bind()
    other = acme.server("192.0.2.9", name="other")
    second = acme.bind(path="/shop", server_id=other.id)
    found = acme.read()
    assert found.makers == [(BINDING, first.id), (BINDING, second.id)]
    assert [one.name for one in found.targets] == ["edge.platform.net.", ""]
    decision = found.decide("acme.com", None)
    assert decision.wanted == (EDGE,)
    assert decision.obstacle is not None
    assert decision.obstacle.reason == "several_servers"


@pytest.mark.parametrize(
    "columns", [{"status": BindingStatus.DISABLED}, {"deleted_at": NOW}, {"server_id": None}]
)
def test_what_serves_nothing_wants_nothing(acme: Acme, columns: dict[str, Any]) -> None:
    acme.bind(**columns)
    found = acme.read()
    assert (found.makers, found.decide("acme.com", None)) == ([], Decision())


def test_a_server_that_is_gone_is_led_to_by_nobody(acme: Acme) -> None:
    acme.bind()
    acme.edge.deleted_at = NOW
    assert acme.read().targets == []


@pytest.mark.parametrize("locked", [False, True])
def test_records_that_are_there_are_ours_or_the_owners(acme: Acme, *, locked: bool) -> None:
    binding = acme.bind()
    made = {"recordable_type": BINDING, "recordable_id": binding.id, "ttl": 300}
    ours = world.record(acme.session, acme.domain, name="www", value="192.0.2.1", **made)
    world.record(acme.session, acme.domain, name="www", record_type=RecordType.TXT, value='"x"')
    world.record(acme.session, acme.domain, name="other", value="192.0.2.3")
    found = acme.read(locked=locked)
    (there,) = found.rows
    assert (there.id, there.value, there.ttl) == (ours.id, ("A", "192.0.2.1"), 300)
    assert there.maker == (BINDING, binding.id)
    assert found.own == {("TXT", '"x"')}


def test_a_domain_that_is_gone_has_no_hosts(acme: Acme) -> None:
    acme.domain.deleted_at = NOW
    assert bound_hosts.read(acme.session, [(acme.domain.id, "www.acme.com")], locked=False) == {}


def test_the_same_record_name_in_another_domain_is_another_host(acme: Acme) -> None:
    other = acme.claim(subdomain="shop")
    world.record(acme.session, acme.domain, value="192.0.2.1")
    world.record(acme.session, other, value="192.0.2.2")
    names = [(acme.domain.id, "acme.com"), (other.id, "shop.acme.com")]
    found = bound_hosts.read(acme.session, names, locked=False)
    assert [found[name].own for name in names] == [{("A", "192.0.2.1")}, {("A", "192.0.2.2")}]


def test_a_server_of_the_organization_has_its_own_name_first(acme: Acme) -> None:
    server = acme.server("WWW.acme.com.", addresses=["192.0.2.7"])
    binding = acme.bind()
    found = acme.read()
    assert found.makers == [(SERVER, server.id), (BINDING, binding.id)]
    assert found.decide("acme.com", None).wanted == (("A", "192.0.2.7"),)


def test_the_closest_domain_in_which_records_are_kept_is_home(acme: Acme) -> None:
    server = acme.server("lb.shop.acme.com", addresses=["192.0.2.7"])
    host = "lb.shop.acme.com"
    assert bound_hosts.home(acme.session, server) == (acme.domain.id, host)
    by_hand = acme.claim(subdomain="shop", dns=DnsSettings(automatic=False))
    assert not bound_hosts.is_kept(by_hand)
    assert bound_hosts.home(acme.session, server) == (acme.domain.id, host)
    by_hand.dns = DnsSettings()
    acme.session.flush()
    assert bound_hosts.home(acme.session, server) == (by_hand.id, host)


def test_servers_that_have_no_home(acme: Acme) -> None:
    given = {"addresses": ["192.0.2.7"]}
    stranger = world.organization(acme.session)
    homeless = [
        acme.edge,
        acme.server("lb.acme.com"),
        acme.server("192.0.2.7"),
        acme.server("lb.acme.com", deleted_at=NOW, **given),
        acme.server("lb.elsewhere.net", **given),
        world.server(acme.session, stranger, address="lb.acme.com", **given),
    ]
    assert [bound_hosts.home(acme.session, one) for one in homeless] == [None] * len(homeless)
