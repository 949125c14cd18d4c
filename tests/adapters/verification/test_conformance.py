"""Every method passes the tour that third parties' methods must pass."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from ipaddress import ip_network

import dns.query
import dns.tsig
import dns.update
import pytest
from tests.servers.hostile import HostileServer, request_head
from tests.servers.mailbox import MailServer as Mailbox
from tests.servers.scripted_dns import ScriptedDns, replies

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.adapters.smtp import MailServer, SmtpMailer
from nameplate.adapters.verification.acme_dns import AcmeDns
from nameplate.adapters.verification.dns_cname import DnsCname
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.adapters.verification.email import Email
from nameplate.adapters.verification.file_upload import FileUpload
from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.adapters.verification.meta_tag import MetaTag
from nameplate.adapters.verification.records import RecordMethod
from nameplate.core.egress import EgressPolicy
from nameplate.core.instructions import Instruction
from nameplate.core.secret import Secret
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.resolver import Resolver
from nameplate.ports.verification import (
    MailedProofMethod,
    RecordProofMethod,
    VerificationMethod,
)
from nameplate.testing.verification import (
    DnsMethodConformance,
    Inbox,
    MailedProofMethodConformance,
    Publish,
    RecordProofMethodConformance,
    VerificationMethodConformance,
)

SECRET = "bmFtZXBsYXRlLXNhbmRib3gta2V5LTMyLWJ5dGVzISE="
KEY = dns.tsig.Key("nameplate", SECRET, "hmac-sha256")
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))
World = tuple[VerificationMethod, Publish]


@contextmanager
def record_world(made: Callable[[Resolver], VerificationMethod]) -> Iterator[World]:
    with SandboxDns(["example.test"], "nameplate", Secret(SECRET)) as server:
        known = {"example.test": [("ns1", "127.0.0.1", server.port)]}

        def publish(told: Instruction) -> None:
            message = dns.update.UpdateMessage("example.test", keyring=KEY)
            kind = told.get("type") or ""
            value = f"{told.expected}." if kind == "CNAME" else told.expected
            message.replace(f"{told.get('name')}.", 60, kind, value)
            dns.query.tcp(message, "127.0.0.1", timeout=2, port=server.port)

        yield made(AuthoritativeResolver(LOOPBACK, overrides=known)), publish


def txt_world() -> AbstractContextManager[World]:
    return record_world(DnsTxt)


def cname_world() -> AbstractContextManager[World]:
    return record_world(lambda resolver: DnsCname(resolver, "proof.platform.test"))


def acme_dns_world() -> AbstractContextManager[World]:
    return record_world(AcmeDns)


@contextmanager
def page_world() -> Iterator[World]:
    page: list[str] = []

    def serve(connection: socket.socket) -> None:
        request_head(connection)
        body = f"<!doctype html><html><head>{''.join(page)}</head><body>Hello</body></html>"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(f"{head}{body}".encode())

    def publish(told: Instruction) -> None:
        page[:] = [told.expected]

    with HostileServer(serve) as server:
        ports = {"http": server.port, "https": 1}
        yield MetaTag(SafeFetcher(LOOPBACK, lambda _: ("127.0.0.1",), ports=ports)), publish


def upload_world() -> AbstractContextManager[World]:
    return file_world(FileUpload)


@contextmanager
def file_world(made: Callable[[Fetcher], VerificationMethod]) -> Iterator[World]:
    files: dict[str, str] = {}

    def serve(connection: socket.socket) -> None:
        body = files.get(request_head(connection).split()[1])
        status = "404 Not Found" if body is None else "200 OK"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body or '')}\r\n\r\n"
        connection.sendall(f"{head}{body or ''}".encode())

    def publish(told: Instruction) -> None:
        files.clear()
        files[told.get("path") or ""] = told.expected

    with HostileServer(serve) as server:
        ports = {"http": server.port, "https": 1}
        yield made(SafeFetcher(LOOPBACK, lambda _: ("127.0.0.1",), ports=ports)), publish


@contextmanager
def memory_world() -> Iterator[World]:
    method = MemoryMethod()

    def publish(told: Instruction) -> None:
        method.published[told.get("name") or ""] = told.expected

    yield method, publish


class WithWorld:
    """Methods in a world in which tests publish."""

    @pytest.fixture(params=[txt_world, acme_dns_world, upload_world, page_world, memory_world])
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


class TestEveryMethod(WithWorld, VerificationMethodConformance):
    pass


class TestCname(WithWorld, VerificationMethodConformance):
    folds_case = True

    @pytest.fixture
    def world(self):
        with cname_world() as world:
            yield world


class TestRecords(RecordProofMethodConformance):
    @pytest.fixture(params=[DnsTxt, AcmeDns, lambda resolver: DnsCname(resolver, "proof.test")])
    def method(self, request) -> RecordProofMethod:
        found: RecordProofMethod = request.param(None)
        return found

    @pytest.fixture
    def name(self) -> str:
        return "shop.example.test"


class TestMail(MailedProofMethodConformance):
    @pytest.fixture
    def mailbox(self) -> Iterator[Mailbox]:
        with Mailbox() as server:
            yield server

    @pytest.fixture
    def method(self, mailbox: Mailbox) -> Iterator[MailedProofMethod]:
        place = MailServer(
            host="127.0.0.1", port=mailbox.port, security="none", sender="np@platform.test"
        )
        with ScriptedDns(replies({})) as dns:
            known = {"example.test": [("ns1", "127.0.0.1", dns.port)]}
            yield Email(AuthoritativeResolver(LOOPBACK, overrides=known), SmtpMailer(place))

    @pytest.fixture
    def inbox(self, mailbox: Mailbox) -> Inbox:
        return mailbox.arrived

    @pytest.fixture
    def name(self) -> str:
        return "shop.example.test"


class TestDnsMethods(WithWorld, DnsMethodConformance):
    @pytest.fixture(params=[txt_world, acme_dns_world, cname_world])
    def world(self, request):
        with request.param() as world:
            yield world

    @pytest.fixture
    def resolver(self, world: World) -> Resolver:
        assert isinstance(world[0], RecordMethod)
        return world[0]._resolver
