"""What DNS hosts say of themselves in Domain Connect."""

from typing import Any

import pytest

from nameplate.core.domain_connect.provider import ProviderPrefix, provider, recorded
from nameplate.core.errors import Refused

HOST = "domainconnect.virtucon.example"


def settings(**changes: Any) -> dict[str, Any]:
    given = {
        "providerId": "virtucondomains.example",
        "providerName": "Virtucon Domains",
        "urlSyncUX": f"https://{HOST}/sync",
        "urlAPI": f"https://{HOST}/api",
        **changes,
    }
    return {key: value for key, value in given.items() if value is not ...}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HOST, ProviderPrefix(HOST)),
        (f"{HOST}/dc", ProviderPrefix(HOST, "/dc")),
        (f"{HOST.upper()}.:443/a/b-c_d.e~f/", ProviderPrefix(HOST, "/a/b-c_d.e~f")),
    ],
)
def test_records_as_the_specification_shows_them(text, expected):
    assert recorded(text) == expected
    assert str(expected).startswith("https://domainconnect.")


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "127.0.0.1/dc",
        "[::1]",
        "2130706433",
        "localhost",
        f"https://{HOST}",
        f"{HOST}:8443",
        f"user@{HOST}",
        f"{HOST}/dc?x=1",
        f"{HOST}/dc#x",
        f"{HOST}/../admin",
        f"{HOST}/%2e%2e/admin",
        f"{HOST}//evil.example",
        f"{HOST}/dc\\admin",
        f"{HOST}/d c",
        f"{HOST}\n/dc",
        "",
        "a" * 250,
    ],
)
def test_records_that_are_no_plain_host(text):
    assert recorded(text) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"providerId": ...},
        {"providerId": 7},
        {"providerName": ""},
        {"providerName": None},
        {"providerName": ["x"]},
        {"providerName": "x" * 256},
        {"providerName": "Virtucon\x1b[2J"},
        {"providerName": "Virtucon\u202edomains"},
        {"providerDisplayName": 5},
        {"urlAPI": ...},
        {"urlAPI": None},
        {"urlAPI": "http://api.virtucon.example"},
        {"urlAPI": "file:///etc/passwd"},
        {"urlAPI": "//api.virtucon.example"},
        {"urlAPI": "https://"},
        {"urlAPI": "https://127.0.0.1/api"},
        {"urlAPI": "https://[::1]/api"},
        {"urlAPI": "https://0x7f000001"},
        {"urlAPI": "https://localhost/api"},
        {"urlAPI": "https://api.virtucon.example:8443"},
        {"urlAPI": "https://user:pass@api.virtucon.example"},
        {"urlAPI": "https://api.virtucon.example@evil.example"},
        {"urlAPI": "https://api.virtucon.example/../../admin"},
        {"urlAPI": "https://api.virtucon.example/x?y="},
        {"urlAPI": "https://api.virtucon.example/x#"},
        {"urlAPI": "https://api.virtucon.example/\r\nHost: x"},
        {"urlAPI": "https://api.virtucon.example\\@evil.example"},
        {"urlAPI": "https://" + "a" * 600 + ".example"},
        {"urlSyncUX": "http://virtucon.example/sync"},
        {"urlSyncUX": "javascript:alert(1)//https://x.example"},
        {"urlSyncUX": "https://virtucon.example/sync?next="},
        {"urlSyncUX": {"url": "https://virtucon.example"}},
        {"crit": "urlAPI"},
        {"crit": [1]},
    ],
    ids=str,
)
def test_settings_that_are_not_as_they_must_be(changes):
    with pytest.raises(Refused) as caught:
        provider(settings(**changes))
    assert caught.value.code == "domain_connect_malformed"
    assert caught.value.detail.isprintable()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"urlSyncUX": "HTTPS://Domainconnect.Virtucon.EXAMPLE:443/sync/"},
        {"nameServers": "ns1.example"},
        {"nameServers": [3, "x y", None]},
        {"crit": ["urlSyncUX", "absent"]},
        {"vnd.x": {"deep": [1]}, "providerDisplayName": None},
    ],
    ids=str,
)
def test_settings_that_are_odd_but_fine(changes):
    found = provider(settings(**changes))
    assert (str(found.sync), found.name) == (f"https://{HOST}/sync", "Virtucon Domains")
    assert found.name_servers == ()


def test_no_synchronous_flow_is_no_error():
    assert provider(settings(urlSyncUX=...)).sync is None


def test_what_must_be_understood_and_is_not():
    with pytest.raises(Refused) as caught:
        provider(settings(**{"crit": ["vnd.eu"], "vnd.eu": "https://eu.example"}))
    assert caught.value.code == "domain_connect_unsupported"


@pytest.mark.parametrize("document", [None, [], "text", 7, {}])
def test_what_is_no_settings_object(document):
    with pytest.raises(Refused):
        provider(document)
