"""Server groups over the API: members, bindings on them, and what others see of that."""

import pytest
from tests.api.client import Api
from tests.api.conftest import World

CADDY = {"type": "caddy", "admin_url": "http://127.0.0.1:1"}


@pytest.fixture
def group(api: Api) -> str:
    """Return a shared group of two shared servers."""
    made: str = api.post("/v1/server-groups", {"name": "everywhere"})["id"]
    for number, region in ((1, "eu-central"), (2, "us-east")):
        given = {"name": f"edge-{number}", "address": f"192.0.2.{number}", "region": region}
        server = api.post("/v1/servers", {**given, "proxy": CADDY})
        joined = api.post(f"/v1/server-groups/{made}/servers", {"server": server["id"]})
        assert (joined["server_group"], joined["region"]) == (made, region)
    return made


def test_members_are_listed_and_leave(api: Api, group: str) -> None:
    path = f"/v1/server-groups/{group}/servers"
    assert [one["name"] for one in api.get(path)["data"]] == ["edge-1", "edge-2"]
    assert [one["name"] for one in api.get("/v1/servers?region=us-east")["data"]] == ["edge-2"]
    assert api.send("DELETE", f"{path}/edge-2").status == 204
    assert api.send("DELETE", f"{path}/edge-2").code == "server_not_found"
    assert [one["name"] for one in api.get(path)["data"]] == ["edge-1"]
    assert api.get("/v1/servers/edge-2")["server_group"] is None


def test_a_binding_on_a_group_says_so_and_its_owner_publishes_all_addresses(
    world: World, group: str
) -> None:
    made = world.as_acme.post("/v1/domains", {"name": "many.example.org"})
    given = {"domain": made["id"], "application": "Shop", "server_group": group}
    binding = world.as_acme.post("/v1/bindings", given)
    assert (binding["server"], binding["server_group"]) == (None, group)
    told = world.as_acme.get(f"/v1/domains/{made['id']}")["instructions"]
    values = {one["value"] for one in told if one.get("type") == "A"}
    assert values == {"192.0.2.1", "192.0.2.2"}
    both = world.as_acme.send("POST", "/v1/bindings", {**given, "server": "own", "path": "/b"})
    assert (both.status, both.code) == (422, "placement_ambiguous")


def test_a_tenant_changes_no_shared_group_and_sees_no_foreign_one(world: World, group: str) -> None:
    assert world.as_acme.get(f"/v1/server-groups/{group}")["organization"] is None
    for method, path, body in (
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "?force=true", None),
        ("POST", "/servers", {"server": "own"}),
        ("DELETE", "/servers/edge-1", None),
    ):
        answer = world.as_acme.send(method, f"/v1/server-groups/{group}{path}", body)
        assert (answer.status, answer.code) == (403, "server_group_shared"), (method, path)
    own = world.ids["server-groups"]
    for method, path, body in (
        ("GET", "/servers", None),
        ("POST", "/servers", {"server": "edge-1"}),
        ("DELETE", "/servers/edge-1", None),
    ):
        answers = [
            world.as_globex.send(method, f"/v1/server-groups/{one}{path}", body)
            for one in (own, "grp_00000000000000")
        ]
        assert [one.code for one in answers] == ["server_group_not_found"] * 2
        assert answers[0].body["detail"] == answers[1].body["detail"]


def test_a_dry_run_changes_nothing(api: Api, group: str) -> None:
    path = f"/v1/server-groups/{group}/servers"
    assert api.send("DELETE", f"{path}/edge-2?dry_run=true").status in {200, 204}
    assert len(api.get(path)["data"]) == 2
