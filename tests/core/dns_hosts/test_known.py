"""The DNS hosts whose panels are known."""

import pytest

from nameplate.core.dns_hosts import HOSTS, Confidence, host_of, recognise
from nameplate.core.dns_hosts.host import ApexAlias
from nameplate.core.dns_hosts.known import KNOWN


def host(slug: str):
    return next(one for one in HOSTS if one.slug == slug)


@pytest.mark.parametrize(
    "server", ["ns-12.awsdns-01.com", "NS-1637.AWSDNS-12.co.uk.", "awsdns-3.net"]
)
def test_route_53_numbers_its_servers(server):
    assert host_of(server) == host("route53")


def test_borrowed_servers_belong_to_the_borrower():
    found = recognise(["dns1.p06.nsone.net", "dns2.p06.nsone.net", "ns01.squarespacedns.com"])
    assert (found.host, found.confidence) == (host("squarespace"), Confidence.CERTAIN)
    assert recognise(["dns1.p06.nsone.net"]).host == host("nsone")


def test_a_remark_is_made_only_where_there_is_a_reason():
    for one in KNOWN:
        assert bool(one.proxy_off) == (one.slug == "cloudflare"), one.slug
        assert all(step.endswith(".") for step in one.steps), one.slug


def test_every_panel_that_is_known_can_be_found():
    for one in KNOWN:
        assert one.panel or one.steps or one.host_field or one.borrows, one.slug


def test_hosts_that_flatten_take_a_name_at_the_apex():
    flattening = {one.slug for one in KNOWN if one.apex_alias is ApexAlias.FLATTENING}
    assert "cloudflare" in flattening
    assert "route53" not in flattening
