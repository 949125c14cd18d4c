"""The paths whose queries differ most, on each database."""

from pathlib import Path
from typing import Any

from tests.api.client import api_over
from tests.api.conftest import populated

from nameplate.db import Sessions


def test_a_tenants_day(sessions: Sessions, tmp_path: Path) -> None:
    api = api_over(sessions, tmp_path / "home")
    world = populated(api)
    acme = world.as_acme
    assert api.get("/readyz") == {"status": "ok"}
    acme.post("/v1/domains", {"name": "gold.example.org", "metadata": {"tier": "gold"}})
    listed = acme.get("/v1/domains?metadata[tier]=gold&limit=1")
    assert [item["name"] for item in listed["data"]] == ["gold.example.org"]
    first = acme.get("/v1/domains?limit=1")
    second = acme.get(f"/v1/domains?limit=1&cursor={first['next_cursor']}")
    assert first["data"][0]["id"] != second["data"][0]["id"]
    etag = acme.send("GET", "/v1/domains/example.com").headers["etag"]
    change = acme.with_(if_match=etag).send("PATCH", "/v1/domains/example.com", {"notes": "n"})
    assert change.status == 200, change.raw
    keyed = acme.with_(idempotency_key="k")
    made = keyed.post("/v1/applications", {"name": "once"})
    assert keyed.post("/v1/applications", {"name": "once"})["id"] == made["id"]
    for noun, identity in world.ids.items():
        assert world.as_globex.send("GET", f"/v1/{noun}/{identity}").status == 404, noun
        assert acme.send("GET", f"/v1/{noun}/{identity}").status == 200, noun
    assert acme.send("DELETE", "/v1/domains/example.com").status == 204
    assert acme.post(f"/v1/domains/{world.ids['domains']}:restore")["name"] == "example.com"
    assert acme.send("DELETE", "/v1/accounts/zones").status == 204
    assert b"nameplate_database_up 1.0" in api.send("GET", "/metrics").raw


def test_a_list_is_never_older_than_its_rows(sessions: Sessions, tmp_path: Path) -> None:
    api = api_over(sessions, tmp_path / "home")
    acme = populated(api).as_acme

    def listed() -> dict[str, Any]:
        (found,) = acme.get("/v1/domains?name=example.com")["data"]
        return dict(found)

    def shown() -> dict[str, Any]:
        return dict(acme.get("/v1/domains/example.com")) | {
            "conditions": None,
            "instructions": None,
        }

    for note in ("one", "two", "three"):
        for _ in range(2):  # the second one is of JSON that was kept
            assert listed() == shown()
        change = acme.send("PATCH", "/v1/domains/example.com", {"notes": note})
        assert change.status == 200, change.raw
        assert listed()["notes"] == note
    acme.post("/v1/domains/example.com:suspend", {"reason": "unpaid"})
    assert (listed()["status"], listed()["reason"]) == ("suspended", "suspended_by_organization")
