"""The limits of providers: the table says what the shared data says, in sentences."""

import json
from pathlib import Path

import pytest

from nameplate.core.provider_limits import refusals
from nameplate.core.rdata import parse
from nameplate.core.records import RRset

DATA = Path(__file__).parents[3] / "shared" / "data" / "provider-limits" / "dnscontrol_audit.json"
EXAMPLES = {
    ("TXT", "empty value"): '""',
    ("TXT", "contains backslash"): "back\\slash",
    ("TXT", "contains double quote"): 'a "quoted" word',
    ("TXT", "total encoded length over 512 octets incl. quotes/escapes/spaces"): "x" * 520,
    ("MX", "null MX (.)"): "0 .",
    ("CAA", "target contains whitespace"): '0 issue "ca.example; a=b"',
}
NOT_RESTATED = {
    "powerdns": "our adapter writes these texts and its conformance tour shows that they survive",
    "route53": "an alias is a type of Route 53's own, which we leave alone",
}


def rrset(rdtype, *values, ttl=300, **more):
    texts = [parse(rdtype, value, origin="example.test").text for value in values]
    return RRset("a.example.test", rdtype, ttl, tuple(sorted(texts)), **more)


@pytest.mark.parametrize("provider", ["cloudflare", "digitalocean", "namecheap"])
def test_what_others_found_out_is_refused_beforehand(provider):
    if not DATA.is_file():
        pytest.skip("../shared/data/provider-limits is not on this machine")
    for known in json.loads(DATA.read_text())[provider]:
        found = refusals(provider, rrset(known["type"], EXAMPLES[known["type"], known["reject"]]))
        assert found, known
        assert found.startswith("a.example.test ")
        assert found.endswith(".")


def test_every_provider_of_the_data_is_in_the_table_or_said_why_not():
    if not DATA.is_file():
        pytest.skip("../shared/data/provider-limits is not on this machine")
    known = json.loads(DATA.read_text()).keys() - {"source"}
    assert known == {"cloudflare", "digitalocean", "namecheap", *NOT_RESTATED}


@pytest.mark.parametrize(
    ("provider", "wanted"),
    [
        ("digitalocean", rrset("TLSA", f"3 1 1 {'ab' * 32}")),
        ("digitalocean", rrset("A", "192.0.2.1", ttl=29)),
        ("digitalocean", rrset("TXT", '"two" "strings"')),
        ("cloudflare", rrset("A", "192.0.2.1", ttl=59)),
        ("cloudflare", rrset("A", "192.0.2.1", ttl=86_401)),
        ("cloudflare", rrset("TXT", "x", proxied=True)),
        ("cloudflare", rrset("A", "192.0.2.1", ttl=600, proxied=True)),
        ("namecheap", rrset("SRV", "1 1 1 host.example.org")),
        ("namecheap", rrset("A", "192.0.2.1", ttl=60_001)),
        ("route53", rrset("A", "192.0.2.1", proxied=True)),
        ("route53", rrset("TXT", "x" * 4100)),
        ("route53", rrset("ALIAS", "a.example.org")),
        ("rfc2136", rrset("ALIAS", "a.example.org")),
        ("lexicon", rrset("MX", "10 a.example.org")),
        ("cloudflare", rrset("DNAME", "a.example.org")),
        ("cloudflare", rrset("RP", "a.example.org .")),
        ("powerdns", rrset("LOC", "1 N 1 E 1m 90000000m")),
        ("route53", rrset("LOC", "1 N 1 E 1m")),
    ],
)
def test_refused(provider, wanted):
    assert refusals(provider, wanted)


@pytest.mark.parametrize(
    ("provider", "wanted"),
    [
        ("cloudflare", rrset("A", "192.0.2.1", proxied=True)),
        ("cloudflare", rrset("TXT", 'a "b" \\ c')),
        ("digitalocean", rrset("TXT", "x" * 300)),
        ("namecheap", rrset("TXT", "back\\slash")),
        ("powerdns", rrset("TXT", 'a "b" \\ c')),
        ("rfc2136", rrset("A", "192.0.2.1", ttl=0)),
        ("somebody", rrset("ALIAS", "a.example.org")),
        ("cloudflare", rrset("URI", "1 1 https://example.org")),
        ("powerdns", rrset("DNAME", "a.example.org")),
        ("rfc2136", rrset("RP", "a.example.org .")),
        ("route53", rrset("NAPTR", '1 1 "s" "x" "" a.example.org')),
    ],
)
def test_allowed(provider, wanted):
    assert refusals(provider, wanted) is None


@pytest.mark.parametrize("provider", ["digitalocean", "namecheap"])
def test_a_type_that_a_provider_lacks_is_refused_with_those_that_it_has(provider):
    found = refusals(provider, rrset("NAPTR", '1 1 "s" "x" "" a.example.org'))
    assert found
    assert "does not support NAPTR records. Types that it has: A, AAAA, " in found
