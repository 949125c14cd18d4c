"""Which DNS host a delegation belongs to, and what is typed there."""

from collections import Counter

import pytest

from nameplate.core.dns_hosts import HOSTS, Confidence, host_of, recognise

ZONE = "example.com"


def host(slug: str):
    return next(one for one in HOSTS if one.slug == slug)


@pytest.mark.parametrize(
    "server",
    [
        "ns1.example.com",
        "notcloudflare.com",
        "cloudflare.com.evil.example",
        "awsdns-x.com",
        "ns.awsdns-*.com.example",
        "com",
        "",
        ".",
    ],
)
def test_lookalikes_are_strangers(server):
    assert host_of(server) is None


def test_the_table_has_no_contradictions():
    suffixes = Counter(suffix for one in HOSTS for suffix in one.suffixes)
    assert [suffix for suffix, count in suffixes.items() if count > 1] == []
    slugs = [one.slug for one in HOSTS]
    assert len(set(slugs)) == len(slugs)
    assert all(slug in slugs for one in HOSTS for slug in one.borrows)
    assert all(one.panel is None or one.panel.startswith("https://") for one in HOSTS)
    assert all(len(one.steps) <= 3 for one in HOSTS)


def test_a_whole_set_of_one_host_is_certain():
    found = recognise(["ada.ns.cloudflare.com.", "bob.ns.cloudflare.com"])
    assert (found.host, found.confidence) == (host("cloudflare"), Confidence.CERTAIN)
    assert (found.others, found.strangers) == ((), ())


def test_mixed_sets_are_said_so():
    found = recognise(["a.ns.cloudflare.com", "b.ns.cloudflare.com", "ns1.digitalocean.com"])
    assert (found.host, found.confidence) == (host("cloudflare"), Confidence.MIXED)
    assert found.others == (host("digitalocean"),)
    found = recognise(["a.ns.cloudflare.com", "ns1.example.com"])
    assert (found.confidence, found.strangers) == (Confidence.MIXED, ("ns1.example.com",))


def test_unknown_sets_are_unknown():
    for servers in ([], ["ns1.example.com", "ns2.example.com"]):
        found = recognise(servers)
        assert (found.host, found.confidence) == (None, Confidence.UNKNOWN)
