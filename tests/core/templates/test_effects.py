"""What applying a template does to the records that are there."""

import base64
from typing import Any

from nameplate.core import rdata
from nameplate.core.templates import (
    Existing,
    TemplateEffect,
    TemplateZone,
    compare,
    find,
)

SITE = TemplateZone("acme.com", "acme.com")


KEY = base64.b64encode(bytes(range(200))).decode()


def effects(name: str, values: dict[str, str], *there: Existing) -> list[Any]:
    return list(compare(SITE, find(name).records(SITE, values), there))


def there(kind: str, value: str, name: str = "acme.com", **more: Any) -> Existing:
    text = rdata.parse(kind, value, origin="acme.com").text
    given: dict[str, Any] = {"id": 7, "type": kind, "name": name, "value": text, "ttl": 300}
    return Existing(**(given | more))


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
