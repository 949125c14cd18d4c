"""The API and the edge in a host application: below its prefix, and with its own tokens."""

from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp
from tests.api.client import Api
from tests.api.conftest import World

from nameplate import edge
from nameplate.api import strictjson
from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM, Actor
from nameplate.usecases.tenants import organizations


@pytest.fixture
def host(api: Api) -> Api:
    """Mount the API at /a/b of a host whose tokens are `host:` and the name of an organization."""

    def authenticate(token: str) -> Actor | None:
        kind, _, name = token.partition(":")
        if kind != "host":
            return None
        with api.sessions.begin(PLATFORM, read_only=True) as session:
            return Actor(organizations.get(session, PLATFORM, name).id, name)

    answers = edge.create(api.sessions).app
    app = create(api.sessions, api.tools, authenticate=authenticate, edge=answers)
    return replace(api, transport=InProcess(Starlette(routes=[Mount("/a/b", app)])), token=None)


def test_a_token_of_the_host_acts_as_its_organization(world: World, host: Api) -> None:
    seen = {
        name: host.as_(f"host:{name}").get("/a/b/v1/domains")["data"] for name in ("acme", "globex")
    }
    assert [one["name"] for one in seen["acme"]] == ["example.com"]
    assert seen["globex"] == []
    made = host.as_("host:globex").post("/a/b/v1/domains", {"name": "globex.net"})
    assert made["organization"] == host.as_("host:globex").get("/a/b/v1/organizations/globex")["id"]
    assert host.as_("host:acme").send("GET", "/a/b/v1/domains/globex.net").status == 404
    answer = host.as_("host:acme").send("POST", "/a/b/v1/organizations", {"name": "More"})
    assert answer.status == 403


def test_other_tokens_are_nameplates_or_refused(world: World, host: Api) -> None:
    assert host.as_(world.as_acme.token).send("GET", "/a/b/v1/domains").status == 200
    for bad in (None, "hos:acme", f"{world.as_acme.token}x"):
        assert host.as_(bad).send("GET", "/a/b/v1/domains").status == 401
    assert world.as_acme.as_("host:acme").send("GET", "/v1/domains").status == 401


def test_kept_answers_are_for_one_token_of_the_host(world: World, host: Api) -> None:
    body = {"name": "twice.net"}
    first, again = (
        host.as_("host:acme").with_(idempotency_key="k").send("POST", "/a/b/v1/domains", body)
        for _ in range(2)
    )
    assert (first.status, again.status, again.raw) == (201, 201, first.raw)
    assert again.headers["idempotent-replayed"] == "true"
    other = host.as_("host:globex").with_(idempotency_key="k").send("POST", "/a/b/v1/domains", body)
    assert "idempotent-replayed" not in other.headers
    assert other.raw != first.raw


def test_a_zone_file_may_be_as_long_as_without_a_prefix(world: World, host: Api) -> None:
    body = {"format": "bind", "content": ";" * (strictjson.MAX_BYTES + 1)}
    for api, prefix in ((world.as_acme, ""), (host.as_("host:acme"), "/a/b")):
        answer = api.send("POST", f"{prefix}/v1/domains/example.com/records:plan", body)
        assert "body_too_large" not in answer.raw.decode(), answer.raw
    answer = host.as_("host:acme").send("POST", "/a/b/v1/domains", body)
    assert answer.code == "body_too_large"


@pytest.mark.parametrize("prefix", ["", "/a", "/a/b"])
def test_the_edge_answers_below_any_prefix(api: Api, prefix: str) -> None:
    bare = edge.create(api.sessions).app
    within = create(api.sessions, api.tools, edge=bare)
    apps: tuple[ASGIApp, ...] = (
        Starlette(routes=[Mount(prefix or "/", within)]),
        Starlette(routes=[Mount(f"{prefix}/edge", bare)]),
        Starlette(routes=[Mount(prefix or "/", bare)]),
    )
    for app in apps:
        here = replace(api, transport=InProcess(app), token=None)
        for path, status in (("ask", 400), ("route", 400), ("other", 404), ("edge/ask", 404)):
            assert here.send("GET", f"{prefix}/edge/{path}").status == status, path


def test_answers_of_the_edge_keep_nothing_of_a_request(api: Api) -> None:
    bare = edge.create(api.sessions).app
    within = replace(api, transport=InProcess(create(api.sessions, api.tools, edge=bare)))
    ids = [within.send("GET", "/edge/ask").headers["x-request-id"] for _ in range(2)]
    assert len(set(ids)) == 2
    alone = replace(api, transport=InProcess(bare))
    assert alone.send("GET", "/edge/ask").headers == {"content-length": "0"}
