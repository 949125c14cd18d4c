"""Challenges, transfers and overrides as organizations and the operator call them."""

import json
from typing import Any

import pytest
from tests.api.client import Api
from tests.api.conftest import World
from tests.api.test_statements import counted

NAME = "example.com"
"""What acme holds."""


def claim(api: Api, name: str) -> dict[str, Any]:
    return api.post("/v1/domains", {"name": name})


def masked(found: dict[str, Any], name: str) -> str:
    """Return an answer with what differs between any two claims taken out: ids, tokens, times, name."""
    text = json.dumps(found, sort_keys=True)
    for place in _secrets(found):
        text = text.replace(place, "*")
    return text.replace(name, "NAME")


def _secrets(value: Any) -> list[str]:
    if isinstance(value, dict):
        found = [one for each in value.values() for one in _secrets(each)]
        kept = ("id", "created_at", "updated_at", "next_check_at", "since", "token")
        return found + [str(value[key]) for key in kept if value.get(key)]
    if isinstance(value, list):
        return [one for each in value for one in _secrets(each)]
    return []


def test_a_claim_of_a_name_in_use_is_answered_like_any_other(world: World) -> None:
    globex = world.as_globex
    claim(globex, "warm-up.com")
    seen = []
    for name in (NAME, "exanple.com"):
        with counted(globex) as statements:
            answer = claim(globex, name)
        keys = sorted(answer)
        told = [(one["type"], one["reason"], one["message"]) for one in answer["conditions"]]
        seen.append((keys, told, answer["status"], answer["reason"], statements))
    assert seen[0] == seen[1]
    acme = world.ids["organizations"]
    assert acme not in json.dumps(globex.get(f"/v1/domains/{NAME}"))


def test_a_transfer_from_offer_to_acceptance(world: World, api: Api) -> None:
    acme, globex = world.as_acme, world.as_globex
    target = globex.get("/v1/organizations")["data"][0]["id"]
    row = acme.post("/v1/transfers", {"domain": NAME, "to": target})
    assert row["status"] == "offered"
    reference = f"/v1/transfers/{row['id']}"
    assert globex.get(reference)["name"] == NAME
    assert acme.call("POST", f"{reference}:accept").status_code == 404
    assert globex.call("POST", f"{reference}:withdraw").status_code == 404
    assert globex.post(f"{reference}:accept", None)["status"] == "accepted"
    assert globex.get(f"/v1/domains/{NAME}")["status"] == "verified"
    assert acme.call("GET", f"/v1/domains/{NAME}").status_code == 404
    again = globex.call("POST", f"{reference}:accept")
    assert (again.status_code, again.json()["code"]) == (409, "transfer_over")


def test_an_offer_to_nobody_is_answered_like_any_other(world: World) -> None:
    row = world.as_acme.post("/v1/transfers", {"domain": NAME, "to": "nobody-there"})
    assert row["status"] == "offered"
    assert world.as_globex.get("/v1/transfers")["data"] == []


def test_an_override_is_tried_and_made(world: World, api: Api) -> None:
    body = {"name": NAME, "organization": "globex", "reason": "Case 7"}
    refused = world.as_globex.call("POST", "/v1/domains:override", body)
    assert refused.status_code == 403
    tried = api.post("/v1/domains:override?dry_run=true", body)
    assert [one["name"] for one in tried["ended"]] == [NAME]
    assert world.as_acme.get(f"/v1/domains/{NAME}")["verified_at"] is not None
    api.post("/v1/domains:override", body)
    assert world.as_acme.get(f"/v1/domains/{NAME}")["verified_at"] is None
    assert world.as_globex.get(f"/v1/domains/{NAME}")["verified_at"] is not None


def test_challenges_of_others_are_like_missing_ones(world: World) -> None:
    assert world.as_acme.get("/v1/challenges")["data"] == []
    for path in ("/v1/challenges/chl_00000000000000", "/v1/challenges/nonsense"):
        assert world.as_acme.call("GET", path).json()["code"] == "challenge_not_found"


def test_unproved_claims_have_a_limit_that_says_what_to_do(world: World) -> None:
    tools = world.as_globex
    pytest.importorskip("nameplate")
    for number in range(3):
        claim(tools, f"n{number}.com")
    assert len(tools.get("/v1/domains")["data"]) == 3
