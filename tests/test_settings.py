"""Settings come from the environment, keep their secrets, and none is undocumented."""

import json
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest

from nameplate.core.egress import Detour
from nameplate.core.errors import Invalid
from nameplate.settings import Settings

DOCUMENT = Path(__file__).parents[1] / "docs/reference/settings.md"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("NAMEPLATE_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_documented_and_nothing_else():
    lines = DOCUMENT.read_text().splitlines()
    documented = {line.split("`")[1] for line in lines if line.startswith("| `NAMEPLATE_")}
    assert documented == {f"NAMEPLATE_{one.name.upper()}" for one in fields(Settings)}


def test_the_database_is_a_file_at_home_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("NAMEPLATE_HOME", str(tmp_path))
    settings = Settings.read()
    assert settings.url.reveal() == f"sqlite:///{tmp_path}/nameplate.db"
    assert settings.system_url == settings.url
    assert settings.keyring_path == tmp_path / "keyring"


@pytest.mark.parametrize("share", ["/data", "relative", ""])
def test_home_follows_xdg(monkeypatch, share):
    monkeypatch.setenv("XDG_DATA_HOME", share)
    expected = Path("/data") if share == "/data" else Path.home() / ".local/share"
    assert Settings.read().home == expected / "nameplate"


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("NAMEPLATE_DATABASE_URL", "postgresql://u:sekret@h/x")
    monkeypatch.setenv("NAMEPLATE_SYSTEM_DATABASE_URL", "postgresql://s:sekret@h/x")
    monkeypatch.setenv("NAMEPLATE_KEYRING", "sekret")
    settings = Settings.read()
    assert "sekret" not in f"{settings!r} {settings}"
    assert settings.system_url.reveal() == "postgresql://s:sekret@h/x"


def test_every_kind_of_value_is_read():
    given = {
        "PORT": "8443",
        "HOST": "::1",
        "SERVE_WORKER": "Off",
        "SANDBOX": "1",
        "EDGE_NETWORKS": '["10.0.0.0/8", "2001:db8::/32"]',
        "PUBLIC_RESOLVERS": "[]",
        "CHALLENGE_CHECK_VIA": '{"203.0.113.0/24": "10.0.0.5:8080", "2001:db8::1": "[::1]:80"}',
        "DNS_SERVERS": '{"corp.example": ["10.0.0.53:53"]}',
        "WORKER_THREADS": "",
    }
    read = Settings.read({f"NAMEPLATE_{name}": text for name, text in given.items()})
    assert (read.port, read.host, read.serve_worker, read.sandbox) == (8443, "::1", False, True)
    assert read.edge_networks == (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert read.challenge_check_via == (
        Detour(ip_network("203.0.113.0/24"), "10.0.0.5", 8080),
        Detour(ip_network("2001:db8::1/128"), "::1", 80),
    )
    assert (read.public_resolvers, read.worker_threads) == ((), 8)
    assert read.dns_servers == {"corp.example": ("10.0.0.53:53",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "70000"),
        ("PORT", "0"),
        ("PORT", "-1"),
        ("PORT", "eight"),
        ("PORT", "00000000080"),
        ("PORT", "\u0668\u0660"),  # digits, but not ASCII
        ("WORKER_THREADS", "65"),
        ("CHALLENGE_CHECK_VIA", '["10.0.0.5:80"]'),
        ("CHALLENGE_CHECK_VIA", '{"203.0.113.0/24": "edge.example:80"}'),
        ("CHALLENGE_CHECK_VIA", '{"203.0.113.0/24": "10.0.0.5"}'),
        ("CHALLENGE_CHECK_VIA", '{"203.0.113.0/24": "10.0.0.5:0"}'),
        ("CHALLENGE_CHECK_VIA", '{"edge.example": "10.0.0.5:80"}'),
        ("CHALLENGE_CHECK_VIA", '{"203.0.113.0/24": 80}'),
        ("WORKER_THREADS", "9" * 10_000),
        ("SERVE_WORKER", "perhaps"),
        ("SUSPENDED_ANSWER", "404"),
        ("EDGE_NETWORKS", "10.0.0.0/8"),
        ("EDGE_NETWORKS", '["10.0.0.1/8"]'),
        ("EDGE_NETWORKS", "[8]"),
        ("PUBLIC_RESOLVERS", '{"a": 1}'),
        ("PUBLIC_RESOLVERS", "[" * 100_000),
        ("DNS_SERVERS", '["a"]'),
        ("DNS_SERVERS", '{"corp.example": "10.0.0.53:53"}'),
    ],
)
def test_a_wrong_value_is_refused(name, text):
    with pytest.raises(Invalid) as refused:
        Settings.read({f"NAMEPLATE_{name}": text})
    (problem,) = refused.value.problems
    assert problem.pointer == f"NAMEPLATE_{name}"
    assert len(str(refused.value)) < 200


def test_all_wrong_values_are_named_at_once():
    wrong = dict.fromkeys(("NAMEPLATE_PORT", "NAMEPLATE_SANDBOX"), "sekret")
    with pytest.raises(Invalid, match=r"NAMEPLATE_PORT.*NAMEPLATE_SANDBOX") as refused:
        Settings.read(wrong)
    assert "sekret" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ('["https://shop.example.com", "https://a.example:8443", "http://localhost:3000"]', True),
        ("[]", True),
        ('["*"]', False),
        ('["https://*.example.com"]', False),
        ('["http://shop.example.com"]', False),
        ('["https://shop.example.com/"]', False),
        ('["https://shop.example.com; script-src *"]', False),
        ("[\"'self'\"]", False),
        ("https://shop.example.com", False),
    ],
)
def test_pages_that_frame_are_named_by_their_origin(text: str, is_taken: bool) -> None:
    environment = {"NAMEPLATE_FRAME_ANCESTORS": text}
    if is_taken:
        assert Settings.read(environment).frame_ancestors == tuple(json.loads(text))
        return
    with pytest.raises(Invalid) as refused:
        Settings.read(environment)
    assert refused.value.problems[0].pointer == "NAMEPLATE_FRAME_ANCESTORS"
