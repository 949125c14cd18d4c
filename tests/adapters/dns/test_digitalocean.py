"""DigitalOcean: the conformance tour over a stateful fake, and its own traps."""

from typing import ClassVar

import pytest
from tests.fakes.digitalocean import FakeDigitalOcean

from nameplate.adapters.dns.digitalocean import DigitalOcean
from nameplate.core.errors import Refused
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import RightsTesterConformance

ZONE = Zone("example.test", "example.test")


@pytest.fixture
def fake():
    with FakeDigitalOcean("example.test", "other.test") as server:
        yield server
        assert server.broken == []


@pytest.fixture
def connected(fake, connect):
    def make(token="the-right-key"):
        headers = {"Authorization": Secret(f"Bearer {token}")}
        return DigitalOcean(connect(fake.url, headers=headers))

    return make


@pytest.fixture
def provider(connected):
    return connected()


class TestDigitalOcean(DnsProviderConformance, RightsTesterConformance):
    types = frozenset({"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"})
    text_length = 490
    examples: ClassVar = {
        **DnsProviderConformance.examples,
        "CAA": ('0 issue "ca.example"', "0 issuewild ;", "0 iodef mailto:a@example.org"),
        "TXT": ("v=spf1 include:_spf.example.org -all", 'a;b "c" d', '"in quotes"', "grüße"),
    }

    @pytest.fixture
    def zone(self):
        return ZONE


def at(provider, name):
    return [rrset for rrset in provider.records(ZONE) if rrset.name == name]


def test_wrong_token_is_refused(connected):
    with pytest.raises(Refused) as caught:
        connected("wrong").zones()
    assert caught.value.code == "credential_refused"


def test_a_target_in_the_zone_itself(fake, provider):
    alias = RRset("www.example.test", "CNAME", 300, ("example.test.",))
    (outcome,) = provider.apply(ZONE, [Change(None, alias)])
    assert outcome.result is Result.APPLIED
    assert any(row["data"] == "@" for row in fake.rows("example.test").values())
    assert at(provider, alias.name) == [alias]


def test_an_edit_keeps_the_record_id(provider):
    one = RRset("a.example.test", "A", 300, ("192.0.2.1",))
    two = RRset("a.example.test", "A", 600, ("192.0.2.2",))
    (made,) = provider.apply(ZONE, [Change(None, one)])
    (edited,) = provider.apply(ZONE, [Change(one, two)])
    assert list(made.external_ids.values()) == list(edited.external_ids.values())
    assert at(provider, one.name) == [two]


def test_what_the_provider_cannot_have_is_refused_before_any_write(fake, provider):
    wanted = [
        RRset("a.example.test", "A", 10, ("192.0.2.1",)),
        RRset("b.example.test", "TXT", 300, ('"two" "strings"',)),
        RRset("c.example.test", "TXT", 300, ('"back\\\\slash"',)),
        RRset("d.example.test", "MX", 300, ("0 .",)),
        RRset("e.example.test", "CAA", 300, ('0 issue "ca.example; a=b"',)),
        RRset("f.example.test", "HTTPS", 300, ("1 .",)),
    ]
    outcomes = provider.apply(ZONE, [Change(None, rrset) for rrset in wanted])
    assert {outcome.result for outcome in outcomes} == {Result.REFUSED}
    assert all(outcome.detail for outcome in outcomes)
    assert all(asked.method == "GET" for asked in fake.asked)


def test_a_switch_refused_half_way_is_undone(fake, provider):
    """The room for the CNAME was made already when DigitalOcean said no."""
    name = "switch.example.test"
    address = RRset(name, "A", 300, ("192.0.2.1",))
    alias = RRset(name, "CNAME", 300, ("target.example.org.",))
    provider.apply(ZONE, [Change(None, address)])
    fake.play("status", status=422, when=lambda a: a.method == "POST" and b"CNAME" in a.body)
    outcomes = provider.apply(ZONE, [Change(address, None), Change(None, alias)])
    assert {outcome.result for outcome in outcomes} == {Result.REFUSED}
    assert at(provider, name) == [address]


def test_a_creation_that_is_not_listed_yet_is_not_repeated(fake, provider):
    wanted = RRset("new.example.test", "A", 300, ("192.0.2.1",))
    fake.stale(reads=10)
    results = [provider.apply(ZONE, [Change(None, wanted)])[0].result for _ in range(3)]
    assert results == [Result.APPLIED, Result.UNKNOWN, Result.UNKNOWN]
    assert sum(row["name"] == "new" for row in fake.rows("example.test").values()) == 1
