"""Where a domain will lead is known before there is a binding, and a binding changes nothing of it."""

from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core import ids
from nameplate.core.actor import Actor
from nameplate.core.delegation import Delegated
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.models import Domain, KnownDelegation, Organization, RecordType, Server
from nameplate.usecases.claims import facts, instructions, routing
from nameplate.usecases.claims.to_publish import ToPublish
from nameplate.usecases.serving import bindings

TOOLS = Offline(sessions_over("sqlite://")).tools
PROXY = {"type": "caddy"}
EDGE = "edge.platform.example"
TEXT = (RecordType.TXT, '"v=spf1 -all"')
ELSEWHERE = (RecordType.A, "203.0.113.9")


@pytest.fixture
def owner(lite: Session) -> Organization:
    return world.organization(lite)


def claim(
    session: Session, owner: Organization, subdomain: str | None = "shop", **more: Any
) -> Domain:
    row = world.domain(session, owner, subdomain=subdomain, **more)
    session.refresh(row)
    return row


def edge(session: Session, owner: Organization | None = None, **more: Any) -> Server:
    return world.server(session, owner, **{"address": EDGE, "proxy": PROXY, **more})


def told(session: Session, domain: Domain, server: Server | None = None) -> list[tuple[str, ...]]:
    session.flush()
    return [
        tuple(str(one.instruction.get(field)) for field in ("type", "name", "value"))
        for one in instructions.of(session, TOOLS, domain, server)
        if one.purpose is Purpose.ROUTING
    ]


def steps(
    session: Session, domain: Domain, server: Server | None = None
) -> list[routing.RoutingStep]:
    session.flush()
    return routing.steps(session, facts.read(session, [domain], NOW)[domain.id], server)


def the_one(session: Session, domain: Domain) -> ToPublish:
    session.flush()
    (one,) = instructions.of(session, TOOLS, domain)
    return one


@pytest.mark.parametrize("subdomain", ["shop", "*", "*.apps", None])
@pytest.mark.parametrize("addresses", [None, ["192.0.2.10", "2001:db8::10"]])
@pytest.mark.parametrize("address", [EDGE, "192.0.2.9"])
@pytest.mark.parametrize("beside", [None, TEXT, ELSEWHERE])
def test_a_binding_changes_nothing_of_it(
    lite: Session, *, subdomain: Any, addresses: Any, address: str, beside: Any
) -> None:
    owner = world.organization(lite)
    server = edge(lite, address=address, addresses=addresses)
    domain = claim(lite, owner, subdomain)
    if beside is not None:
        name = "*" if domain.full_domain.startswith("*") else "@"
        world.record(lite, domain, record_type=beside[0], value=beside[1], name=name)
    lite.flush()
    before = steps(lite, domain)
    prove(lite, domain, NOW)
    world.application(lite, owner)
    bindings.add(
        lite, TOOLS, Actor(owner.id), application="Shop", domain=ids.show("dom", domain.id), now=NOW
    )
    assert steps(lite, domain) == before
    assert steps(lite, domain, server) == before
    (at_hand,) = routing.of(lite, domain, known=facts.read(lite, [domain], NOW)[domain.id]).hosts
    (read,) = routing.of(lite, domain).hosts
    assert (at_hand.makers, at_hand.targets, at_hand.own) == (read.makers, read.targets, read.own)


def test_below_the_apex_it_is_a_cname_to_the_only_server(
    lite: Session, owner: Organization
) -> None:
    edge(lite, name="no proxy", proxy=None)
    edge(lite, address=EDGE)
    domain = claim(lite, owner)
    assert told(lite, domain) == [("CNAME", "shop.acme.com", EDGE)]
    one = the_one(lite, domain)
    assert (one.done, one.instruction.get("relative_name")) == (False, "shop")
    assert one.instruction.sentence == (
        f'Publish a CNAME record at shop.acme.com with the value "{EDGE}".'
    )


def test_the_apex_gets_the_addresses_of_the_server(lite: Session, owner: Organization) -> None:
    edge(lite, addresses=["192.0.2.10", "2001:db8::10"])
    assert told(lite, claim(lite, owner, None)) == [
        ("A", "acme.com", "192.0.2.10"),
        ("AAAA", "acme.com", "2001:db8::10"),
    ]


def test_the_apex_follows_a_name_where_its_dns_host_can(lite: Session, owner: Organization) -> None:
    edge(lite)
    known = Delegated("acme.com", (), ("dns1.registrar-servers.com",))
    domain = claim(lite, owner, None, delegation=KnownDelegation(seen=known, at=NOW))
    assert told(lite, domain) == [("ALIAS", "acme.com", EDGE)]


def test_an_apex_of_an_unknown_dns_host_is_not_guessed(lite: Session, owner: Organization) -> None:
    edge(lite)
    told_ = the_one(lite, claim(lite, owner, None)).instruction
    assert (told_.kind, told_.get("name"), told_.get("target")) == ("undecided", "acme.com", EDGE)
    assert "nameplate domain dns-host acme.com" in told_.sentence


def test_of_several_servers_none_is_guessed(lite: Session, owner: Organization) -> None:
    first, second = edge(lite), edge(lite, owner, address="own.acme.net")
    edge(lite, world.organization(lite), address="foreign.example.net")
    domain = claim(lite, owner)
    one = the_one(lite, domain).instruction
    assert one.kind == "undecided"
    assert one.all("server") == [ids.show("srv", first.id), ids.show("srv", second.id)]
    assert "Several servers could serve shop.acme.com" in one.sentence
    assert told(lite, domain, second) == [("CNAME", "shop.acme.com", "own.acme.net")]


def test_without_a_server_nothing_is_said(lite: Session, owner: Organization) -> None:
    assert instructions.of(lite, TOOLS, claim(lite, owner)) == []


def test_an_owner_who_points_the_name_elsewhere_is_left_alone(
    lite: Session, owner: Organization
) -> None:
    edge(lite)
    domain = claim(lite, owner)
    world.record(lite, domain, record_type=RecordType.A, value="203.0.113.9")
    assert told(lite, domain) == []


@pytest.mark.parametrize(
    ("address", "of", "leads"),
    [
        (EDGE, "nobody", False),
        ("edge.shop.acme.com", "owner", True),
        ("EDGE.shop.ACME.com.", "nobody", True),
        ("shop.acme.com", "owner", True),
        ("edge.shop.acme.com", "stranger", False),
    ],
)
def test_a_bound_domain_asks_for_other_servers_only_where_one_is_named_in_it(
    lite: Session, owner: Organization, address: str, of: str, *, leads: bool
) -> None:
    first = edge(lite)
    whose = {"owner": owner, "nobody": None}
    stranger = world.organization(lite, name="Other", slug="other") if of == "stranger" else None
    edge(lite, whose.get(of, stranger), name="second", address=address)
    domain = claim(lite, owner)
    prove(lite, domain, NOW)
    world.application(lite, owner)
    bindings.add(
        lite, TOOLS, Actor(owner.id), application="Shop", domain=ids.show("dom", domain.id),
        server=ids.show("srv", first.id), now=NOW,
    )  # fmt: skip
    lite.flush()
    known = facts.read(lite, [domain], NOW)[domain.id]
    assert known.may_lead is leads
    found = routing.of(lite, domain, known=known)
    known.may_lead = True
    assert found == routing.of(lite, domain, known=known), "it is a shortcut, and nothing else"
