"""What a scanner of mail, a stranger and another organization get where codes by mail are entered."""

import pytest
from tests.api.client import Api
from tests.api.conftest import World

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.models import Verification

CODE = {"code": "aaaa-bbbb-cccc-dddd-eeee-ffff"}


def state(world: World) -> tuple[object, ...]:
    with world.as_acme.sessions.begin(PLATFORM) as session:
        row = session.get_one(Verification, ids.parse(world.ids["verifications"], "ver"))
        return row.status, row.attempts, row.last_look, row.next_action_at


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
def test_without_a_token_nothing_happens(world: World, api: Api, method: str) -> None:
    before = state(world)
    path = f"/v1/verifications/{world.ids['verifications']}:confirm"
    body = CODE if method in {"POST", "PUT"} else None
    assert api.as_(None).send(method, path, body).status in {401, 405}
    assert state(world) == before


def test_another_organization_finds_no_such_verification(world: World) -> None:
    before = state(world)
    path = f"/v1/verifications/{world.ids['verifications']}:confirm"
    answer = world.as_globex.send("POST", path, CODE)
    assert (answer.status, answer.body["code"]) == (404, "verification_not_found")
    assert state(world) == before
