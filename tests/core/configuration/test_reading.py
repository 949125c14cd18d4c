"""JSON read by a schema: every wrong place is named, no value is repeated."""

import pytest
from tests.core.configuration.sample import FINE, Inner, Schema

from nameplate.core.configuration import load, misplaced, parse
from nameplate.core.errors import Invalid, Refused


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


def test_only_the_platforms_settings_are_misplaced():
    assert misplaced(Schema, {"own": "x", "url": "x", "odd": 1, "inner": {}}) == ["url", "inner"]
