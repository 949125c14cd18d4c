"""docs/how-to/production.md from its first to its last command, in production mode."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import production
from tests.e2e.installation import fetch
from tests.production import Machine
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.postgresql import PostgreSQL
from tests.servers.process import ServerMissing, free_port

PAGE = (Path(__file__).parents[1] / "docs" / "how-to" / "production.md").read_text()
COMMANDS = production.commands(PAGE)
LETS_ENCRYPT = "--provider letsencrypt"
MAX_COMMANDS = 10

pytestmark = pytest.mark.timeout(300)


@dataclass
class World:
    """The machine of the page, and what it is visited by."""

    machine: Machine
    https_port: int
    pebble: Pebble


@pytest.fixture
def world() -> Iterator[World]:
    if os.geteuid() != 0:
        pytest.skip("the page is for root")
    if not [*Path("/usr/lib").glob("*/pdns/liblmdbbackend.so")]:
        raise ServerMissing("pdns-backend-lmdb is not installed: run `make servers`")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        root = Path(name)
        root.chmod(0o711)
        yield _world(root, stack)


def _world(root: Path, stack: ExitStack) -> World:
    """Start what apt-get installs and the Internet has: servers, an authority, the application."""
    (root / "postgresql").mkdir(0o711)
    api, dns, pdns_api, http, https = (free_port() for _ in range(5))
    postgresql = stack.enter_context(PostgreSQL(root / "postgresql", as_debian=True))
    resolver = f"127.0.0.1:{dns}"
    pebble = stack.enter_context(
        Pebble(root / "pebble", dns_server=resolver, http_port=http, tls_port=https)
    )
    origin = stack.enter_context(Origin("the shop"))
    authority = {"directory_url": pebble.directory_url, "ca_bundle": str(pebble.ca_bundle)}
    machine = Machine(
        root,
        {
            "db setup": f"db setup --home {root}/var/lib/nameplate",
            LETS_ENCRYPT: f"--provider acme --config '{json.dumps(authority)}'",
            "provider         letsencrypt": "provider         acme",
            '{"type": "nginx"}': json.dumps(_proxy(root, http, https)),
            "203.0.113.10": "127.0.0.1",
            "127.0.0.1:8000": f"127.0.0.1:{origin.port}",
            "127.0.0.1:8081": f"127.0.0.1:{pdns_api}",
        },
        {
            "PGHOST": str(root / "postgresql"),
            "PGPORT": str(postgresql.facts["port"]),
            "NAMEPLATE_ENV_FILE": f"{root}/etc/nameplate/nameplate.env",
            "NAMEPLATE_PORT": str(api),
            **_without_internet(resolver, http),
        },
    )
    stack.callback(machine.stop)
    machine.write(PAGE)
    stack.callback(production.powerdns(machine, dns, pdns_api).stop)
    stack.callback(production.nginx(machine).stop)
    return World(machine, https, pebble)


def _proxy(root: Path, http: int, https: int) -> dict[str, object]:
    """Return what the page's proxy is where the ports and paths of Debian are not."""
    return {
        "type": "nginx",
        "pid_file": f"{root}/nginx.pid",
        "main": f"{root}/nginx.conf",
        "listen_http": [f"127.0.0.1:{http}"],
        "listen_https": [f"127.0.0.1:{https}"],
        "http_port": http,
        "https_port": https,
    }


def _without_internet(resolver: str, http: int) -> dict[str, str]:
    return {
        "NAMEPLATE_DNS_SERVERS": json.dumps({"example.com": [resolver]}),
        "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
        "NAMEPLATE_EGRESS_ALLOW": '["127.0.0.0/8"]',
        "NAMEPLATE_CHALLENGE_CHECK_VIA": json.dumps({"127.0.0.0/8": f"127.0.0.1:{http}"}),
    }


def test_every_command_does_what_the_page_shows(world: World) -> None:
    for typed in COMMANDS:
        said = world.machine.run(typed.command)
        assert typed.fits(said, world.machine), f"# {typed.command}\n{said}"
    root = world.pebble.root_pem()
    status, body, _ = fetch("127.0.0.1", world.https_port, "shop.example.com", root)
    assert (status, "the shop" in body) == (200, True)


def test_it_is_short_and_has_no_sql() -> None:
    assert len(COMMANDS) <= MAX_COMMANDS
    assert not re.search(r"CREATE (ROLE|DATABASE)|GRANT|psql|sandbox", PAGE, re.IGNORECASE)


@pytest.mark.parametrize("name", ["nameplate-serve", "nameplate-worker"])
def test_systemd_takes_the_units(name: str, tmp_path: Path) -> None:
    files = dict(production.FILE.findall(PAGE))
    unit = files[f"/etc/systemd/system/{name}.service"]
    command = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert command
    assert command[1] == "/usr/local/bin/nameplate"
    file = tmp_path / f"{name}.service"
    file.write_text(unit.replace(command[1], shutil.which("true") or "/bin/true"))
    if shutil.which("systemd-analyze") is None:
        raise ServerMissing("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_commands_that_change_the_machine_are_as_debian_has_them() -> None:
    packages = next(one.command for one in COMMANDS if one.command.startswith("apt-get"))
    wanted = shlex.split(packages)[3:]
    if shutil.which("apt-cache") is None:
        raise ServerMissing("apt-cache is not installed")
    known = subprocess.run(
        ["apt-cache", "pkgnames"], capture_output=True, text=True, check=False
    ).stdout.split()
    assert set(wanted) <= set(known)
