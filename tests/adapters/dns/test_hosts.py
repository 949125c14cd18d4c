"""Zones that come and go at the operator's own servers, and what may be done in them."""

import secrets

import pytest
from tests.servers.knot import CATALOG
from tests.servers.lossy import Lossy

from nameplate.adapters.dns.powerdns_host import PowerDnsHost
from nameplate.adapters.dns.rfc2136_host import CatalogServer
from nameplate.adapters.http.client import Api
from nameplate.core.errors import Refused, Unavailable
from nameplate.ports.dns import NewZone, Zone
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import ZoneHostConformance

SERVERS = ("ns1.platform.example", "ns2.platform.example")


def new_zone(name=None, mark=None):
    name = name or f"z{secrets.token_hex(4)}.example"
    return NewZone(name, SERVERS, "hostmaster.platform.example", mark or secrets.token_hex(16))


def make(kind, server, port=None):
    if kind == "powerdns":
        url = f"http://127.0.0.1:{port}" if port else server.api_url
        return PowerDnsHost(Api(url, headers={"X-API-Key": server.api_key}))
    return CatalogServer(server.address, port or server.port, CATALOG, server.tsig)


@pytest.fixture(params=["powerdns", "knot"])
def kind(request):
    return request.param


@pytest.fixture
def server(request, kind):
    return request.getfixturevalue(kind)


@pytest.fixture
def host(kind, server):
    return make(kind, server)


class TestHostedZone(DnsProviderConformance):
    """Everything that a provider must do, in a zone that has just come into being."""

    text_length = 60_000

    @pytest.fixture
    def provider(self, host):
        return host

    @pytest.fixture
    def zone(self, host):
        return host.create(new_zone())


class TestZoneHost(ZoneHostConformance):
    @pytest.fixture
    def new_zone(self):
        return new_zone


def test_a_zone_that_the_operator_keeps_by_hand_is_not_taken(host):
    there = host.records(Zone("other.test"))
    with pytest.raises(Refused) as caught:
        host.create(new_zone("other.test"))
    assert caught.value.code == "zone_exists"
    assert host.records(Zone("other.test")) == there


def test_an_answer_that_is_lost_after_the_act(kind, server, host):
    """The creation happens, nobody hears of it, and the next attempt finds it."""
    port = int(server.api_url.rpartition(":")[2]) if kind == "powerdns" else server.port
    lost: list[bytes] = []

    def lose(request):
        acts = request.startswith(b"POST") or (len(request) > 4 and (request[4] >> 3) & 15 == 5)
        lost.extend([request] if acts and not lost else [])
        return bool(lost and lost[0] is request)

    new = new_zone()
    with Lossy(port, lose) as lossy:
        through = make(kind, server, lossy.port)
        try:
            through.create(new)
        except Unavailable:
            through.create(new)
    assert lost
    assert new.name in {zone.name for zone in host.zones()}
