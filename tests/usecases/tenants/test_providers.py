"""Providers that accounts can be at, and what is said of an account that does not fit its own."""

from pathlib import Path
from typing import Any

import pytest

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotPermitted
from nameplate.models import AccountKind
from nameplate.ports.plugins import Plugin
from nameplate.settings import Settings
from nameplate.usecases.tenants import providers
from nameplate.usecases.tenants.providers import PluginKind
from nameplate.usecases.tools import Tools

TENANT = Actor(1)


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    settings = Settings(home=tmp_path)
    return bootstrap.tools(settings, bootstrap.keyring(settings))


@pytest.fixture
def powerdns(tools: Tools) -> Plugin:
    return providers.plugin(tools, AccountKind.DNS, "powerdns")


def codes(caught: pytest.ExceptionInfo[Invalid]) -> dict[str, str]:
    return {one.pointer: one.code for one in caught.value.problems}


def test_every_plug_in_is_listed_by_what_it_is_for(tools: Tools) -> None:
    every = providers.listed(tools)
    assert [one.kind for one in every] == sorted(one.kind for one in every)
    assert {one.kind for one in every} == set(PluginKind)
    dns = providers.listed(tools, PluginKind.DNS)
    assert dns == [one for one in every if one.kind is PluginKind.DNS]
    assert {"powerdns", "cloudflare", "rfc2136"} <= {one.listed.name for one in dns}
    registrars = providers.listed(tools, PluginKind.REGISTRAR)
    assert {"namecheap", "route53domains"} <= {one.listed.name for one in registrars}


@pytest.mark.parametrize(
    ("kind", "name"),
    [(AccountKind.DNS, "acme"), (AccountKind.CA, "powerdns"), (AccountKind.REGISTRAR, "powerdns")],
)
def test_a_provider_is_known_for_its_kind_only(tools: Tools, kind: AccountKind, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        providers.plugin(tools, kind, name)
    assert codes(caught) == {"/provider": "provider_unknown"}


def test_what_leads_somewhere_is_the_platforms_to_say(powerdns: Plugin) -> None:
    config = {"api_url": "http://10.0.0.5:8081"}
    providers.check_config(PLATFORM, powerdns, config)
    with pytest.raises(NotPermitted, match="`api_url`"):
        providers.check_config(TENANT, powerdns, config)
    with pytest.raises(Invalid) as caught:
        providers.check_config(PLATFORM, powerdns, {"api_url": 7})
    assert codes(caught) == {"/config/api_url": "setting_invalid"}


@pytest.mark.parametrize(
    ("config", "declared", "places"),
    [
        ({"password": "hunter2"}, None, ["/config/password"]),
        ({"tsig_secret": "hunter2"}, {"tsig_secret"}, ["/config/tsig_secret"]),
        ({"token": "hunter2", "key": "hunter2"}, None, ["/config/key", "/config/token"]),
    ],
)
def test_secrets_are_no_settings(
    config: dict[str, Any], declared: set[str] | None, places: list[str]
) -> None:
    with pytest.raises(Invalid) as caught:
        providers.check_no_secrets(config, declared)
    assert codes(caught) == dict.fromkeys(places, "config_holds_secret")
    assert "hunter2" not in caught.value.detail
    providers.check_no_secrets({"tsig_secret": "x"}, set())


def test_credentials_are_the_declared_ones(powerdns: Plugin) -> None:
    given = {"api_key": "k"}
    assert providers.completed(TENANT, powerdns, {}, given) == given
    with pytest.raises(Invalid) as caught:
        providers.completed(TENANT, powerdns, {}, {"odd": "hunter2"})
    assert codes(caught) == {
        "/credentials/odd": "credential_unknown",
        "/credentials/api_key": "credential_missing",
    }
    assert "hunter2" not in caught.value.detail


def test_a_setting_can_make_a_credential_required(tools: Tools) -> None:
    rfc2136 = providers.plugin(tools, AccountKind.DNS, "rfc2136")
    assert providers.completed(PLATFORM, rfc2136, {}, {}) == {}
    with pytest.raises(Invalid) as caught:
        providers.completed(PLATFORM, rfc2136, {"tsig_name": "k"}, {})
    assert codes(caught) == {"/credentials/tsig_secret": "credential_missing"}


def test_a_key_that_can_be_made_is_made_unless_given(tools: Tools) -> None:
    acme = providers.plugin(tools, AccountKind.CA, "acme")
    one, two = (providers.completed(PLATFORM, acme, {}, {})["account_key"] for _ in range(2))
    assert "PRIVATE KEY" in one
    assert one != two
    given = {"account_key": "mine"}
    assert providers.completed(PLATFORM, acme, {}, given) == given


def test_credentials_under_other_names_are_the_platforms(tools: Tools) -> None:
    lexicon = providers.plugin(tools, AccountKind.DNS, "lexicon")
    assert lexicon.takes_other_credentials
    given = {"pdns_server": "http://127.0.0.1:8081"}
    assert providers.completed(PLATFORM, lexicon, {}, given) == given
    with pytest.raises(NotPermitted, match="`pdns_server`"):
        providers.completed(TENANT, lexicon, {}, given)
