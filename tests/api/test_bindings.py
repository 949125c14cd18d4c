"""Bindings from outside: shares, redirects and settings, and what others and hostile callers get."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.api.client import Api
from tests.api.conftest import World

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.asks import AskOutcome
from nameplate.core.lifecycle import BindingStatus, HealthStatus
from nameplate.models import Binding
from nameplate.usecases.serving import asks, looks


def test_shares_redirects_and_settings(world: World) -> None:
    acme, first = world.as_acme, world.ids["bindings"]
    shown = acme.get(f"/v1/bindings/{first}")
    assert (shown["is_primary"], shown["redirect"], shown["traffic_weight"]) == (True, "none", 100)
    body = {"domain": "example.com", "application": "Shop"}
    www = acme.post(
        "/v1/bindings",
        {**body, "subdomain": "shop", "with_partner": True, "proxy_config": {"max_body_bytes": 9}},
    )
    (partner,) = [
        one for one in acme.get("/v1/bindings")["data"] if one["hostname"] == "www.shop.example.com"
    ]
    assert (partner["redirect"], partner["redirect_to"]) == ("apex", "shop.example.com")
    assert partner["proxy_config"] == www["proxy_config"] == {"max_body_bytes": 9}
    moved = acme.send("POST", f"/v1/bindings/{www['id']}:primary").body
    assert moved["is_primary"]
    assert not acme.get(f"/v1/bindings/{first}")["is_primary"]
    followed = acme.send(
        "PATCH", f"/v1/bindings/{first}", {"redirect": "to_primary", "redirect_status": 301}
    ).body
    assert (followed["redirect_to"], followed["redirect_status"]) == ("shop.example.com", 301)
    refused = acme.send("PATCH", f"/v1/bindings/{www['id']}", {"redirect": "www"})
    assert (refused.status, refused.body["code"]) == (409, "redirect_chained")
    drained = acme.send("PATCH", f"/v1/bindings/{www['id']}", {"traffic_weight": 0})
    assert (drained.status, drained.body["code"]) == (409, "route_drained")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"redirect": "https://evil.example"}, "/redirect"),
        ({"redirect": "evil.example"}, "/redirect"),
        ({"redirect_status": 302}, "/redirect_status"),
        ({"redirect_to": "evil.example"}, "/redirect_to"),
        ({"traffic_weight": 101}, "/traffic_weight"),
        ({"traffic_weight": -1}, "/traffic_weight"),
        ({"proxy_config": {"allow_ips": ["all; allow all"]}}, "/proxy_config/allow_ips/0"),
        (
            {"proxy_config": {"sticky": {"cookie": "a\r\nSet-Cookie: b"}}},
            "/proxy_config/sticky/cookie",
        ),
        ({"proxy_config": {"raw": "return 200;"}}, "/proxy_config/raw"),
    ],
)
def test_hostile_fields_are_refused_with_their_place(
    world: World, body: dict[str, Any], pointer: str
) -> None:
    refused = world.as_acme.send("PATCH", f"/v1/bindings/{world.ids['bindings']}", body)
    assert refused.status == 422, refused.raw
    assert [one["pointer"] for one in refused.body["errors"]] == [pointer]


def test_a_password_is_never_kept_or_shown(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    acme, first = world.as_acme, f"/v1/bindings/{world.ids['bindings']}"
    secret = "once and never again"
    asked = {"basic_auth": {"users": [{"name": "anna", "password": secret}]}}
    shown = {"basic_auth": {"users": [{"name": "anna"}]}}
    answers = [
        acme.send("PATCH", f"{first}?dry_run=true", {"proxy_config": asked}),
        acme.send("PATCH", first, {"proxy_config": asked}),
        acme.send("PATCH", first, {"proxy_config": shown}),  # what was read is written back
        acme.send(
            "POST", "/v1/bindings",
            {"domain": "example.com", "application": "Shop", "subdomain": "staff",
             "with_partner": True, "proxy_config": asked},
        ),
        acme.send("PATCH", first, {"proxy_config": {"basic_auth": {"users": [
            {"name": "ben:", "password": secret}]}}}),
        acme.send("PATCH", first, {"proxy_config": {"basic_auth": {"users": [{"name": "ben"}]}}}),
    ]  # fmt: skip
    assert [one.status for one in answers] == [200, 200, 200, 201, 422, 422]
    assert [one.body.get("proxy_config") for one in answers[1:4]] == [shown] * 3
    kept = [str(one) for one in acme.sessions.run(PLATFORM, _rows)]
    assert any("$2b$" in row for row in kept)
    everything = [one.raw.decode() for one in answers]
    everything += [json.dumps(acme.get(path)) for path in ("/v1/bindings", "/v1/events", first)]
    assert not any("$2b$" in text for text in everything)
    for text in (*everything, *kept, caplog.text):
        assert secret not in text


def _rows(session: Session) -> list[Any]:
    """Return every row of every table."""
    tables = Binding.metadata.sorted_tables
    return [row for table in tables for row in session.connection().execute(sa.select(table)).all()]


def test_nobody_else_moves_or_joins(world: World) -> None:
    binding, other = world.ids["bindings"], world.as_globex
    assert other.send("POST", f"/v1/bindings/{binding}:primary", {}).status == 404
    assert other.send("PATCH", f"/v1/bindings/{binding}", {"redirect": "www"}).status == 404
    joined = other.send(
        "POST",
        "/v1/bindings",
        {"domain": "example.com", "application": "Shop", "traffic_weight": 50},
    )
    assert joined.status == 404


def test_health_and_its_last_day(world: World, api: Api) -> None:
    number = ids.parse(world.ids["bindings"], ids.Prefix.BINDING)
    with api.sessions.begin(PLATFORM) as session:
        row = session.get_one(Binding, number)
        now = datetime.now(UTC)
        row.status = BindingStatus.ACTIVE
        for _ in range(2):
            row.record_look(HealthStatus.UNHEALTHY, now)
        organization = row.organization_id
    look = looks.TargetLook(number, organization, now - timedelta(hours=2), True, None, 1.5)
    looks.note(api.sessions, [look])
    path = f"/v1/bindings/{world.ids['bindings']}/health"
    shown = world.as_acme.get(path)
    assert (shown["health_status"], shown["failed_in_a_row"]) == ("degraded", 2)
    assert shown["failing_since"] is not None
    assert (shown["good_until_healthy"], shown["held_back_at"]) == (2, None)
    (point,) = shown["points"]
    assert (point["looks"], point["failed"], point["status"], point["longest"]) == (
        1,
        1,
        None,
        1500,
    )
    assert world.as_acme.get("/v1/bindings/example.com/health")["points"] == [point]
    foreign, missing = (
        world.as_globex.send("GET", one)
        for one in (path, f"/v1/bindings/{ids.show(ids.Prefix.BINDING, 99)}/health")
    )
    assert (
        (foreign.status, foreign.code)
        == (missing.status, missing.code)
        == (404, "binding_not_found")
    )


def test_what_the_edge_refused_is_for_operators_only(world: World, api: Api) -> None:
    with api.sessions.begin(PLATFORM) as session:
        asks.add(session, {AskOutcome.RECURSIVE: 3}, {"evil.com": 3, "bad.org": 1})
    shown = api.get("/v1/edge/refusals?limit=1")
    assert (shown["outcomes"]["recursive"], shown["outcomes"]["allowed"]) == (3, 0)
    assert [(one["suffix"], one["asked"]) for one in shown["suffixes"]] == [("evil.com", 3)]
    refused = world.as_acme.send("GET", "/v1/edge/refusals")
    assert (refused.status, refused.code) == (403, "platform_only")
    assert api.send("GET", "/v1/edge/refusals?limit=1000").status == 422
