"""Forms: what a text or a number must look like, one wrong value after the other."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.core.configuration.sample import FINE, Schema

from nameplate.core.configuration import host_and_port, load, parse
from nameplate.core.configuration.forms import has_user_info
from nameplate.core.errors import Invalid, Refused

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


def test_a_host_and_its_port_are_told_apart():
    assert host_and_port("[::1]:53") == ("::1", 53)
    assert host_and_port("ns1.example.com:5353") == ("ns1.example.com", 5353)


@pytest.mark.parametrize("wrong", ["ns1", "ns1:0", "ns1:65536", ":53", "[ns1]:53", "ns1:\u0665"])
def test_what_is_no_host_with_a_port_raises(wrong):
    with pytest.raises(ValueError):
        host_and_port(wrong)


def test_a_user_in_a_url_is_seen_anywhere_in_a_text():
    assert has_user_info("see HTTPS://me:hunter2@api.example.com/")
    assert not has_user_info("https://api.example.com/me@home")
    assert not has_user_info("ops@example.com")
