"""A schema describes itself: types, defaults, and whose settings they are."""

from dataclasses import dataclass
from typing import Any

import pytest
from tests.core.configuration.sample import Schema

from nameplate.core.configuration import credential, describe, setting
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret


def test_what_leads_somewhere_is_the_platforms():
    given = {one.name: one.is_platform_only for one in describe(Schema)}
    assert {name for name, is_platform in given.items() if is_platform} == {
        *("url", "server", "file", "inner"),
    }


def test_a_schema_describes_itself():
    found = {one.name: one for one in describe(Schema)}
    assert (found["url"].type, found["url"].is_required) == ("url", True)
    assert (found["zones"].type, found["zones"].default) == ("list of domain name", [])
    assert (found["port"].type, found["port"].default) == ("integer", 53)
    assert [one.type for one in found["inner"].fields] == ["a | b", "list of host name"]
    assert found["options"].type == "object of string"


def test_what_json_cannot_say_is_no_setting():
    @dataclass(frozen=True)
    class Odd:
        when: set[str] = setting("A set.")

    for wrong in (Odd, str):
        schema: Any = wrong
        with pytest.raises(TypeError):
            describe(schema)


def test_a_credential_that_is_missing_is_named():
    assert credential({"api_key": Secret("k")}, "api_key").reveal() == "k"
    for given in ({}, {"api_key": Secret("")}):
        with pytest.raises(Refused) as caught:
            credential(given, "api_key")
        assert caught.value.code == "credential_missing"
        assert "`api_key`" in caught.value.detail
