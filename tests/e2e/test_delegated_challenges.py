"""Delegated dns-01 on real servers: the owner's zone at Knot, the platform's at PowerDNS, Pebble."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.core.records import Change
from nameplate.ports.dns import DnsProvider, Result
from nameplate.usecases.operations import schema
from tests.e2e.installation import Installation, acme_account, content, publish
from tests.servers.knot import Knot
from tests.servers.pebble import Pebble
from tests.servers.powerdns import PowerDns
from tests.servers.unbound import Unbound

pytestmark = pytest.mark.timeout(300)
CHALLENGES, OWN, FOREIGN = "challenges.platform.com", "example.com", "example.org"
AT_MOST = 30.0
"""Seconds from the repair of a cause to the certificate."""


@dataclass
class World:
    """Nameplate, and what is outside of it."""

    nameplate: Installation
    owner: DnsProvider
    foreign: DnsProvider
    platform: DnsProvider
    pebble: Pebble
    api_url: str
    key_file: Path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    folders = {name: tmp_path / name for name in ("power", "knot", "unbound", "home", "np")}
    for folder in folders.values():
        folder.mkdir()
    schema.upgrade(f"sqlite:///{tmp_path}/nameplate.db")
    with ExitStack() as stack:
        power = stack.enter_context(PowerDns(folders["power"], [CHALLENGES]))
        knot = stack.enter_context(Knot(folders["knot"], [OWN, FOREIGN]))
        places = {
            CHALLENGES: (power.address, power.dns_port),
            OWN: (knot.address, knot.port),
            FOREIGN: (knot.address, knot.port),
        }
        resolver = stack.enter_context(Unbound(folders["unbound"], places, longest=0))
        pebble = stack.enter_context(
            Pebble(tmp_path / "pebble", dns_server=f"127.0.0.1:{resolver.port}")
        )
        servers = {zone: [f"{address}:{port}"] for zone, (address, port) in places.items()}
        settings = {
            "NAMEPLATE_DATABASE_URL": f"sqlite:///{tmp_path}/nameplate.db",
            "NAMEPLATE_DNS_SERVERS": json.dumps(servers),
            "NAMEPLATE_CHALLENGE_ZONE": CHALLENGES,
        }
        nameplate = Installation(folders["np"], settings, workers=0)
        stack.callback(nameplate.stop)
        key_file = tmp_path / "powerdns-key"
        key_file.write_text(power.api_key.reveal())
        key_file.chmod(0o600)
        owner, foreign = (
            Rfc2136(knot.address, knot.port, [zone], knot.tsig) for zone in (OWN, FOREIGN)
        )
        yield World(
            nameplate, owner, foreign, PowerDnsAdapter(power.api), pebble,
            power.api_url, key_file,
        )  # fmt: skip


def _operator(world: World) -> None:
    """Run the commands of docs/how-to/delegate-challenges.md, and add the authority."""
    run, call = world.nameplate.command, world.nameplate.call
    run("organization", "add", "Platform")
    given = ("--organization", "platform", "--kind", "dns", "--provider", "powerdns")
    config = json.dumps({"api_url": world.api_url})
    key = ("--credential", f"api_key=@{world.key_file}")
    run("account", "add", "challenges", *given, "--config", config, *key)
    run("domain", "add", CHALLENGES, "--organization", "platform", "--account", "challenges")
    call("POST", "/v1/accounts", acme_account(world.pebble.directory_url, world.pebble.ca_bundle))
    world.nameplate.until(
        "the zone's domain proved",
        lambda: call("GET", f"/v1/domains/{CHALLENGES}")["status"] != "pending_verification",
    )


def _tenant(world: World, name: str, provider: DnsProvider) -> str:
    """Return the token of a new tenant who holds `name`, whose DNS Nameplate does not manage."""
    call = world.nameplate.call
    owner = call("POST", "/v1/organizations", {"name": name})["id"]
    token: str = call("POST", "/v1/tokens", {"name": name, "organization": owner})["token"]
    claimed = call("POST", "/v1/domains", {"name": name}, token=token)
    told = claimed["instructions"][0]
    publish(provider, told["name"], "TXT", f'"{told["value"]}"')
    world.nameplate.until(
        f"{name} proved",
        lambda: call("GET", f"/v1/domains/{name}", token=token)["status"] == "verified",
    )
    return token


def _wanted(world: World, name: str, token: str) -> str:
    """Request a certificate for a name and its wildcard, and return its id."""
    names = [name, f"*.{name}"]
    body = {"domain": name, "names": names}
    row = world.nameplate.call("POST", "/v1/certificates", body, token=token)
    assert row["challenge"] == "dns-01"
    found: str = row["id"]
    return found


def _told(world: World, name: str, token: str) -> dict[str, Any]:
    shown = world.nameplate.call("GET", f"/v1/domains/{name}", token=token)
    (found,) = [one for one in shown["instructions"] if one["purpose"] == "challenge"]
    return dict(found)


def _condition(world: World, name: str, token: str, reason: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown = world.nameplate.call("GET", f"/v1/domains/{name}", token=token)
        found = [one for one in shown["conditions"] if one["type"] == "certificate"]
        return next((one for one in found if one["reason"] == reason), None)

    return dict(world.nameplate.until(reason, look))


def _unpublish(provider: DnsProvider, name: str) -> None:
    zone = provider.zones()[0]
    before = next(r for r in provider.records(zone) if r.key == (name, "CNAME"))
    assert provider.apply(zone, [Change(before, None)])[0].result is Result.APPLIED


def _publish(world: World, told: dict[str, Any]) -> None:
    publish(world.owner, told["name"], "CNAME", f"{told['value']}.")


def _until_generation(world: World, certificate: str, token: str, number: int) -> float:
    """Wait for a generation of the certificate, and return how many seconds that took."""
    began = time.monotonic()

    def look() -> bool:
        shown = world.nameplate.call("GET", f"/v1/certificates/{certificate}", token=token)
        return (shown["status"], shown["generation"]) == ("active", number)

    world.nameplate.until(f"generation {number}", look)
    return time.monotonic() - began


def test_one_cname_is_enough_for_apex_wildcard_and_renewals(world: World) -> None:
    _operator(world)
    token = _tenant(world, OWN, world.owner)
    before = content(world.platform)
    certificate = _wanted(world, OWN, token)
    told = _missing_at_first(world, token)

    _publish(world, told)
    assert _until_generation(world, certificate, token, 1) < AT_MOST
    assert world.pebble.orders() == (1, 0)
    assert _told(world, OWN, token)["done"]
    world.nameplate.until("the proofs gone", lambda: content(world.platform) == before)

    renew = f"/v1/certificates/{certificate}:renew"
    world.nameplate.call("POST", renew, token=token)
    _until_generation(world, certificate, token, 2)

    # The record goes: the renewal waits, what is served stays, and one record repairs it.
    _unpublish(world.owner, told["name"])
    world.nameplate.call("POST", renew, token=token)
    assert _condition(world, OWN, token, "renewal_failing")["status"] is True
    _until_generation(world, certificate, token, 2)
    _publish(world, told)
    assert _until_generation(world, certificate, token, 3) < AT_MOST
    assert world.pebble.orders()[1] == 0, "the authority never looked in vain"

    _foreign_label(world, told["value"])
    world.nameplate.call("DELETE", f"/v1/domains/{OWN}", token=token)
    world.nameplate.until("the zone clean", lambda: content(world.platform) == before)


def _missing_at_first(world: World, token: str) -> dict[str, Any]:
    """Check that nothing is ordered and that all say the same record; return that instruction."""
    said = _condition(world, OWN, token, "challenge_cname_missing")
    told = _told(world, OWN, token)
    assert said["expected"] == [f"{told['name']} CNAME {told['value']}"]
    assert (said["turn"], told["done"]) == ("you", False)
    assert told["value"].endswith(f".{CHALLENGES}")
    assert told["value"] in world.nameplate.command("domain", "instructions", OWN)
    assert world.pebble.orders() == (0, 0)
    return told


def _foreign_label(world: World, label: str) -> None:
    """Lead the name of another tenant to that label: it proves nothing for that tenant."""
    token = _tenant(world, FOREIGN, world.foreign)
    publish(world.foreign, f"_acme-challenge.{FOREIGN}", "CNAME", f"{label}.")
    orders = world.pebble.orders()[0]
    _wanted(world, FOREIGN, token)
    said = _condition(world, FOREIGN, token, "challenge_cname_elsewhere")
    own = _told(world, FOREIGN, token)
    assert own["value"] != label
    assert said["expected"] == [f"{own['name']} CNAME {own['value']}"]
    assert world.pebble.orders()[0] == orders
