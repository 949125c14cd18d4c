"""Every route of every noun, as its owner uses it."""

import re

import pytest
from tests.api.client import Api
from tests.api.conftest import World

from nameplate.core import keys

NOUNS = (
    "organizations",
    "applications",
    "servers",
    "server-groups",
    "accounts",
    "domains",
    "verifications",
    "records",
    "certificates",
    "bindings",
    "tokens",
)
NATURAL = {
    "organizations": "acme",
    "applications": "Shop",
    "servers": "own",
    "server-groups": "europe",
    "accounts": "zones",
    "domains": "EXAMPLE.com.",
    "bindings": "example.com",
}
CHANGES: dict[str, dict[str, object]] = {
    "organizations": {"name": "Acme GmbH"},
    "applications": {"name": "Boutique", "metadata": {"tier": "gold"}},
    "servers": {"address": "192.0.2.9"},
    "server-groups": {"name": "asia"},
    "accounts": {"name": "other zones"},
    "domains": {"notes": "moved", "force_https": False},
    "records": {"ttl": 300},
    "bindings": {"health_check_path": "/up"},
}


@pytest.mark.parametrize("noun", NOUNS)
def test_show_and_list_agree(world: World, noun: str) -> None:
    identity = world.ids[noun]
    shown = world.as_acme.get(f"/v1/{noun}/{identity}")
    listed = world.as_acme.get(f"/v1/{noun}")["data"]
    assert shown["id"] == identity
    assert shown["object"] == noun.removesuffix("s").replace("-", "_")
    assert shown["links"]["self"] == f"/v1/{noun}/{identity}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", shown["created_at"])
    found = next(item for item in listed if item["id"] == identity)
    absent = {"ready", "conditions", "instructions", "instruction", "bundle", "chain", "deployment"}
    assert {k: v for k, v in found.items() if k not in absent} == {
        k: v for k, v in shown.items() if k not in absent
    }


@pytest.mark.parametrize("noun", NATURAL)
def test_natural_names_in_paths(world: World, noun: str) -> None:
    assert world.as_acme.get(f"/v1/{noun}/{NATURAL[noun]}")["id"] == world.ids[noun]


@pytest.mark.parametrize("noun", CHANGES)
def test_update_changes_what_is_given_and_nothing_else(world: World, noun: str) -> None:
    path = f"/v1/{noun}/{world.ids[noun]}"
    before = world.as_acme.get(path)
    answer = world.as_acme.send("PATCH", path, CHANGES[noun])
    assert answer.status == 200, answer.raw
    after = world.as_acme.get(path)
    changed = {key for key in after if after[key] != before[key]} - {"updated_at", "status"}
    assert changed - {"conditions", "next_check_at"} == set(CHANGES[noun])
    assert after[next(iter(CHANGES[noun]))] == next(iter(CHANGES[noun].values()))


@pytest.mark.parametrize("noun", [n for n in NOUNS if n not in {"verifications", "tokens"}])
def test_removed_things_are_gone(api: Api, world: World, noun: str) -> None:
    caller = api if noun == "organizations" else world.as_acme
    path = f"/v1/{noun}/{world.ids[noun]}"
    assert caller.send("DELETE", path).status == 204
    assert caller.send("GET", path).status == 404
    assert caller.send("DELETE", path).status == 404
    assert world.ids[noun] not in {item["id"] for item in caller_list(caller, noun)}


def caller_list(caller: Api, noun: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = caller.get(f"/v1/{noun}")["data"]
    return found


def test_a_domain_says_at_once_what_to_publish(world: World) -> None:
    made = world.as_acme.post("/v1/domains", {"name": "Shop.Example.org"})
    instruction, _ = made["instructions"]
    assert made["name"] == "shop.example.org"
    assert made["ready"] is False
    assert instruction["name"] == "_nameplate-challenge.shop.example.org"
    assert instruction["relative_name"] == "_nameplate-challenge.shop"
    ownership = made["conditions"][0]
    assert ownership["type"] == "ownership"
    assert ownership["status"] is False
    assert instruction["value"] in ownership["fix"]
    assert world.as_acme.get("/v1/domains/shop.example.org")["instructions"] == made["instructions"]


def test_actions_of_domains(api: Api, world: World) -> None:
    path = "/v1/domains/example.com"
    assert world.as_acme.post(f"{path}:check")["status"] == "pending_verification"
    suspended = world.as_acme.post(f"{path}:suspend", {"reason": "unpaid"})
    assert (suspended["status"], suspended["error_message"]) == ("suspended", "unpaid")
    assert world.as_acme.post(f"{path}:resume")["status"] == "pending_verification"
    assert world.as_acme.send("DELETE", path).status == 204
    assert (
        world.as_acme.post(f"/v1/domains/{world.ids['domains']}:restore")["name"] == "example.com"
    )
    assert world.as_acme.get(path)["status"] == "pending_verification"


def test_suspending_needs_no_reason(world: World) -> None:
    assert world.as_acme.post("/v1/domains/example.com:suspend")["status"] == "suspended"


def test_other_actions(world: World) -> None:
    acme = world.as_acme
    assert acme.post(f"/v1/verifications/{world.ids['verifications']}:check")["attempts"] == 0
    assert acme.post("/v1/bindings/example.com:check")["hostname"] == "example.com"
    renewed = acme.post(f"/v1/certificates/{world.ids['certificates']}:renew")
    assert renewed["status"] == "pending"
    again = acme.post("/v1/verifications", {"domain": "example.com", "method": "file_upload"})
    assert again["file_path"].startswith("/.well-known/")
    refused = acme.send("POST", f"/v1/certificates/{world.ids['certificates']}:revoke")
    assert (refused.status, refused.code) == (409, "certificate_missing")


def test_an_account_is_tried(world: World) -> None:
    found = world.as_acme.post("/v1/accounts/zones/test")
    assert found["ok"]
    assert found["zones"] == ["example.com"]
    assert world.as_acme.get("/v1/accounts/zones")["tested_at"] == found["tested_at"]


def test_an_account_without_a_key_of_its_own_has_none_to_change(world: World) -> None:
    refused = world.as_acme.send("POST", "/v1/accounts/zones:rotate_key")
    assert (refused.status, refused.code) == (409, "key_change_unavailable")
    shown = world.as_acme.get("/v1/accounts/zones")
    assert (shown["key_changed_at"], shown["key_change_began_at"]) == (None, None)


def test_a_chain_is_preferred_by_domain_and_certificate(world: World) -> None:
    acme = world.as_acme
    changed = acme.send("PATCH", "/v1/domains/example.com", {"preferred_chain": "Root X2"})
    assert changed.body["preferred_chain"] == "Root X2"
    made = acme.post("/v1/certificates", {"domain": "example.com"})
    assert (made["preferred_chain"], made["chain_root"]) == ("Root X2", None)
    own = {"domain": "example.com", "preferred_chain": "Root X1"}
    assert acme.post("/v1/certificates", own)["preferred_chain"] == "Root X1"
    wrong = {"domain": "example.com", "preferred_chain": "Root\nX1"}
    assert acme.send("POST", "/v1/certificates", wrong).status == 422
    again = f"/v1/certificates/{made['id']}:renew"
    assert acme.post(again, {"preferred_chain": None})["preferred_chain"] is None


def test_tls_is_refused_where_nobody_answers_it(world: World) -> None:
    body = {"domain": "example.com", "challenge": "tls-alpn-01"}
    refused = world.as_acme.send("POST", "/v1/certificates", body)
    assert (refused.status, refused.code) == (409, "tls_alpn_unavailable")
    wild = world.as_acme.send("POST", "/v1/certificates", {**body, "names": ["*.example.com"]})
    assert wild.code == "wildcard_needs_dns"


def test_caa_that_locks_our_authority_out_is_warned_of(api: Api, world: World) -> None:
    """The platform's authority counts, though a tenant does not see its account."""
    config = {"directory_url": "https://acme-v02.api.letsencrypt.org/directory"}
    key = {"account_key": keys.new_key().reveal()}
    authority = {
        "kind": "ca",
        "provider": "acme",
        "name": "le",
        "config": config,
        "credentials": key,
        "test": False,
    }
    api.post("/v1/accounts", authority)
    wanted = {"domain": "example.com", "type": "CAA", "name": "@", "ttl": 300}
    made = world.as_acme.post("/v1/records", {**wanted, "value": '0 issue "other.example"'})
    (said,) = made["warnings"]
    assert 'Add 0 issue "letsencrypt.org"' in said
    path = f"/v1/records/{made['id']}"
    assert world.as_acme.get(path)["warnings"] == [said]
    good = world.as_acme.post("/v1/records", {**wanted, "value": '0 issue "letsencrypt.org"'})
    assert good["warnings"] == world.as_acme.get(path)["warnings"] == []
    assert "warnings" in world.as_acme.get("/v1/records")["data"][0]


def test_a_plan_changes_nothing(world: World) -> None:
    found = world.as_acme.post("/v1/domains/example.com/records:plan")
    assert found["object"] == "plan"
    assert world.as_acme.get("/v1/records")["data"][0]["status"] == "pending"


def test_organizations_come_back_with_what_they_had(api: Api, world: World) -> None:
    api.send("DELETE", "/v1/organizations/acme")
    assert world.as_acme.send("GET", "/v1/domains").status == 401
    assert api.post("/v1/organizations/acme:restore")["slug"] == "acme"
    assert world.as_acme.get("/v1/domains/example.com")["id"] == world.ids["domains"]


def test_filters(api: Api, world: World) -> None:
    acme = world.as_acme
    acme.post("/v1/domains", {"name": "two.example.org", "metadata": {"tier": "gold", "n": "1"}})
    assert names(acme, "/v1/domains?metadata[tier]=gold") == ["two.example.org"]
    assert names(acme, "/v1/domains?metadata[tier]=gold&metadata[n]=2") == []
    assert names(acme, "/v1/domains?name=example.com") == ["example.com"]
    assert names(acme, "/v1/domains?status=active") == []
    assert len(acme.get("/v1/records?domain=example.com&type=A&status=pending")["data"]) == 1
    assert acme.get("/v1/records?type=MX")["data"] == []
    assert acme.get("/v1/bindings?application=Shop&domain=example.com")["data"]
    assert names(api, "/v1/applications?organization=acme&name=Shop") == ["Shop"]
    assert names(api, "/v1/applications?organization=globex") == []
    assert names(api, "/v1/accounts?kind=ca") == []
    assert names(api, "/v1/organizations?name=Globex") == ["Globex"]


def names(api: Api, path: str) -> list[str]:
    return [item["name"] for item in api.get(path)["data"]]


def test_record_templates(world: World) -> None:
    listed = world.as_acme.get("/v1/record-templates")["data"]
    assert world.as_acme.get("/v1/record-templates/no-mail") in listed
    assert world.as_acme.send("GET", "/v1/record-templates/x").status == 404
    path = "/v1/domains/example.com/records:template"
    assert world.as_globex.send("POST", path, {"template": "no-mail"}).status == 404
    made = world.as_acme.post(path, {"template": "no-mail"})
    assert [one["action"] for one in made["effects"]] == ["add", "add", "add"]
    shown = world.as_acme.get(f"/v1/records/{made['effects'][0]['record']}")
    assert (shown["type"], shown["priority"], shown["value"]) == ("MX", 0, ".")
    refused = world.as_acme.send(
        "POST", path, {"template": "mail", "parameters": {"mx": "m.a.net"}}
    )
    assert (refused.status, refused.code) == (409, "template_conflict")
    wrong = world.as_acme.send("POST", path, {"template": "spf", "parameters": {"colour": "red"}})
    assert wrong.body["errors"][0]["pointer"] == "/parameters/colour"
