"""A binding's record at a real PowerDNS: made, moved with the server, taken away; others stay."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.ports.dns import DnsProvider
from nameplate.usecases.operations import schema
from tests.e2e.installation import Installation, content, publish
from tests.servers.powerdns import PowerDns

ZONE = "example.com"
FOREIGN = [
    ("old.example.com", "A", "192.0.2.10"),
    ("taken.example.com", "TXT", '"somebody else"'),
    ("example.com", "TXT", '"v=spf1 -all"'),
]
V4, V6, NEW = "192.0.2.1", "2001:db8::1", "192.0.2.2"


class World:
    """An installation, the zone's owner, and a domain that is proved."""

    def __init__(self, nameplate: Installation, power: PowerDns) -> None:
        self.nameplate = nameplate
        self.owner: DnsProvider = PowerDnsAdapter(power.api)
        for foreign in FOREIGN:
            publish(self.owner, *foreign)
        call = nameplate.call
        organization = call("POST", "/v1/organizations", {"name": "Acme"})["id"]
        call("POST", "/v1/applications", {"organization": organization, "name": "Shop"})
        account = {
            "kind": "dns", "provider": "powerdns", "name": "zone", "organization": organization,
            "config": {"api_url": power.api_url},
            "credentials": {"api_key": power.api_key.reveal()},
        }  # fmt: skip
        call("POST", "/v1/accounts", account)
        self.server = call(
            "POST", "/v1/servers", {"name": "edge", "address": V4, "addresses": [V6]}
        )["id"]
        domain = call(
            "POST", "/v1/domains", {"name": ZONE, "organization": organization, "account": "zone"}
        )
        told = next(one for one in domain["instructions"] if one["purpose"] == "ownership")
        proof = (told["name"], "TXT", f'"{told["value"]}"')  # which Nameplate writes
        self.before = content(self.owner) | {proof}

    def bind(self, subdomain: str | None = None, **more: Any) -> str:
        body = {"application": "Shop", "domain": ZONE, "server": self.server, **more}
        if subdomain:
            body["subdomain"] = subdomain
        identity: str = self.nameplate.call("POST", "/v1/bindings", body)["id"]
        return identity

    def until(self, what: str, *ours: tuple[str, str, str]) -> None:
        """Wait until the zone holds what it held before, and `ours`."""
        self.nameplate.until(what, lambda: content(self.owner) == self.before | {*ours})

    def condition(self, kind: str) -> dict[str, Any]:
        found = self.nameplate.call("GET", f"/v1/domains/{ZONE}")["conditions"]
        return next((one for one in found if one["type"] == kind), {})


@pytest.fixture
def powered(tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path}/nameplate.db"
    schema.upgrade(url)
    for name in ("dns", "np"):
        (tmp_path / name).mkdir()
    with PowerDns(tmp_path / "dns", [ZONE]) as power:
        settings = {
            "NAMEPLATE_DATABASE_URL": url,
            "NAMEPLATE_DNS_SERVERS": json.dumps({ZONE: [f"127.0.0.1:{power.dns_port}"]}),
        }
        nameplate = Installation(tmp_path / "np", settings, workers=0)
        yield World(nameplate, power)
        nameplate.stop()


@pytest.mark.timeout(180)
def test_records_follow_and_hands_keep_off(powered: World) -> None:
    _records_follow_bindings_and_servers(powered)
    _hands_off_and_templates(powered)


def _records_follow_bindings_and_servers(world: World) -> None:
    call = world.nameplate.call
    shop, api, apex = world.bind("shop"), world.bind("shop", path="/api"), world.bind()
    wild = world.bind("*.apps")
    names = ("shop.example.com", "example.com", "*.apps.example.com")
    both = [(name, *value) for name in names for value in (("A", V4), ("AAAA", V6))]
    world.until("addresses at every name", *both)

    call("PATCH", f"/v1/servers/{world.server}", {"address": NEW, "addresses": []})
    world.until("the new address", *((name, "A", NEW) for name in names))

    call("PATCH", f"/v1/servers/{world.server}", {"address": "edge.example.net"})
    kinds = {name: "ALIAS" if name == ZONE else "CNAME" for name in names}
    aliases = [(name, kind, "edge.example.net.") for name, kind in kinds.items()]
    world.until("aliases everywhere", *aliases)
    assert not world.condition("pointing")
    call("PATCH", f"/v1/servers/{world.server}", {"address": NEW})
    world.until("addresses again", *((name, "A", NEW) for name in names))
    assert not world.condition("pointing")

    for binding in (shop, apex, wild):
        call("DELETE", f"/v1/bindings/{binding}")
    world.until("what a path still needs", ("shop.example.com", "A", NEW))
    call("DELETE", f"/v1/bindings/{api}")
    world.until("nothing of ours")
    call("POST", f"/v1/bindings/{api}:restore")
    world.until("the restored one", ("shop.example.com", "A", NEW))


def _hands_off_and_templates(world: World) -> None:
    nameplate = world.nameplate
    ours = ("shop.example.com", "A", NEW)
    rows = nameplate.call("GET", f"/v1/records?domain={ZONE}")["data"]
    (first,) = [f"/v1/records/{row['id']}" for row in rows]
    assert {row["made_for"][:4] for row in rows} == {"bnd_"}
    status, answer = nameplate.ask("PATCH", first, {"value": NEW})
    assert (status, answer["code"]) == (409, "record_automatic")
    assert nameplate.ask("DELETE", first)[0] == 409
    assert nameplate.call("POST", f"{first}:detach")["made_for"] is None

    body = {"template": "dmarc", "parameters": {"policy": "reject"}, "dry_run": True}
    path = f"/v1/domains/{ZONE}/records:template"
    assert [e["action"] for e in nameplate.call("POST", path, body)["effects"]] == ["add"]
    nameplate.call("POST", path, body | {"dry_run": False})
    world.until("the policy", ours, ("_dmarc.example.com", "TXT", '"v=DMARC1; p=reject"'))
    status, answer = nameplate.ask("POST", path, body | {"parameters": {"policy": "harsh"}})
    assert (status, answer["errors"][0]["pointer"]) == (422, "/parameters/policy")
