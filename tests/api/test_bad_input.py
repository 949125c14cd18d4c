"""What is wrong is refused, with the place and the reason, and changes nothing."""

import pytest
from tests.api.client import Api
from tests.api.conftest import World

RAW: tuple[tuple[bytes, int, str], ...] = (
    (b"{", 400, "body_malformed"),
    (b"", 422, "request_invalid"),
    (b"\xff\xfe{}", 400, "body_malformed"),
    (b'\xef\xbb\xbf{"name": "x"}', 400, "body_malformed"),
    (b'{"name": NaN}', 400, "body_malformed"),
    (b'{"name": 1e400}', 400, "body_malformed"),
    (b'{"name": ' + b"9" * 5000 + b"}", 400, "body_malformed"),
    (b'{"name": "a", "name": "b"}', 400, "body_malformed"),
    (b'{"metadata": {"a": "1", "a": "2"}, "name": "x"}', 400, "body_malformed"),
    (b'{"name": "\\ud800"}', 400, "body_malformed"),
    (b'{"name": "a\\u0000b"}', 400, "body_malformed"),
    (b"[" * 100_000, 400, "body_malformed"),
    (b'{"name": ' + b"[" * 40 + b"]" * 40 + b"}", 400, "body_malformed"),
    (b"[]", 422, "request_invalid"),
    (b'"x"', 422, "request_invalid"),
    (b"null", 422, "request_invalid"),
    (b'{"name": 5}', 422, "request_invalid"),
    (b'{"name": ""}', 422, "request_invalid"),
    (b'{"name": "a\\nb"}', 422, "request_invalid"),
    (b'{"name": "' + b"x" * 300 + b'"}', 422, "request_invalid"),
    (b'{"name": "x", "metadata": {"a b": "c"}}', 422, "request_invalid"),
    (b'{"name": "x", "metadata": {"a": 1}}', 422, "request_invalid"),
    (b'{"name": "' + b"x" * (1024 * 1024) + b'"}', 413, "body_too_large"),
)


@pytest.mark.parametrize(("body", "status", "code"), RAW)
def test_bodies(api: Api, body: bytes, status: int, code: str) -> None:
    answer = api.raw("POST", "/v1/organizations", body, content_type="application/json")
    assert (answer.status, answer.code) == (status, code), answer.raw[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.get("/v1/organizations")["data"] == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "application/json", "content_encoding": "gzip"},
    ],
)
def test_other_media_types(api: Api, headers: dict[str, str]) -> None:
    answer = api.raw("POST", "/v1/organizations", b'{"name": "x"}', **headers)
    assert (answer.status, answer.code) == (415, "media_type_unsupported")


FIELDS: tuple[tuple[str, dict[str, object], str, str], ...] = (
    ("organizations", {"name": "x", "id": 1}, "/id", "field_unknown"),
    ("organizations", {"name": "x", "deleted_at": None}, "/deleted_at", "field_unknown"),
    ("domains", {"name": "a.example.org", "organization_id": 1}, "/organization_id", "field_unknown"),
    ("domains", {"name": "a.example.org", "status": "active"}, "/status", "field_unknown"),
    ("domains", {"name": "a.example.org", "verified_at": "x"}, "/verified_at", "field_unknown"),
    ("applications", {"name": "x", "upstream_port": 0}, "/upstream_port", "greater_than_equal"),
    ("applications", {"name": "x", "upstream_host": "a b"}, "/upstream_host", "string_pattern_mismatch"),
    ("accounts", {"kind": "mail", "provider": "x", "name": "x"}, "/kind", "enum"),
    ("accounts", {"kind": "dns", "provider": "X Y", "name": "x"}, "/provider", "string_pattern_mismatch"),
    ("accounts", {"kind": "dns", "provider": "x", "name": "x", "config": {"token": "t"}}, "/config/token", "config_holds_secret"),
    ("tokens", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at", "expires_at_past"),
    ("tokens", {"name": "x", "expires_at": "2020-01-01T00:00:00"}, "/expires_at", "timezone_aware"),
    ("tokens", {"name": "x", "token_hash": "0"}, "/token_hash", "field_unknown"),
    ("records", {"domain": "example.com", "type": "A", "name": "@", "value": "1.2.3"}, "/value", ""),
    ("records", {"domain": "example.com", "type": "AFSDB", "name": "@", "value": "x"}, "/type", "enum"),
    ("records", {"domain": "example.com", "type": "A", "name": "@", "value": "192.0.2.1", "ttl": -1}, "/ttl", "greater_than_equal"),
    ("bindings", {"domain": "example.com", "application": "Shop", "path": "/a b"}, "/path", "path_invalid"),
    ("bindings", {"domain": "example.com", "application": "Shop", "port": 70000}, "/port", "less_than_equal"),
    ("certificates", {"domain": "example.com", "names": []}, "/names", "too_short"),
    ("domains", {"name": "127.0.0.1"}, "/name", "name_address"),
    ("domains", {"name": "co.uk"}, "/name", "name_public_suffix"),
)  # fmt: skip


@pytest.mark.parametrize(("noun", "body", "pointer", "code"), FIELDS)
def test_fields(
    api: Api, world: World, *, noun: str, body: dict[str, object], pointer: str, code: str
) -> None:
    caller = api if noun in {"organizations", "applications", "accounts"} else world.as_acme
    if noun == "applications":
        body = {**body, "organization": "acme"}
    answer = caller.send("POST", f"/v1/{noun}", body)
    assert answer.status == 422, answer.raw
    places = {place["pointer"]: place["code"] for place in answer.body["errors"]}
    assert pointer in places, answer.raw
    assert not code or places[pointer] == code


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/domains/nobody.example.org", 404, "domain_not_found"),
        ("/v1/domains/dom_0000", 404, "domain_not_found"),
        ("/v1/domains/%00", 404, "domain_not_found"),
        ("/v1/domains/%ff", 404, "domain_not_found"),
        ("/v1/applications/app_29yh7wc782vr00", 404, "application_not_found"),
        ("/v1/organizations/%F0%9F%92%A9", 404, "organization_not_found"),
        ("/v1/domains?limit=0", 422, "request_invalid"),
        ("/v1/domains?limit=101", 422, "request_invalid"),
        ("/v1/domains?limit=x", 422, "request_invalid"),
        ("/v1/domains?status=nice", 422, "request_invalid"),
        ("/v1/domains?sort=name", 422, "query_unknown"),
        ("/v1/domains?metadata[]=x", 422, "query_unknown"),
        ("/v1/tokens?metadata[a]=x", 422, "query_unknown"),
        ("/v1/domains?cursor=x", 400, "invalid_cursor"),
        ("/v1/domains?cursor=cur_29yh7wc782vr0f.AAAA", 400, "invalid_cursor"),
        ("/v1/domains?cursor=%C3%BC", 400, "invalid_cursor"),
        ("/v1/records?domain=nobody.example.org", 404, "domain_not_found"),
        ("/v1/nothing", 404, "route_not_found"),
        ("/v2/domains", 404, "route_not_found"),
        ("/v1/domains/", 404, "route_not_found"),
    ],
)
def test_addresses(api: Api, path: str, status: int, code: str) -> None:
    answer = api.send("GET", path)
    assert (answer.status, answer.code) == (status, code), answer.raw


def test_unknown_methods(api: Api) -> None:
    for method in ("PUT", "TRACE", "FOO"):
        assert api.send(method, "/v1/domains").status == 405


def test_null_where_nothing_may_be_missing(world: World) -> None:
    answer = world.as_acme.send("PATCH", "/v1/domains/example.com", {"force_https": None})
    assert answer.status == 422
    cleared = world.as_acme.send("PATCH", "/v1/domains/example.com", {"metadata": None})
    assert cleared.body["metadata"] == {}


def test_secrets_in_wrong_places_are_not_repeated(api: Api) -> None:
    body = {"kind": "dns", "provider": "x", "name": "x", "credentials": {"k": ["hunter2"]}}
    answer = api.send("POST", "/v1/accounts", body)
    assert answer.status == 422
    assert b"hunter2" not in answer.raw


def test_twice_the_same(api: Api, world: World) -> None:
    tried = {
        "/v1/organizations": {"name": "Acme"},
        "/v1/applications": {"name": "x", "organization": "acme", "external_id": "e-1"},
    }
    api.post("/v1/applications", {"name": "y", "organization": "acme", "external_id": "e-1"})
    for path, body in tried.items():
        assert api.send("POST", path, body).status == 409
    again = world.as_acme.send("POST", "/v1/domains", {"name": "example.com"})
    assert (again.status, again.code) == (409, "domain_exists")


def test_platform_tokens_must_say_for_whom(api: Api) -> None:
    answer = api.send("POST", "/v1/domains", {"name": "example.com"})
    assert (answer.status, answer.code) == (422, "organization_required")


def test_a_name_that_fits_several(api: Api, world: World) -> None:
    api.post("/v1/applications", {"name": "Shop", "organization": "globex"})
    answer = api.send("GET", "/v1/applications/Shop")
    assert (answer.status, answer.code) == (409, "reference_ambiguous")
    assert world.as_acme.get("/v1/applications/Shop")["id"] == world.ids["applications"]


def test_request_ids(api: Api) -> None:
    assert (
        api.with_(x_request_id="order-17").send("GET", "/healthz").headers["x-request-id"]
        == "order-17"
    )
    for odd in ("a b", "x" * 65, "<script>"):
        answer = api.with_(x_request_id=odd).send("GET", "/v1/nothing")
        assert answer.headers["x-request-id"].startswith("req_")
        assert answer.body["request_id"] == answer.headers["x-request-id"]
