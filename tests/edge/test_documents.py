"""What a proxy fetches: its own server's hosts and keys, by its own token, and nothing else."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import uvicorn
from tests.databases import sessions_over
from tests.edge.asgi import get
from tests.models import world as rows
from tests.proof import prove
from tests.servers.origin import Origin
from tests.servers.process import free_port, listens
from tests.servers.traefik import Traefik
from tests.usecases.offline import Offline

from nameplate.adapters.proxy import traefik
from nameplate.adapters.proxy.traefik_settings import TraefikConfiguration
from nameplate.core import configuration, edge_tokens
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import show
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.edge import Documents, create
from nameplate.edge.app import ASGIApp
from nameplate.models import Application, Binding, Certificate, Domain, Organization, Server
from nameplate.ports.proxy import ProxyPlace, Upstream
from nameplate.testing.proxy import self_signed
from nameplate.usecases.certificates import requests
from nameplate.usecases.serving import pacing, proxies

SECRET = Secret("the edge's secret, 32 characters")
HOSTS = ("shop.acme.com", "www.other.com")


class World(Offline):
    """Two organizations, each with a host on a server of its own that fetches; one that is told."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.tools = replace(self.tools, proxy=self._proxy)
        self.servers: list[int] = []
        self.bindings: list[int] = []
        self.documents = Documents(self.sessions, self.tools, SECRET)
        edge = create(self.sessions, secret=SECRET, configurations=self.documents)
        self.app: ASGIApp = edge.app

    def _proxy(self, row: Server) -> Any:
        stored = dict(row.proxy or {})
        stored.pop("type")
        config = configuration.load(TraefikConfiguration, stored)
        return traefik.connect(
            config, ProxyPlace(str(self.folder), Upstream("127.0.0.1", 1), None, row.address)
        )

    def populate(self, folder: Path, upstream: Upstream, **proxy: Any) -> None:
        self.folder = folder
        given = {"type": "traefik", "provider": "http", "patience": 1, **proxy}
        with self.sessions.begin(PLATFORM) as session:
            for host in HOSTS:
                owner = rows.organization(session)
                server = rows.server(session, None, proxy=given, address="127.0.0.1", name=host)
                domain = rows.domain(session, owner, host.partition(".")[2])
                prove(session, domain, datetime.now(UTC))
                app = rows.application(
                    session, owner, upstream_host=upstream.host, upstream_port=upstream.port
                )
                pair, _ = self_signed(host)
                certificate = rows.certificate(
                    session, domain, status=CertificateStatus.ACTIVE, certificate_bundle=pair.bundle
                )
                place = requests.key_place(certificate)
                certificate.private_key = self.tools.keyring.seal(pair.private_key, place)
                binding = rows.binding(
                    session, app, domain, hostname=host, subdomain=host.split(".", 1)[0],
                    server_id=server.id, ssl_certificate_id=certificate.id,
                    status=BindingStatus.CONFIGURING,
                )  # fmt: skip
                self.servers.append(server.id)
                self.bindings.append(binding.id)
            told = rows.server(session, None, proxy={"type": "traefik"}, name="told")
            self.servers.append(told.id)

    def fetch(self, number: int, **headers: str) -> tuple[int, bytes, dict[bytes, bytes]]:
        """Ask as the proxy of this server would."""
        server = show("srv", self.servers[number])
        token = edge_tokens.token(SECRET, server).reveal()
        sent = {"x_nameplate_edge_secret": token} | headers
        given = tuple(
            (name.replace("_", "-").encode(), text.encode()) for name, text in sent.items()
        )
        return get(self.app, f"/edge/traefik/{server}.json", headers=given)

    def reconcile(self, number: int = 0) -> Server:
        lease = self.leased(Server, self.servers[number])
        proxies.reconcile(self.sessions, self.tools, lease)
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Server, self.servers[number])

    def change(self, kind: Any, number: int, **columns: Any) -> None:
        with self.sessions.begin(PLATFORM) as session:
            for name, value in columns.items():
                setattr(session.get_one(kind, number), name, value)


@pytest.fixture(autouse=True)
def _unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no proxy rest, however slow the machine is."""
    monkeypatch.setattr(pacing, "QUICK", 600.0)


@pytest.fixture
def world(migrated_sqlite_url: str, tmp_path: Path) -> World:
    made = World(sessions_over(migrated_sqlite_url))
    made.populate(tmp_path, Upstream("10.0.0.1", 8080), http_port=free_port())
    return made


@pytest.fixture
def everywhere(migrated_url: str, tmp_path: Path) -> Iterator[World]:
    """Give the same world on each database."""
    made = World(sessions_over(migrated_url))
    made.populate(tmp_path, Upstream("10.0.0.1", 8080), http_port=free_port())
    yield made
    made.sessions.dispose()


def test_a_server_gets_its_own_hosts_and_keys_alone(world: World) -> None:
    for number, host in enumerate(HOSTS):
        status, body, headers = world.fetch(number)
        document = json.loads(body)
        assert status == 200
        assert headers[b"cache-control"] == b"no-store"
        rules = str(document["http"]["routers"])
        assert host in rules
        assert HOSTS[1 - number] not in rules
        (pair,) = document["tls"]["certificates"]
        assert "PRIVATE KEY" in pair["keyFile"]


def test_nobody_else_gets_anything(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "nameplate")
    other = edge_tokens.token(SECRET, show("srv", world.servers[1])).reveal()
    for token in (other, "", SECRET.reveal(), "x" * 43):
        assert world.fetch(0, x_nameplate_edge_secret=token) == (
            403,
            b"",
            {b"content-length": b"0"},
        )
    server = show("srv", world.servers[0])
    right = edge_tokens.token(SECRET, server).reveal().encode()
    path = f"/edge/traefik/{server}.json"
    assert get(world.app, path)[0] == 403
    twice = ((b"x-nameplate-edge-secret", right),) * 2
    assert get(world.app, path, headers=twice)[0] == 403
    assert get(world.app, path, b"secret=" + right)[0] == 403, "addresses are logged"
    assert [vars(one)["server"] for one in caplog.records if one.message == "edge_token_wrong"] == [
        server
    ]
    missing = show("srv", 10_000)
    assert get(world.app, f"/edge/traefik/{missing}.json", headers=twice[:1])[0] == 403
    assert get(world.app, path, method="POST", headers=twice[:1])[0] == 405
    for strange in (
        "/edge/traefik/",
        "/edge/traefik/../ask",
        f"{path}/x",
        "/edge/traefik/srv_1.json",
    ):
        assert get(world.app, strange, headers=twice[:1])[0] == 404


def test_servers_that_were_made_up_silence_no_real_one(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    server = show("srv", world.servers[0])
    right = edge_tokens.token(SECRET, server).reveal()
    assert world.fetch(0, x_nameplate_edge_secret=right)[0] == 200
    caplog.set_level(logging.WARNING, "nameplate")
    for number in range(10_000, 11_500):
        world.documents.opens(show("srv", number), b"wrong")
    told = len(caplog.records)
    assert told <= 1000, "nor do they fill the log"
    world.documents.opens("srv_00000000000000", b"wrong")
    world.documents.opens(server, b"wrong")
    world.documents.opens(server, b"wrong")
    assert [vars(one)["server"] for one in caplog.records[told:]] == [server]


def test_a_server_that_fetches_nothing_has_no_document(world: World) -> None:
    assert world.fetch(2)[0] == 404
    world.servers.append(10_000)
    assert world.fetch(3)[0] == 404
    world.change(Server, world.servers[0], deleted_at=datetime.now(UTC))
    assert world.fetch(0)[0] == 404


def test_what_is_the_same_is_not_sent_again(world: World) -> None:
    _, body, headers = world.fetch(0)
    etag = headers[b"etag"].decode()
    assert world.fetch(0, if_none_match=etag) == (304, b"", {b"etag": etag.encode()})
    world.change(Organization, 1, name="Renamed")
    world.reconcile()
    _, again, _ = world.fetch(0)
    assert json.loads(again)["http"]["routers"] == json.loads(body)["http"]["routers"]


def test_a_new_revision_is_offered_when_something_changed_only(everywhere: World) -> None:
    world = everywhere
    first = world.reconcile()
    assert (first.offered_revision, first.trouble_code) == (1, "proxy_down")
    assert world.reconcile().offered_revision == 1
    world.change(Binding, world.bindings[0], status=BindingStatus.DISABLED)
    assert world.reconcile().offered_revision == 2
    document = json.loads(world.fetch(0)[1])
    assert HOSTS[0] not in str(document)
    told = document["http"]["middlewares"]["nameplate-revision"]["headers"]
    assert told["customResponseHeaders"] == {"X-Nameplate-Revision": "2"}


def test_the_last_good_answer_stays_while_the_database_is_away(world: World) -> None:
    good = world.fetch(0)
    with world.sessions.begin(PLATFORM) as session:
        session.execute(sa.text("ALTER TABLE servers RENAME TO gone"))
    assert world.fetch(0) == good
    assert world.fetch(1)[0] == 503, "nothing is known of it"
    with world.sessions.begin(PLATFORM) as session:
        session.execute(sa.text("ALTER TABLE gone RENAME TO servers"))
    assert world.fetch(1)[0] == 200


def test_a_route_that_cannot_be_served_is_left_out(world: World) -> None:
    with world.sessions.begin(PLATFORM) as session:
        binding = session.get_one(Binding, world.bindings[0])
        app = session.get_one(Application, binding.application_id)
        domain = session.get_one(Domain, binding.organization_domain_id)
        other, _ = self_signed("bad.acme.com")
        pair, _ = self_signed("bad.acme.com")
        bad = rows.certificate(session, domain, certificate_bundle=other.bundle)
        place = requests.key_place(bad)
        bad.private_key = world.tools.keyring.seal(pair.private_key, place)
        rows.binding(
            session, app, domain, hostname="bad.acme.com", subdomain="bad",
            server_id=binding.server_id, ssl_certificate_id=bad.id, status=BindingStatus.ACTIVE,
        )  # fmt: skip
    status, body, _ = world.fetch(0)
    assert status == 200
    assert HOSTS[0] in body.decode()
    assert "bad.acme.com" not in body.decode()


def test_a_suspended_host_is_told_with_its_own_key_alone(world: World) -> None:
    tools = replace(world.tools, suspended_answer=403)
    documents = Documents(world.sessions, tools, SECRET)
    world.app = create(world.sessions, secret=SECRET, configurations=documents).app
    with world.sessions.begin(PLATFORM) as session:
        binding = session.get_one(Binding, world.bindings[0])
        domain = session.get_one(Domain, binding.organization_domain_id)
        domain.suspend("abuse", datetime.now(UTC), by_platform=True)
    first, second = (json.loads(world.fetch(number)[1]) for number in range(2))
    assert '"rejectStatusCode": 403' in json.dumps(first)
    assert "10.0.0.1:8080" not in json.dumps(first)
    assert len(first["tls"]["certificates"]) == 1
    assert HOSTS[0] not in json.dumps(second)
    assert "10.0.0.1:8080" in json.dumps(second)


@contextmanager
def _served(app: ASGIApp) -> Iterator[int]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not listens(port):
        time.sleep(0.02)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(10)


def test_a_real_traefik_serves_what_it_fetches(migrated_sqlite_url: str, tmp_path: Path) -> None:
    """From the rows to the visitor, a suspended organization, and a database that goes away."""
    world = World(sessions_over(migrated_sqlite_url))
    with Origin("app") as origin, _served(world.app) as port:
        token = edge_tokens.token(SECRET, show("srv", 1)).reveal()
        with Traefik(
            tmp_path,
            endpoint=f"http://127.0.0.1:{port}/edge/traefik/{show('srv', 1)}.json",
            headers={"X-Nameplate-Edge-Secret": token},
        ) as proxy:
            given = {"http_port": proxy.http_port, "https_port": proxy.https_port, "patience": 10}
            world.populate(tmp_path, origin.upstream, **given, api_url=proxy.settings["api_url"])
            began = time.monotonic()
            row = world.reconcile()
            assert time.monotonic() - began < 2
            assert row.trouble_code is None
            assert row.configured_fingerprint == row.offered_fingerprint
            seen = proxy.look("https", HOSTS[0])
            assert (seen.status, seen.origin) == (200, origin.port)
            with world.sessions.begin(PLATFORM) as session:
                certificate = session.scalars(sa.select(Certificate)).first()
                assert certificate is not None
                owner = certificate.organization_id
            loads = proxy.loads
            _outage(world.sessions, lambda: proxy.look("https", HOSTS[0]).status == 200)
            assert proxy.loads == loads
            world.change(Organization, owner, is_active=False)
            row = world.reconcile()
            assert row.trouble_code is None
            assert row.still_served is None
            assert proxy.look("https", HOSTS[0]).status is None, "the suspended host is gone"


def _outage(sessions: Sessions, still: Any) -> None:
    """Take the table away for some of Traefik's questions."""
    with sessions.begin(PLATFORM) as session:
        session.execute(sa.text("ALTER TABLE servers RENAME TO gone"))
    end = time.monotonic() + 1
    while time.monotonic() < end:
        assert still()
    with sessions.begin(PLATFORM) as session:
        session.execute(sa.text("ALTER TABLE gone RENAME TO servers"))
