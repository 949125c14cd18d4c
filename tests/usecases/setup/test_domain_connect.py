"""One consent instead of typing records: when it can be had, and what it covers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.offline import Offline
from tests.usecases.seen_dns import SeenDns

from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core import keys
from nameplate.core.actor import PLATFORM
from nameplate.core.domain_connect.provider import Provider, ProviderPrefix
from nameplate.core.domain_connect.service import ConnectService
from nameplate.core.errors import NotPermitted, Refused, Unavailable
from nameplate.models import Organization
from nameplate.usecases.claims import domains
from nameplate.usecases.setup import domain_connect
from nameplate.usecases.setup.domain_connect import ConnectOffer

SERVICE = ConnectService(
    "platform.example", "Platform", "custom-domain", "Custom domain", "dc.platform.example",
    "_dcpubkeyv1", keys.new_key("rsa2048"),
)  # fmt: skip
SERVERS = ("ns1.virtucon.example", "ns2.virtucon.example")
PREFIX = ProviderPrefix("dc.virtucon.example")
VIRTUCON = Provider("virtucon", "Virtucon", PREFIX, PREFIX, SERVERS)
EDGE = "edge.platform.net"
SEEN = SeenDns({"example.com": SERVERS}, {EDGE: ("192.0.2.7", "192.0.2.8", "2001:db8::7")})


@dataclass
class DnsHost:
    """A DNS host with or without Domain Connect, or one that is away."""

    provider: Provider | None = VIRTUCON
    has_template: bool = True
    error: Refused | Unavailable | None = None
    service: ConnectService = SERVICE

    def discover(self, zone: str) -> Provider | None:
        if self.error:
            raise self.error
        return self.provider

    def knows(self, provider: Provider) -> bool:
        return self.has_template


Offer = Callable[..., ConnectOffer]


@pytest.fixture
def world(migrated_sqlite_url: str) -> Offline:
    made = Offline(sessions_over(migrated_sqlite_url))
    txt = dict.fromkeys(made.tools.methods, DnsTxt(SeenDns()))
    made.tools = replace(made.tools, methods=txt)
    return made


@pytest.fixture
def offer(world: Offline) -> Offer:
    """Return what the owner of a name that is bound to a server is offered."""
    actor = world.organization("acme")
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, actor.organization_id)
        app = rows.application(session, owner)
        server = rows.server(session, None, address=EDGE, proxy={"type": "caddy"})
        for name in ("example.com", "shop.example.com"):
            claim = domains.add(session, world.tools, actor, name=name)
            rows.binding(session, app, claim, server_id=server.id, hostname=name)

    def told(host: DnsHost | None, name: str = "example.com", seen: SeenDns = SEEN) -> ConnectOffer:
        tools = replace(world.tools, resolver=seen, domain_connect=host)
        return domain_connect.offer(world.sessions, tools, actor, name)

    return told


def test_the_link_covers_the_proof_and_where_the_name_leads(offer: Offer) -> None:
    found = offer(DnsHost(), "shop.example.com")
    assert (found.reason, found.zone, found.stale) == ("offered", "example.com", False)
    assert found.apply_url is not None
    given = parse_qs(urlsplit(found.apply_url).query)
    assert (given["domain"], given["host"]) == (["example.com"], ["shop"])
    assert given["groupId"] == ["ownership,alias"]
    assert given["target"] == [EDGE]
    assert [one.type for one in found.covered] == ["TXT", "CNAME"]
    assert found.by_hand == ()


def test_an_apex_gets_one_address_of_each_family(offer: Offer) -> None:
    found = offer(DnsHost())
    given = parse_qs(urlsplit(str(found.apply_url)).query)
    assert given["groupId"] == ["ownership,ipv4,ipv6"]
    assert (given["ipv4"], given["ipv6"]) == (["192.0.2.7"], ["2001:db8::7"])
    assert "host" not in given


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        (None, "not_configured"),
        (DnsHost(provider=None), "not_offered"),
        (DnsHost(replace(VIRTUCON, sync=None)), "flow_not_offered"),
        (DnsHost(has_template=False), "template_unknown"),
        (
            DnsHost(error=Refused("domain_connect_malformed", "Nonsense.")),
            "domain_connect_malformed",
        ),
    ],
)
def test_why_it_cannot_be_had(offer: Offer, host: DnsHost | None, reason: str) -> None:
    found = offer(host)
    assert (found.reason, found.apply_url, found.retryable) == (reason, None, False)
    assert found.message.endswith(".")


def test_who_is_away_may_be_asked_again(offer: Offer) -> None:
    found = offer(DnsHost(error=Unavailable("domain_connect_unreachable", "It is away.")))
    assert found.retryable


def test_without_name_servers_nobody_can_be_asked(offer: Offer) -> None:
    assert offer(DnsHost(), seen=SeenDns({"com": SERVERS})).reason == "zone_not_found"


def test_a_former_host_is_told_apart(offer: Offer) -> None:
    moved = SeenDns({"example.com": ("ns1.other.example",)}, SEEN.hosts)
    assert offer(DnsHost(), seen=moved).stale
    assert not offer(DnsHost(replace(VIRTUCON, name_servers=())), seen=moved).stale


def test_what_the_operator_submits(world: Offline) -> None:
    assert domain_connect.submission(world.tools, PLATFORM) is None
    tools = replace(world.tools, domain_connect=DnsHost())
    found = domain_connect.submission(tools, PLATFORM)
    assert found is not None
    assert found.key_name == "_dcpubkeyv1.dc.platform.example"
    assert found.file_name == "platform.example.custom-domain.json"
    with pytest.raises(NotPermitted):
        domain_connect.submission(tools, world.organization("acme"))
