"""Templates for mail: which records each provider asks for."""

import pytest

from nameplate.core.errors import Invalid
from nameplate.core.templates import find
from nameplate.core.templates.template import TemplateZone

SITE = TemplateZone("acme.com", "acme.com")


def records(name: str, **given: str) -> set[tuple[str, str, str]]:
    return {(one.type, one.name, one.value) for one in find(name).records(SITE, given)}


def test_servers_of_ones_own_are_preferred_in_the_order_given() -> None:
    found = records("mail", mx="b.acme.com,a.acme.com", all="-all")
    assert found == {
        ("MX", "@", "10 b.acme.com."),
        ("MX", "@", "20 a.acme.com."),
        ("TXT", "@", "v=spf1 mx -all"),
    }


def test_keys_are_published_for_the_selectors_that_were_given() -> None:
    second = "protonmail2.domainkey.d1.domains.proton.ch"
    kinds = {one for one in records("proton", dkim_2=second) if one[0] == "CNAME"}
    assert kinds == {("CNAME", "protonmail2._domainkey", f"{second}.")}


def test_a_code_of_proton_is_taken_with_its_prefix_or_without() -> None:
    text = ("TXT", "@", "protonmail-verification=abc")
    assert text in records("proton", verification="abc")
    assert text in records("proton", verification="protonmail-verification=abc")


def test_fastmail_signs_for_the_domain_itself() -> None:
    below = TemplateZone("shop.acme.com", "acme.com")
    found = {one.value for one in find("fastmail").records(below, {}) if one.type == "CNAME"}
    assert found == {f"fm{n}.shop.acme.com.dkim.fmhosted.com." for n in (1, 2, 3)}


@pytest.mark.parametrize(
    "host", ["acme-com.mail.protection.outlook.com", "acme-com.a.mx.microsoft"]
)
def test_both_kinds_of_hosts_of_microsoft(host: str) -> None:
    assert ("MX", "@", f"0 {host}.") in records("microsoft-365", mx=host)


def test_a_host_that_only_looks_like_microsofts() -> None:
    with pytest.raises(Invalid):
        records("microsoft-365", mx="mail.protection.outlook.com.acme.com")
