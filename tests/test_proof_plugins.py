"""A proof method and a proxy of third parties, through the real use cases and nothing changed."""

import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Invalid, Refused
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions, database_now
from nameplate.models import Domain, HoldingScope, NameHolding, Server, Verification
from nameplate.ports.hosted_proxy import HostedProxy
from nameplate.registry import proof_methods, proxies
from nameplate.settings import Settings
from nameplate.usecases.claims import (
    conditions,
    domains,
    instructions,
    proving,
    verifications,
)
from nameplate.usecases.serving import proxies as configuring
from nameplate.usecases.serving import servers
from nameplate.usecases.tenants import accounts
from nameplate.usecases.tools import Tools
from tests.databases import sessions_over
from tests.plugins import install
from tests.servers.hostile import HostileServer, request_head
from tests.servers.scripted_dns import ScriptedDns, replies
from tests.usecases.offline import Offline

HERE = Path(__file__).parent
NAME = "shop.example.com"


@pytest.fixture
def sessions(migrated_sqlite_url: str) -> Sessions:
    return sessions_over(migrated_sqlite_url)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install both packages."""
    folder = tmp_path / "site"
    for package, group, name, module in (
        ("nameplate-meta-tag", "nameplate.proof_methods", "meta_tag", "toy_proof/meta_tag"),
        ("nameplate-table-proxy", "nameplate.proxies", "table", "toy_proxy/table_proxy"),
    ):
        text = (HERE / f"{module}.py").read_text()
        stem = module.partition("/")[2]
        install(folder, package, group, {name: f"{stem}:plugin"}, {stem: text})
    monkeypatch.syspath_prepend(folder)
    yield folder
    for module in ("meta_tag", "table_proxy"):
        sys.modules.pop(module, None)


class Page:
    """The owner's web server."""

    head = ""
    marks = ""

    def __call__(self, connection: socket.socket) -> None:
        request_head(connection)
        body = f"<html><head>{self.head}</head><body></body></html>"
        head = f"HTTP/1.1 200 OK\r\n{self.marks}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(f"{head}{body}".encode())


@pytest.fixture
def page() -> Page:
    return Page()


@pytest.fixture
def tools(site: Path, page: Page, tmp_path: Path) -> Iterator[Tools]:
    table = {
        (NAME, "A"): ["127.0.0.1"],
        ("example.com", "NS"): ["ns1.example.com."],
    }
    with HostileServer(page) as server, ScriptedDns(replies(table)) as dns:
        settings = Settings(
            home=tmp_path / "home",
            sandbox=True,
            sandbox_http_port=server.port,
            egress_allow=(ip_network("127.0.0.0/8"),),
            dns_servers={"example.com": (f"127.0.0.1:{dns.port}",)},
            proof_methods={"meta_tag": {"page_size": 2048}},
        )
        yield bootstrap.tools(settings, bootstrap.keyring(settings))


def look(sessions: Sessions, tools: Tools, number: int) -> Verification:
    lease = Offline(sessions).leased(Verification, number)
    proving.reconcile(sessions, tools, lease)
    with sessions.begin(PLATFORM) as session:
        return session.get_one(Verification, number)


def test_from_claim_to_proved(sessions: Sessions, tools: Tools, page: Page) -> None:
    acme = Offline(sessions).organization("Acme")
    with sessions.begin(acme) as session:
        row = domains.add(session, tools, acme, name=NAME, verification_method="meta_tag")
        (told,) = instructions.of(session, tools, row)
        (proof,) = verifications.page(session, acme, limit=9)
        (ownership,) = [
            one for one in conditions.of(session, tools, row) if one.type == "ownership"
        ]
        number, domain_id = proof.id, row.id
        assert proof.verification_meta_tag == told.instruction.expected
    tag = f'<meta name="nameplate-verification" content="{proof.verification_token}">'
    assert told.instruction.fields == (("page", f"http://{NAME}/"), ("tag", tag))
    assert ownership.fix == told.instruction.sentence
    seen = look(sessions, tools, number)
    assert seen.verification_logs is not None
    assert (seen.status, seen.verification_logs[-1]["reason"]) == (
        VerificationStatus.VERIFYING,
        "tag_absent",
    )
    page.head, page.marks = told.instruction.expected, "X-Nameplate-Edge: 1\r\n"
    assert look(sessions, tools, number).status is VerificationStatus.VERIFYING, "our own answer"
    page.marks = ""
    assert look(sessions, tools, number).status is VerificationStatus.VERIFIED
    with sessions.begin(PLATFORM) as session:
        assert session.get_one(Domain, domain_id).status is DomainStatus.VERIFIED
        assert session.get_one(NameHolding, NAME).scope is HoldingScope.EXACT
    with sessions.begin(acme) as session, pytest.raises(Invalid, match="Use dns_txt") as caught:
        domains.add(session, tools, acme, name=f"*.{NAME}", verification_method="meta_tag")
    assert caught.value.code == "wildcard_needs_dns"


def test_its_settings_are_the_operators_and_typed(site: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, proof_methods={"meta_tag": {"page_size": "much"}})
    method = bootstrap.tools(settings, bootstrap.keyring(settings)).methods
    with pytest.raises(Refused, match="page_size") as caught:
        next(found for name, found in method.items() if name == "meta_tag").instruct(NAME, "t")
    assert caught.value.code == "setting_invalid"


def test_a_broken_method_hides_no_other(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broken"
    points = {"meta_tag": "np_test_broken:plugin"}
    install(folder, "np-broken", "nameplate.proof_methods", points, {"np_test_broken": "1 / 0"})
    monkeypatch.syspath_prepend(folder)
    settings = Settings(home=tmp_path)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    acme = Offline(sessions).organization("Acme")
    with sessions.begin(acme) as session:
        row = domains.add(session, tools, acme, name=NAME)
        assert instructions.of(session, tools, row)
    with sessions.begin(acme) as session, pytest.raises(Refused) as caught:
        verifications.add(session, tools, acme, NAME, "meta_tag")
    assert caught.value.code == "plugin_broken"


def test_a_server_with_a_third_partys_proxy(sessions: Sessions, tools: Tools) -> None:
    def add(session, **proxy):
        now = database_now(session)
        where = "edge.example.net"
        return servers.add(
            session, tools, PLATFORM, now=now, name="edge", address=where, proxy=proxy
        )

    with pytest.raises(Invalid) as caught, sessions.begin(PLATFORM) as session:
        add(session, type="table", table="../x")
    assert [one.pointer for one in caught.value.problems] == ["/proxy/table"]
    with sessions.begin(PLATFORM) as session:
        number = add(session, type="table", table="sites").id
    configuring.reconcile(sessions, tools, Offline(sessions).leased(Server, number))
    with sessions.begin(PLATFORM) as session:
        row = session.get_one(Server, number)
        assert (row.trouble_message, row.configured_at is not None) == (None, True)
    assert tools.proxy(row).path.read_text() == "{}"  # type: ignore[attr-defined]  # the toy's own


def test_a_proxy_that_a_service_runs_gets_the_account_of_the_server(
    sessions: Sessions, tools: Tools
) -> None:
    proxy = {"type": "cloudflare", "account": "cf", "zone": "0" * 32}
    with sessions.begin(PLATFORM) as session:
        account = accounts.add(
            session,
            PLATFORM,
            tools,
            kind="dns",
            provider="cloudflare",
            name="cf",
            credentials={"api_token": "t"},
        )
        row = servers.add(
            session,
            tools,
            PLATFORM,
            now=database_now(session),
            name="cf",
            address="saas.example.net",
            proxy=proxy,
        )
        session.flush()
        assert tools.proxy_by_account is not None
        assert isinstance(tools.proxy_by_account(row, account, frozenset()), HostedProxy)
        with pytest.raises(Invalid) as caught:
            servers.check_proxy(tools, {**proxy, "zone": "../x", "reach": "agent"})
    assert [one.pointer for one in caught.value.problems] == ["/proxy/zone"]


def test_ours_are_registered_the_same_way(site: Path) -> None:
    found = proof_methods(), proxies()
    assert [list(one.names()) for one in found] == [
        [
            *("acme_dns", "acme_http", "dns_cname", "dns_txt"),
            *("email", "file_upload", "meta_tag"),
        ],
        ["caddy", "cloudflare", "memory", "nginx", "table", "traefik"],
    ]
    assert not [each.error for one in found for each in one.listed() if each.error]
    theirs = [one.name for one in found[0].listed() if one.is_third_party]
    assert theirs == ["meta_tag"], "a package's method takes the place of ours"
