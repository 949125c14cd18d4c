"""Embed tokens: no more than was allowed, on no other page, and no longer than their maker."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.api.browser import person
from tests.api.client import Answer, Api
from tests.api.conftest import World

from nameplate.core import passwords

PAGE, OTHER = "https://shop.example.com", "https://evil.example.com"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", lambda: quick)


def _made(api: Api, *actions: str, **fields: Any) -> str:
    body = {"actions": list(actions), "origins": [PAGE], **fields}
    token: str = api.post("/v1/embed-tokens", body)["token"]
    return token


def _ask(api: Api, token: str, path: str, method: str = "GET", origin: str = PAGE) -> Answer:
    return api.as_(token).raw(method, path, None, origin=origin)


def _shown_to(answer: Answer) -> str | None:
    return answer.headers.get("access-control-allow-origin")


def test_a_token_does_what_it_allows_for_the_pages_that_it_names(world: World) -> None:
    acme = world.as_acme
    token = _made(acme, "domains:read", "records:read")
    listed = _ask(acme, token, "/v1/domains")
    assert (listed.status, _shown_to(listed)) == (200, PAGE)
    assert [one["name"] for one in listed.body["data"]] == ["example.com"]
    assert "origin" in listed.headers["vary"].lower()
    assert "access-control-allow-credentials" not in listed.headers
    for origin in (OTHER, "null", f"{PAGE}.evil.example", "http://shop.example.com"):
        refused = _ask(acme, token, "/v1/domains", origin=origin)
        assert (refused.status, refused.code) == (403, "origin_not_allowed")
        assert _shown_to(refused) is None
    assert acme.as_(token).send("GET", "/v1/domains").code == "origin_not_allowed"
    for method, path in (
        ("DELETE", "/v1/domains/example.com"),
        ("POST", "/v1/domains/example.com:check"),
        ("GET", "/v1/bindings"),
        ("GET", "/v1/tokens"),
        ("GET", "/v1/events"),
        ("GET", "/v1/events/stream"),
        ("GET", "/v1/users"),
    ):
        answer = _ask(acme, token, path, method)
        assert (answer.status, answer.code) == (403, "scope_insufficient"), path
    more = {"actions": ["domains:read"], "origins": [OTHER]}
    assert acme.as_(token).with_(origin=PAGE).send("POST", "/v1/embed-tokens", more).code == (
        "scope_insufficient"
    )
    assert _ask(acme, token, "/v1/session").code == "unauthenticated"


def test_a_browser_that_asks_first_is_told_of_exactly_these_pages(world: World) -> None:
    acme = world.as_acme
    asked: Mapping[str, str] = {"access_control_request_method": "GET"}

    def preflight(origin: str) -> Answer:
        return acme.as_(None).raw("OPTIONS", "/v1/domains", None, origin=origin, **asked)

    assert _shown_to(preflight(PAGE)) is None
    _made(acme, "domains:read")
    allowed = preflight(PAGE)
    assert (allowed.status, _shown_to(allowed)) == (204, PAGE)
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in allowed.headers
    assert _shown_to(preflight(OTHER)) is None
    plain = acme.raw("GET", "/v1/domains", None, origin=PAGE)  # a token of the API is no page's
    assert (plain.status, _shown_to(plain)) == (200, None)
    expired = _ask(acme, "np_embed0_x", "/v1/domains")
    assert (expired.status, _shown_to(expired)) == (401, PAGE)  # the page sees why


def test_a_token_of_one_domain_shows_no_other(world: World) -> None:
    acme, ids = world.as_acme, world.ids
    other = acme.post("/v1/domains", {"name": "other.example.org", "account": ids["accounts"]})
    added = {"domain": other["id"], "type": "A", "name": "www", "value": "192.0.2.9"}
    hidden = acme.post("/v1/records", added)
    actions = ("domains:read", "domains:check", "records:read", "records:write", "bindings:read")
    token = _made(acme, *actions, domain="example.com")
    for path in (
        "/v1/domains/example.com",
        f"/v1/domains/{ids['domains']}",
        "/v1/records?domain=example.com",
        f"/v1/records/{ids['records']}",
        f"/v1/plans/{ids['plans']}",
        f"/v1/bindings/{ids['bindings']}",
    ):
        assert _ask(acme, token, path).status == 200, path
    for path, code in (
        (f"/v1/domains/{other['id']}", "domain_not_found"),
        ("/v1/domains/other.example.org", "domain_not_found"),
        (f"/v1/records?domain={other['id']}", "domain_not_found"),
        (f"/v1/records/{hidden['id']}", "record_not_found"),
        ("/v1/records", "scope_insufficient"),
        ("/v1/domains", "scope_insufficient"),
    ):
        assert _ask(acme, token, path).code == code, path
    page = acme.as_(token).with_(origin=PAGE)
    assert page.send("POST", "/v1/records", added).code == "domain_not_found"
    mine = added | {"domain": "example.com", "name": "api"}
    assert page.send("POST", "/v1/records", mine).status == 201
    assert page.send("DELETE", f"/v1/records/{hidden['id']}").code == "record_not_found"


def test_a_page_follows_its_own_domain_when_its_stream_is_cut(world: World) -> None:
    acme, mine = world.as_acme, world.ids["domains"]
    other = acme.post("/v1/domains", {"name": "other.example.org"})
    token = _made(acme, "events:read", domain="example.com")
    told = _ask(acme, token, "/v1/events?since=start&limit=100&domain=example.com")
    assert {one["domain"] for one in told.body["data"]} == {mine}
    for query, code in (
        ("", "scope_insufficient"),
        (f"?object={mine}", "scope_insufficient"),
        (f"?domain={other['id']}", "domain_not_found"),
    ):
        assert _ask(acme, token, f"/v1/events{query}").code == code, query


def test_a_page_is_told_what_its_token_may_do(api: Api, world: World) -> None:
    acme = world.as_acme
    path = "/v1/embed-tokens/current"
    body = {
        "actions": ["domains:read", "records:write"],
        "origins": [PAGE],
        "domain": "example.com",
    }
    made = acme.post("/v1/embed-tokens", body)
    told = _ask(acme, made["token"], path)
    assert told.status == 200
    assert (told.body["id"], told.body["domain"]) == (made["id"], world.ids["domains"])
    permitted = told.body["permitted"]
    assert {"show_domain", "apply_plan"} <= set(permitted)
    assert not {"check_domain", "list_records", "list_events", "remove_domain"} & set(permitted)
    assert "token" not in told.body
    ada = person(api, "ada@example.com", "viewer", world.acme["id"])
    body = {"actions": ["records:read", "records:write"], "origins": [PAGE]}
    viewers = ada.send("POST", "/v1/embed-tokens", body).body["token"]
    permitted = _ask(acme, viewers, path).body["permitted"]
    assert "list_records" in permitted
    assert "apply_plan" not in permitted
    assert acme.send("GET", path).code == "embed_token_not_found"


def test_nobody_makes_one_for_another_organization(world: World) -> None:
    body = {"actions": ["domains:read"], "origins": [PAGE], "domain": world.ids["domains"]}
    foreign = world.as_globex.send("POST", "/v1/embed-tokens", body)
    assert (foreign.status, foreign.code) == (404, "domain_not_found")
    named = body | {"organization": "acme", "domain": None}
    assert world.as_globex.send("POST", "/v1/embed-tokens", named).code == "organization_not_found"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"actions": ["everything"]}, "action_unknown"),
        ({"origins": ["*"]}, "origin_invalid"),
        ({"origins": ["https://shop.example.com/path"]}, "origin_invalid"),
        ({"origins": ["http://shop.example.com"]}, "origin_invalid"),
        ({"origins": ["https://*.example.com"]}, "origin_invalid"),
        ({"origins": []}, "request_invalid"),
        ({"seconds": 3601}, "request_invalid"),
    ],
)
def test_what_is_not_made(world: World, fields: dict[str, Any], code: str) -> None:
    body = {"actions": ["domains:read"], "origins": [PAGE], **fields}
    answer = world.as_acme.send("POST", "/v1/embed-tokens", body)
    assert (answer.status, answer.code) == (422, code)


def test_it_ends_with_what_made_it(api: Api, world: World) -> None:
    acme = world.as_acme
    made = acme.post("/v1/tokens", {"name": "host"})
    token = _made(acme.as_(made["token"]), "domains:read")
    assert _ask(acme, token, "/v1/domains").status == 200
    acme.send("DELETE", f"/v1/tokens/{made['id']}")
    assert _ask(acme, token, "/v1/domains").code == "unauthenticated"


def test_a_persons_token_can_no_more_than_the_person_now(api: Api, world: World) -> None:
    acme = world.acme["id"]
    member = person(api, "ada@example.com", "member", acme)
    body = {"actions": ["domains:read", "domains:check"], "origins": [PAGE]}
    token = member.send("POST", "/v1/embed-tokens", body).body["token"]
    check = "/v1/domains/example.com:check"
    assert _ask(api, token, check, "POST").status == 200
    (row,) = api.get(f"/v1/memberships?organization={acme}")["data"]
    path = f"/v1/memberships/{row['id']}"
    api.send("PATCH", path, {"role": "viewer"})
    assert _ask(api, token, check, "POST").code == "role_insufficient"
    assert _ask(api, token, "/v1/domains").status == 200
    api.send("DELETE", path)
    assert _ask(api, token, "/v1/domains").code == "unauthenticated"
    api.post("/v1/memberships", {"user": "ada@example.com", "role": "member", "organization": acme})
    assert _ask(api, token, "/v1/domains").status == 200
    member.send("DELETE", "/v1/session")
    assert _ask(api, token, "/v1/domains").code == "unauthenticated"
