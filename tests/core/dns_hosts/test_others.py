"""The DNS hosts of which only the name servers are known."""

import importlib.util
import json
from pathlib import Path

import pytest

from nameplate import registry
from nameplate.core.dns_hosts import HOSTS, host_of
from nameplate.core.dns_hosts.others import OTHERS

DATA = (
    Path(__file__).parents[4] / "shared/data/dns-provider-detection/lexicon_nameserver_domains.json"
)


NOT_A_SUFFIX = {
    ("duckdns", "ca-central-1.compute.amazonaws.com"): "a machine anybody can rent, not Duck DNS",
    ("dnsmadeeasy", "dnsmadeeasy"): "no name: the domains are dnsmadeeasy.com and others",
}


def host(slug: str):
    return next(one for one in HOSTS if one.slug == slug)


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


def test_accounts_exist_for_what_the_table_promises():
    providers = registry.dns_providers().names()

    for one in HOSTS:
        assert one.provider is None or one.provider in providers
        if one.provider == "lexicon":
            assert importlib.util.find_spec(f"lexicon._private.providers.{one.slug}"), one.slug


def test_the_table_is_read_whole():
    assert len({one.slug for one in OTHERS}) == len(OTHERS) > 50
    dyn = next(one for one in OTHERS if one.slug == "dyn")
    assert (dyn.name, dyn.provider, dyn.suffixes) == ("Oracle Dyn", None, ("dynect.net",))
    dnspod = next(one for one in OTHERS if one.slug == "dnspod")
    assert (dnspod.provider, dnspod.suffixes) == ("lexicon", ("dnsapi.cn", "dnspod.net"))


def test_nothing_is_said_of_a_panel_that_nobody_knows():
    assert {(one.panel, one.steps) for one in OTHERS} == {(None, ())}
