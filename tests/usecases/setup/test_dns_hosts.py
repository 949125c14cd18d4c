"""Where a domain's DNS is managed: what the delegation says, and what it does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.offline import Offline
from tests.usecases.seen_dns import SeenDns

from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core.actor import PLATFORM
from nameplate.core.dns_hosts import Confidence
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.errors import NotFound
from nameplate.models import Organization
from nameplate.usecases.claims import domains
from nameplate.usecases.setup import dns_hosts
from nameplate.usecases.setup.dns_hosts import Advice

CLOUDFLARE = ("ada.ns.cloudflare.com", "bob.ns.cloudflare.com")
GODADDY = ("ns01.domaincontrol.com", "ns02.domaincontrol.com")
EDGE = "edge.platform.net"
Advise = Callable[[SeenDns], Advice]


@pytest.fixture
def advise(migrated_sqlite_url: str) -> Advise:
    """Return what the owner of example.com, bound to a server, is told in a given DNS."""
    sessions = sessions_over(migrated_sqlite_url)
    world = Offline(sessions)
    txt = dict.fromkeys(world.tools.methods, DnsTxt(SeenDns()))
    world.tools = replace(world.tools, methods=txt)
    actor = world.organization("acme")
    with sessions.begin(PLATFORM) as session:
        domain = domains.add(
            session, world.tools, PLATFORM, name="example.com", organization="acme"
        )
        server = rows.server(session, None, address=EDGE, proxy={"type": "caddy"})
        owner = session.get_one(Organization, actor.organization_id)
        app = rows.application(session, owner)
        rows.binding(session, app, domain, server_id=server.id, hostname="example.com")

    def told(seen: SeenDns) -> Advice:
        tools = replace(world.tools, resolver=seen)
        return dns_hosts.advise(sessions, tools, actor, "example.com")

    return told


def test_the_host_is_known_by_its_servers(advise: Advise) -> None:
    found = advise(SeenDns({"example.com": CLOUDFLARE}))
    assert found.recognition.host is not None
    assert found.recognition.host.slug == "cloudflare"
    assert found.delegation.confirmed
    assert found.delegation.name_servers == CLOUDFLARE
    assert found.message == "The name servers of example.com belong to Cloudflare."
    assert found.steps[0].startswith("Sign in to Cloudflare")
    kinds = [(one.purpose, one.type, one.host) for one in found.entries]
    assert kinds == [
        (Purpose.OWNERSHIP, "TXT", "_nameplate-challenge"),
        (Purpose.ROUTING, "CNAME", "@"),
    ]


def test_where_no_alias_can_stand_the_addresses_of_now_are_told(advise: Advise) -> None:
    seen = SeenDns({"example.com": GODADDY}, {EDGE: ("192.0.2.7", "2001:db8::7")})
    kinds = [(one.type, one.host, one.value) for one in advise(seen).entries[1:]]
    assert kinds == [("A", "@", "192.0.2.7"), ("AAAA", "@", "2001:db8::7")]


def test_servers_that_do_not_answer_are_those_the_parent_names(advise: Advise) -> None:
    seen = SeenDns({"example.com": CLOUDFLARE}, lame=frozenset({"example.com"}))
    found = advise(seen)
    assert not found.delegation.confirmed
    assert found.delegation.name_servers == CLOUDFLARE
    assert "because they do not answer" in found.message


def test_mixed_servers_are_named(advise: Advise) -> None:
    found = advise(SeenDns({"example.com": (*CLOUDFLARE, *GODADDY[:1], "ns1.nobody.example")}))
    assert found.recognition.confidence is Confidence.MIXED
    assert "belong only partly to Cloudflare" in found.message
    assert "GoDaddy, ns1.nobody.example" in found.message


def test_strangers_and_no_zone_at_all(advise: Advise) -> None:
    strangers = tuple(f"ns{n}.nobody.example" for n in range(6))
    assert "and 2 more" in advise(SeenDns({"example.com": strangers})).message
    found = advise(SeenDns({"com": CLOUDFLARE}))
    assert found.delegation.zone == ""
    assert found.message.startswith("example.com has no name servers")
    assert [one.type for one in found.entries][:1] == ["TXT"]


def test_of_many_servers_the_first_are_looked_at(advise: Advise) -> None:
    many = tuple(f"ns{n:03}.nobody.example" for n in range(60))
    found = advise(SeenDns({"example.com": many}))
    assert found.delegation.name_servers == many[: dns_hosts.MAX_SERVERS]


def test_somebody_elses_domain_is_not_there(migrated_sqlite_url: str) -> None:
    world = Offline(sessions_over(migrated_sqlite_url))
    with pytest.raises(NotFound):
        dns_hosts.advise(world.sessions, world.tools, world.organization("x"), "example.com")


def test_a_host_that_a_wildcard_answers_for_is_kept(migrated_sqlite_url: str) -> None:
    """The proof of `blue.apps` would take its site off: the host's own records come first."""
    world = Offline(sessions_over(migrated_sqlite_url))
    txt = dict.fromkeys(world.tools.methods, DnsTxt(SeenDns()))
    actor = world.organization("acme")
    seen = SeenDns(
        {"example.com": CLOUDFLARE}, wildcards={"apps.example.com": ("CNAME", "site.example.net.")}
    )
    tools = replace(world.tools, methods=txt, resolver=seen)
    with world.sessions.begin(actor) as session:
        for name in ("blue.apps.example.com", "other.example.com"):
            domains.add(session, tools, actor, name=name)
    found = dns_hosts.advise(world.sessions, tools, actor, "blue.apps.example.com")
    told = [(one.purpose, one.type, one.name, one.value) for one in found.entries[:2]]
    assert told == [
        (Purpose.PRESERVATION, "CNAME", "blue.apps.example.com", "site.example.net"),
        (Purpose.PRESERVATION, "CNAME", "*.blue.apps.example.com", "site.example.net"),
    ]
    assert found.entries[0].remarks[0].startswith("Enter this record first.")
    assert found.entries[2].purpose is Purpose.OWNERSHIP
    elsewhere = dns_hosts.advise(world.sessions, tools, actor, "other.example.com")
    assert Purpose.PRESERVATION not in {one.purpose for one in elsewhere.entries}
