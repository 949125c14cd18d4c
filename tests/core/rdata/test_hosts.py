"""Records that lead to another host: what counts as one."""

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.rdata import parse
from nameplate.core.rdata.hosts import doubled, is_address, labels, name_length

ZONE = "example.com"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "value_required"),
        ("https://x.net", "target_is_url"),
        ("x.net/path", "target_is_url"),
        ("192.0.2.1", "target_is_address"),
        ("2001:db8::1", "target_is_address"),
        ("192.0.2", "target_is_address"),
        ("x.net:443", "target_has_port"),
        ("x.net y.net", "target_several"),
        ("a@x.net", "target_is_email"),
        ("a.example.com.example.com", "doubled_name"),
        ("www.example.com", "target_is_self"),
        ("a..b", "name_label_empty"),
        ("a!b.net", "name_character"),
        (".".join(["a" * 63] * 4), "name_too_long"),
    ],
)
def test_what_is_no_host_is_told_what_it_is(value: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse("CNAME", value, origin=ZONE, owner="www.example.com")
    assert [(one.pointer, one.code) for one in caught.value.problems] == [("/value", code)]


@pytest.mark.parametrize("rdtype", ["MX", "NS", "SRV"])
def test_servers_have_no_underscore(rdtype: str) -> None:
    numbers = {"MX": "1 ", "SRV": "1 2 3 "}.get(rdtype, "")
    with pytest.raises(Invalid) as caught:
        parse(rdtype, f"{numbers}_x.example.net", origin=ZONE)
    assert caught.value.problems[0].code == "target_not_host"
    assert parse("CNAME", "_x.example.net", origin=ZONE).text == "_x.example.net."


@pytest.mark.parametrize(
    ("rdtype", "value"),
    [
        ("MX", "10 own.example.com."),
        ("NS", "own.example.com."),
        ("PTR", "own.example.com."),
        ("SRV", "1 2 443 own.example.com."),
        ("HTTPS", "1 own.example.com."),
        ("SVCB", "1 own.example.com."),
    ],
)
def test_a_host_may_be_its_own_mail_or_name_server(rdtype: str, value: str) -> None:
    assert parse(rdtype, value, origin=ZONE, owner="own.example.com").text == value


@pytest.mark.parametrize("rdtype", ["ALIAS", "ANAME", "CNAME"])
def test_only_an_alias_of_itself_loops(rdtype: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(rdtype, "own", origin=ZONE, owner="own.example.com")
    assert caught.value.problems[0].code == "target_is_self"


def test_one_label_is_relative_and_more_are_not() -> None:
    assert parse("CNAME", "shop", origin=ZONE).text == "shop.example.com."
    assert parse("CNAME", "shop.net", origin=ZONE).text == "shop.net."


def test_numbers_apart_and_inside_agree() -> None:
    assert parse("MX", "10 mx.net", origin=ZONE, priority=10).text == "10 mx.net."
    with pytest.raises(Invalid) as caught:
        parse("MX", "10 mx.net", origin=ZONE, priority=20)
    assert caught.value.problems[0].code == "priority_differs"


def test_small_questions() -> None:
    assert is_address("[2001:db8::1]")
    assert not is_address("x.net")
    assert doubled("a.x.net.x.net", "x.net")
    assert doubled("x.net.x.net", "x.net")
    assert not doubled("ax.net.x.net", "x.net")
    assert (name_length("."), name_length("a.b.")) == (1, 5)
    assert labels("WWW.Münch.de", "/name") == ["www", "xn--mnch-0ra", "de"]
