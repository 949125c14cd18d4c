"""What proofs by web servers and by mail rest on is validated too: addresses on every hop, MX, contacts."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from tests.databases import sessions_over
from tests.servers.hostile import HostileServer, request_head
from tests.servers.mailbox import MailServer as Mailbox
from tests.servers.signed_root import SignedInternet
from tests.usecases.claims.mail_rig import EMAIL, World
from tests.usecases.claims.test_corroboration import net, question, tools

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.verification import acme_key
from nameplate.adapters.verification.acme_http import AcmeHttp
from nameplate.adapters.verification.email import Email
from nameplate.adapters.verification.file_upload import FileUpload
from nameplate.adapters.verification.meta_tag import MetaTag
from nameplate.core.egress import EgressPolicy
from nameplate.core.lifecycle import VerificationStatus
from nameplate.models import VerificationMethodName
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.verification import Proof, Verdict, VerificationMethod
from nameplate.usecases.claims import corroboration
from nameplate.usecases.tools import Tools

__all__ = ["net", "tools"]
TOKEN = "k7" * 20
METHODS: dict[str, tuple[Callable[[Fetcher], VerificationMethod], str, str]] = {
    "file_upload": (FileUpload, "text/plain", TOKEN),
    "acme_http": (AcmeHttp, "text/plain", acme_key.answer(TOKEN).key_authorization),
    "meta_tag": (
        MetaTag,
        "text/html",
        f'<head><meta name="nameplate-verification" content="{TOKEN}"></head>',
    ),
}
DIRECT = [
    ("web.test", "match"),
    ("plain.test", "match"),
    ("good.test", "servers_disagree"),
    ("badweb.test", "dnssec_bogus"),
    ("expired.test", "dnssec_bogus"),
    ("tampered.test", "servers_disagree"),
    ("nokeys.test", "dnssec_bogus"),
    ("digest.test", "dnssec_bogus"),
]
"""A web server at 127.0.0.1 that answers for the name, and what its answer comes to."""


def looked(
    tools: Tools, net: SignedInternet, method: str, name: str, to: str = "", *, token: str = TOKEN
) -> Proof:
    """Look at a web server that has the proof, or redirects to where it is."""
    kind, content_type, content = METHODS[method]

    def answer(connection: socket.socket) -> None:
        head = request_head(connection)
        if to and f"Host: {to}" not in head:
            path = head.split(" ")[1]
            connection.sendall(f"HTTP/1.1 302 X\r\nLocation: http://{to}{path}\r\n\r\n".encode())
            return
        said = f"Content-Type: {content_type}\r\nContent-Length: {len(content)}"
        connection.sendall(f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n{content}".encode())

    with HostileServer(answer) as server:
        fetcher = SafeFetcher(
            EgressPolicy(allow=(ip_network("127.0.0.1/32"),)),
            lambda _: ("127.0.0.1",),
            same_site=lambda *_: True,
            ports={"http": server.port, "https": server.port},
        )
        made = kind(fetcher)
        name_of = VerificationMethodName(method)
        tools = replace(tools, methods={**tools.methods, name_of: made}, validator=net.validator())
        asked = replace(question(name, token, proved=token != TOKEN), method=name_of)
        seen = made.check(name, token)
        assert (seen.verdict is Verdict.MATCH) == (token == TOKEN), seen
        return corroboration.corroborated(tools, asked, seen)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("zone", "expected"), DIRECT)
def test_the_address_of_a_web_server_is_signed(
    net: SignedInternet, tools: Tools, method: str, zone: str, expected: str
) -> None:
    found = looked(tools, net, method, zone)
    assert found.verdict.proves == (expected == "match")
    assert expected in {found.reason, "match"}, found
    if expected != "match":
        assert found.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("method", ["file_upload", "acme_http"])
@pytest.mark.parametrize(
    ("to", "reason"),
    [("plain.test", None), ("web.test", None), ("badweb.test", "dnssec_bogus"),
     ("expired.test", "dnssec_bogus"), ("good.test", "servers_disagree")],
)  # fmt: skip
def test_so_is_that_of_every_host_it_redirects_to(
    net: SignedInternet, tools: Tools, method: str, to: str, reason: str | None
) -> None:
    found = looked(tools, net, method, "island.test", to)
    assert found.verdict.proves == (reason is None), found
    assert reason in {None, found.reason}


@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_found_at_a_bogus_address_is_not_lost(
    net: SignedInternet, tools: Tools, method: str
) -> None:
    assert looked(tools, net, method, "web.test", token="j" * 40).verdict.disproves
    found = looked(tools, net, method, "badweb.test", token="j" * 40)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "dnssec_bogus")


@pytest.fixture
def world(migrated_sqlite_url: str, net: SignedInternet) -> Iterator[World]:
    with Mailbox() as mailbox:
        made = World(sessions_over(migrated_sqlite_url), mailbox)
        resolver = net.resolver()
        made.email = Email(resolver, made.mailer)
        made.tools = replace(
            made.tools,
            methods={**made.tools.methods, EMAIL: made.email},
            resolver=resolver,
            validator=net.validator(),
            special_use=True,
        )
        yield made


@pytest.mark.parametrize("zone", ["good.test", "plain.test", "nsec3.test", "signed.example"])
def test_mail_goes_where_nothing_is_doubtful(world: World, zone: str) -> None:
    number = world.claim(name=zone)
    assert world.reason(world.look(number)) == "mail_awaited"
    world.confirm(number, world.code(f"admin@{zone}"))
    assert world.look(number).status is VerificationStatus.VERIFIED


@pytest.mark.parametrize(
    ("zone", "named"),
    [("badmx.test", "badmx.test"), ("badmail.test", "mail.badmail.test"),
     ("elsewhere.test", "mail.badmail.test"), ("badcontact.test", "_validation-contactemail"),
     ("expired.test", "expired.test"), ("noproof.test", "noproof.test")],
)  # fmt: skip
def test_no_code_leaves_while_its_way_is_bogus(world: World, zone: str, named: str) -> None:
    row = world.look(world.claim(name=zone))
    assert world.reason(row) == "dnssec_bogus"
    assert named in (row.error_message or "")
    assert row.next_action_at is not None
    assert world.mailbox.count == 0
    assert world.mails() == []


def test_a_code_counts_only_while_its_way_is_not_bogus(world: World, net: SignedInternet) -> None:
    number = world.claim(name="good.test")
    world.look(number)
    world.confirm(number, world.code("admin@good.test"))
    well = world.tools
    world.tools = replace(well, validator=net.validator(days=2))
    assert world.reason(world.look(number)) == "dnssec_bogus"
    world.tools = well
    assert world.look(number).status is VerificationStatus.VERIFIED
