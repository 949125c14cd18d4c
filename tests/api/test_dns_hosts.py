"""Where a domain's DNS is managed, what is typed there, and one consent instead of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest
from tests.api.client import LOCAL, Api
from tests.api.conftest import World
from tests.servers.domain_connect import DnsHost
from tests.servers.scripted_dns import Script, ScriptedDns, fails, replies

from nameplate.adapters.domain_connect import HttpDomainConnect
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core import keys
from nameplate.core.domain_connect.service import ConnectService
from nameplate.core.egress import EgressPolicy
from nameplate.core.secret import Secret

POLICY = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
EDGE = "edge.platform.example"
CLOUDFLARE = ["ada.ns.cloudflare.com.", "bob.ns.cloudflare.com."]
GODADDY = ["ns01.domaincontrol.com.", "ns02.domaincontrol.com."]
CONNECT = "domainconnect.virtucon.example"
SERVICE = ConnectService(
    "platform.example", "Platform", "custom-domain", "Custom domain", "platform.example",
    "_dcpubkeyv1", keys.new_key("rsa2048"),
)  # fmt: skip
Records = dict[tuple[str, str], list[str]]
Seen = Callable[..., Api]


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def seen(api: Api, servers: ExitStack) -> Seen:
    """Return the API in a DNS that answers from a table, for the zones that it names."""

    def make(records: Records, *, script: Script | None = None, host: DnsHost | None = None) -> Api:
        server = servers.enter_context(ScriptedDns(script or replies(records)))
        zones = {name for name, rdtype in records if rdtype == "NS"} | {"platform.example"}
        known = {zone: [(f"ns1.{zone}", "127.0.0.1", server.port)] for zone in zones}
        known["virtucon.example"] = [("ns", "127.0.0.1", server.port)]
        recursor = ("127.0.0.1", server.port)  # it knows of no other zone
        resolver = AuthoritativeResolver(POLICY, overrides=known, recursor=recursor)
        tools = replace(api.tools, resolver=resolver)
        if host is not None:
            connect = HttpDomainConnect(
                SERVICE, resolver, POLICY, tls=host.client_tls, port=host.port
            )
            tools = replace(tools, domain_connect=connect)
        app = create(api.sessions, tools, local_token=Secret(LOCAL))
        return replace(api, tools=tools, transport=InProcess(app))

    return make


def bound(
    api: Api, name: str, *, address: str = EDGE, subdomain: str | None = None, **server: Any
) -> str:
    """Add an organization with a domain that leads to a server; return the proof's value."""
    api.post("/v1/organizations", {"name": "Acme"})
    of = {"organization": "acme"}
    api.post("/v1/applications", {"name": "Shop", **of})
    proxy = {"type": "caddy", "admin_url": "http://127.0.0.1:1"}
    api.post("/v1/servers", {"name": "edge", "address": address, "proxy": proxy, **server})
    made = api.post("/v1/domains", {"name": name, **of})
    binding: dict[str, Any] = {"domain": made["id"], "application": "Shop"}
    api.post("/v1/bindings", binding if subdomain is None else {**binding, "subdomain": subdomain})
    value: str = made["instructions"][0]["value"]
    return value


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["type"], one["host"], one["value"]) for one in found["entries"]]


def test_a_subdomain_at_cloudflare(api: Api, seen: Seen) -> None:
    proof = bound(api, "shop.example.com")
    found = seen({("example.com", "NS"): CLOUDFLARE}).get("/v1/domains/shop.example.com/dns-host")
    assert (found["zone"], found["confidence"]) == ("example.com", "certain")
    assert found["host"]["slug"] == found["host"]["account_provider"] == "cloudflare"
    assert found["name_servers"] == ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]
    assert found["message"] == "The name servers of example.com belong to Cloudflare."
    assert rows(found) == [
        ("TXT", "_nameplate-challenge.shop", proof),
        ("CNAME", "shop", EDGE),
    ]
    assert [one["purpose"] for one in found["entries"]] == ["ownership", "routing"]
    assert any("grey cloud" in remark for remark in found["entries"][1]["remarks"])


def test_what_the_servers_answer_with_is_published(api: Api, seen: Seen) -> None:
    bound(api, "shop.example.com")
    there = {
        ("example.com", "NS"): CLOUDFLARE,
        ("shop.example.com", "CNAME"): [f"{EDGE}."],
        ("_nameplate-challenge.shop.example.com", "TXT"): ['"another"'],
    }
    found = seen(there).get("/v1/domains/shop.example.com/dns-host")
    assert [(one["type"], one["is_published"]) for one in found["entries"]] == [
        ("TXT", False),
        ("CNAME", True),
    ]


def test_a_delegated_subdomain_is_a_zone_of_its_own(api: Api, seen: Seen) -> None:
    bound(api, "shop.example.com", address="192.0.2.7", subdomain="api")
    there = {("example.com", "NS"): CLOUDFLARE, ("shop.example.com", "NS"): GODADDY}
    found = seen(there).get("/v1/domains/shop.example.com/dns-host")
    assert (found["zone"], found["host"]["slug"]) == ("shop.example.com", "godaddy")
    assert [row[:2] for row in rows(found)] == [("TXT", "_nameplate-challenge"), ("A", "api")]


def test_a_name_that_is_an_alias_already_lies_where_it_is_written(api: Api, seen: Seen) -> None:
    bound(api, "shop.example.com")
    table = replies({("example.com", "NS"): CLOUDFLARE, ("platform.example", "NS"): GODADDY})

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = table(query)
        name = query.question[0].name
        if name.to_text(omit_final_dot=True).lower() == "shop.example.com":
            reply.answer = [dns.rrset.from_text(name, 60, "IN", "CNAME", f"{EDGE}.")]
        return reply

    zones: Records = {("example.com", "NS"): [], ("platform.example", "NS"): []}
    found = seen(zones, script=script).get("/v1/domains/shop.example.com/dns-host")
    assert (found["zone"], found["host"]["slug"]) == ("example.com", "cloudflare")


def test_the_apex_without_alias_gets_the_addresses_of_now(api: Api, seen: Seen) -> None:
    bound(api, "example.com")
    there = {
        ("example.com", "NS"): GODADDY,
        (EDGE, "A"): ["192.0.2.7"],
        (EDGE, "AAAA"): ["2001:db8::7"],
    }
    found = seen(there).get("/v1/domains/example.com/dns-host")
    assert rows(found)[1:] == [("A", "@", "192.0.2.7"), ("AAAA", "@", "2001:db8::7")]
    assert "when they change" in found["entries"][1]["remarks"][0]


def test_a_server_that_only_its_network_knows_by_name_is_told_by_its_addresses(
    api: Api, seen: Seen
) -> None:
    addresses = ["192.0.2.10", "2001:db8::10"]
    bound(api, "shop.example.com", address="edge1", addresses=addresses)
    found = seen({("example.com", "NS"): GODADDY}).get("/v1/domains/shop.example.com/dns-host")
    assert rows(found)[1:] == [("A", "shop", addresses[0]), ("AAAA", "shop", addresses[1])]
    assert found["obstacles"] == []


@pytest.mark.parametrize("delegated", [GODADDY, ["ns1.own.example."]])
def test_an_apex_is_told_the_addresses_that_its_server_has(
    api: Api, seen: Seen, delegated: list[str]
) -> None:
    bound(api, "example.com", address="lb.platform.example", addresses=["192.0.2.20"])
    found = seen({("example.com", "NS"): delegated}).get("/v1/domains/example.com/dns-host")
    assert rows(found)[1:] == [("A", "@", "192.0.2.20")]
    assert not any("now" in remark for remark in found["entries"][1]["remarks"])


def test_an_apex_that_can_lead_nowhere_is_an_obstacle(api: Api, seen: Seen) -> None:
    bound(api, "example.com")
    found = seen({("example.com", "NS"): GODADDY}).get("/v1/domains/example.com/dns-host")
    assert [row[0] for row in rows(found)] == ["TXT"]
    (obstacle,) = found["obstacles"]
    assert obstacle["reason"] == "apex_needs_address"
    assert EDGE in obstacle["message"]


def test_who_switched_automatic_dns_off_is_told_what_to_publish(world: World, seen: Seen) -> None:
    world.as_acme.send("PATCH", "/v1/domains/example.com", {"automatic_dns": False})
    for record in world.as_acme.get("/v1/records?domain=example.com")["data"]:
        if record["name"] == "@":
            world.as_acme.send("DELETE", f"/v1/records/{record['id']}")
    view = seen({("example.com", "NS"): CLOUDFLARE}).as_(world.as_acme.token)
    told = rows(view.get("/v1/domains/example.com/dns-host"))
    assert told == [("CNAME", "@", "edge.example.net")]


def test_mixed_and_unknown_delegations_are_said_so(api: Api, seen: Seen) -> None:
    bound(api, "shop.example.com")
    path = "/v1/domains/shop.example.com/dns-host"
    mixed = seen({("example.com", "NS"): [*CLOUDFLARE, "ns.own.example."]}).get(path)
    assert (mixed["confidence"], mixed["others"]) == ("mixed", ["ns.own.example"])
    assert "Enter each record at all of them" in mixed["message"]
    unknown = seen({("example.com", "NS"): ["ns1.own.example."]}).get(path)
    assert (unknown["host"], unknown["confidence"]) == (None, "unknown")
    assert "no DNS host that Nameplate knows: ns1.own.example" in unknown["message"]
    assert "enter shop.example.com" in " ".join(unknown["entries"][1]["remarks"])


def test_servers_that_do_not_answer_are_named_by_the_parent(api: Api, seen: Seen) -> None:
    bound(api, "shop.example.com")
    dead = seen({("example.com", "NS"): []}, script=fails(dns.rcode.REFUSED))
    found = dead.get("/v1/domains/shop.example.com/dns-host")
    assert found["name_servers"] == ["ns1.example.com"]
    assert "because they do not answer" in found["message"]


def test_a_domain_without_a_zone(api: Api, seen: Seen) -> None:
    bound(api, "shop.example.com")
    parent = {("com", "NS"): ["a.gtld-servers.net."]}
    found = seen(parent).get("/v1/domains/shop.example.com/dns-host")
    assert (found["zone"], found["name_servers"], found["host"]) == (None, [], None)
    assert "Check that it is registered" in found["message"]
    assert rows(found)[1] == ("CNAME", "shop", EDGE)


def test_with_an_account_nothing_is_left_to_the_owner(world: World, seen: Seen) -> None:
    view = seen({("example.com", "NS"): CLOUDFLARE}).as_(world.as_acme.token)
    assert rows(view.get("/v1/domains/example.com/dns-host")) == []
    world.as_acme.send("DELETE", f"/v1/accounts/{world.ids['accounts']}")
    left = rows(view.get("/v1/domains/example.com/dns-host"))
    assert left[1:] == [("CNAME", "@", "edge.example.net"), ("A", "www", "192.0.2.7")]


def test_foreign_domains_are_unknown(world: World, seen: Seen) -> None:
    view = seen({}).as_(world.as_globex.token)
    for action in ("dns-host", "domain-connect"):
        answer = view.send("GET", f"/v1/domains/{world.ids['domains']}/{action}")
        assert (answer.status, answer.code) == (404, "domain_not_found")
    answer = view.send("GET", "/v1/domain-connect")
    assert (answer.status, answer.code) == (403, "platform_only")


@dataclass
class Connected:
    """A zone at a DNS host that speaks Domain Connect."""

    host: DnsHost
    records: Records

    @property
    def path(self) -> str:
        return "/v1/domains/shop.example.com/domain-connect"


@pytest.fixture
def connected(api: Api, seen: Seen, servers: ExitStack, tmp_path: Path) -> Connected:
    """Do what the operator does: submit the template, publish the key."""
    records: Records = {
        ("example.com", "NS"): ["ns1.virtucondomainsdns.example."],
        ("_domainconnect.example.com", "TXT"): [f'"{CONNECT}/dc"'],
        (CONNECT, "A"): ["127.0.0.1"],
        (EDGE, "A"): ["192.0.2.7"],
    }
    published: dict[str, list[str]] = {}
    made = DnsHost(CONNECT, tmp_path, lambda name: published.get(name, []))
    host = servers.enter_context(made)
    submitted = seen(records, host=host).get("/v1/domain-connect")
    assert submitted["configured"]
    assert submitted["file_name"] == "platform.example.custom-domain.json"
    for one in submitted["key_records"]:
        published.setdefault(one["name"], []).append(one["value"])
    template = submitted["template"]
    place = f"/providers/{template['providerId']}/services/{template['serviceId']}"
    host.templates[f"/v2/domainTemplates{place}"] = template
    host.zones.add("example.com")
    return Connected(host, records)


def test_one_consent_publishes_proof_and_direction(
    api: Api, seen: Seen, connected: Connected
) -> None:
    proof = bound(api, "shop.example.com", subdomain=None)
    found = seen(connected.records, host=connected.host).get(connected.path)
    assert (found["supported"], found["reason"], found["stale"]) == (True, "offered", False)
    assert found["provider"] == {"id": "virtucondomains.example", "name": "Virtucon"}
    wanted = [
        ("_nameplate-challenge.shop.example.com", "TXT", proof),
        ("shop.example.com", "CNAME", EDGE),
    ]
    assert connected.host.consent(found["apply_url"]) == wanted
    assert [(one["name"], one["type"], one["value"]) for one in found["covered"]] == wanted
    assert found["by_hand"] == []


def test_a_link_that_was_changed_is_refused(api: Api, seen: Seen, connected: Connected) -> None:
    bound(api, "shop.example.com")
    url = seen(connected.records, host=connected.host).get(connected.path)["apply_url"]
    for old, new in ((EDGE, "evil.example"), ("domain=example.com", "domain=example.org")):
        assert old in url
        with pytest.raises(ValueError, match="signature"):
            connected.host.consent(url.replace(old, new))


def test_the_apex_is_led_by_addresses(api: Api, seen: Seen, connected: Connected) -> None:
    proof = bound(api, "example.com")
    view = seen(connected.records, host=connected.host)
    found = view.get("/v1/domains/example.com/domain-connect")
    assert connected.host.consent(found["apply_url"]) == [
        ("_nameplate-challenge.example.com", "TXT", proof),
        ("example.com", "A", "192.0.2.7"),
    ]


def test_a_consent_publishes_the_addresses_that_the_server_has(
    api: Api, seen: Seen, connected: Connected
) -> None:
    bound(api, "example.com", address="edge1", addresses=["2001:db8::9", "192.0.2.9", "192.0.2.8"])
    view = seen(connected.records, host=connected.host)
    found = view.get("/v1/domains/example.com/domain-connect")
    assert [(one["type"], one["value"]) for one in found["covered"]][1:] == [
        ("A", "192.0.2.8"), ("AAAA", "2001:db8::9"),
    ]  # fmt: skip
    assert rows({"entries": found["by_hand"]}) == [("A", "@", "192.0.2.9")]


def test_other_names_of_the_domain_are_left_to_the_owner(
    api: Api, seen: Seen, connected: Connected
) -> None:
    bound(api, "shop.example.com", subdomain="api")
    found = seen(connected.records, host=connected.host).get(connected.path)
    assert [one["type"] for one in found["covered"]] == ["TXT"]
    assert [(one["type"], one["host"]) for one in found["by_hand"]] == [("CNAME", "api.shop")]


def test_a_wildcard_is_left_to_the_owner(api: Api, seen: Seen, connected: Connected) -> None:
    bound(api, "*.example.com")
    view = seen(connected.records, host=connected.host)
    hosts = [row[:2] for row in rows(view.get("/v1/domains/*.example.com/dns-host"))]
    assert hosts == [("TXT", "_nameplate-challenge"), ("CNAME", "*")]
    found = view.get("/v1/domains/*.example.com/domain-connect")
    assert [one["type"] for one in found["covered"]] == ["TXT"]
    assert [one["host"] for one in found["by_hand"]] == ["*"]


def test_a_domain_that_needs_no_record(api: Api, seen: Seen, connected: Connected) -> None:
    api.post("/v1/organizations", {"name": "Acme"})
    claim = {"name": "shop.example.com", "organization": "acme"}
    api.post("/v1/domains", {**claim, "verification_method": "file_upload"})
    view = seen(connected.records, host=connected.host)
    assert view.get("/v1/domains/shop.example.com/dns-host")["entries"] == []
    found = view.get(connected.path)
    assert (found["supported"], found["reason"]) == (False, "nothing_to_publish")


def test_a_host_with_other_name_servers_may_be_a_former_one(
    api: Api, seen: Seen, connected: Connected
) -> None:
    bound(api, "shop.example.com")
    connected.records["example.com", "NS"] = GODADDY
    found = seen(connected.records, host=connected.host).get(connected.path)
    assert (found["supported"], found["stale"]) == (True, True)


def test_every_no_has_its_reason(api: Api, seen: Seen, connected: Connected) -> None:
    bound(api, "shop.example.com")
    host, records = connected.host, connected.records
    view = seen(records, host=host)

    def reason(view: Api = view) -> tuple[str, bool]:
        found = view.get(connected.path)
        assert (found["supported"], found["apply_url"]) == (False, None)
        return found["reason"], found["retryable"]

    assert reason(seen(records)) == ("not_configured", False)
    host.templates.clear()
    assert reason() == ("template_unknown", False)
    del host.settings["urlSyncUX"]
    assert reason() == ("flow_not_offered", False)
    host.settings["urlAPI"] = "http://10.0.0.1/"
    assert reason() == ("domain_connect_malformed", False)
    host.zones.clear()
    assert reason() == ("not_offered", False)
    records[CONNECT, "A"] = ["10.0.0.1"]
    assert reason() == ("domain_connect_address", False)
    records[CONNECT, "A"] = []
    assert reason() == ("domain_connect_unreachable", True)
    records["_domainconnect.example.com", "TXT"] = []
    assert reason() == ("not_offered", False)
    nowhere = seen({("_domainconnect.com", "TXT"): [f'"{CONNECT}"']}, host=host)
    assert reason(nowhere) == ("zone_not_found", False)


def test_a_platform_without_domain_connect_says_so(api: Api) -> None:
    found = api.get("/v1/domain-connect")
    assert (found["configured"], found["template"], found["key_records"]) == (False, None, [])


def test_a_hosted_zone_asks_for_its_proof_only(api: Api, seen: Seen) -> None:
    api.post("/v1/organizations", {"name": "Acme"})
    config = {
        "api_url": "http://127.0.0.1:8081",
        "hosted": {"name_servers": ["ns1.platform.example"]},
    }
    account = {"kind": "dns", "provider": "powerdns", "name": "hosting", "config": config}
    api.post("/v1/accounts", {**account, "credentials": {"api_key": "k"}})
    api.post("/v1/domains", {"name": "example.com", "organization": "acme", "hosted": True})
    found = seen({("example.com", "NS"): GODADDY}).get("/v1/domains/example.com/dns-host")
    assert [(one["purpose"], one["type"]) for one in found["entries"]] == [("ownership", "TXT")]
