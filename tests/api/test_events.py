"""`GET /v1/events`: paging by place, filters, and what a tenant learns of the operator."""

from tests.api.client import Api
from tests.api.conftest import World

from nameplate.core import ids


def _all(api: Api, query: str = "") -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    since = "start"
    while True:
        page = api.get(f"/v1/events?limit=3&since={since}{query}")
        found += page["data"]
        since = page["next_cursor"]
        if not page["has_more"]:
            return found


def test_a_reader_continues_where_it_was(world: World) -> None:
    acme = world.as_acme
    known = _all(acme)
    assert [one["sequence"] for one in known] == list(range(1, len(known) + 1))
    assert {"domain.claimed", "record.added", "binding.added", "plan.created"} <= {
        one["type"] for one in known
    }
    place = acme.get("/v1/events?since=now")["next_cursor"]
    assert place == known[-1]["id"]
    assert acme.get(f"/v1/events?since={place}") == {
        "object": "list",
        "data": [],
        "has_more": False,
        "next_cursor": place,
    }
    changed = acme.with_(x_request_id="req-of-mine").send(
        "PATCH", "/v1/domains/example.com", {"force_https": False}
    )
    assert changed.status == 200
    (told,) = acme.get(f"/v1/events?since={place}")["data"]
    assert (told["type"], told["hostname"], told["request_id"]) == (
        "domain.changed",
        "example.com",
        "req-of-mine",
    )
    assert (told["before"], told["after"]) == ({"force_https": True}, {"force_https": False})
    assert told["actor"]["type"] == "organization"
    assert told["actor"]["name"] == "Acme token"
    assert told["actor"]["token"] == acme.get("/v1/tokens")["data"][0]["id"]
    assert told["about"] == {"type": "domain", "id": world.ids["domains"]}
    assert acme.get(f"/v1/events/{told['id']}") == told


def test_a_dry_run_is_no_event(world: World) -> None:
    before = len(_all(world.as_acme))
    tried = world.as_acme.send(
        "PATCH", "/v1/domains/example.com?dry_run=true", {"force_https": False}
    )
    assert tried.status == 200
    assert len(_all(world.as_acme)) == before


def test_the_operator_is_not_named_to_a_tenant(api: Api, world: World) -> None:
    token = api.post("/v1/tokens", {"name": "night shift", "platform": True})
    operator = api.as_(token["token"])
    operator.post("/v1/domains/example.com:suspend", {"reason": "abuse"})
    (seen,) = _all(world.as_acme, "&types=domain.suspended")
    assert seen["actor"] == {"type": "operator", "name": None, "token": None}
    assert seen["after"] == {"platform_suspension": "abuse", "status": "suspended"}
    (known,) = _all(operator, "&types=domain.suspended")
    assert known["actor"] == {"type": "operator", "name": "night shift", "token": token["id"]}


def test_filters(api: Api, world: World) -> None:
    domain = world.ids["domains"]
    story = _all(world.as_acme, f"&object={domain}")
    assert {one["domain"] for one in story} == {domain}
    assert {"record.added", "certificate.requested"} <= {one["type"] for one in story}
    (one,) = _all(world.as_acme, f"&object={world.ids['records']}")
    assert one["type"] == "record.added"
    kinds = _all(api, "&types=token.*,server.added&organization=acme")
    assert {one["type"] for one in kinds} == {"token.created", "server.added"}
    assert {one["organization"] for one in kinds} == {world.ids["organizations"]}
    other = world.as_acme.post("/v1/domains", {"name": "other.example.org"})
    mine = _all(world.as_acme, "&domain=other.example.org")
    assert {one["domain"] for one in mine} == {other["id"]}
    assert {one["id"] for one in _all(world.as_acme, f"&domain={domain}")} == {
        one["id"] for one in story
    }
    assert world.as_globex.send("GET", f"/v1/events?domain={domain}").code == "domain_not_found"
    newest = api.get("/v1/events?limit=2")
    assert newest["has_more"]
    older = api.get(f"/v1/events?limit=2&before={newest['next_cursor']}")
    found = [one["id"] for one in newest["data"] + older["data"]]
    assert found == [one["id"] for one in reversed(_all(api))][:4]


def test_references_are_public_ids(world: World) -> None:
    changed = world.as_acme.send(
        "PATCH", f"/v1/bindings/{world.ids['bindings']}", {"server": world.ids["servers"]}
    )
    if changed.status == 200:
        (told,) = _all(world.as_acme, "&types=binding.changed")
        after = told["after"]
        assert isinstance(after, dict)
        assert after["server"] == world.ids["servers"]
    (added,) = _all(world.as_acme, "&types=domain.claimed")
    shown = added["after"]
    assert isinstance(shown, dict)
    assert shown["account"] == world.ids["accounts"]


def test_a_stranger_sees_nothing(world: World) -> None:
    mine = _all(world.as_acme)
    assert {one["type"] for one in _all(world.as_globex)} <= {"organization.added", "token.created"}
    refused = world.as_globex.send("GET", f"/v1/events/{mine[0]['id']}")
    assert (refused.status, refused.code) == (404, "event_not_found")
    assert _all(world.as_globex, f"&object={world.ids['domains']}") == []


def test_wrong_questions(api: Api) -> None:
    for query, code in (
        ("since=tomorrow", "event_reference_invalid"),
        ("types=domain.eaten", "event_type_unknown"),
        ("object=acme", "event_object_invalid"),
        ("cursor=x", "query_unknown"),
        ("limit=101", "request_invalid"),
    ):
        answer = api.send("GET", f"/v1/events?{query}")
        assert (answer.status, answer.code) == (422, code), query
    unknown = api.send("GET", f"/v1/events/{ids.show('evt', 99)}")
    assert unknown.code == "event_not_found"
