"""Typed configuration: every wrong place is named, no value is repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from nameplate.core.configuration import (
    DomainName,
    Email,
    FilePath,
    HostName,
    HostPort,
    IpAddress,
    Port,
    Url,
    describe,
    host_and_port,
    load,
    misplaced,
    parse,
    setting,
)
from nameplate.core.errors import Invalid, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    kind: Literal["a", "b"] = setting("The kind.", default="a")
    names: tuple[HostName, ...] = setting("Names.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    url: Url = setting("Where.")
    own: Url | None = setting("Anybody may say it.", default=None, platform_only=False)
    server: HostPort | None = setting("A server.", default=None)
    port: Port = setting("A port.", default=53)
    ip: IpAddress | None = setting("An address.", default=None)
    file: FilePath | None = setting("A file.", default=None)
    zones: tuple[DomainName, ...] = setting("Zones.", default=())
    mail: tuple[Email, ...] = setting("Mail.", default=())
    flag: bool = setting("A flag.", default=False)
    text: str = setting("A text.", default="")
    options: Mapping[str, str] | None = setting("Options.", default=None)
    inner: Inner | None = setting("An object.", default=None, platform_only=True)


FINE = {"url": "https://api.example.com:8443/v1"}


def test_what_is_right_is_typed():
    found = parse(
        Schema,
        {
            **FINE,
            "server": "[2001:db8::1]:53",
            "port": 5353,
            "ip": "2001:db8::1",
            "file": "/etc/ca.pem",
            "zones": ["example.com", "_tcp.example.com"],
            "mail": ["ops@example.com"],
            "options": {"a": "b"},
            "inner": {"kind": "b", "names": ["NS1.example.com."]},
        },
    )
    assert (found.url, found.port, found.flag) == (FINE["url"], 5353, False)
    assert found.zones == ("example.com", "_tcp.example.com")
    assert found.inner == Inner(kind="b", names=("NS1.example.com.",))


WRONG: Mapping[str, list[Any]] = {
    "url": [
        *(7, "api.example.com", "ftp://x.example", "//x.example", "http://", "http://x:99999"),
        *("http://x:0", "http://x:y", "http://999.1.1.1", "http://[::zz]", "http://a b"),
        *("http://a_.-", "http://x/\r\nY: z"),
    ],
    "server": [
        *("ns1", "ns1:", "ns1:0", "ns1:65536", ":53", "::1:53", "300.1.1.1:53", "ns1:1e1"),
        *("ns1:\u0665\u0663", "[ns1]:53", 53, ["ns1:53"]),
    ],
    "port": [0, 65_536, -1, "53", 53.0, True],
    "ip": ["127.1", "example.com", "192.0.2.0/24", 1],
    "file": ["/a\x00b", 5],
    "zones": ["example.com", {}, [1], ["Example.com"], ["example.com."], ["a..b"]],
    "mail": [["x"], ["@example.com"], ["a@b"], ["a b@example.com"]],
    "flag": [1, "true", []],
    "text": [1, {}, []],
    "options": [[], "x", {"a": 1}],
    "inner": [
        *("x", [], {"names": "x"}, {"kind": "c", "names": ["a"]}),
        *({"kind": ["a"], "names": ["a"]}, {"kind": {}, "names": ["a"]}),
    ],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, one) for name, values in WRONG.items() for one in values]
)
def test_what_is_wrong_is_named(name, value):
    with pytest.raises(Invalid) as caught:
        parse(Schema, {**FINE, name: value})
    assert {one.code for one in caught.value.problems} == {"setting_invalid"}
    assert all(one.pointer.startswith(f"/config/{name}") for one in caught.value.problems)
    with pytest.raises(Refused) as refused:
        load(Schema, {**FINE, name: value})
    assert refused.value.code == "setting_invalid"
    assert name in refused.value.detail


def test_every_wrong_place_is_named_at_once():
    with pytest.raises(Invalid) as caught:
        parse(Schema, {"port": 0, "odd": 1, "inner": {"kind": "b", "x": 1}, "zones": ["a", "B"]})
    found = {(one.pointer, one.code) for one in caught.value.problems}
    assert found == {
        ("/config/odd", "setting_unknown"),
        ("/config/url", "setting_missing"),
        ("/config/port", "setting_invalid"),
        ("/config/zones/1", "setting_invalid"),
        ("/config/inner/x", "setting_unknown"),
        ("/config/inner/names", "setting_missing"),
    }
    assert "Known settings:" in caught.value.detail


@pytest.mark.parametrize("name", ["url", "own", "text"])
def test_a_password_in_a_url_is_a_secret(name):
    with pytest.raises(Invalid) as caught:
        parse(Schema, {**FINE, name: "https://me:hunter2@api.example.com/"})
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == (f"/config/{name}", "config_holds_secret")
    assert "hunter2" not in caught.value.detail + problem.detail


def test_no_value_is_repeated():
    with pytest.raises(Invalid) as caught:
        parse(Schema, {"url": "hunter2", "port": "hunter2", "zones": ["hunter2 "], "text": None})
    assert "hunter2" not in caught.value.detail


def test_null_is_as_if_it_were_not_given():
    assert parse(Schema, {**FINE, "port": None, "flag": None}).port == 53
    for nothing in (None, ""):
        with pytest.raises(Invalid) as caught:
            parse(Schema, {"url": nothing})
        assert caught.value.code == "setting_missing"


def test_what_is_stored_is_loaded_beside_what_nobody_knows():
    assert load(Schema, {**FINE, "odd": 1}).url == FINE["url"]
    with pytest.raises(Refused) as caught:
        load(Schema, {"odd": 1})
    assert (caught.value.code, "`url`" in caught.value.detail) == ("setting_missing", True)


def test_what_leads_somewhere_is_the_platforms():
    given = {one.name: one.is_platform_only for one in describe(Schema)}
    assert {name for name, is_platform in given.items() if is_platform} == {
        *("url", "server", "file", "inner"),
    }
    assert misplaced(Schema, {"own": "x", "url": "x", "odd": 1, "inner": {}}) == ["url", "inner"]


def test_a_schema_describes_itself():
    found = {one.name: one for one in describe(Schema)}
    assert (found["url"].type, found["url"].is_required) == ("url", True)
    assert (found["zones"].type, found["zones"].default) == ("list of domain name", [])
    assert (found["port"].type, found["port"].default) == ("integer", 53)
    assert [one.type for one in found["inner"].fields] == ["a | b", "list of host name"]
    assert found["options"].type == "object of string"


def test_a_host_and_its_port_are_told_apart():
    assert host_and_port("[::1]:53") == ("::1", 53)
    assert host_and_port("ns1.example.com:5353") == ("ns1.example.com", 5353)
