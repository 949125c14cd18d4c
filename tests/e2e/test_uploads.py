"""An uploaded certificate on real servers: visitors see it, it ends, and the authority's takes over."""

import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nameplate.usecases.operations import schema
from tests.core.pki import Pki, pem
from tests.e2e import test_main_path as main_path
from tests.e2e.installation import fetch
from tests.e2e.test_main_path import World

pytestmark = pytest.mark.timeout(300)
LIFETIME = timedelta(seconds=90)
HOSTS = {"shop.example.com": "shop.example.com", "*.apps.example.com": "blue.apps.example.com"}


@pytest.fixture
def pki() -> Pki:
    return Pki()


@pytest.fixture
def world(tmp_path: Path, pki: Pki) -> Iterator[World]:
    """SQLite, one process, Knot; the operator trusts one more authority."""
    roots = tmp_path / "roots.pem"
    roots.write_text(pem(pki.root.certificate))
    url = f"sqlite:///{tmp_path}/nameplate.db"
    schema.upgrade(url)
    settings = {"NAMEPLATE_DATABASE_URL": url, "NAMEPLATE_TRUSTED_ROOTS": str(roots)}
    with ExitStack() as stack:
        yield main_path._world(tmp_path, stack, settings, "knot", workers=0)


def test_the_authority_takes_over_without_a_gap(world: World, pki: Pki) -> None:
    ids = main_path._set_up(world)
    call, token = world.nameplate.call, ids["token"]
    for name in HOSTS:
        main_path._claim(world, ids, name)

        def proved(name: str = name) -> bool:
            return bool(call("GET", f"/v1/domains/{name}", token=token)["status"] == "verified")

        world.nameplate.until(f"{name} proved", proved)
    begun = datetime.now(UTC).replace(microsecond=0)
    uploaded = {name: _upload(world, pki, name, begun, token) for name in HOSTS}
    main_path._bound(world, ids, "shop.example.com", "nginx")
    main_path._bound(world, ids, "*.apps.example.com", "caddy")
    trusted = world.pebble.root_pem() + pem(pki.root.certificate).encode()
    ports = {
        "shop.example.com": world.nginx.https_port,
        "*.apps.example.com": world.caddy.https_port,
    }
    for name, host in HOSTS.items():
        world.nameplate.until(f"{host} served", lambda: _serial(ports[name], host, trusted))  # noqa: B023 - asked at once
        assert _serial(ports[name], host, trusted) == uploaded[name]
    seen: dict[str, set[str]] = {name: set() for name in HOSTS}
    end = (begun + LIFETIME + timedelta(seconds=3)).timestamp()
    while time.time() < end:
        for name, host in HOSTS.items():
            serial = _serial(ports[name], host, trusted)
            left = end - time.time()  # verified each time: never a warning
            assert serial, (name, left, call("GET", "/v1/certificates", token=token)["data"])
            seen[name].add(serial)
        time.sleep(0.5)
    for name, host in HOSTS.items():
        assert len(seen[name]) == 2, seen
        last = _serial(ports[name], host, world.pebble.root_pem())
        assert last, "the authority's is served at the end"


def _upload(world: World, pki: Pki, name: str, begun: datetime, token: str) -> str:
    party = pki.leaf(name, begun=begun, lifetime=LIFETIME)
    body = {"certificate": pki.chain(party), "private_key": party.secret.reveal()}
    made = world.nameplate.call("POST", "/v1/certificates:upload", body, token=token)
    assert (made["type"], made["status"]) == ("custom", "active")
    return _digits(made["serial_number"])


def _serial(port: int, host: str, trusted: bytes) -> str:
    """Return what is served; nothing for a certificate that is not trusted.

    Caddy drops an answer now and then while it takes a configuration: the next one counts.
    """
    for _ in range(2):
        with suppress(OSError):
            try:
                status, _, serial = fetch("127.0.0.1", port, host, trusted)
            except ssl.SSLCertVerificationError:
                return ""
            if status == 200:
                return _digits(serial)
    return ""


def _digits(serial: Any) -> str:
    return str(serial).lower().lstrip("0")
