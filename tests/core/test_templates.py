"""Templates: parameters are checked, records are right, and what is there is respected."""

import base64
from typing import Any

import pytest

from nameplate.core.errors import NotFound
from nameplate.core.templates import (
    CATALOGUE,
    Existing,
    TemplateEffect,
    TemplateZone,
    compare,
    find,
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


def test_an_alias_at_the_apex_where_there_is_one() -> None:
    site = TemplateZone("acme.com", "acme.com", apex_alias=True)
    (one,) = find("cdn").records(site, {"target": "d.cdn.net", "name": "@"})
    assert (one.type, one.name, one.value) == ("ALIAS", "@", "d.cdn.net.")
