"""From POST /v1/domains to verified HTTPS, a renewal and the release, on real servers alone."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.ports.dns import DnsProvider
from nameplate.usecases.operations import schema
from tests.e2e.installation import Installation, acme_account, content, fetch, publish
from tests.servers.caddy import Caddy
from tests.servers.knot import Knot
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.postgresql import APP, SYSTEM, role_url
from tests.servers.powerdns import PowerDns
from tests.servers.process import free_port

pytestmark = pytest.mark.timeout(300)
ZONE = "example.com"
FOREIGN = [
    ("www.example.com", "A", "192.0.2.10"),
    ("example.com", "MX", "10 mail.example.com."),
    ("example.com", "TXT", '"v=spf1 -all"'),
    ("_acme-challenge.example.com", "TXT", '"somebody else"'),
]


@dataclass
class World:
    """Everything outside Nameplate, and Nameplate itself."""

    nameplate: Installation
    owner: DnsProvider
    dns_account: dict[str, Any]
    pebble: Pebble
    nginx: Nginx
    caddy: Caddy
    origin: Origin


def _world(
    tmp_path: Path, stack: ExitStack, database: dict[str, str], dns: str, workers: int
) -> World:
    folders = {name: tmp_path / name for name in ("dns", "pebble", "nginx", "caddy", "home", "np")}
    for folder in folders.values():
        folder.mkdir()
    port = free_port()
    challenges = f"127.0.0.1:{port}"
    if dns == "powerdns":
        power = stack.enter_context(PowerDns(folders["dns"], [ZONE]))
        owner: DnsProvider = PowerDnsAdapter(power.api)
        resolver = f"127.0.0.1:{power.dns_port}"
        account = {
            "provider": "powerdns",
            "config": {"api_url": power.api_url},
            "credentials": {"api_key": power.api_key.reveal()},
        }
    else:
        knot = stack.enter_context(Knot(folders["dns"], [ZONE]))
        owner = Rfc2136(knot.address, knot.port, [ZONE], knot.tsig)
        resolver = f"127.0.0.1:{knot.port}"
        name, algorithm, secret = knot.tsig
        account = {
            "provider": "rfc2136",
            "config": {
                "server": resolver, "zones": [ZONE], "tsig_name": name, "tsig_algorithm": algorithm,
            },
            "credentials": {"tsig_secret": secret.reveal()},
        }  # fmt: skip
    nginx = stack.enter_context(Nginx(folders["nginx"]))
    caddy = stack.enter_context(Caddy(folders["caddy"]))
    pebble = stack.enter_context(
        Pebble(folders["pebble"], dns_server=resolver, http_port=nginx.http_port)
    )
    origin = stack.enter_context(Origin("the shop"))
    settings = {
        **database,
        "NAMEPLATE_DNS_SERVERS": json.dumps({ZONE: [resolver]}),
        "NAMEPLATE_CHALLENGE_UPSTREAM": challenges,
    }
    nameplate = Installation(folders["np"], settings, workers=workers, port=port)
    stack.callback(nameplate.stop)
    dns_account = {"kind": "dns", "name": "zone", **account}
    return World(nameplate, owner, dns_account, pebble, nginx, caddy, origin)


@pytest.fixture
def distributed(tmp_path: Path, postgresql_url: str) -> Iterator[World]:
    """PostgreSQL with the application's and the system's role, PowerDNS, two workers."""
    schema.upgrade(postgresql_url)
    database = {
        "NAMEPLATE_DATABASE_URL": role_url(postgresql_url, APP),
        "NAMEPLATE_SYSTEM_DATABASE_URL": role_url(postgresql_url, SYSTEM),
    }
    with ExitStack() as stack:
        yield _world(tmp_path, stack, database, "powerdns", workers=2)


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[World]:
    """SQLite, one process, Knot by RFC 2136."""
    url = f"sqlite:///{tmp_path}/nameplate.db"
    schema.upgrade(url)
    with ExitStack() as stack:
        yield _world(tmp_path, stack, {"NAMEPLATE_DATABASE_URL": url}, "knot", workers=0)


def _set_up(world: World) -> dict[str, str]:
    """Add what the operator adds, and return ids and the tenant's token."""
    call = world.nameplate.call
    organization = call("POST", "/v1/organizations", {"name": "Acme"})["id"]
    application = call(
        "POST",
        "/v1/applications",
        {
            "organization": organization, "name": "shop",
            "upstream_host": "127.0.0.1", "upstream_port": world.origin.port,
        },
    )["id"]  # fmt: skip
    nginx = call(
        "POST", "/v1/servers", {"name": "n", "address": "127.0.0.1", "proxy": _nginx(world)}
    )
    caddy = call(
        "POST", "/v1/servers", {"name": "c", "address": "127.0.0.1", "proxy": _caddy(world)}
    )
    account = call("POST", "/v1/accounts", {**world.dns_account, "organization": organization})
    assert account.get("credentials") in (None, sorted(world.dns_account["credentials"]))
    tested = call("POST", f"/v1/accounts/{account['id']}/test")
    assert tested["ok"], tested
    call("POST", "/v1/accounts", acme_account(world.pebble.directory_url, world.pebble.ca_bundle))
    token = call("POST", "/v1/tokens", {"name": "tenant", "organization": organization})["token"]
    return {
        "application": application,
        "nginx": nginx["id"],
        "caddy": caddy["id"],
        "account": account["id"],
        "token": token,
    }


def _nginx(world: World) -> dict[str, Any]:
    one = world.nginx
    return {
        "type": "nginx",
        "folder": str(one.folder / "managed"),
        "executable": one.executable,
        "pid_file": str(one.pid_file),
        "main": str(one.main),
        "listen_http": [f"127.0.0.1:{one.http_port}"],
        "listen_https": [f"127.0.0.1:{one.https_port}"],
        "http_port": one.http_port,
        "https_port": one.https_port,
    }


def _caddy(world: World) -> dict[str, Any]:
    one = world.caddy
    return {
        "type": "caddy",
        "admin_url": f"http://127.0.0.1:{one.admin_port}",
        "folder": str(one.folder / "managed"),
        "base": one.base,
        "listen_http": [f"127.0.0.1:{one.http_port}"],
        "listen_https": [f"127.0.0.1:{one.https_port}"],
        "http_port": one.http_port,
        "https_port": one.https_port,
    }


def _claim(world: World, ids: dict[str, str], name: str) -> dict[str, Any]:
    """Claim a name as the tenant; Nameplate publishes the proof with the tenant's account."""
    domain = world.nameplate.call(
        "POST", "/v1/domains", {"name": name, "account": ids["account"]}, token=ids["token"]
    )
    assert not domain["ready"]
    return domain


def _bound(world: World, ids: dict[str, str], name: str, server: str) -> None:
    world.nameplate.call(
        "POST",
        "/v1/bindings",
        {"application": ids["application"], "domain": name, "server": ids[server]},
        token=ids["token"],
    )


def _ready(world: World, ids: dict[str, str], name: str) -> dict[str, Any]:
    last: dict[str, Any] = {}

    def look() -> dict[str, Any] | None:
        last.update(world.nameplate.call("GET", f"/v1/domains/{name}", token=ids["token"]))
        return last if last["ready"] else None

    try:
        found: dict[str, Any] = world.nameplate.until(f"{name} ready", look)
    except AssertionError as error:
        raise AssertionError(f"{json.dumps(last['conditions'], indent=1)}\n{error}") from None
    return found


def _main_path(world: World) -> None:
    ids = _set_up(world)
    for foreign in FOREIGN:
        publish(world.owner, *foreign)
    call = world.nameplate.call
    tenant = ids["token"]

    # http-01 through nginx for a single host, dns-01 for a wildcard through Caddy
    before = content(world.owner)
    proofs = set()
    for name in ("shop.example.com", "*.apps.example.com"):
        told = next(
            one for one in _claim(world, ids, name)["instructions"] if one["purpose"] == "ownership"
        )
        proofs.add((told["name"], "TXT", f'"{told["value"]}"'))
    for name in ("shop.example.com", "*.apps.example.com"):
        record: dict[str, Any] = {
            "domain": name,
            "type": "A",
            "name": "@",
            "value": "127.0.0.1",
            "ttl": 60,
        }
        if name.startswith("*"):
            record["name"] = "*"
        call("POST", "/v1/records", record, token=tenant)
    _bound(world, ids, "shop.example.com", "nginx")
    _bound(world, ids, "*.apps.example.com", "caddy")
    single = _ready(world, ids, "shop.example.com")
    wildcard = _ready(world, ids, "*.apps.example.com")
    assert (single["status"], wildcard["status"]) == ("active", "active")

    root = world.pebble.root_pem()
    status, body, serial = fetch("127.0.0.1", world.nginx.https_port, "shop.example.com", root)
    assert (status, "the shop" in body) == (200, True)
    status, body, _ = fetch("127.0.0.1", world.caddy.https_port, "blue.apps.example.com", root)
    assert (status, "the shop" in body) == (200, True)
    certificates = call("GET", "/v1/certificates", token=tenant)["data"]
    assert {c["challenge"] for c in certificates} == {"http-01", "dns-01"}
    ours = {("shop.example.com", "A", "127.0.0.1"), ("*.apps.example.com", "A", "127.0.0.1")}
    world.nameplate.until("challenges gone", lambda: content(world.owner) == before | proofs | ours)
    _ask_edge(world, "shop.example.com", 200)

    _renew(world, ids, next(c for c in certificates if c["challenge"] == "http-01"), serial)

    for name in ("shop.example.com", "*.apps.example.com"):
        call("DELETE", f"/v1/domains/{name}", token=tenant)
    world.nameplate.until("our records gone", lambda: content(world.owner) == before)
    world.nameplate.until(
        "nginx stopped serving", lambda: not _serves(world.nginx.https_port, root)
    )
    _ask_edge(world, "shop.example.com", 404)


def _renew(world: World, ids: dict[str, str], certificate: dict[str, Any], serial: str) -> None:
    """Renew while clients keep asking: each answer is complete, and the new certificate arrives."""
    path = f"/v1/certificates/{certificate['id']}"
    world.nameplate.call("POST", f"{path}:renew", token=ids["token"])
    root = world.pebble.root_pem()

    def served() -> bool:
        status, _, now = fetch("127.0.0.1", world.nginx.https_port, "shop.example.com", root)
        assert status == 200
        return now != serial

    world.nameplate.until("the renewed certificate served", served)
    renewed = world.nameplate.call("GET", path, token=ids["token"])
    assert renewed["generation"] == 2
    assert renewed["status"] == "active"


def _ask_edge(world: World, host: str, expected: int) -> None:
    world.nameplate.until(
        f"edge says {expected} for {host}",
        lambda: world.nameplate.ask("GET", f"/edge/ask?domain={host}")[0] == expected,
    )


def _serves(port: int, root: bytes) -> bool:
    with suppress(OSError):  # of which a failed handshake is one
        return fetch("127.0.0.1", port, "shop.example.com", root)[0] == 200
    return False


def test_postgresql_powerdns_two_workers(distributed: World) -> None:
    _main_path(distributed)


@pytest.mark.skipif(shutil.which("knotd", path="/usr/sbin:/usr/bin") is None, reason="needs knotd")
def test_sqlite_knot_one_process(embedded: World) -> None:
    _main_path(embedded)
