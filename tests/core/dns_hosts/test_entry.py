"""What is typed in the panel of a DNS host."""

from dataclasses import replace

import pytest

from nameplate.core.dns_hosts import HOSTS
from nameplate.core.dns_hosts.entry import Purpose, RecordToPublish, TypedRecord, entries, steps

ZONE = "example.com"


def host(slug: str):
    return next(one for one in HOSTS if one.slug == slug)


def typed(slug: str | None, *wanted: RecordToPublish) -> list[TypedRecord]:
    return list(entries(host(slug) if slug else None, ZONE, wanted))


def cname(name: str = "www.example.com") -> RecordToPublish:
    return RecordToPublish(Purpose.ROUTING, "CNAME", name, "edge.platform.example", 3600)


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
