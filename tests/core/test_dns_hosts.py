"""Which DNS host a delegation belongs to, and what is typed there."""

import importlib.util
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from nameplate import registry
from nameplate.core.dns_hosts import HOSTS, Confidence, host_of, recognise
from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish, TypedRecord, entries, steps

DATA = (
    Path(__file__).parents[3] / "shared/data/dns-provider-detection/lexicon_nameserver_domains.json"
)
ZONE = "example.com"
NOT_A_SUFFIX = {
    ("duckdns", "ca-central-1.compute.amazonaws.com"): "a machine anybody can rent, not Duck DNS",
    ("dnsmadeeasy", "dnsmadeeasy"): "no name: the domains are dnsmadeeasy.com and others",
}


def host(slug: str):
    return next(one for one in HOSTS if one.slug == slug)


def typed(slug: str | None, *wanted: RecordToPublish) -> list[TypedRecord]:
    return list(entries(host(slug) if slug else None, ZONE, wanted))


def cname(name: str = "www.example.com") -> RecordToPublish:
    return RecordToPublish(Purpose.ROUTING, "CNAME", name, "edge.platform.example", 3600)


def test_every_suffix_of_dns_lexicon_is_recognised():
    if not DATA.exists():
        pytest.skip("the shared data of dns-lexicon's name servers is not beside this checkout")
    wrong = []
    for slug, suffixes in json.loads(DATA.read_text()).items():
        if isinstance(suffixes, str):  # computed at run time: any server of the customer's own
            continue
        for suffix in suffixes:
            if suffix.startswith("(") or (slug, suffix) in NOT_A_SUFFIX:
                continue
            for name in (suffix, f"ns1.{suffix}", f"NS1.{suffix.upper()}."):
                found = host_of(name)
                if found is None or found.slug != slug:
                    wrong.append((name, slug, found))
    assert not wrong
    assert host_of("dns.ca-central-1.compute.amazonaws.com") is None
    assert host_of("ns0.dnsmadeeasy.com") == host("dnsmadeeasy")


@pytest.mark.parametrize(
    "server", ["ns-12.awsdns-01.com", "NS-1637.AWSDNS-12.co.uk.", "awsdns-3.net"]
)
def test_route_53_numbers_its_servers(server):
    assert host_of(server) == host("route53")


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


def test_accounts_exist_for_what_the_table_promises():
    providers = registry.dns_providers().names()

    for one in HOSTS:
        assert one.provider is None or one.provider in providers
        if one.provider == "lexicon":
            assert importlib.util.find_spec(f"lexicon._private.providers.{one.slug}"), one.slug


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


def test_borrowed_servers_belong_to_the_borrower():
    found = recognise(["dns1.p06.nsone.net", "dns2.p06.nsone.net", "ns01.squarespacedns.com"])
    assert (found.host, found.confidence) == (host("squarespace"), Confidence.CERTAIN)
    assert recognise(["dns1.p06.nsone.net"]).host == host("nsone")


def test_the_host_field_is_relative_where_the_panel_appends_the_zone():
    (entry,) = typed("godaddy", cname("www.shop.example.com"))
    assert entry.host == "www.shop"
    assert "appends .example.com automatically" in " ".join(entry.remarks)
    (entry,) = typed("namecheap_hosting", cname())
    assert entry.host == "www.example.com"
    (entry,) = typed(None, cname())
    assert entry.host == "www"
    assert "enter www.example.com" in " ".join(entry.remarks)


@pytest.mark.parametrize(
    ("slug", "expected"),
    [("godaddy", "@"), ("route53", ""), ("namecheap_hosting", ZONE), (None, "@"), ("vercel", "@")],
)
def test_the_apex_is_called_as_the_panel_calls_it(slug, expected):
    (entry,) = typed(slug, RecordToPublish(Purpose.ROUTING, "A", ZONE, "192.0.2.1", 3600))
    assert entry.host == expected
    unsure = "others an empty field" in " ".join(entry.remarks)
    assert unsure == (slug in {None, "vercel"})


def test_cloudflare_is_told_to_leave_the_proxy_off():
    records = [cname(), RecordToPublish(Purpose.OWNERSHIP, "TXT", f"_x.{ZONE}", "a=b", 300)]
    pointing, proof = typed("cloudflare", *records)
    assert any("grey cloud" in remark for remark in pointing.remarks)
    assert not any("cloud" in remark for remark in proof.remarks)
    assert proof.value == "a=b"
    assert not any("cloud" in remark for remark in typed("route53", cname())[0].remarks)


@pytest.mark.parametrize(
    ("slug", "rdtype", "said"),
    [
        ("cloudflare", "CNAME", "allows a CNAME at the zone's own name"),
        ("porkbun", "ALIAS", "Choose the type ALIAS"),
        ("namecom", "ANAME", "Choose the type ANAME"),
    ],
)
def test_the_apex_follows_a_name_where_the_host_can_do_it(slug, rdtype, said):
    assert host(slug).apex_type == rdtype
    (entry,) = typed(slug, replace(cname(ZONE), type=rdtype))
    assert (entry.type, entry.value) == (rdtype, "edge.platform.example")
    assert said in entry.remarks[0]


@pytest.mark.parametrize("slug", ["godaddy", None])
def test_elsewhere_the_apex_gets_addresses(slug):
    assert slug is None or host(slug).apex_type is None
    address = RecordToPublish(
        Purpose.ROUTING, "A", ZONE, "192.0.2.1", 3600, follows="edge.platform.example"
    )
    (entry,) = typed(slug, address)
    assert "These are the current addresses of edge.platform.example" in entry.remarks[0]
    assert ("ALIAS or ANAME" in entry.remarks[0]) == (slug is None)
    (entry,) = typed(slug, cname(ZONE))
    assert "is not allowed at example.com itself" in entry.remarks[0]


@pytest.mark.parametrize(("slug", "value"), [("ovh", "edge.platform.example."), ("godaddy", None)])
def test_the_final_dot_is_typed_where_it_counts(slug, value):
    (entry,) = typed(slug, cname())
    assert entry.value == (value or "edge.platform.example")


def test_everybody_is_told_where_to_go():
    assert steps(host("cloudflare"))[0].startswith("Sign in to Cloudflare")
    assert steps(None) == steps(host("reg" + "ru"))
