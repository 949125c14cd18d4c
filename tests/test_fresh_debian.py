"""docs/how-to/production.md as it is printed, on a Debian that has nothing else, with its systemd.

Its network is its own, so that the page's address and ports are the real ones. What stands in for the
Internet is the authority, which is Pebble, and the root of the DNS, which is a setting.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import production
from tests.e2e.installation import fetch
from tests.servers.debian import Debian
from tests.servers.pebble import Pebble
from tests.servers.process import Server, listens

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "how-to" / "production.md").read_text()
LETS_ENCRYPT = "--provider letsencrypt"
ADDRESS = "203.0.113.10"
SERVICES = ("nameplate-serve", "nameplate-worker")
WITHOUT_INTERNET = {
    "NAMEPLATE_DNS_SERVERS": json.dumps({"example.com": ["127.0.0.1:53"]}),
    "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
    "NAMEPLATE_EGRESS_ALLOW": json.dumps([f"{ADDRESS}/32"]),
}

pytestmark = [pytest.mark.torture, pytest.mark.timeout(1800)]


@dataclass
class Machine:
    """The Debian of the page."""

    debian: Debian
    replaced: dict[str, str]

    def here(self, text: str) -> str:
        """Return a text of the page as it is here."""
        for said, meant in self.replaced.items():
            text = text.replace(said, meant)
        return text


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Debian]:
    if os.geteuid() != 0:
        pytest.skip("the page is for root")
    with Debian(tmp_path / "debian") as made:
        yield made


def _check_out(debian: Debian) -> None:
    archive = ["git", "-C", str(ROOT), "archive", "--prefix=nameplate/", "HEAD"]
    packed = subprocess.run(archive, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", f"{debian.root}/usr/local/src"], input=packed, check=True)


def _without_internet(debian: Debian) -> None:
    settings = "".join(f"Environment='{name}={text}'\n" for name, text in WITHOUT_INTERNET.items())
    for service in SERVICES:
        debian.write(f"/etc/systemd/system/{service}.service.d/test.conf", f"[Service]\n{settings}")


@contextlib.contextmanager
def _internet(debian: Debian) -> Iterator[Pebble]:
    """Start the authority and the application in the machine's network."""
    folder = debian.root / "srv"
    (folder / "index.html").write_text("the shop")
    with (
        debian.network(),
        Pebble(folder / "pebble", dns_server="127.0.0.1:53", http_port=80, tls_port=443) as pebble,
    ):
        application = ["python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"]
        origin = Server(application, folder, ready=lambda: listens(8000))
        try:
            yield pebble
        finally:
            origin.stop()


def test_every_command_does_what_the_page_shows(debian: Debian) -> None:
    commands = production.commands(PAGE)
    for path, text in production.FILE.findall(PAGE):
        debian.write(path, text)
    _check_out(debian)
    _without_internet(debian)
    fetching = [
        typed for typed in commands if "apt-get" in typed.command or "pipx" in typed.command
    ]
    debian.install("apt-get update")
    for typed in fetching:
        debian.install(typed.command, "/usr/local/src/nameplate")
    debian.boot(ADDRESS)
    with _internet(debian) as pebble:
        authority = {
            "directory_url": pebble.directory_url,
            "ca_bundle": f"/srv/pebble/{pebble.ca_bundle.name}",
        }
        replaced = {
            LETS_ENCRYPT: f"--provider acme --config '{json.dumps(authority)}'",
            "provider         letsencrypt": "provider         acme",
        }
        machine = Machine(debian, replaced)
        for typed in commands[len(fetching) :]:
            said = debian.run(machine.here(typed.command), WITHOUT_INTERNET)
            assert typed.fits(said, machine), f"# {typed.command}\n{said}\n{debian.journal()}"
        status, body, _ = fetch("127.0.0.1", 443, "shop.example.com", pebble.root_pem())
    assert (status, body) == (200, "the shop")
    assert debian.run(f"systemctl is-active {' '.join(SERVICES)}").split() == ["active"] * 2
