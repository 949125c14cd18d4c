"""Each line of the table in SECURITY.md: what a tenant writes leads to no connection inside."""

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import dns.message
import dns.rrset
import pytest
from tests.adapters.test_domain_connect import SERVICE
from tests.api.client import Api
from tests.api.conftest import World
from tests.databases import sessions_over
from tests.house.source import ROOT
from tests.servers.hostile import HostileServer, request_head
from tests.servers.scripted_dns import Script, ScriptedDns, replies
from tests.usecases.serving.serving_rig import bound

from nameplate.adapters.domain_connect import HttpDomainConnect
from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.proxy.probe import HttpProber
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core.actor import PLATFORM
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Application, Binding, Server
from nameplate.ports.fetcher import HttpOutcome
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget
from nameplate.ports.resolver import AnswerKind
from nameplate.usecases.serving import probes

PUBLIC = EgressPolicy()
"""What an operator has who allowed nothing."""
INSIDE = ("127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1")
"""Where no tenant's word may lead."""
SECRET = "internal secret"


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def canary(servers: ExitStack) -> Iterator[HostileServer]:
    """Something inside that would answer; nobody may connect to it."""

    def answer(connection: socket.socket) -> None:
        request_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret")

    made = servers.enter_context(HostileServer(answer))
    yield made
    assert made.connections == 0


@dataclass
class Looking:
    """A prober that another one looks through."""

    look_many: Callable[[Sequence[ProbeTarget]], Sequence[ProbeResult]]

    def look(self, target: ProbeTarget) -> ProbeResult:
        return self.look_many([target])[0]


def told(servers: ExitStack, script: Script) -> ScriptedDns:
    return servers.enter_context(ScriptedDns(script))


# The tests below are named after the lines of the table.


@pytest.mark.parametrize("address", INSIDE)
def test_name_servers(servers: ExitStack, address: str) -> None:
    inside = told(servers, replies({("shop.tenant.com", "TXT"): [f'"{SECRET}"']}))
    kind = "AAAA" if ":" in address else "A"
    world = {
        ("tenant.com", "NS"): ["ns.tenant.com."],
        ("ns.tenant.com", kind): [address],
    }
    recursor = told(servers, replies(world, authoritative=False))
    resolver = AuthoritativeResolver(
        PUBLIC, recursor=("127.0.0.1", recursor.port), port=inside.port, seconds=2
    )
    found = resolver.authoritative("shop.tenant.com", "TXT")
    assert {one.kind for one in found.answers} == {AnswerKind.REFUSED}
    assert inside.queries == []


def leads_to(target: str) -> Script:
    """Answer every question with an alias."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = replies({})(query)
        name = query.question[0].name
        reply.answer = [dns.rrset.from_text(name, 60, "IN", "CNAME", target)]
        return reply

    return script


@pytest.mark.parametrize("rdtype", ["TXT", "A"])
def test_alias(servers: ExitStack, rdtype: str) -> None:
    private = {("db.corp.com", "TXT"): [f'"{SECRET}"'], ("db.corp.com", "A"): ["10.0.0.7"]}
    inside, theirs = told(servers, replies(private)), told(servers, leads_to("db.corp.com."))
    overrides = {
        "tenant.com": [("ns.tenant.com", "127.0.0.1", theirs.port)],
        "corp.com": [("ns.corp.com", "127.0.0.1", inside.port)],
    }
    resolver = AuthoritativeResolver(PUBLIC, overrides=overrides, seconds=2)
    found = resolver.authoritative("x.tenant.com", rdtype)
    assert [one.kind for one in found.answers] == [AnswerKind.REFUSED]
    assert "private zone" in found.answers[0].detail
    assert SECRET not in str(DnsTxt(resolver).check("tenant.com", "token"))
    assert resolver.addresses("x.tenant.com") == ()
    assert inside.queries == []
    assert resolver.authoritative("db.corp.com", "TXT").answers[0].values == (SECRET,)


def test_delegation(servers: ExitStack) -> None:
    """Anybody can delegate a zone to the name servers of a private one."""
    inside = told(servers, replies({("x.tenant.com", "TXT"): [f'"{SECRET}"']}))
    world = {("tenant.com", "NS"): ["ns.corp.com."], ("ns.corp.com", "A"): ["127.0.0.1"]}
    recursor = told(servers, replies(world, authoritative=False))
    resolver = AuthoritativeResolver(
        PUBLIC,
        recursor=("127.0.0.1", recursor.port),
        overrides={"corp.com": [("ns.corp.com", "127.0.0.1", inside.port)]},
        port=inside.port,
        seconds=2,
    )
    found = resolver.authoritative("x.tenant.com", "TXT")
    assert [one.kind for one in found.answers] == [AnswerKind.REFUSED]
    assert inside.queries == []


@pytest.mark.parametrize("address", INSIDE)
def test_web_server(canary: HostileServer, address: str) -> None:
    ports = {"http": canary.port, "https": canary.port}
    fetcher = SafeFetcher(PUBLIC, lambda _host: (address,), ports=ports)
    assert fetcher.fetch("shop.tenant.com", "/x").category is HttpOutcome.ADDRESS_REFUSED


@pytest.mark.parametrize("address", INSIDE)
def test_domain_connect(servers: ExitStack, canary: HostileServer, address: str) -> None:
    kind = "AAAA" if ":" in address else "A"
    records = {
        ("_domainconnect.tenant.com", "TXT"): ['"api.tenant.com/dc"'],
        ("api.tenant.com", kind): [address],
    }
    known = [("ns.tenant.com", "127.0.0.1", told(servers, replies(records)).port)]
    resolver = AuthoritativeResolver(PUBLIC, overrides={"tenant.com": known})
    connect = HttpDomainConnect(SERVICE, resolver, PUBLIC, port=canary.port)
    with pytest.raises(Refused):
        connect.discover("tenant.com")


@pytest.mark.parametrize("address", [*INSIDE, "localhost"])
def test_server_address(canary: HostileServer, migrated_sqlite_url: str, address: str) -> None:
    sessions = sessions_over(migrated_sqlite_url)
    rig = bound(sessions, status=BindingStatus.ACTIVE)
    rig.world.tools = replace(rig.world.tools, prober=HttpProber(timeout=2))
    proxy = {"type": "caddy", "http_port": canary.port}
    owner = rig.actor.organization_id
    rig.change(Server, organization_id=owner, address=address, proxy=proxy)
    rig.change(Binding, served_server_id=rig.ids[Server])
    lease = rig.world.leased(Binding, rig.ids[Binding])
    probes.sweep(sessions, rig.world.tools, [lease])
    assert "address policy" in str(rig.read(Binding).error_message)
    sessions.dispose()


def test_binding_port(api: Api, world: World) -> None:
    new = {"domain": "example.com", "application": "Shop", "subdomain": "x", "port": 22}
    mine = world.ids["bindings"]
    for method, path, body in (
        ("POST", "/v1/bindings", new),
        ("PATCH", f"/v1/bindings/{mine}", {"port": 22}),
    ):
        answer = world.as_acme.send(method, path, body)
        assert (answer.status, answer.code) == (422, "port_not_listed")
    assert world.as_acme.send("PATCH", f"/v1/bindings/{mine}", {"port": 8000}).status == 200
    listed = {"binding_ports": [8001]}
    assert world.as_acme.send("PATCH", "/v1/applications/Shop", listed).status == 403
    assert api.send("PATCH", "/v1/applications/Shop", listed).body["binding_ports"] == [8001]
    assert world.as_acme.post("/v1/bindings", {**new, "port": 8001})["port"] == 8001
    assert api.send("PATCH", f"/v1/bindings/{mine}", {"port": 22}).body["port"] == 22


@pytest.mark.parametrize("upstream", ["169.254.169.254", "127.0.0.1", "fd00:ec2::254"])
def test_target_checks(canary: HostileServer, migrated_sqlite_url: str, upstream: str) -> None:
    """Whatever an operator wrote by mistake: two bindings of one host have both applications looked at."""
    sessions = sessions_over(migrated_sqlite_url)
    active = {"status": BindingStatus.ACTIVE, "health_check_path": "/latest/meta-data/"}
    rig = bound(sessions, **active)
    rig.world.tools = replace(rig.world.tools, prober=HttpProber(timeout=2))
    proxy = {"type": "caddy", "http_port": canary.port}
    rig.change(Server, proxy=proxy)
    rig.change(Application, upstream_host=upstream, upstream_port=canary.port)
    with sessions.begin(PLATFORM) as session:
        row = session.get_one(Binding, rig.ids[Binding])
        row.served_server_id = row.server_id
        same = (
            "organization_id",
            "organization_domain_id",
            "application_id",
            "hostname",
            "server_id",
        )
        other = {one: getattr(row, one) for one in same}
        session.add(Binding(**other, **active, port=1, ssl_enabled=False))
    seen: list[ProbeTarget] = []
    look_many = rig.world.tools.prober.look_many

    def looking(those: Sequence[ProbeTarget]) -> Sequence[ProbeResult]:
        upstreams = [one for one in those if one.is_upstream]
        seen.extend(upstreams)
        found = look_many(upstreams) if upstreams else []
        assert {one.failure for one in found} <= {Failure.ADDRESS_REFUSED}
        through = (ProbeResult(one, status=200) for one in those if not one.is_upstream)
        return [*through, *found]

    rig.world.tools = replace(rig.world.tools, prober=Looking(looking))
    lease = rig.world.leased(Binding, rig.ids[Binding])
    probes.sweep(sessions, rig.world.tools, [lease])
    assert len(seen) == (0 if upstream == "127.0.0.1" else 1)
    sessions.dispose()


@pytest.mark.parametrize("inside", ["127.0.0.1", "169.254.169.254"])
def test_operators_fields(world: World, canary: HostileServer, inside: str) -> None:
    """What only the platform may write, wherever it would lead."""
    url = f"http://{inside}:{canary.port}"
    dns_account = {"kind": "dns", "name": "x"}
    options = {"pdns_server": url, "auth_token": "x"}
    lexicon = {"lexicon_provider": "powerdns", "zones": ["example.com"]}
    tried: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("POST", "/v1/applications", {"name": "x", "upstream_host": inside}),
        ("PATCH", "/v1/applications/Shop", {"upstream_host": inside}),
        ("PATCH", "/v1/servers/own", {"proxy": {"type": "caddy", "admin_url": url}}),
        ("PATCH", "/v1/servers/own", {"proxy": {"type": "caddy", "probe_address": inside}}),
        *(
            ("POST", "/v1/accounts", {**dns_account, "provider": name, "config": config})
            for name, config in (
                ("powerdns", {"api_url": url}),
                ("rfc2136", {"server": f"{inside}:{canary.port}", "zones": ["example.com"]}),
                ("namecheap", {"api_user": "x", "client_ip": "192.0.2.1", "api_url": url}),
            )
        ),
        (
            "POST",
            "/v1/accounts",
            {**dns_account, "provider": "lexicon", "config": lexicon, "credentials": options},
        ),
        (
            "POST",
            "/v1/accounts",
            {"kind": "ca", "provider": "acme", "name": "x", "config": {"directory_url": url}},
        ),
    )
    for method, path, body in tried:
        answer = world.as_acme.send(method, path, body)
        assert (answer.status, answer.code) == (403, "platform_only"), (path, body)


def test_the_table_is_whole() -> None:
    """Each line has its test, and each test its line."""
    _, _, text = (ROOT / "SECURITY.md").read_text().partition("words become connections")
    text, _, _ = text.partition("\n## ")
    lines = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert lines == tests - {"the_table_is_whole"}
