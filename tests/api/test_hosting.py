"""Hosted zones over the API: a tenant hears at once which name servers to set."""

from pathlib import Path

from tests.api.client import api_over
from tests.api.conftest import populated

from nameplate.db import Sessions

SERVERS = ["ns1.platform.example", "ns2.platform.example"]
ACCOUNT = {
    "kind": "dns",
    "provider": "powerdns",
    "name": "hosting",
    "config": {"api_url": "http://127.0.0.1:8081", "hosted": {"name_servers": SERVERS}},
    "credentials": {"api_key": "the platform's"},
}
NEW = {"name": "hosted.example.net", "hosted": True}


def test_a_tenant_is_told_the_name_servers(sessions: Sessions, tmp_path: Path) -> None:
    api = api_over(sessions, tmp_path / "home")
    acme = populated(api).as_acme
    refused = acme.send("POST", "/v1/domains", NEW)
    assert (refused.status, refused.code) == (409, "hosting_unavailable")

    account = api.post("/v1/accounts", ACCOUNT)
    made = acme.post("/v1/domains", NEW)
    assert (made["account"], made["zone"], made["name_servers"]) == (None, NEW["name"], SERVERS)
    proof, delegation = made["instructions"]
    assert (proof["purpose"], proof["type"]) == ("ownership", "TXT")
    assert (delegation["purpose"], delegation["values"]) == ("delegation", SERVERS)
    assert "only when ownership is proved" in delegation["note"]
    (condition,) = [one for one in made["conditions"] if one["type"] == "hosting"]
    assert (condition["status"], condition["reason"]) == (False, "zone_after_proof")
    assert acme.get("/v1/domains/hosted.example.net")["name_servers"] == SERVERS
    assert acme.get("/v1/domains/example.com")["name_servers"] is None

    assert acme.send("GET", f"/v1/accounts/{account['id']}").status == 404
    both = acme.send("POST", "/v1/domains", {**NEW, "name": "b.example.net", "zone": "example.net"})
    assert (both.status, both.code) == (422, "hosted_with_account")
    by_file = {**NEW, "name": "c.example.net", "verification_method": "file_upload"}
    refused = acme.send("POST", "/v1/domains", by_file)
    assert (refused.status, refused.code) == (422, "hosted_needs_dns")
