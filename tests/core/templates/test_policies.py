"""Templates for what others may do in a domain's name."""

import base64

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.templates import find
from nameplate.core.templates.template import Beside, TemplateZone

SITE = TemplateZone("acme.com", "acme.com")
KEY = base64.b64encode(bytes(range(200))).decode()


def records(name: str, **given: str) -> list[tuple[str, str, str]]:
    return [(one.type, one.name, one.value) for one in find(name).records(SITE, given)]


def test_senders_are_listed_servers_first() -> None:
    (found,) = records("spf", mx="yes", ip="192.0.2.1", include="a.net,b.net", all="-all")
    assert found[2] == "v=spf1 mx ip4:192.0.2.1 include:a.net include:b.net -all"


def test_a_key_is_a_text_and_a_target_an_alias() -> None:
    assert records("dkim", selector="s1", key=KEY, algorithm="ed25519") == [
        ("TXT", "s1._domainkey", f"v=DKIM1; k=ed25519; p={KEY}")
    ]
    assert records("dkim", selector="s1", target="s1.x.net") == [
        ("CNAME", "s1._domainkey", "s1.x.net.")
    ]
    with pytest.raises(Invalid):
        records("dkim", selector="s1", key=KEY, target="s1.x.net")


def test_a_policy_has_only_the_tags_that_were_given() -> None:
    assert records("dmarc", policy="none") == [("TXT", "_dmarc", "v=DMARC1; p=none")]
    (found,) = records("dmarc", policy="reject", rua="a@x.net")
    assert found[2] == "v=DMARC1; p=reject; rua=mailto:a@x.net"


def test_an_authority_and_where_to_report_to() -> None:
    found = records("caa", issuer="letsencrypt.org", report_to="a@x.net,b@x.net")
    assert found == [
        ("CAA", "@", '0 issue "letsencrypt.org"'),
        ("CAA", "@", '0 iodef "mailto:a@x.net"'),
        ("CAA", "@", '0 iodef "mailto:b@x.net"'),
    ]
    assert ("CAA", "@", '0 issuewild ";"') in records("caa", issuer="x.net", wildcards="no")


def test_authorities_stand_beside_each_other() -> None:
    assert {one.beside for one in find("caa").records(SITE, {"issuer": "x.net"})} == {Beside.STAYS}
