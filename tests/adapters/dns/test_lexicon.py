"""The dns-lexicon bridge: the tour against a real PowerDNS, as far as dns-lexicon can go."""

import pytest
from tests.servers.lossy import Lossy

from nameplate.adapters.dns.lexicon import Lexicon
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.dns import DnsProviderConformance

ZONE = Zone("other.test", "other.test")
SHOWN = {"A": ("192.0.2.1", "192.0.2.2"), "AAAA": ("2001:db8::1",), "TXT": ("v=spf1 -all", "a;b c")}


def bridged(url, key, **more):
    options = {"auth_token": key, "pdns_server": url}
    return Lexicon("powerdns", options, ["other.test"], **more)


@pytest.fixture
def provider(powerdns):
    return bridged(powerdns.api_url, powerdns.api_key)


class TestLexicon(DnsProviderConformance):
    types = frozenset({"A", "AAAA", "TXT"})
    examples = SHOWN
    ttls = (300, 300)
    text_length = 250
    many = 20

    @pytest.fixture
    def zone(self):
        return ZONE

    def test_cname_switch(self, provider, zone):
        """dns-lexicon's powerdns appends the zone to targets: refused, and all as it was."""
        name = "switch-lexicon.other.test"
        address = RRset(name, "A", 300, ("192.0.2.1",))
        alias = RRset(name, "CNAME", 300, ("target.example.org.",))
        provider.apply(zone, [Change(None, address)])
        outcomes = provider.apply(zone, [Change(address, None), Change(None, alias)])
        assert {outcome.result for outcome in outcomes} == {Result.REFUSED}
        assert [r for r in provider.records(zone) if r.name == name] == [address]

    def test_long_text(self, provider, zone):
        pytest.skip("dns-lexicon's powerdns writes a text as one string: 255 octets at most")


def test_wrong_key_is_refused(powerdns):
    with pytest.raises(Refused) as caught:
        bridged(powerdns.api_url, Secret("wrong")).records(ZONE)
    assert caught.value.code == "credential_refused"
    assert "wrong" not in str(caught.value)


def test_unknown_provider_is_refused():
    with pytest.raises(Refused) as caught:
        Lexicon("nobody", {}, [])
    assert caught.value.code == "provider_unknown"


def test_another_ttl_is_refused(provider):
    wanted = RRset("ttl-lexicon.other.test", "A", 600, ("192.0.2.1",))
    (outcome,) = provider.apply(ZONE, [Change(None, wanted)])
    assert outcome.result is Result.REFUSED


def test_a_lost_answer_is_read_back(powerdns):
    port = int(powerdns.api_url.rpartition(":")[2])
    wanted = RRset("lost-lexicon.other.test", "A", 300, ("192.0.2.1",))
    with Lossy(port, lambda request: request.startswith(b"PATCH")) as lossy:
        provider = bridged(f"http://127.0.0.1:{lossy.port}", powerdns.api_key)
        (outcome,) = provider.apply(ZONE, [Change(None, wanted)])
    assert outcome.result is Result.APPLIED


def test_unreachable_is_unavailable():
    with pytest.raises(Unavailable):
        bridged("http://127.0.0.1:1", Secret("key")).records(ZONE)
