"""Route 53: the tour over the real semantics, and over moto's wire protocol."""

import contextlib

import pytest
from tests.fakes.route53 import FakeRoute53
from tests.servers.moto import Moto

from nameplate.adapters.dns.route53 import Route53
from nameplate.adapters.vendors.aws import client as connect_aws
from nameplate.core.errors import Refused
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import RightsTesterConformance

_MOTO = "moto keeps a journal and refuses to create again what was once created and deleted"


@contextlib.contextmanager
def aws(url, key="AKIDEXAMPLE"):
    client = connect_aws(Secret(key), Secret("shh"), endpoint=url, timeout=5)
    with contextlib.closing(client):
        yield client


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as server, aws(server.url) as client:
        client.create_hosted_zone(Name="example.test.", CallerReference="1")
        yield client


@pytest.fixture
def fake():
    with FakeRoute53("example.test", "other.test") as server:
        yield server
        assert server.broken == []


@pytest.fixture
def provider(fake):
    with aws(fake.url) as client:
        yield Route53(client)


@pytest.fixture
def zone(fake):
    return Zone("example.test", fake.zone_id("example.test"))


TYPES = DnsProviderConformance.types - {"DNAME", "LOC", "OPENPGPKEY", "RP", "SMIMEA", "URI"}


class TestRoute53(DnsProviderConformance, RightsTesterConformance):
    types = TYPES
    text_length = 3900


class TestRoute53OverMoto(DnsProviderConformance, RightsTesterConformance):
    types = TYPES
    text_length = 3900

    @pytest.fixture
    def provider(self, moto):
        return Route53(moto)

    @pytest.fixture
    def zone(self, provider):
        return provider.zones()[0]

    def test_cname_switch(self, provider, zone):
        pytest.skip(_MOTO)

    def test_foreign_untouched(self, provider, zone):
        pytest.skip(_MOTO)


def at(provider, zone, name):
    return [rrset for rrset in provider.records(zone) if rrset.name == name]


def test_a_wrong_key_is_refused(fake, zone):
    with aws(fake.url, "AKIDWRONG") as client, pytest.raises(Refused) as caught:
        Route53(client).records(zone)
    assert caught.value.code == "credential_refused"


def test_the_zone_is_found_by_name(provider):
    assert provider.records(Zone("example.test"))


def test_accepted_is_applied_and_the_change_can_be_asked_about(provider, zone):
    (outcome,) = provider.apply(
        zone, [Change(None, RRset("a.example.test", "A", 300, ("192.0.2.1",)))]
    )
    assert outcome.result is Result.APPLIED
    change_id = next(word for word in outcome.detail.split() if word.startswith("C0"))
    assert provider.is_in_sync(change_id)


def test_octets_of_texts_are_octal_at_route_53(fake, provider, zone):
    text = RRset("t.example.test", "TXT", 300, ('"gr\\195\\188\\195\\159e \\"q\\" \\\\ \\000"',))
    (outcome,) = provider.apply(zone, [Change(None, text)])
    assert outcome.result is Result.APPLIED
    (stored,) = fake.rows("example.test")["t.example.test.", "TXT", ""]["ResourceRecords"]
    assert stored["Value"] == '"gr\\303\\274\\303\\237e \\"q\\" \\\\ \\000"'
    assert at(provider, zone, text.name) == [text]


def test_aliases_and_routed_sets_are_seen_and_left_alone(fake, provider, zone):
    target = {"HostedZoneId": "Z2", "DNSName": "Lb.example.ORG.", "EvaluateTargetHealth": False}
    fake.add("example.test", "alias.example.test.", "A", [], 0, AliasTarget=target)
    for part, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")):
        fake.add(
            "example.test", "w.example.test.", "A", [address], 60, SetIdentifier=part, Weight=1
        )
    before = dict(fake.rows("example.test"))
    assert at(provider, zone, "alias.example.test")[0].type == "A/alias"
    assert at(provider, zone, "w.example.test") == [
        RRset("w.example.test", "A/routed", 60, ("192.0.2.1", "192.0.2.2"))
    ]
    changes = [
        Change(None, RRset(f"{label}.example.test", "A", 300, ("192.0.2.9",)))
        for label in ("alias", "w")
    ]
    outcomes = provider.apply(zone, changes)
    assert {outcome.result for outcome in outcomes} == {Result.REFUSED}
    assert fake.rows("example.test") == before


def test_what_changed_after_the_reading_is_compared_by_route_53_itself(fake, provider, zone):
    """A second writer between our reading and our writing: their values stand, we say MOVED."""
    name = "race.example.test"
    seen = RRset(name, "A", 300, ("192.0.2.1",))
    provider.apply(zone, [Change(None, seen)])
    fake.stale(reads=1)
    fake.add("example.test", f"{name}.", "A", ["192.0.2.66"], 300)
    (outcome,) = provider.apply(zone, [Change(seen, RRset(name, "A", 300, ("192.0.2.2",)))])
    assert outcome.result is Result.MOVED
    assert at(provider, zone, name) == [RRset(name, "A", 300, ("192.0.2.66",))]


def test_a_thousand_values_a_batch(fake, provider, zone):
    values = tuple(sorted(f"192.0.{n // 250}.{n % 250}" for n in range(300)))
    changes = [Change(None, RRset(f"n{n}.example.test", "A", 300, values)) for n in range(10)]
    outcomes = provider.apply(zone, changes)
    assert {outcome.result for outcome in outcomes} == {Result.APPLIED}
    assert sum(asked.method == "POST" for asked in fake.asked) == 4
    assert len(provider.records(zone)) == 11
