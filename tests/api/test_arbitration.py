"""Challenges, transfers and overrides as organizations and the operator call them."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import Api
from tests.api.conftest import World
from tests.api.test_statements import counted
from tests.proof import prove

from nameplate.core.actor import PLATFORM
from nameplate.models import Domain

NAME = "example.com"
"""What acme holds."""


def claim(api: Api, name: str) -> dict[str, Any]:
    made: dict[str, Any] = api.post("/v1/domains", {"name": name})
    return made


@pytest.fixture
def held(world: World, api: Api) -> World:
    """Return the world in which acme holds its name."""
    with api.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(Domain).where(Domain.full_domain == NAME)).one()
        prove(session, row, api.tools.clock())
    return world


def test_a_claim_of_a_name_in_use_is_answered_like_any_other(held: World) -> None:
    globex = held.as_globex
    claim(globex, "warm-up.com")
    seen = []
    for name in (NAME, "exanple.com"):
        with counted(globex) as statements:
            answer = claim(globex, name)
        keys = sorted(answer)
        told = [(one["type"], one["reason"], one["message"]) for one in answer["conditions"]]
        seen.append((keys, told, answer["status"], answer["reason"], statements))
    assert seen[0] == seen[1]
    acme = held.ids["organizations"]
    assert acme not in json.dumps(globex.get(f"/v1/domains/{NAME}"))


def test_a_transfer_from_offer_to_acceptance(held: World, api: Api) -> None:
    acme, globex = held.as_acme, held.as_globex
    target = globex.get("/v1/organizations")["data"][0]["id"]
    row = acme.post("/v1/transfers", {"domain": NAME, "to": target})
    assert row["status"] == "offered"
    reference = f"/v1/transfers/{row['id']}"
    assert globex.get(reference)["name"] == NAME
    assert acme.send("POST", f"{reference}:accept").status == 404
    assert globex.send("POST", f"{reference}:withdraw").status == 404
    assert globex.post(f"{reference}:accept")["status"] == "accepted"
    assert globex.get(f"/v1/domains/{NAME}")["status"] == "verified"
    assert acme.send("GET", f"/v1/domains/{NAME}").status == 404
    again = globex.send("POST", f"{reference}:accept")
    assert (again.status, again.code) == (409, "transfer_over")


def test_an_offer_to_nobody_is_answered_like_any_other(held: World) -> None:
    row = held.as_acme.post("/v1/transfers", {"domain": NAME, "to": "nobody-there"})
    assert row["status"] == "offered"
    assert held.as_globex.get("/v1/transfers")["data"] == []


def test_an_override_is_tried_and_made(held: World, api: Api) -> None:
    body = {"name": NAME, "organization": "globex", "reason": "Case 7"}
    refused = held.as_globex.send("POST", "/v1/domains:override", body)
    assert refused.status == 403
    tried = api.post("/v1/domains:override?dry_run=true", body)
    assert [one["name"] for one in tried["ended"]] == [NAME]
    assert held.as_acme.get(f"/v1/domains/{NAME}")["verified_at"] is not None
    api.post("/v1/domains:override", body)
    assert held.as_acme.get(f"/v1/domains/{NAME}")["verified_at"] is None
    assert held.as_globex.get(f"/v1/domains/{NAME}")["verified_at"] is not None


def test_challenges_of_others_are_like_missing_ones(held: World) -> None:
    assert held.as_acme.get("/v1/challenges")["data"] == []
    for path in ("/v1/challenges/chl_00000000000000", "/v1/challenges/nonsense"):
        assert held.as_acme.send("GET", path).code == "challenge_not_found"
