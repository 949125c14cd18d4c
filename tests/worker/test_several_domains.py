"""A certificate over three domains by http-01: a worker, and Pebble that asks every host."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.databases import sessions_over
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.usecases.certificates.certificate_rig import NAME
from tests.usecases.certificates.upload_rig import Uploads, uploading
from tests.worker.busy import going

from nameplate.core import certificates as x509
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Account, Certificate
from nameplate.usecases.certificates import challenges, requests
from nameplate.usecases.claims import domains
from nameplate.usecases.tenants import account_trials, connections
from nameplate.worker.loop import Worker

SECOND, THIRD = "example.net", "example.org"
HOSTS = (NAME, f"www.{SECOND}", THIRD)
SLACK = 30
Asked = list[str]


@pytest.fixture
def asked() -> Asked:
    """Return the hosts that the authority has asked."""
    return []


@pytest.fixture
def rig(migrated_sqlite_url: str, asked: Asked, tmp_path: Path) -> Iterator[Uploads]:
    sessions = sessions_over(migrated_sqlite_url)
    rig = uploading(sessions)
    tools = rig.rig.offline.tools
    with ExitStack() as stack:
        world = stack.enter_context(ChallTestSrv(tmp_path / "world"))
        port = stack.enter_context(_answering(sessions, asked))
        pebble = stack.enter_context(
            Pebble(tmp_path / "pebble", dns_server=world.dns_server, http_port=port)
        )
        connect = connections.authority(tools.authorities, tools.keyring, tools.clock)
        rig.rig.offline.tools = replace(tools, authority=connect)
        config = {"directory_url": pebble.directory_url, "ca_bundle": str(pebble.ca_bundle)}
        made = account_trials.add(
            sessions, rig.rig.offline.tools, PLATFORM, kind="ca", provider="acme", name="pebble",
            config=config,
        )  # fmt: skip
        _prefer(rig, made.id)
        yield rig


def _prefer(rig: Uploads, account: int) -> None:
    """Leave no other account than this one."""
    with rig.sessions.begin(PLATFORM) as session:
        for row in session.scalars(Account.visible(PLATFORM).where(Account.id != account)):
            row.deleted_at = datetime.now(UTC)


class _answering:  # noqa: N801 - reads as a function
    """The hosts' web server: it answers what Nameplate answers for exactly that host."""

    def __init__(self, sessions: Sessions, asked: Asked) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host = self.headers["Host"].partition(":")[0]
                asked.append(host)
                with sessions.begin(PLATFORM) as session:
                    found = challenges.answer(session, host, self.path.rpartition("/")[2])
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write((found or "").encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> int:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return int(self._server.server_address[1])

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _until(rig: Uploads, number: int, is_so: Callable[[Certificate], bool]) -> Certificate:
    end = time.monotonic() + SLACK
    row: Certificate = rig.read(Certificate, number)
    while not is_so(row):
        assert time.monotonic() < end, (row.status, row.renewal_error_message, row.trouble_message)
        time.sleep(0.2)
        row = rig.read(Certificate, number)
    return row


def _in_it(row: Certificate) -> set[str]:
    return set(x509.facts((row.certificate or "").encode()).names)


def test_every_host_is_asked_and_a_lost_domain_costs_only_its_own(
    rig: Uploads, asked: Asked
) -> None:
    second, _ = rig.domain(SECOND), rig.domain(THIRD)
    tools, actor = rig.rig.offline.tools, rig.rig.actor
    with rig.sessions.begin(actor) as session:
        row = requests.issue(session, tools, actor, NAME, hosts=HOSTS, now=datetime.now(UTC))
        number = row.id
    with going(Worker(rig.sessions, tools, threads=2)):
        row = _until(rig, number, lambda row: row.status is CertificateStatus.ACTIVE)
        assert _in_it(row) == set(HOSTS)
        assert set(asked) == set(HOSTS)
        asked.clear()
        with rig.sessions.begin(PLATFORM) as session:
            domains.remove(session, tools, PLATFORM, ids.show("dom", second), datetime.now(UTC))
        row = _until(rig, number, lambda row: row.generation == 2)
        assert _in_it(row) == {NAME, THIRD}
        assert row.lost == (f"www.{SECOND}",)
        assert f"www.{SECOND}" not in asked
