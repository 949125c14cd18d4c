"""Our own plug-ins, from what an account says to a connected adapter."""

from typing import Any

import pytest

from nameplate import registry
from nameplate.core.configuration import describe, load
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.ports.dns import ZoneHost
from nameplate.registry import Registry

HOSTED = {"name_servers": ["ns1.example.net"]}
TSIG = {"server": "[::1]:53", "tsig_name": "key.", "tsig_algorithm": "HMAC-SHA512."}


def connect(provider: str, config: dict[str, Any], credentials: dict[str, str]) -> Any:
    plugin = registry.dns_providers().get(provider)
    secrets = {name: Secret(text) for name, text in credentials.items()}
    return plugin.connect(load(plugin.configuration, config), secrets)


@pytest.mark.parametrize(
    ("provider", "config", "credentials"),
    [
        ("cloudflare", {"batch": 3500, "comment": "ours"}, {"api_token": "t"}),
        ("digitalocean", {}, {"api_token": "t"}),
        ("lexicon", {"lexicon_provider": "hetzner", "zones": ["a.com"]}, {"auth_token": "t"}),
        ("memory", {"zones": ["a.com"]}, {}),
        ("namecheap", {"api_user": "u", "client_ip": "192.0.2.1"}, {"api_key": "k"}),
        ("powerdns", {"api_url": "http://127.0.0.1:1"}, {"api_key": "k"}),
        ("rfc2136", {"server": "127.0.0.1:53", "zones": ["a.com"]}, {}),
        ("rfc2136", TSIG, {"tsig_secret": "c2VjcmV0"}),
        ("route53", {}, {"access_key_id": "a", "secret_access_key": "s"}),
    ],
)
def test_every_dns_provider_can_be_connected(provider, config, credentials):
    made = connect(provider, config, credentials)
    assert {"zones", "records", "apply"} <= set(dir(made))
    assert not isinstance(made, ZoneHost)


def test_a_server_of_our_own_hosts_zones():
    power = {"api_url": "http://127.0.0.1:1", "hosted": {**HOSTED, "kind": "Master"}}
    assert isinstance(connect("powerdns", power, {"api_key": "k"}), ZoneHost)
    knot = {"server": "127.0.0.1:53", "hosted": {**HOSTED, "catalog": "catalog.invalid"}}
    assert isinstance(connect("rfc2136", knot, {}), ZoneHost)


@pytest.mark.parametrize(
    ("provider", "config", "credentials", "code"),
    [
        ("cloudflare", {}, {}, "credential_missing"),
        ("rfc2136", TSIG, {}, "credential_missing"),
        ("rfc2136", {**TSIG, "tsig_algorithm": "md4"}, {"tsig_secret": "c2VjcmV0"}, "setting_invalid"),
        ("powerdns", {}, {"api_key": "k"}, "setting_missing"),
        ("lexicon", {"lexicon_provider": "route53"}, {}, "credential_missing"),
        ("lexicon", {"lexicon_provider": "route53"}, {"auth_access_key": "a"}, "credential_missing"),
        ("lexicon", {"lexicon_provider": "oci"}, {"auth_user": "a"}, "credential_missing"),
        (
            "lexicon",
            {"lexicon_provider": "transip"},
            {"auth_api_key": "/etc/ssl/private/key.pem"},
            "credential_malformed",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(provider, config, credentials, code):
    with pytest.raises(Refused) as caught:
        connect(provider, config, credentials)
    assert caught.value.code == code


def test_every_setting_and_credential_is_described():
    groups: tuple[Registry[Any], ...] = (
        registry.dns_providers(),
        registry.authorities(),
        registry.proxies(),
        registry.proof_methods(),
    )
    for one in (each for group in groups for each in group.listed()):
        assert one.plugin is not None
        assert one.plugin.title
        for each in (*describe(one.plugin.configuration), *one.plugin.credentials):
            assert each.description.endswith("."), (one.name, each.name)
