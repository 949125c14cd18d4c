"""What providers need, listed; and accounts that do not fit, refused with a pointer to each place."""

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.api.client import Api, api_over
from tests.api.conftest import World, populated
from tests.plugins import install

from nameplate.core.authorities import KNOWN
from nameplate.db import Sessions
from nameplate.models import VerificationMethodName
from nameplate.registry import DNS_PROVIDERS


def named(found: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (one,) = [each for each in found if each["name"] == name]
    return one


def test_providers_are_listed(world: World) -> None:
    answer = world.as_acme.get("/v1/providers")
    assert answer["object"] == "list"
    powerdns = named(answer["data"], "powerdns")
    assert (powerdns["kind"], powerdns["third_party"]) == ("dns", False)
    url = named(powerdns["config"], "api_url")
    assert (url["type"], url["required"], url["platform_only"]) == ("url", True, True)
    hosted = named(powerdns["config"], "hosted")
    assert named(hosted["fields"], "kind")["default"] == "Native"
    assert named(powerdns["credentials"], "api_key")["required"]
    assert not named(named(answer["data"], "acme")["credentials"], "account_key")["required"]


def test_providers_are_listed_by_kind(world: World) -> None:
    names = {one["name"] for one in world.as_acme.get("/v1/providers?kind=ca")["data"]}
    assert names == {"acme", "local", *KNOWN}
    proofs = world.as_acme.get("/v1/providers?kind=proof")["data"]
    assert {one["kind"] for one in proofs} == {"proof"}
    assert {one["name"] for one in proofs} == set(VerificationMethodName)
    proxies = world.as_acme.get("/v1/providers?kind=proxy")["data"]
    assert [one["name"] for one in proxies] == ["caddy", "cloudflare", "memory", "nginx", "traefik"]
    assert named(named(proxies, "caddy")["config"], "base")["type"] == "object"
    registrars = world.as_acme.get("/v1/providers?kind=registrar")["data"]
    assert {"namecheap", "route53domains", "sandbox"} <= {one["name"] for one in registrars}
    assert world.as_acme.send("GET", "/v1/providers?kind=mail").status == 422


def test_a_broken_plugin_is_listed_and_only_the_platform_is_told_why(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    broken = {"np_test_api": "raise RuntimeError('inside')"}
    install(site, "np-broken", DNS_PROVIDERS, {"broken": "np_test_api:plugin"}, broken)
    monkeypatch.syspath_prepend(site)
    api = api_over(sessions, tmp_path / "home")
    acme = populated(api).as_acme
    mine = named(api.get("/v1/providers?kind=dns")["data"], "broken")
    assert (mine["code"], mine["distribution"]) == ("plugin_broken", "np-broken")
    assert "RuntimeError: inside" in mine["message"]
    theirs = named(acme.get("/v1/providers?kind=dns")["data"], "broken")
    assert (theirs["code"], theirs["message"], theirs["title"]) == ("plugin_broken", None, None)
    assert named(acme.get("/v1/providers")["data"], "powerdns")["title"]
    assert "np_test_api" not in sys.modules


POWER = {"api_url": "http://10.0.0.5:8081"}


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"provider": "powrdns"}, "/provider", "provider_unknown"),
        ({"config": {}}, "/config/api_url", "setting_missing"),
        ({"config": {**POWER, "odd": 1}}, "/config/odd", "setting_unknown"),
        ({"config": {"api_url": "ftp://x"}}, "/config/api_url", "setting_invalid"),
        ({"config": {"api_url": "http://me:hunter2@x"}}, "/config/api_url", "config_holds_secret"),
        ({"config": {**POWER, "api_key": "hunter2"}}, "/config/api_key", "config_holds_secret"),
        ({"credentials": {}}, "/credentials/api_key", "credential_missing"),
        ({"credentials": {"k": "hunter2"}}, "/credentials/k", "credential_unknown"),
    ],
)
def test_a_wrong_account_is_refused(
    api: Api, world: World, body: dict[str, Any], pointer: str, code: str
) -> None:
    usual = {"kind": "dns", "provider": "powerdns", "name": "new", "config": POWER}
    answer = api.send("POST", "/v1/accounts", {**usual, "credentials": {"api_key": "k"}, **body})
    assert answer.status == 422
    assert {one["pointer"]: one["code"] for one in answer.body["errors"]}[pointer] == code
    assert "hunter2" not in str(answer.raw)


def test_a_wrong_change_is_refused_and_changes_nothing(world: World) -> None:
    path = f"/v1/accounts/{world.ids['accounts']}"
    before = world.as_acme.get(path)
    answer = world.as_acme.send("PATCH", path, {"config": {"zones": ["Example.com"]}})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/config/zones/0")
    assert world.as_acme.get(path) == before
