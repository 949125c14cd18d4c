"""One certificate over two zones and a wildcard by dns-01: real name servers, and Pebble that looks."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.ports.dns import DnsProvider
from nameplate.usecases.operations import schema
from tests.e2e.installation import Installation, acme_account, content
from tests.servers.knot import Knot
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.timeout(300)
FIRST, SECOND, FOREIGN = "example.com", "example.org", "example.net"
HOSTS = (FIRST, f"*.{FIRST}", f"www.{SECOND}")


@dataclass
class World:
    """Nameplate, a tenant with two zones at accounts of their own, and another tenant."""

    nameplate: Installation
    zones: dict[str, DnsProvider]
    accounts: dict[str, dict[str, Any]]
    pebble: Pebble


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    for name in ("knot", "np"):
        (tmp_path / name).mkdir()
    url = f"sqlite:///{tmp_path}/nameplate.db"
    schema.upgrade(url)
    names = (FIRST, SECOND, FOREIGN)
    with ExitStack() as stack:
        knot = stack.enter_context(Knot(tmp_path / "knot", names))
        server = f"{knot.address}:{knot.port}"
        pebble = stack.enter_context(Pebble(tmp_path / "pebble", dns_server=server))
        settings = {
            "NAMEPLATE_DATABASE_URL": url,
            "NAMEPLATE_DNS_SERVERS": json.dumps({name: [server] for name in names}),
        }
        nameplate = Installation(tmp_path / "np", settings, workers=0)
        stack.callback(nameplate.stop)
        key, algorithm, secret = knot.tsig
        accounts = {
            name: {
                "kind": "dns",
                "name": name,
                "provider": "rfc2136",
                "config": {
                    "server": server, "zones": [name], "tsig_name": key, "tsig_algorithm": algorithm,
                },
                "credentials": {"tsig_secret": secret.reveal()},
            }
            for name in names
        }  # fmt: skip
        zones: dict[str, DnsProvider] = {
            name: Rfc2136(knot.address, knot.port, [name], knot.tsig) for name in names
        }
        yield World(nameplate, zones, accounts, pebble)


def _tenant(world: World, name: str) -> tuple[str, str]:
    """Return the id of a new organization, and its token."""
    call = world.nameplate.call
    owner: str = call("POST", "/v1/organizations", {"name": name})["id"]
    return owner, str(call("POST", "/v1/tokens", {"name": name, "organization": owner})["token"])


def _account(world: World, owner: str, zone: str) -> str:
    body = {**world.accounts[zone], "organization": owner}
    return str(world.nameplate.call("POST", "/v1/accounts", body)["id"])


def _proved(world: World, token: str, zone: str, account: str) -> None:
    call = world.nameplate.call
    call("POST", "/v1/domains", {"name": zone, "account": account}, token=token)
    world.nameplate.until(
        f"{zone} proved",
        lambda: call("GET", f"/v1/domains/{zone}", token=token)["status"] == "verified",
    )


def _until(world: World, certificate: str, number: int) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown = world.nameplate.call("GET", f"/v1/certificates/{certificate}")
        return shown if (shown["status"], shown["generation"]) == ("active", number) else None

    return dict(world.nameplate.until(f"generation {number}", look))


def _refuse_foreign(world: World) -> None:
    """Have another tenant ask for names that it has not proved."""
    stranger, theirs = _tenant(world, "Globex")
    _proved(world, theirs, FOREIGN, _account(world, stranger, FOREIGN))
    for foreign in (FIRST, f"www.{SECOND}", f"*.{SECOND}", "example.biz"):
        body = {"domain": FOREIGN, "names": [FOREIGN, foreign]}
        status, told = world.nameplate.ask("POST", "/v1/certificates", body, token=theirs)
        assert (status, told["code"]) == (422, "name_not_covered")
        assert foreign in told["detail"]


def test_two_zones_and_a_wildcard_while_one_of_them_goes_and_comes_back(world: World) -> None:
    call = world.nameplate.call
    call("POST", "/v1/accounts", acme_account(world.pebble.directory_url, world.pebble.ca_bundle))
    owner, token = _tenant(world, "Acme")
    kept = {zone: _account(world, owner, zone) for zone in (FIRST, SECOND)}
    for zone, account in kept.items():
        _proved(world, token, zone, account)
    before = {zone: content(world.zones[zone]) for zone in kept}
    hosts = [word for host in HOSTS for word in ("--host", host)]
    issued = world.nameplate.command("certificate", "issue", FIRST, *hosts, "--json")
    certificate = json.loads(issued)["id"]
    shown = _until(world, certificate, 1)
    assert set(shown["chain"][0]["names"]) == set(HOSTS)
    assert world.pebble.orders() == (1, 0)
    world.nameplate.until(
        "the proofs gone", lambda: {zone: content(world.zones[zone]) for zone in kept} == before
    )
    _refuse_foreign(world)

    call("DELETE", f"/v1/domains/{SECOND}", token=token)
    shown = _until(world, certificate, 2)
    assert set(shown["names"]) == set(shown["chain"][0]["names"]) == {FIRST, f"*.{FIRST}"}
    assert shown["lost_names"] == [f"www.{SECOND}"]
    conditions = call("GET", f"/v1/domains/{FIRST}", token=token)["conditions"]
    told = next(one for one in conditions if one["type"] == "certificate")
    assert (told["status"], told["reason"]) == (True, "names_lost")

    _proved(world, token, SECOND, kept[SECOND])
    shown = _until(world, certificate, 3)
    assert set(shown["chain"][0]["names"]) == set(HOSTS)
    assert shown["lost_names"] == []
    assert world.pebble.orders() == (3, 0)
