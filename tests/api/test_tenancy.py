"""Another organization's objects answer exactly like those that do not exist."""

import json
import re

import pytest
from tests.api.client import Answer, Api
from tests.api.conftest import World

from nameplate.core import ids

ACTIONS: tuple[tuple[str, str, dict[str, str] | None], ...] = (
    ("GET", "/v1/{noun}/{id}", None),
    ("PATCH", "/v1/{noun}/{id}", {}),
    ("DELETE", "/v1/{noun}/{id}", None),
)
NOUNS = {
    "applications": "app",
    "accounts": "acct",
    "servers": "srv",
    "server-groups": "grp",
    "domains": "dom",
    "records": "rec",
    "certificates": "crt",
    "bindings": "bnd",
    "verifications": "ver",
    "tokens": "tok",
    "plans": "plan",
}
COLON = {
    "domains": (
        ":check",
        ":suspend",
        ":resume",
        ":restore",
        "/records:plan",
        "/records:undo",
    ),
    "plans": (":apply",),
    "certificates": (":renew", ":revoke"),
    "verifications": (":check",),
    "bindings": (":check",),
    "server-groups": (":restore",),
    "accounts": ("/test", ":rotate_key"),
    "records": ("/propagation:check",),
}


def essence(answer: Answer) -> tuple[int, object]:
    """Return what a prober could tell apart: everything but the ids of the requests."""
    body = json.loads(re.sub(r"req_\w+", "", answer.raw.decode()) or "null")
    sent = {k: v for k, v in answer.headers.items() if k not in {"x-request-id", "content-length"}}
    return answer.status, (body, sent)


@pytest.mark.parametrize("noun", NOUNS)
def test_foreign_is_unknown(world: World, noun: str) -> None:
    unknown = ids.show(NOUNS[noun], 987654)
    tried = [(method, path, body) for method, path, body in ACTIONS]
    tried += [("POST", "/v1/{noun}/{id}" + action, None) for action in COLON.get(noun, ())]
    for method, path, body in tried:
        if (noun, method) in {
            ("certificates", "PATCH"),
            ("verifications", "PATCH"),
            ("verifications", "DELETE"),
            ("tokens", "PATCH"),
            ("plans", "PATCH"),
            ("plans", "DELETE"),
        }:
            continue
        answers = [
            world.as_globex.send(method, path.format(noun=noun, id=identity), body)
            for identity in (world.ids[noun], unknown)
        ]
        assert answers[0].status == 404, (method, path, answers[0].raw)
        assert essence(answers[0]) == essence(answers[1])
    assert world.as_acme.send("GET", f"/v1/{noun}/{world.ids[noun]}").status == 200


@pytest.mark.parametrize("below", ["records:export", "dns-host", "domain-connect", "diagnosis"])
def test_what_is_below_a_foreign_domain_is_unknown(world: World, below: str) -> None:
    unknown = ids.show("dom", 987654)
    answers = [
        world.as_globex.send("GET", f"/v1/domains/{identity}/{below}")
        for identity in (world.ids["domains"], unknown)
    ]
    assert answers[0].status == 404
    assert essence(answers[0]) == essence(answers[1])


def test_foreign_names_are_unknown(world: World) -> None:
    for path in ("/v1/domains/example.com", "/v1/bindings/example.com", "/v1/applications/Shop"):
        assert world.as_globex.send("GET", path).status == 404


@pytest.mark.parametrize("noun", [*NOUNS, "organizations"])
def test_lists_hold_nothing_foreign(world: World, noun: str) -> None:
    found = {item["id"] for item in world.as_globex.get(f"/v1/{noun}")["data"]}
    assert world.ids[noun] not in found


def test_foreign_ids_in_bodies(world: World) -> None:
    own = world.as_globex.post("/v1/domains", {"name": "globex.example.org"})
    mine = {"domain": own["id"]}
    tried: list[tuple[str, dict[str, object]]] = [
        ("/v1/domains", {"name": "x.example.org", "account": world.ids["accounts"]}),
        ("/v1/domains", {"name": "x.example.org", "organization": world.ids["organizations"]}),
        ("/v1/applications", {"name": "x", "organization": world.ids["organizations"]}),
        ("/v1/tokens", {"name": "x", "organization": world.ids["organizations"]}),
        ("/v1/bindings", {**mine, "application": world.ids["applications"]}),
        (
            "/v1/records",
            {"domain": world.ids["domains"], "type": "A", "name": "@", "value": "192.0.2.1"},
        ),
        ("/v1/certificates", {"domain": world.ids["domains"]}),
        ("/v1/verifications", {"domain": world.ids["domains"]}),
    ]
    for path, body in tried:
        answer = world.as_globex.send("POST", path, body)
        assert answer.status == 404, (path, body, answer.raw)


def test_claiming_a_foreign_name_reveals_nothing(world: World) -> None:
    answer = world.as_globex.send("POST", "/v1/domains", {"name": "example.com"})
    assert answer.status == 201


PLATFORM_ONLY: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("POST", "/v1/organizations", {"name": "New"}),
    ("PATCH", "/v1/organizations/acme", {"slug": "other"}),
    ("PATCH", "/v1/organizations/acme", {"is_active": False}),
    ("DELETE", "/v1/organizations/acme", {}),
    ("POST", "/v1/organizations/acme:restore", {}),
    ("POST", "/v1/applications", {"name": "x", "upstream_host": "127.0.0.1"}),
    ("PATCH", "/v1/applications/Shop", {"upstream_host": "169.254.169.254"}),
    ("POST", "/v1/servers", {"name": "x", "address": "a.example", "proxy": {"type": "caddy"}}),
    ("PATCH", "/v1/servers/own", {"proxy": {"admin_url": "http://127.0.0.1:2019"}}),
    ("PATCH", "/v1/servers/shared", {"name": "mine"}),
    ("PATCH", "/v1/applications/Shop", {"binding_ports": [22]}),
    ("POST", "/v1/domains/example.com:approve", {}),
    ("POST", "/v1/domains/example.com:deny", {"reason": "x"}),
    ("DELETE", "/v1/servers/shared", {}),
    (
        "POST",
        "/v1/accounts",
        {
            "kind": "dns",
            "provider": "powerdns",
            "name": "x",
            "config": {"api_url": "http://127.0.0.1"},
        },
    ),
)


@pytest.mark.parametrize(("method", "path", "body"), PLATFORM_ONLY)
def test_what_only_the_platform_may_do(
    world: World, method: str, path: str, body: dict[str, object]
) -> None:
    answer = world.as_acme.send(method, path, body or None)
    assert answer.status == 403, answer.raw


def test_admin_addresses_are_the_platforms_business(api: Api, world: World) -> None:
    assert world.as_acme.get("/v1/servers/shared")["proxy"] is None
    assert api.get("/v1/servers/shared")["proxy"]["type"] == "caddy"


def test_credentials_never_come_back(api: Api, world: World) -> None:
    for path in ("/v1/accounts", "/v1/accounts/zones"):
        answer = api.send("GET", path)
        assert b"s3cret" not in answer.raw
        assert b"v1:" not in answer.raw
    assert api.get("/v1/accounts/zones")["has_credentials"] is True
    assert b"private_key" not in api.send("GET", "/v1/certificates").raw
