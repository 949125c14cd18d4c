"""Asking a DNS host for Domain Connect: one that keeps to the specification, and hostile ones."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dns.rcode
import pytest
from tests.servers.domain_connect import DnsHost, certified
from tests.servers.hostile import HostileServer, request_head
from tests.servers.process import free_port
from tests.servers.scripted_dns import ScriptedDns, fails, replies

from nameplate.adapters.domain_connect import HttpDomainConnect
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core import keys
from nameplate.core.domain_connect.provider import Provider, ProviderPrefix
from nameplate.core.domain_connect.service import ConnectService, template
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import NameplateError, Refused, Unavailable

ZONE = "example.com"
HOST = "domainconnect.virtucon.example"
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
SERVICE = ConnectService(
    "platform.example", "Platform", "custom-domain", "Custom domain", "platform.example",
    "_dcpubkeyv1", keys.new_key("rsa2048"),
)  # fmt: skip


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def host(servers: ExitStack, tmp_path: Path) -> DnsHost:
    made = DnsHost(HOST, tmp_path, lambda _: [])
    made.zones.add(ZONE)
    made.templates[SERVICE.path] = template(SERVICE)
    return servers.enter_context(made)


def asking(
    servers: ExitStack,
    *,
    port: int,
    tls: Any = None,
    policy: EgressPolicy = LOOPBACK,
    texts: tuple[str, ...] = (f'"{HOST}/dc"',),
    address: str = "127.0.0.1",
) -> HttpDomainConnect:
    """Return the adapter in a world where these TXT records and this address are published."""
    records = {(f"_domainconnect.{ZONE}", "TXT"): list(texts), (HOST, "A"): [address]}
    server = servers.enter_context(ScriptedDns(replies(records)))
    known = [("ns1", "127.0.0.1", server.port)]
    resolver = AuthoritativeResolver(LOOPBACK, overrides={ZONE: known, "virtucon.example": known})
    return HttpDomainConnect(
        SERVICE, resolver, policy, tls=tls, port=port, deadline=timedelta(seconds=2)
    )


def of(servers: ExitStack, host: DnsHost, **more: Any) -> HttpDomainConnect:
    return asking(servers, port=host.port, tls=host.client_tls, **more)


def hostile(
    servers: ExitStack, tmp_path: Path, answer: bytes | Callable[..., None], **more: Any
) -> HttpDomainConnect:
    """Return the adapter before a server that answers every request so."""
    server_tls, client_tls = certified(tmp_path, HOST)

    def serve(connection):
        request_head(connection)
        if isinstance(answer, bytes):
            connection.sendall(answer)
        else:
            answer(connection)

    server = servers.enter_context(HostileServer(serve, tls=server_tls))
    return asking(servers, port=server.port, tls=client_tls, **more)


def page(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def settings(**changes: Any) -> bytes:
    given = {
        "providerId": "virtucondomains.example",
        "providerName": "Virtucon Domains",
        "urlSyncUX": f"https://{HOST}/sync",
        "urlAPI": f"https://{HOST}/api",
        **changes,
    }
    return page(json.dumps({k: v for k, v in given.items() if v is not ...}).encode())


def code(call: Callable[[], object], kind: type[NameplateError]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert len(caught.value.detail) < 400
    assert caught.value.detail.endswith((".", ".)"))
    return caught.value.code


def test_settings_as_the_specification_shows_them(servers, host):
    connect = of(servers, host)
    found = connect.discover(ZONE)
    assert found == Provider(
        id="virtucondomains.example",
        name="Virtucon",
        api=ProviderPrefix(HOST, "/api"),
        sync=ProviderPrefix(HOST, "/sync"),
        name_servers=("ns1.virtucondomainsdns.example",),
    )
    assert connect.knows(found)
    assert host.asked == [f"/dc/v2/{ZONE}/settings", f"/api{SERVICE.path}"]
    host.templates.clear()
    assert not connect.knows(found)


def test_a_zone_without_a_record_has_no_domain_connect(servers, host):
    assert of(servers, host, texts=()).discover(ZONE) is None
    assert host.asked == []


def test_a_host_that_has_not_the_zone_is_a_former_one(servers, host):
    host.zones.clear()
    assert of(servers, host).discover(ZONE) is None


def test_servers_that_fail_do_not_mean_that_nothing_is_offered(servers):
    server = servers.enter_context(ScriptedDns(fails(dns.rcode.SERVFAIL)))
    known = {ZONE: [("ns1", "127.0.0.1", server.port)]}
    resolver = AuthoritativeResolver(LOOPBACK, overrides=known)
    connect = HttpDomainConnect(SERVICE, resolver, LOOPBACK)
    assert code(lambda: connect.discover(ZONE), Unavailable) == "domain_connect_dns"


def test_of_several_records_the_first_that_works_counts(servers, host):
    texts = ('"no host"', f'"{HOST}/another"', f'"{HOST}/dc"', '"https://x.example"')
    assert of(servers, host, texts=texts).discover(ZONE) is not None
    assert len(host.asked) == 2


def test_no_more_than_three_records_are_followed(servers, host):
    texts = tuple(f'"{HOST}/path{number}"' for number in range(20))
    assert of(servers, host, texts=texts).discover(ZONE) is None
    assert len(host.asked) == 3


def test_records_that_are_no_plain_host_are_not_followed(servers, host):
    texts = ('"127.0.0.1/dc"', f'"{HOST}:8443"', f'"https://{HOST}"', f'"{HOST}\\010/dc"')
    connect = of(servers, host, texts=texts)
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_malformed"
    assert host.asked == []


@pytest.mark.parametrize("address", ["10.1.2.3", "169.254.169.254", "127.0.0.2", "192.168.0.1"])
def test_private_addresses_are_refused(servers, host, address):
    connect = of(servers, host, address=address)
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_address"
    assert host.asked == []


def test_loopback_is_refused_unless_it_is_allowed(servers, host):
    connect = of(servers, host, policy=EgressPolicy())
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_address"
    elsewhere = Provider("x", "X", ProviderPrefix(HOST, "/api"), None)
    assert code(lambda: connect.knows(elsewhere), Refused) == "domain_connect_address"
    assert host.asked == []


def test_a_certificate_of_nobody_we_trust_is_refused(servers, host, tmp_path):
    _, other = certified(tmp_path, "other.example")
    connect = asking(servers, port=host.port, tls=other)
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_tls"
    connect = asking(servers, port=host.port)  # the system's trust
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_tls"
    assert host.asked == []


def test_nobody_listens(servers):
    connect = asking(servers, port=free_port())
    assert code(lambda: connect.discover(ZONE), Unavailable) == "domain_connect_unreachable"


def test_a_host_that_never_answers_is_given_up(servers, tmp_path):
    connect = hostile(servers, tmp_path, lambda connection: connection.recv(1))
    assert code(lambda: connect.discover(ZONE), Unavailable) == "domain_connect_unreachable"


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        ("403 No", Refused, "domain_connect_refused"),
        ("400 No", Refused, "domain_connect_refused"),
        ("303 See\r\nLocation: /x", Refused, "domain_connect_refused"),
        ("429 Wait", Unavailable, "domain_connect_unavailable"),
        ("500 Oh", Unavailable, "domain_connect_unavailable"),
        ("503 Oh", Unavailable, "domain_connect_unavailable"),
        (f"302 There\r\nLocation: https://{HOST}/else", Refused, "domain_connect_redirect"),
        ("301 There\r\nLocation: http://127.0.0.1/", Refused, "domain_connect_redirect"),
        ("307 There\r\nLocation: file:///etc/passwd", Refused, "domain_connect_redirect"),
        ("200 OK\r\nContent-Encoding: gzip", Refused, "domain_connect_malformed"),
    ],
)
def test_other_statuses(servers, tmp_path, status, kind, expected):
    connect = hostile(servers, tmp_path, page(b"{}", status))
    assert code(lambda: connect.discover(ZONE), kind) == expected
    provider = Provider("x", "X", ProviderPrefix(HOST), None)
    assert code(lambda: connect.knows(provider), kind) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>parked</html>",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b"[" * 50_000,
        b"{}",
        b'{"providerId": "a"' + b" " * 70_000 + b"}",
    ],
    ids=["empty", "html", "list", "text", "null", "bytes", "deep", "no fields", "huge"],
)
def test_what_is_not_settings(servers, tmp_path, body):
    connect = hostile(servers, tmp_path, page(body))
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_malformed"


def test_an_endless_answer_is_cut(servers, tmp_path):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")

    connect = hostile(servers, tmp_path, endless)
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_malformed"


@pytest.mark.parametrize("url", ["http://api.virtucon.example", "https://127.0.0.1/api"])
def test_settings_that_lead_elsewhere_are_refused(servers, tmp_path, url):
    connect = hostile(servers, tmp_path, settings(urlAPI=url))
    assert code(lambda: connect.discover(ZONE), Refused) == "domain_connect_malformed"
