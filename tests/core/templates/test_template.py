"""Parameters of templates: read, made canonical, or refused with their name."""

import base64
from typing import Any

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.templates import (
    Existing,
    TemplateZone,
    compare,
    find,
)
from nameplate.core.templates.template import Parameter, ParameterKind, read

SITE = TemplateZone("acme.com", "acme.com")


KEY = base64.b64encode(bytes(range(200))).decode()


def effects(name: str, values: dict[str, str], *there: Existing) -> list[Any]:
    return list(compare(SITE, find(name).records(SITE, values), there))


@pytest.mark.parametrize(
    ("name", "values", "pointer", "code"),
    [
        ("spf", {"includes": "x.net"}, "/parameters/includes", "parameter_unknown"),
        ("spf", {}, "/parameters/include", "parameter_required"),
        ("spf", {"include": "https://x.net"}, "/parameters/include", "parameter_invalid"),
        ("spf", {"include": "net"}, "/parameters/include", "parameter_invalid"),
        ("spf", {"ip": "192.0.2.1/24"}, "/parameters/ip", "parameter_invalid"),
        ("spf", {"ip": "300.1.1.1"}, "/parameters/ip", "parameter_invalid"),
        ("spf", {"mx": "maybe", "ip": "192.0.2.1"}, "/parameters/mx", "parameter_invalid"),
        ("spf", {"ip": "192.0.2.1", "all": "+all"}, "/parameters/all", "parameter_invalid"),
        ("mail", {}, "/parameters/mx", "parameter_required"),
        ("mail", {"mx": "192.0.2.1"}, "/parameters/mx", "parameter_invalid"),
        ("dkim", {"selector": "s"}, "/parameters/key", "parameter_required"),
        ("dkim", {"selector": "s", "key": "no key!"}, "/parameters/key", "parameter_invalid"),
        ("dkim", {"selector": "a b", "key": KEY}, "/parameters/selector", "parameter_invalid"),
        ("dkim", {"key": KEY}, "/parameters/selector", "parameter_required"),
        ("dmarc", {"policy": "strict"}, "/parameters/policy", "parameter_invalid"),
        ("dmarc", {"policy": "none", "rua": "x"}, "/parameters/rua", "parameter_invalid"),
        ("dmarc", {"policy": "none", "rua": "a;b@x.net"}, "/parameters/rua", "parameter_invalid"),
        ("microsoft-365", {"mx": "mx.acme.com"}, "/parameters/mx", "parameter_invalid"),
        ("caa", {}, "/parameters/issuer", "parameter_required"),
        ("verification", {"value": "a\nb"}, "/parameters/value", "parameter_invalid"),
        ("cdn", {"target": "d.cdn.net", "name": "@"}, "/parameters/name", "cname_at_apex"),
        ("cdn", {"target": "192.0.2.1"}, "/parameters/target", "parameter_invalid"),
        ("no-mail", {"x": "y"}, "/parameters/x", "parameter_unknown"),
    ],
)
def test_bad_parameters(name: str, values: dict[str, str], pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as raised:
        effects(name, values)
    assert [(one.pointer, one.code) for one in raised.value.problems] == [(pointer, code)]
    assert len(raised.value.problems[0].detail) > 20


def test_all_wrong_parameters_are_told_at_once() -> None:
    with pytest.raises(Invalid) as raised:
        effects("dkim", {"key": "?", "colour": "red"})
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (ParameterKind.HOST, "MX.Example.net", "mx.example.net."),
        (ParameterKind.HOSTS, " b.example.net , a.example.net.,", "b.example.net.,a.example.net."),
        (ParameterKind.NETWORKS, "192.0.2.1/32,2001:db8::/32", "ip4:192.0.2.1 ip6:2001:db8::/32"),
        (ParameterKind.EMAILS, "mailto:a@X.net, b@x.net", "mailto:a@x.net,mailto:b@x.net"),
        (ParameterKind.LABELS, "S1.Mail.", "s1.mail"),
        (ParameterKind.KEY, f"-----BEGIN PUBLIC KEY-----\n{KEY[:64]}\n{KEY[64:]}\n", KEY),
    ],
)
def test_values_become_canonical(kind: ParameterKind, text: str, expected: str) -> None:
    parameter = Parameter("one", kind, "One.", "x")
    assert read([parameter], {"one": text}) == {"one": expected}


def test_what_is_not_given_is_the_default_or_empty() -> None:
    with_default = Parameter(
        "colour", ParameterKind.TEXT, "One.", "red", default="red", choices=("red",)
    )
    without = Parameter("host", ParameterKind.HOST, "One.", "x")
    assert read([with_default, without], {"host": "  "}) == {"colour": "red", "host": ""}
