"""`?dry_run=true` on writes: the answer of the request, and nothing of it stays."""

import pytest
from tests.api.client import Api
from tests.api.conftest import World


def test_nothing_stays_of_a_dry_run(api: Api, world: World) -> None:
    before = api.get("/v1/domains")["data"]
    body = {"name": "tried.example.org", "organization": world.acme["id"]}
    tried = api.send("POST", "/v1/domains?dry_run=true", body)
    assert tried.status == 201
    assert tried.body["instructions"]
    assert api.get("/v1/domains")["data"] == before
    shown = before[0]
    path = f"/v1/domains/{shown['id']}"
    assert api.send("PATCH", f"{path}?dry_run=true", {"notes": "x"}).body["notes"] == "x"
    assert api.send("DELETE", f"{path}?dry_run=true").status == 204
    assert api.get("/v1/domains")["data"] == before


def test_a_dry_run_is_refused_as_the_request_would_be(api: Api, world: World) -> None:
    body = {"name": "localhost", "organization": world.acme["id"]}
    assert api.send("POST", "/v1/domains?dry_run=true", body).status == 422
    assert api.send("POST", "/v1/domains?dry_run=maybe", body).code == "request_invalid"


def test_a_dry_run_does_not_use_up_its_idempotency_key(api: Api, world: World) -> None:
    keyed = api.with_(idempotency_key="once")
    body = {"name": "tried.example.org", "organization": world.acme["id"]}
    assert keyed.send("POST", "/v1/domains?dry_run=true", body).status == 201
    made = keyed.send("POST", "/v1/domains", body)
    assert (made.status, made.headers.get("idempotent-replayed")) == (201, None)


@pytest.mark.parametrize("path", ["/v1/domains", "/v1/servers"])
def test_dry_run_is_documented_for_writes(api: Api, path: str) -> None:
    document = api.send("GET", "/openapi.json").body
    named = {one["name"] for one in document["paths"][path]["post"]["parameters"]}
    assert "dry_run" in named
