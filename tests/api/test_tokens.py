"""Who may call: bearer tokens, from their making to their end."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.api.client import LOCAL, Api
from tests.api.conftest import World

from nameplate.core.actor import PLATFORM
from nameplate.models import ApiToken


def refused(api: Api, token: str | None) -> None:
    answer = api.as_(token).send("GET", "/v1/domains")
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_only_live_tokens_are_accepted(api: Api, world: World) -> None:
    good = world.as_acme.token
    assert good is not None
    for bad in (None, "", "x", "np_a_b_c", good[:-1], good + "x", good.upper(), LOCAL + "x"):
        refused(api, bad)
    assert world.as_acme.send("GET", "/v1/domains").status == 200


@pytest.mark.parametrize(
    "header", ["Basic dTpw", "Bearer", "Bearer  ", "bearer\tx", "Token x", "Bearer \x80"]
)
def test_other_credentials(api: Api, header: str) -> None:
    answer = api.as_(None).with_(authorization=header).send("GET", "/v1/domains")
    assert answer.status == 401


SIGNING_IN = {"/v1/session:methods", "/v1/session", "/v1/session/invitation"}
"""By which a caller gets something to call with."""


def test_no_route_below_v1_is_open(api: Api) -> None:
    paths = api.get("/openapi.json")["paths"]
    for path, methods in paths.items():
        for method in methods:
            if path.startswith("/v1/") and (path not in SIGNING_IN or method == "delete"):
                body: dict[str, str] | None = {} if method in {"post", "patch"} else None
                answer = api.as_(None).send(
                    method.upper(), path.replace("{", "").replace("}", ""), body
                )
                assert answer.status == 401, (method, path)


def test_revoked_at_once(world: World) -> None:
    made = world.as_acme.post("/v1/tokens", {"name": "ci"})
    second = world.as_acme.as_(made["token"])
    assert second.send("GET", "/v1/domains").status == 200
    assert world.as_acme.send("DELETE", f"/v1/tokens/{made['id']}").status == 204
    refused(world.as_acme, made["token"])
    shown = world.as_acme.get(f"/v1/tokens/{made['id']}")
    assert shown["revoked_at"]
    assert "token" not in shown


def test_expired_at_its_time(api: Api, world: World) -> None:
    soon = (api.tools.clock() + timedelta(hours=1)).isoformat()
    made = world.as_acme.post("/v1/tokens", {"name": "ci", "expires_at": soon})
    caller = world.as_acme.as_(made["token"])
    assert caller.send("GET", "/v1/domains").status == 200
    with api.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(ApiToken).where(ApiToken.key_id == made["key_id"])).one()
        row.expires_at = api.tools.clock() - timedelta(seconds=1)
    refused(api, made["token"])


def test_an_inactive_organization_is_locked_out(api: Api, world: World) -> None:
    api.send("PATCH", "/v1/organizations/acme", {"is_active": False})
    refused(api, world.as_acme.token)
    api.send("PATCH", "/v1/organizations/acme", {"is_active": True})
    assert world.as_acme.send("GET", "/v1/domains").status == 200


def test_use_is_noted_to_the_hour(world: World) -> None:
    path = f"/v1/tokens/{world.ids['tokens']}"
    first = world.as_acme.get(path)["last_used_at"]
    assert first is not None
    assert world.as_acme.get(path)["last_used_at"] == first


def test_the_database_has_hashes_only(api: Api, world: World) -> None:
    with api.sessions.begin(PLATFORM) as session:
        rows = session.execute(sa.text("SELECT * FROM api_tokens")).all()
    assert rows
    for token in (world.as_acme.token, world.as_globex.token):
        assert token is not None
        secret = token.split("_")[2]
        assert not any(secret in str(value) for row in rows for value in row)


def test_a_token_makes_none_that_outlives_it(api: Api) -> None:
    _, acme = api.organization("Acme")
    end = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    short = acme.post("/v1/tokens", {"name": "short", "expires_at": end.isoformat()})
    as_short = acme.as_(short["token"])
    assert as_short.post("/v1/tokens", {"name": "child"})["expires_at"] == short["expires_at"]
    sooner = (end - timedelta(hours=1)).isoformat()
    child = as_short.post("/v1/tokens", {"name": "sooner", "expires_at": sooner})
    assert child["expires_at"] < short["expires_at"]
    later = {"name": "later", "expires_at": (end + timedelta(seconds=1)).isoformat()}
    answer = as_short.send("POST", "/v1/tokens", later)
    assert (answer.status, answer.code) == (422, "expires_at_too_late")
    assert acme.post("/v1/tokens", {"name": "endless"})["expires_at"] is None
