"""Every method passes the tour that third parties' methods must pass."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import dns.query
import dns.tsig
import dns.update
import pytest
from tests.servers.hostile import HostileServer, request_head

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.adapters.verification.file_upload import FileUpload
from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core.egress import EgressPolicy
from nameplate.core.instructions import Instruction
from nameplate.core.secret import Secret
from nameplate.ports.resolver import Resolver
from nameplate.ports.verification import VerificationMethod
from nameplate.testing.verification import (
    DnsMethodConformance,
    Publish,
    VerificationMethodConformance,
)

SECRET = "bmFtZXBsYXRlLXNhbmRib3gta2V5LTMyLWJ5dGVzISE="
KEY = dns.tsig.Key("nameplate", SECRET, "hmac-sha256")
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
World = tuple[VerificationMethod, Publish]


@contextmanager
def dns_world() -> Iterator[World]:
    with SandboxDns(["example.test"], "nameplate", Secret(SECRET)) as server:
        known = {"example.test": [("ns1", "127.0.0.1", server.port)]}

        def publish(told: Instruction) -> None:
            message = dns.update.UpdateMessage("example.test", keyring=KEY)
            message.replace(f"{told.get('name')}.", 60, "TXT", told.expected)
            dns.query.tcp(message, "127.0.0.1", timeout=2, port=server.port)

        yield DnsTxt(AuthoritativeResolver(LOOPBACK, overrides=known)), publish


@contextmanager
def file_world() -> Iterator[World]:
    files: dict[str, str] = {}

    def serve(connection: socket.socket) -> None:
        body = files.get(request_head(connection).split()[1])
        status = "404 Not Found" if body is None else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body or '')}\r\n\r\n"
        connection.sendall(f"{head}{body or ''}".encode())

    def publish(told: Instruction) -> None:
        files[told.get("path") or ""] = told.expected

    with HostileServer(serve) as server:
        ports = {"http": server.port, "https": 1}
        yield FileUpload(SafeFetcher(LOOPBACK, lambda _: ("127.0.0.1",), ports=ports)), publish


@contextmanager
def memory_world() -> Iterator[World]:
    method = MemoryMethod()

    def publish(told: Instruction) -> None:
        method.published[told.get("name") or ""] = told.expected

    yield method, publish


class TestEveryMethod(VerificationMethodConformance):
    @pytest.fixture(params=[dns_world, file_world, memory_world])
    def world(self, request):
        with request.param() as world:
            yield world

    @pytest.fixture
    def method(self, world: World) -> VerificationMethod:
        return world[0]

    @pytest.fixture
    def publish(self, world: World) -> Publish:
        return world[1]

    @pytest.fixture
    def name(self) -> str:
        return "shop.example.test"


class TestDnsMethods(DnsMethodConformance):
    @pytest.fixture
    def world(self) -> Iterator[World]:
        with dns_world() as world:
            yield world

    @pytest.fixture
    def method(self, world: World) -> VerificationMethod:
        return world[0]

    @pytest.fixture
    def resolver(self, world: World) -> Resolver:
        assert isinstance(world[0], DnsTxt)
        return world[0]._resolver

    @pytest.fixture
    def publish(self, world: World) -> Publish:
        return world[1]

    @pytest.fixture
    def name(self) -> str:
        return "shop.example.test"
