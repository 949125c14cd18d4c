"""Lists show each domain as it is now, whatever JSON is kept of it."""

from typing import Any

from tests.api.conftest import World

from nameplate.api.kept_json import KeptJson


def _listed(world: World) -> dict[str, Any]:
    (found,) = world.as_acme.get(f"/v1/domains?name={_name(world)}")["data"]
    return dict(found)


def _name(world: World) -> str:
    return str(world.as_acme.get(f"/v1/domains/{world.ids['domains']}")["name"])


def test_a_list_shows_what_the_domain_shows(world: World) -> None:
    for _ in range(2):  # the second one is what the first has kept
        shown = world.as_acme.get(f"/v1/domains/{world.ids['domains']}")
        assert _listed(world) == shown | {"conditions": None, "instructions": None}


def test_every_change_is_seen_by_the_next_list(world: World) -> None:
    path = f"/v1/domains/{world.ids['domains']}"
    before = _listed(world)
    for change in ({"notes": "moved"}, {"metadata": {"tier": "silver"}}, {"hsts_enabled": False}):
        answer = world.as_acme.send("PATCH", path, change)
        assert answer.status == 200, answer.raw
        now = _listed(world)
        assert now == before | change | {"updated_at": now["updated_at"]}
        before = now
    world.as_acme.post(f"{path}:suspend", {"reason": "unpaid"})
    suspended = _listed(world)
    assert (suspended["status"], suspended["ready"]) == ("suspended", False)
    assert suspended["reason"] == "suspended_by_organization"


def test_a_page_has_its_cursor_and_every_object_once(world: World) -> None:
    for number in range(5):
        world.as_acme.post("/v1/domains", {"name": f"n{number}.example.org"})
    whole = world.as_acme.get("/v1/domains?limit=100")
    assert (whole["has_more"], whole["next_cursor"], whole["object"]) == (False, None, "list")
    found, path = [], "/v1/domains?limit=2"
    while path:
        page = world.as_acme.get(path)
        found += page["data"]
        path = f"/v1/domains?limit=2&cursor={page['next_cursor']}" if page["has_more"] else ""
    assert found == whole["data"]
    assert world.as_globex.get("/v1/domains")["data"] == []


def test_json_is_used_for_the_same_values_only() -> None:
    kept, written = KeptJson(most=2), []

    def get(id_: int, *values: object) -> bytes:
        def write() -> bytes:
            written.append(id_)
            return repr((id_, *values)).encode()

        return kept.get(id_, values, write)

    assert get(1, "a") == get(1, "a") == b"(1, 'a')"
    assert get(1, "b") == b"(1, 'b')"
    assert written == [1, 1]
    get(2, "a")
    get(3, "a")  # makes the first one go
    get(2, "a")
    assert written == [1, 1, 2, 3]
    get(1, "b")
    assert written == [1, 1, 2, 3, 1]
