"""Cloudflare: the conformance tour over a stateful fake, and its own traps."""

import pytest
from tests.fakes.cloudflare import FakeCloudflare

from nameplate.adapters.dns.cloudflare import Cloudflare
from nameplate.core.errors import Refused
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.cdn import CdnProviderConformance
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import (
    NameServersConformance,
    RightsTesterConformance,
    ZoneSignerConformance,
)


@pytest.fixture
def fake():
    with FakeCloudflare("example.test", "other.test") as server:
        yield server
        assert server.broken == []


@pytest.fixture
def connected(fake, connect):
    def make(token="the-right-key", **more):
        headers = {"Authorization": Secret(f"Bearer {token}")}
        return Cloudflare(connect(f"{fake.url}/client/v4", headers=headers), **more)

    return make


@pytest.fixture
def provider(connected):
    return connected()


@pytest.fixture
def zone(fake):
    return Zone("example.test", fake.zone_id("example.test"))


class TestCloudflare(DnsProviderConformance, NameServersConformance, RightsTesterConformance):
    types = DnsProviderConformance.types - {"DNAME", "RP"}
    text_length = 2000


class TestInFront(CdnProviderConformance):
    @pytest.fixture(autouse=True)
    def _server(self, fake, provider, zone):
        self.fake, self.provider, self.zone = fake, provider, zone

    def set_mode(self, mode):
        self.fake.set_mode(self.zone.name, mode)

    def purged(self):
        return self.fake.purged


class TestSigning(ZoneSignerConformance):
    @pytest.fixture
    def signer(self, provider):
        return provider

    @pytest.fixture
    def signed(self, fake, zone):
        fake.sign(zone.name)
        return zone

    @pytest.fixture
    def unsigned(self):
        return Zone("other.test")


@pytest.mark.parametrize(
    ("status", "count"),
    [("active", 1), ("pending", 1), ("pending-disabled", 0), ("error", 0), ("disabled", 0)],
)
def test_what_is_to_be_at_the_parent_while_signing_comes_and_goes(
    fake, provider, zone, status, count
):
    """A zone is signed before its parent knows, and its parent has forgotten it before it ends."""
    fake.sign(zone.name, status)
    told = provider.ds(zone)
    assert [one.text for one in told] == [f"2371 13 2 {'248D' * 16}"] * count
    assert [one.flags for one in told] == [257] * count


def test_a_token_that_may_not_read_the_mode_is_told(fake, provider, zone):
    fake.may_read_settings = False
    with pytest.raises(Refused) as caught:
        provider.origin_mode(zone)
    assert caught.value.code == "credential_refused"


def at(provider, zone, name):
    return [rrset for rrset in provider.records(zone) if rrset.name == name]


def test_the_zone_is_found_by_name(provider):
    assert provider.records(Zone("example.test"))


def test_wrong_token_is_refused(connected, zone):
    with pytest.raises(Refused) as caught:
        connected("wrong").records(zone)
    assert caught.value.code == "credential_refused"


def test_proxied_comes_and_goes_and_keeps_the_record_id(fake, provider, zone):
    name = "www.example.test"
    plain = RRset(name, "A", 300, ("192.0.2.1",))
    proxied = RRset(name, "A", 300, ("192.0.2.1",), proxied=True)
    (made,) = provider.apply(zone, [Change(None, plain)])
    for before, after in ((plain, proxied), (proxied, plain)):
        (outcome,) = provider.apply(zone, [Change(before, after)])
        assert outcome.result is Result.APPLIED
        assert outcome.external_ids == made.external_ids
        assert at(provider, zone, name) == [after]
        (stored,) = fake.rows("example.test").values()
        assert stored["ttl"] == (1 if after.proxied else 300)


def test_impossible_proxies_are_refused_before_any_call(fake, provider, zone):
    wanted = [
        RRset("t.example.test", "TXT", 300, ('"x"',), proxied=True),
        RRset("a.example.test", "A", 600, ("192.0.2.1",), proxied=True),
        RRset("example.test", "NS", 300, ("ns.example.org.",)),
    ]
    outcomes = provider.apply(zone, [Change(None, rrset) for rrset in wanted])
    assert [o.result for o in outcomes[:2]] == [Result.REFUSED, Result.REFUSED]
    assert outcomes[2].result in {Result.REFUSED, Result.MOVED}
    assert all(asked.method == "GET" for asked in fake.asked)


def test_comments_mark_what_we_create_and_those_of_others_survive(fake, connected, zone):
    name = "x.example.test"
    fake.add("example.test", name=name, type="A", content="192.0.2.9", ttl=300, comment="theirs")
    provider = connected(comment="nameplate")
    before = RRset(name, "A", 300, ("192.0.2.9",))
    both = RRset(name, "A", 300, ("192.0.2.1", "192.0.2.9"))
    slower = RRset(name, "A", 600, ("192.0.2.1", "192.0.2.9"))
    for change in (Change(before, both), Change(both, slower)):
        (outcome,) = provider.apply(zone, [change])
        assert outcome.result is Result.APPLIED
    comments = {row["content"]: row["comment"] for row in fake.rows("example.test").values()}
    assert comments == {"192.0.2.1": "nameplate", "192.0.2.9": "theirs"}


def test_batches_stay_within_the_plan(fake, connected, zone):
    fake.max_batch = 10
    changes = [
        Change(None, RRset(f"n{n}.example.test", "A", 300, ("192.0.2.1", "192.0.2.2", "192.0.2.3")))
        for n in range(10)
    ]
    outcomes = connected(batch=10).apply(zone, changes)
    assert {outcome.result for outcome in outcomes} == {Result.APPLIED}
    assert sum(asked.method == "POST" for asked in fake.asked) == 4


def test_unquoted_text_and_automatic_ttl_are_read_as_what_they_mean(fake, provider, zone):
    fake.add("example.test", name="x", type="TXT", content='say "hi"; now', ttl=1)
    assert at(provider, zone, "x.example.test") == [
        RRset("x.example.test", "TXT", 300, ('"say \\"hi\\"; now"',))
    ]
