"""The servers that the tests start, and the fence around the test process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import pytest
import sqlalchemy as sa

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import certificates, keys
from nameplate.core.orders import OrderStatus
from tests.loopback import NetworkForbidden, is_loopback
from tests.servers.light_acme import LightAcme
from tests.servers.postgresql import APP, OWNER, SYSTEM, role_url
from tests.servers.process import Server, ServerMissing, listens, program
from tests.servers.shared import Run, shared


@pytest.mark.parametrize("round_", [1, 2])
def test_every_request_gets_an_empty_database(database_url: str, round_: int) -> None:
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == []
        connection.execute(sa.text("CREATE TABLE marks (id INTEGER PRIMARY KEY)"))
    engine.dispose()


def test_versions(postgresql_url: str, mariadb_url: str) -> None:
    for url, version in ((postgresql_url, (15,)), (mariadb_url, (10, 11))):
        engine = sa.create_engine(url)
        with engine.connect():
            assert engine.dialect.server_version_info is not None
            assert engine.dialect.server_version_info[: len(version)] >= version
        engine.dispose()


@pytest.mark.parametrize(("role", "bypasses"), [(OWNER, False), (APP, False), (SYSTEM, True)])
def test_roles_of_postgresql(postgresql_url: str, role: str, bypasses: bool) -> None:
    owner = sa.create_engine(postgresql_url)
    with owner.begin() as connection:
        connection.execute(sa.text("CREATE TABLE kept (id SERIAL PRIMARY KEY, organization INT)"))
        connection.execute(sa.text("ALTER TABLE kept ENABLE ROW LEVEL SECURITY"))
        connection.execute(sa.text("ALTER TABLE kept FORCE ROW LEVEL SECURITY"))
        connection.execute(sa.text("CREATE POLICY own ON kept USING (organization = 1)"))
        connection.execute(sa.text("INSERT INTO kept (organization) VALUES (1)"))
    owner.dispose()
    system = sa.create_engine(role_url(postgresql_url, SYSTEM))
    with system.begin() as connection:
        connection.execute(sa.text("INSERT INTO kept (organization) VALUES (2)"))
    system.dispose()
    engine = sa.create_engine(role_url(postgresql_url, role))
    with engine.connect() as connection:
        attributes = sa.text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = :role")
        row = connection.execute(attributes, {"role": role}).one()
        seen = connection.execute(sa.text("SELECT count(*) FROM kept")).scalar_one()
    engine.dispose()
    assert tuple(row) == (False, bypasses)
    assert seen == (2 if bypasses else 1)


def test_a_wrong_password_is_refused(postgresql_url: str, mariadb_url: str) -> None:
    for url in (postgresql_url, mariadb_url):
        engine = sa.create_engine(sa.make_url(url).set(password="wrong"))
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()


class Listener:
    """The smallest server that can be shared."""

    def __init__(self, folder: Path) -> None:
        code = (
            "import pathlib, socket, time\n"
            "s = socket.create_server(('127.0.0.1', 0))\n"
            "pathlib.Path('port').write_text(str(s.getsockname()[1]))\n"
            "time.sleep(60)\n"
        )
        port = folder / "port"
        self._server = Server(
            [sys.executable, "-c", code],
            folder,
            ready=lambda: port.exists() and bool(port.read_text()),
        )
        self.facts: dict[str, Any] = {"port": int(port.read_text()), "pid": self._server.pid}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


class Absent(Listener):
    def __init__(self, folder: Path) -> None:
        program("no-such-server")


class Broken(Listener):
    def __init__(self, folder: Path) -> None:
        raise ValueError("no luck")


def test_a_shared_server_starts_once_and_ends_with_its_run() -> None:
    with Run() as run:
        facts = shared(run.folder, Listener)
        assert shared(run.folder, Listener) == facts
        assert listens(facts["port"])
    assert not listens(facts["port"])
    assert not run.folder.exists()


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [(Absent, ServerMissing, "make servers"), (Broken, RuntimeError, "no luck")],
)
def test_a_server_that_cannot_start_says_why(
    kind: type[Listener], error: type[Exception], words: str
) -> None:
    with Run() as run:
        for _ in range(2):
            with pytest.raises(error, match=words):
                shared(run.folder, kind)


def test_a_killed_run_leaves_no_server(tmp_path: Path) -> None:
    code = (
        "import pathlib, json, time\n"
        "from tests.servers.shared import Run, shared\n"
        "from tests.test_servers import Listener\n"
        "run = Run()\n"
        "facts = shared(run.folder, Listener) | {'folder': str(run.folder)}\n"
        f"pathlib.Path({str(tmp_path / 'facts')!r}).write_text(json.dumps(facts))\n"
        "time.sleep(60)\n"
    )
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code], cwd=root) as killed:
        _until(lambda: (tmp_path / "facts").exists() and (tmp_path / "facts").read_text() != "")
        facts = json.loads((tmp_path / "facts").read_text())
        assert listens(facts["port"])
        os.kill(killed.pid, signal.SIGKILL)
    _until(lambda: not listens(facts["port"]) and not Path(facts["folder"]).exists())


def _until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost"])
def test_loopback_is_inside(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:8.8.8.8", "a.b"])
def test_the_rest_is_outside(host: str) -> None:
    assert not is_loopback(host)


def test_no_connection_leaves_the_machine() -> None:
    with socket.socket() as tcp, pytest.raises(NetworkForbidden, match=r"192\.0\.2\.1 port 80"):
        tcp.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        with pytest.raises(NetworkForbidden):
            udp.sendto(b"", ("192.0.2.1", 53))
        with pytest.raises(NetworkForbidden):
            udp.sendto(b"", 0, ("192.0.2.1", 53))
        with pytest.raises(NetworkForbidden):
            udp.sendmsg([b""], [], 0, ("192.0.2.1", 53))
    with pytest.raises(NetworkForbidden):
        socket.getaddrinfo("example.com", 80)


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_light_authority_issues_unless_it_is_silent(tmp_path: Path, is_silent: bool) -> None:
    names, key = ["a.example", "b.example"], keys.new_key()
    with LightAcme(tmp_path, is_pending=is_silent) as server:
        account = keys.new_key()
        url = accounts.register(server.directory_url, account)
        authority = AcmeAuthority(server.directory_url, account, url)
        order = authority.order(names)
        for challenge in order.challenges:
            authority.respond(challenge)
        order = authority.poll(order.url)
        if is_silent:
            assert order.status is OrderStatus.PENDING
            return
        order = authority.finalize(order, certificates.csr(key, names))
        certificates.check(authority.download(order), key, names, datetime.now(UTC))
