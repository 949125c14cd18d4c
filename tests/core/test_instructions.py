"""Instructions: one shape for whatever must be published."""

from nameplate.core import instructions
from nameplate.core.instructions import Instruction


def test_a_record_says_what_to_enter_where_the_zone_is_appended():
    told = instructions.dns_record("TXT", "_x.shop.example.com", "a=b")
    assert instructions.in_zone(told, "example.com").fields == (
        ("type", "TXT"),
        ("name", "_x.shop.example.com"),
        ("zone", "example.com"),
        ("relative_name", "_x.shop"),
        ("value", "a=b"),
    )
    assert instructions.in_zone(told, "example.com").expected == told.expected == "a=b"


def test_what_is_no_record_or_lies_elsewhere_stays_as_it_is():
    for told in (
        instructions.file("http://example.com/x", "/x", "text"),
        instructions.dns_record("TXT", "_x.example.org", "a=b"),
        instructions.dns_record("TXT", "example.com", "a=b"),
        instructions.dns_record("TXT", "_x.badexample.com", "a=b"),
    ):
        assert instructions.in_zone(told, "example.com") is told


def test_a_name_may_come_again():
    told = instructions.name_servers("example.com", ["ns1.a", "ns2.a"], "Set them.")
    assert told.all("name_server") == ["ns1.a", "ns2.a"]
    assert (told.get("name_server"), told.get("nothing")) == ("ns1.a", None)


def test_a_method_may_have_a_kind_of_its_own():
    told = Instruction("mail", (("to", "admin@example.com"),), "Answer it.")
    assert (told.kind, told.expected) == ("mail", "admin@example.com")
