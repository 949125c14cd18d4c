"""Templates: parameters are checked, records are right, and what is there is respected."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nameplate.core import rdata
from nameplate.core.errors import Invalid, NotFound
from nameplate.core.templates import (
    CATALOGUE,
    Existing,
    TemplateEffect,
    TemplateZone,
    compare,
    find,
    spf,
)

SITE = TemplateZone("acme.com", "acme.com")
KEY = base64.b64encode(bytes(range(200))).decode()
GIVEN: dict[str, dict[str, str]] = {
    "mail": {"mx": "mx1.acme.com, mx2.example.net."},
    "google-workspace": {"dkim_key": KEY},
    "microsoft-365": {
        "mx": "acme-com.mail.protection.outlook.com",
        "dkim_1": "selector1-acme-com._domainkey.acme.onmicrosoft.com",
    },
    "fastmail": {},
    "proton": {"verification": "abc", "dkim_1": "protonmail.domainkey.dx.domains.proton.ch"},
    "no-mail": {},
    "spf": {"include": "_spf.example.net", "ip": "192.0.2.0/24, 2001:db8::1", "mx": "yes"},
    "dkim": {"selector": "S1", "key": KEY},
    "dmarc": {"policy": "reject", "subdomain_policy": "none", "rua": "d@acme.com,e@x.net"},
    "caa": {"issuer": "letsencrypt.org", "wildcards": "no", "report_to": "sec@acme.com"},
    "verification": {"value": "abc", "service": "google"},
    "cdn": {"target": "d1.cdn.example.net"},
}
EXPECTED: dict[str, set[tuple[str, str, str]]] = {
    "mail": {
        ("MX", "@", "10 mx1.acme.com."), ("MX", "@", "20 mx2.example.net."),
        ("TXT", "@", '"v=spf1 mx ~all"'),
    },
    "no-mail": {
        ("MX", "@", "0 ."), ("TXT", "@", '"v=spf1 -all"'),
        ("TXT", "_dmarc", '"v=DMARC1; p=reject"'),
    },
    "spf": {
        ("TXT", "@", '"v=spf1 mx ip4:192.0.2.0/24 ip6:2001:db8::1 include:_spf.example.net ~all"')
    },
    "dmarc": {
        ("TXT", "_dmarc", '"v=DMARC1; p=reject; sp=none; rua=mailto:d@acme.com,mailto:e@x.net"')
    },
    "caa": {
        ("CAA", "@", '0 issue "letsencrypt.org"'), ("CAA", "@", '0 issuewild ";"'),
        ("CAA", "@", '0 iodef "mailto:sec@acme.com"'),
    },
    "verification": {("TXT", "@", '"google-site-verification=abc"')},
    "cdn": {("CNAME", "www", "d1.cdn.example.net.")},
    "fastmail": {
        ("MX", "@", "10 in1-smtp.messagingengine.com."),
        ("MX", "@", "20 in2-smtp.messagingengine.com."),
        ("TXT", "@", '"v=spf1 include:spf.messagingengine.com ?all"'),
        *(("CNAME", f"fm{n}._domainkey", f"fm{n}.acme.com.dkim.fmhosted.com.") for n in (1, 2, 3)),
    },
}  # fmt: skip


def effects(name: str, values: dict[str, str], *there: Existing) -> list[Any]:
    return list(compare(SITE, find(name).records(SITE, values), there))


def there(kind: str, value: str, name: str = "acme.com", **more: Any) -> Existing:
    text = rdata.parse(kind, value, origin="acme.com").text
    given: dict[str, Any] = {"id": 7, "type": kind, "name": name, "value": text, "ttl": 300}
    return Existing(**(given | more))


def test_every_template_is_tried() -> None:
    assert set(GIVEN) == set(CATALOGUE)
    with pytest.raises(NotFound, match="no-mail"):
        find("nothing")


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_template_is_made_and_then_there(name: str) -> None:
    made = effects(name, GIVEN[name])
    assert {one.action for one in made} == {TemplateEffect.ADD}
    assert len(made) == len({(one.type, one.name, one.value) for one in made})
    if name in EXPECTED:
        assert {(one.type, one.name, one.value) for one in made} == EXPECTED[name]
    kept = [
        Existing(
            number, one.type, "acme.com" if one.name == "@" else f"{one.name}.acme.com", one.value,
            one.ttl,
        )
        for number, one in enumerate(made)
    ]  # fmt: skip
    assert {one.action for one in effects(name, GIVEN[name], *kept)} == {TemplateEffect.EXISTS}


@pytest.mark.parametrize("name", CATALOGUE)
def test_parameters_say_what_they_are(name: str) -> None:
    for parameter in find(name).parameters:
        assert parameter.description.endswith("."), parameter.name
        assert parameter.example
        assert not parameter.choices or parameter.default in {"", *parameter.choices}


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


def test_an_alias_at_the_apex_where_there_is_one() -> None:
    site = TemplateZone("acme.com", "acme.com", apex_alias=True)
    (one,) = find("cdn").records(site, {"target": "d.cdn.net", "name": "@"})
    assert (one.type, one.name, one.value) == ("ALIAS", "@", "d.cdn.net.")


def test_spf_is_merged_into_the_one_that_is_there() -> None:
    old = there("TXT", "v=spf1 a include:_spf.google.com -all")
    (one,) = effects("spf", {"include": "_spf.google.com,spf.x.net"}, there("TXT", "hello"), old)
    assert (one.action, one.record_id, one.ttl) == (TemplateEffect.CHANGE, 7, 300)
    assert one.value == '"v=spf1 a include:_spf.google.com include:spf.x.net -all"'
    assert one.before == old.value
    (one,) = effects("spf", {"include": "_spf.google.com"}, old)
    assert one.action is TemplateEffect.EXISTS
    (one,) = effects("spf", {"include": "x.net"}, there("TXT", "v=spf1 redirect=_spf.y.net"))
    assert one.value == '"v=spf1 include:x.net redirect=_spf.y.net"'
    (one,) = effects("spf", {"include": "x.net"}, there("TXT", "v=spf10 is something else"))
    assert one.action is TemplateEffect.ADD


def test_spf_twice_is_a_conflict() -> None:
    (one,) = effects(
        "spf", {"mx": "yes"}, there("TXT", "v=spf1 -all"), there("TXT", "v=spf1 a -all", id=8)
    )
    assert one.action is TemplateEffect.CONFLICT
    assert "2 records" in one.detail


def test_spf_has_ten_lookups_at_most() -> None:
    ten = ",".join(f"s{n}.x.net" for n in range(10))
    (one,) = effects("spf", {"include": ten})
    assert spf.lookups(one.value.strip('"').split()) == 10
    with pytest.raises(Invalid, match="10") as raised:
        effects("spf", {"include": ten, "mx": "yes"})
    assert raised.value.code == "spf_too_many_lookups"
    old = there("TXT", "v=spf1 " + " ".join(f"include:t{n}.x.net" for n in range(9)) + " ~all")
    with pytest.raises(Invalid, match="11"):
        effects("spf", {"include": "a.x.net,b.x.net"}, old)
    assert (
        spf.lookups(["ip4:192.0.2.0/24", "-a:x.net", "?mx", "exists:%{i}.x.net", "redirect=y"]) == 4
    )


MECHANISMS = ["a", "mx", "include:x.net", "ip4:192.0.2.1", "~include:y.net", "exp=e.x.net"]
OLD = st.lists(st.sampled_from([*MECHANISMS, "-all", "?all"]), unique=True, max_size=6)
NEW = st.lists(st.sampled_from(MECHANISMS), unique=True, max_size=6)


@given(OLD, NEW)
def test_merging_keeps_what_was_there_and_is_done_once(old: list[str], new: list[str]) -> None:
    text, more = " ".join(["v=spf1", *old]), " ".join(["v=spf1", *new, "~all"])
    once = spf.merged(text, more)
    assert [term for term in once.split() if term in old] == old
    assert spf.merged(once, more) == once
    assert sum(term.endswith("all") for term in once.split()) == max(
        1, sum(term.endswith("all") for term in old)
    )


def test_other_mail_is_never_mixed_in() -> None:
    found = effects("fastmail", {}, there("MX", "10 mx.other.net"))
    assert [one.action for one in found[:2]] == [TemplateEffect.CONFLICT] * 2
    assert "mx.other.net" in found[0].detail
    (first, *_) = effects("no-mail", {}, there("MX", "10 mx.other.net"))
    assert first.action is TemplateEffect.CONFLICT
    half = effects("fastmail", {}, there("MX", "10 in1-smtp.messagingengine.com"))
    assert [one.action for one in half[:2]] == [TemplateEffect.EXISTS, TemplateEffect.ADD]


def test_the_one_policy_is_changed() -> None:
    old = there("TXT", "v=DMARC1; p=none", "_dmarc.acme.com")
    (one,) = effects("dmarc", {"policy": "reject"}, old)
    assert (one.action, one.before) == (TemplateEffect.CHANGE, '"v=DMARC1; p=none"')


def test_a_selector_in_use_and_names_in_use() -> None:
    used = there("TXT", "v=DKIM1; p=abc", "s1._domainkey.acme.com")
    (one,) = effects("dkim", {"selector": "s1", "key": KEY}, used)
    assert one.action is TemplateEffect.CONFLICT
    www = there("A", "192.0.2.1", "www.acme.com", automatic=True)
    (one,) = effects("cdn", {"target": "d.cdn.net"}, www)
    assert (one.action, one.record_id) == (TemplateEffect.CONFLICT, 7)
    assert "Detach" in one.detail
    alias = there("CNAME", "x.net", "_dmarc.acme.com")
    (one,) = effects("dmarc", {"policy": "none"}, alias)
    assert one.action is TemplateEffect.CONFLICT
