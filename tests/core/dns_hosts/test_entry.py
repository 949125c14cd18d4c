"""What is typed in the panel of a DNS host."""

import pytest

from nameplate.core.dns_hosts import HOSTS
from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish, TypedRecord, entries, steps

ZONE = "example.com"


def host(slug: str):
    return next(one for one in HOSTS if one.slug == slug)


def typed(
    slug: str | None, *wanted: RecordToPublish, addresses: tuple[str, ...] = ()
) -> list[TypedRecord]:
    return list(entries(host(slug) if slug else None, ZONE, wanted, addresses))


def cname(name: str = "www.example.com") -> RecordToPublish:
    return RecordToPublish(Purpose.ROUTING, "CNAME", name, "edge.platform.example", 3600)


def test_the_host_field_is_relative_where_the_panel_appends_the_zone():
    (entry,) = typed("godaddy", cname("www.shop.example.com"))
    assert entry.host == "www.shop"
    assert "appends .example.com by itself" in " ".join(entry.remarks)
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
    ("slug", "rdtype"), [("cloudflare", "CNAME"), ("porkbun", "ALIAS"), ("namecom", "ANAME")]
)
def test_the_apex_follows_a_name_where_the_host_can_do_it(slug, rdtype):
    (entry,) = typed(slug, cname(ZONE), addresses=("192.0.2.1",))
    assert (entry.type, entry.value) == (rdtype, "edge.platform.example")


@pytest.mark.parametrize("slug", ["godaddy", None])
def test_elsewhere_the_apex_gets_addresses(slug):
    found = typed(slug, cname(ZONE), addresses=("192.0.2.1", "2001:db8::1"))
    assert [(one.type, one.value) for one in found] == [("A", "192.0.2.1"), ("AAAA", "2001:db8::1")]
    (entry,) = typed(slug, cname(ZONE))
    assert "cannot stand at example.com itself" in entry.remarks[0]


@pytest.mark.parametrize(("slug", "value"), [("ovh", "edge.platform.example."), ("godaddy", None)])
def test_the_final_dot_is_typed_where_it_counts(slug, value):
    (entry,) = typed(slug, cname())
    assert entry.value == (value or "edge.platform.example")


def test_everybody_is_told_where_to_go():
    assert steps(host("cloudflare"))[0].startswith("Sign in to Cloudflare")
    assert steps(None) == steps(host("reg" + "ru"))
