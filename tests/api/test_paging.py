"""Lists: complete whatever is added meanwhile, with cursors that nobody can change or borrow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.api.client import Api
from tests.api.conftest import World

from nameplate.api import cursors
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Invalid

RING = KeyRing({"a": bytes(range(32)), "b": bytes(range(1, 33))}, "a")


def test_every_object_once_while_others_are_added(world: World) -> None:
    acme = world.as_acme
    for number in range(12):
        acme.post("/v1/applications", {"name": f"a{number}"})
    expected = {item["id"] for item in acme.get("/v1/applications?limit=100")["data"]}
    seen: list[str] = []
    cursor = ""
    for number in range(100):
        page = acme.get(f"/v1/applications?limit=3{cursor}")
        assert len(page["data"]) <= 3
        seen += [item["id"] for item in page["data"]]
        if number < 3:
            acme.post("/v1/applications", {"name": f"late{number}"})
        if not page["has_more"]:
            assert page["next_cursor"] is None
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen))
    assert expected <= set(seen)


def test_a_cursor_is_of_one_caller_and_one_list(api: Api, world: World) -> None:
    for number in range(2):
        world.as_acme.post("/v1/servers", {"name": f"s{number}", "address": "a.example.net"})
    cursor = world.as_acme.get("/v1/servers?limit=1")["next_cursor"]
    assert world.as_acme.send("GET", f"/v1/servers?limit=2&cursor={cursor}").status == 200
    tried = [
        (world.as_globex, f"/v1/servers?cursor={cursor}"),
        (api, f"/v1/servers?cursor={cursor}"),
        (world.as_acme, f"/v1/servers?name=s1&cursor={cursor}"),
        (world.as_acme, f"/v1/servers?metadata[a]=b&cursor={cursor}"),
        (world.as_acme, f"/v1/domains?cursor={cursor}"),
    ]
    for caller, path in tried:
        answer = caller.send("GET", path)
        assert (answer.status, answer.code) == (400, "invalid_cursor"), path


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 2**62), st.data())
def test_no_changed_cursor_is_accepted(after: int, data: st.DataObject) -> None:
    bound = {"list": "/v1/domains"}
    cursor = cursors.encode(RING, after, bound)
    assert cursors.decode(RING, cursor, bound) == after
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.characters().filter(lambda char: char != cursor[place]))
    with pytest.raises(Invalid) as caught:
        cursors.decode(RING, cursor[:place] + other + cursor[place + 1 :], bound)
    assert caught.value.code == "invalid_cursor"


def test_cursors_outlive_a_rotation() -> None:
    bound = {"list": "/v1/domains"}
    cursor = cursors.encode(RING, 7, bound)
    rotated = KeyRing({"b": bytes(range(1, 33)), "a": bytes(range(32))}, "b")
    assert cursors.decode(rotated, cursor, bound) == 7


def test_an_edit_of_what_has_changed_is_refused(world: World) -> None:
    path = "/v1/applications/Shop"
    etag = world.as_acme.send("GET", path).headers["etag"]
    careful = world.as_acme.with_(if_match=etag)
    first = careful.send("PATCH", path, {"metadata": {"a": "1"}})
    assert first.status == 200
    second = careful.send("PATCH", path, {"metadata": {"a": "2"}})
    assert (second.status, second.code) == (412, "precondition_failed")
    assert world.as_acme.get(path)["metadata"] == {"a": "1"}
    fresh = world.as_acme.with_(if_match=f'"other", {first.headers["etag"]}')
    assert fresh.send("PATCH", path, {"metadata": {"a": "3"}}).status == 200
    assert world.as_acme.with_(if_match="*").send("PATCH", path, {}).status == 200
