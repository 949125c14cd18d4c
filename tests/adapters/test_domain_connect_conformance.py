"""Domain Connect passes the tour before a DNS host that speaks it over HTTPS."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from tests.servers.domain_connect import DnsHost
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.adapters.domain_connect import HttpDomainConnect
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core import keys
from nameplate.core.domain_connect.service import ConnectService, template
from nameplate.core.egress import EgressPolicy
from nameplate.testing.domain_connect import DomainConnectConformance, HaveTemplate

HOST = "domainconnect.virtucon.example"
AWAY = "away.virtucon.example"
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"), ip_network("127.0.0.9/32")))
SERVICE = ConnectService(
    "platform.example", "Platform", "custom-domain", "Custom domain", "platform.example",
    "_dcpubkeyv1", keys.new_key("rsa2048"),
)  # fmt: skip
RECORDS = {
    ("_domainconnect.example.com", "TXT"): [f'"{HOST}/dc"'],
    ("_domainconnect.silent.com", "TXT"): [f'"{AWAY}/dc"'],
    ("_domainconnect.odd.com", "TXT"): [f'"{HOST}/dc"'],
    (HOST, "A"): ["127.0.0.1"],
    (AWAY, "A"): ["127.0.0.9"],
}


class OddHost(DnsHost):
    """Has every zone, and answers for one of them what is no document of settings."""

    def answer(self, path: str) -> tuple[int, bytes]:
        return (200, b"<html>parked</html>") if "/odd.com/" in path else super().answer(path)


class TestHttpDomainConnect(DomainConnectConformance):
    @pytest.fixture
    def dns_host(self, tmp_path: Path) -> Iterator[DnsHost]:
        made = OddHost(HOST, tmp_path, lambda _: [])
        made.zones.add("example.com")
        made.templates[SERVICE.path] = template(SERVICE)
        with made:
            yield made

    @pytest.fixture
    def connect(self, dns_host: DnsHost) -> Iterator[HttpDomainConnect]:
        with ExitStack() as stack:
            server = stack.enter_context(ScriptedDns(replies(RECORDS)))
            known = [("ns1", "127.0.0.1", server.port)]
            zones = ("example.com", "bare.com", "silent.com", "odd.com", "virtucon.example")
            resolver = AuthoritativeResolver(LOOPBACK, overrides=dict.fromkeys(zones, known))
            yield HttpDomainConnect(
                SERVICE,
                resolver,
                LOOPBACK,
                tls=dns_host.client_tls,
                port=dns_host.port,
                deadline=timedelta(seconds=5),
            )

    @pytest.fixture
    def zone(self) -> str:
        return "example.com"

    @pytest.fixture
    def bare_zone(self) -> str:
        return "bare.com"

    @pytest.fixture
    def silent_zone(self) -> str:
        return "silent.com"

    @pytest.fixture
    def odd_zone(self) -> str:
        return "odd.com"

    @pytest.fixture
    def have_template(self, dns_host: DnsHost) -> HaveTemplate:
        def have(there: bool) -> None:
            dns_host.templates.clear()
            if there:
                dns_host.templates[SERVICE.path] = template(SERVICE)

        return have
