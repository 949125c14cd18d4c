"""Plug-ins by entry points: found, imported when used, and told apart when something is wrong."""

import subprocess
import sys

import pytest

from nameplate import registry
from nameplate.core.errors import Refused
from nameplate.ports.dns import DnsProviderPlugin
from nameplate.registry import Registry
from tests.plugins import install

GROUP = "nameplate.tests_only"
PLUGIN = """
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin

plugin = DnsProviderPlugin(title={title!r}, configuration={schema}, connect=lambda *_: None)
"""


def made(title="One", schema="DnsConfiguration"):
    return PLUGIN.format(title=title, schema=schema)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("np_test_"):
            del sys.modules[name]


def providers():
    return Registry(GROUP, DnsProviderPlugin, "DNS provider", "provider_unknown")


def code(act):
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code, caught.value.detail


def test_a_plugin_is_imported_when_it_is_used(site):
    points = {"one": "np_test_one:plugin", "two": "np_test_two:plugin"}
    modules = {"np_test_one": made("One"), "np_test_two": made("Two")}
    install(site, "np-both", GROUP, points, modules)
    found = providers()
    assert found.names() == ["one", "two"]
    assert "np_test_one" not in sys.modules
    assert found.get("one").title == "One"
    assert "np_test_two" not in sys.modules


def test_an_unknown_name_lists_what_there_is(site):
    install(site, "np-one", GROUP, {"one": "np_test_one:plugin"}, {"np_test_one": made()})
    said = code(lambda: providers().get("three"))
    assert said == ("provider_unknown", "There is no DNS provider `three`. There are: one.")


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("import np_test_missing", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("plugin = 1", "it is not a DnsProviderPlugin"),
        ("", "AttributeError"),
        (made(schema="dict"), "is not a dataclass"),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Odd:\n    x: complex = 0j\n"
            + made(schema="Odd"),
            "cannot be the type of a setting",
        ),
    ],
)
def test_a_broken_plugin_is_named_and_hides_no_other(site, module, why):
    points = {"bad": "np_test_bad:plugin", "good": "np_test_good:plugin"}
    install(site, "np-x", GROUP, points, {"np_test_bad": module, "np_test_good": made()})
    found = providers()
    slug, detail = code(lambda: found.get("bad"))
    assert slug == "plugin_broken"
    assert "`bad` of np-x (np_test_bad:plugin)" in detail
    assert why in detail
    assert found.get("good").title == "One"
    bad, good = found.listed()
    assert (bad.plugin, bad.error.code, good.error) == (None, "plugin_broken", None)


def test_two_packages_with_one_name_are_told(site):
    for package in ("np-first", "np-second"):
        module = f"np_test_{package[3:]}"
        install(site, package, GROUP, {"same": f"{module}:plugin"}, {module: made()})
    found = providers()
    slug, detail = code(lambda: found.get("same"))
    assert slug == "plugin_ambiguous"
    assert "np-first and np-second" in detail
    assert [one.error.code for one in found.listed()] == ["plugin_ambiguous"]


def test_who_brings_a_plugin_is_told(site):
    install(site, "np-one", GROUP, {"one": "np_test_one:plugin"}, {"np_test_one": made()})
    (one,) = providers().listed()
    assert (one.distribution, one.is_third_party) == ("np-one", True)


def test_a_connection_loads_its_own_provider_only_and_no_pydantic():
    """A worker keeps what it needs (docs/adr/0012-a-small-process.md)."""
    code = """
import sys
from nameplate import registry
from nameplate.core.configuration import load
from nameplate.core.secret import Secret
plugin = registry.dns_providers().get("powerdns")
config = load(plugin.configuration, {"api_url": "http://127.0.0.1:1"})
plugin.connect(config, {"api_key": Secret("k")})
print(*sorted(name for name in sys.modules if name.startswith(("nameplate.adapters", "pydantic"))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "nameplate.adapters.dns.powerdns" in done.stdout
    for other in ("pydantic", "cloudflare", "route53", "nameplate.adapters.ca"):
        assert other not in done.stdout


def test_groups_have_their_names():
    assert registry.DNS_PROVIDERS == "nameplate.dns_providers"
    assert registry.AUTHORITIES == "nameplate.authorities"
    assert registry.PROXIES == "nameplate.proxies"
    assert registry.PROOF_METHODS == "nameplate.proof_methods"
