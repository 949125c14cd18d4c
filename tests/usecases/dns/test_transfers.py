"""Records come from what the Internet sees, and from providers that give a list."""

from dataclasses import replace
from ipaddress import ip_network

import pytest
from tests.proof import prove
from tests.servers.knot import Knot
from tests.usecases.dns.zone_rig import APEX, ZONE, made
from tests.usecases.offline import Offline

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Conflict, Refused
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import plans, transfers
from nameplate.usecases.tenants import accounts

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))


def at(label, rdtype, *values, ttl=300):
    name = APEX if label == "@" else f"{label}.{APEX}"
    return RRset(name, rdtype, ttl, tuple(sorted(values)))


OLD = [
    at("www", "CNAME", "shop.example.net."),
    at("mail", "A", "192.0.2.25"),
    at("@", "MX", f"10 mail.{APEX}."),
    at("@", "TXT", '"v=spf1 mx -all"'),
    at("_dmarc", "TXT", '"v=DMARC1; p=reject"'),
    at("_sip._tcp", "SRV", f"1 2 5060 mail.{APEX}."),
    at("a-name-that-nobody-guesses", "A", "192.0.2.99"),
]


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """Fill a zone at the present DNS host."""
    with Knot(tmp_path_factory.mktemp("knot"), [APEX]) as server:
        provider = Rfc2136(server.address, server.port, [APEX], server.tsig)
        provider.apply(ZONE, [Change(None, rrset) for rrset in OLD])
        yield server, provider


@pytest.fixture
def rig(sessions):
    return made(sessions)


def resolver(server):
    known = {APEX: [(f"ns1.{APEX}", server.address, server.port)]}
    return AuthoritativeResolver(LOOPBACK, overrides=known)


def test_the_usual_names_are_found_and_the_limits_are_said(rig, old):
    server, _ = old
    plan = rig.make(transfers.from_names(resolver(server)))
    rig.apply(plan)
    found = {(row.name, row.record_type.value) for row in rig.rows().values()}
    assert {(rrset.name.removesuffix(f".{APEX}"), rrset.type) for rrset in OLD[:2]} <= found
    assert {("@", "MX"), ("@", "TXT"), ("_dmarc", "TXT"), ("_sip._tcp", "SRV")} <= found
    assert ("a-name-that-nobody-guesses", "A") not in found
    assert "Only commonly used names were checked" in plan.content.warnings[-1]
    assert rig.zone[f"www.{APEX}", "CNAME"] == OLD[0]


def test_what_a_wildcard_answers_is_found_once(rig, old):
    server, provider = old
    star = at("*", "A", "192.0.2.77")
    provider.apply(ZONE, [Change(None, star)])
    try:
        plan = rig.make(transfers.from_names(resolver(server)))
    finally:
        provider.apply(ZONE, [Change(star, None)])
    wanted = [edit[1] for edit in plan.content.edits]
    assert [one[1] for one in wanted if one[2] == "192.0.2.77"] == ["*"]


def test_a_zone_is_pulled_by_transfer(rig, old):
    _, provider = old
    rig.provider_is(provider)
    done = rig.apply(rig.make(transfers.from_zone()))
    assert (done.status.value, done.content.changes) == ("applied", [])
    assert {row.name for row in rig.rows().values()} >= {"www", "a-name-that-nobody-guesses", "@"}
    assert rig.make().content.changes == []


def _at_the_platforms(sessions: Sessions, *, subtree: bool | None) -> tuple[Offline, Actor]:
    """Return a domain whose zone is at the platform's account; `subtree` None: not proved."""
    zone = {APEX: [RRset(APEX, "TXT", 300, ('"of somebody else"',))]}
    provider = MemoryDns({**zone, "secret.example": []})
    offline = Offline(sessions)
    offline.tools = replace(offline.tools, dns_provider=lambda _account: provider)
    actor = offline.organization("acme")
    with sessions.begin(PLATFORM) as session:
        account = accounts.add(
            session, PLATFORM, offline.tools, kind="dns", provider="memory", name="platform",
            credentials={"api_key": "x"},
        )  # fmt: skip
        row = domains.add(session, offline.tools, PLATFORM, name=APEX, organization="acme")
        row.dns_account_id = account.id
        if subtree is not None:
            prove(session, row, offline.tools.clock(), subtree=subtree)
    return offline, actor


@pytest.mark.parametrize("subtree", [None, False])
def test_the_platforms_account_shows_nothing_before_the_whole_name_is_proved(
    sessions: Sessions, *, subtree: bool | None
) -> None:
    offline, actor = _at_the_platforms(sessions, subtree=subtree)
    with pytest.raises(Conflict) as caught:
        transfers.export(offline.sessions, offline.tools, actor, APEX, form="bind", live=True)
    assert caught.value.code == "domain_not_proved"
    with pytest.raises(Conflict) as caught:
        plans.make(offline.sessions, offline.tools, actor, APEX, transfers.from_zone())
    assert caught.value.code == "domain_not_proved"


def test_the_holder_reads_it_and_hears_of_no_other_zone(sessions: Sessions) -> None:
    offline, actor = _at_the_platforms(sessions, subtree=True)
    text, number = transfers.export(
        offline.sessions, offline.tools, actor, APEX, form="bind", live=True
    )
    assert (number, "of somebody else" in text) == (1, True)
    offline.tools = replace(
        offline.tools, dns_provider=lambda _account: MemoryDns({"secret.example": []})
    )
    with pytest.raises(Refused) as refused:
        transfers.export(offline.sessions, offline.tools, actor, APEX, form="bind", live=True)
    assert refused.value.code == "zone_not_found"
    assert "secret" not in refused.value.detail
