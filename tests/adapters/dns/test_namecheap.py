"""Namecheap: the conformance tour over a stateful fake, and its own traps."""

import threading
from typing import ClassVar

import pytest
from tests.fakes.namecheap import FakeNamecheap
from tests.fakes.server import Answer

from nameplate.adapters.dns.namecheap import Namecheap
from nameplate.adapters.vendors.namecheap import NamecheapApi
from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.dns import DnsProviderConformance

ZONE = Zone("example.test", "example.test")


@pytest.fixture
def fake():
    with FakeNamecheap("example.test", "other.co.test") as server:
        yield server
        assert server.broken == []


@pytest.fixture
def connected(fake, connect):
    def make(key="the-right-key"):
        return Namecheap(NamecheapApi(connect(fake.url), "user", Secret(key), "192.0.2.1"))

    return make


@pytest.fixture
def provider(connected):
    return connected()


class TestNamecheap(DnsProviderConformance):
    types = frozenset({"A", "AAAA", "ALIAS", "CAA", "CNAME", "MX", "NS", "TXT"})
    examples: ClassVar = {
        **DnsProviderConformance.examples,
        "TXT": ("v=spf1 include:_spf.example.org -all", "a;b c \\ d", "grüße & <co>"),
    }

    @pytest.fixture
    def zone(self):
        return ZONE


def at(provider, name):
    return [rrset for rrset in provider.records(ZONE) if rrset.name == name]


def add(provider, label, address="192.0.2.1"):
    wanted = RRset(f"{label}.example.test", "A", 300, (address,))
    (outcome,) = provider.apply(ZONE, [Change(None, wanted)])
    return outcome


def test_wrong_key_is_refused(connected):
    with pytest.raises(Refused) as caught:
        connected("wrong").zones()
    assert caught.value.code == "credential_refused"


def test_405_means_wait(fake, provider):
    fake.play("status", status=405, when=lambda asked: True)
    with pytest.raises(RateLimited):
        provider.records(ZONE)


def test_a_suffix_of_two_labels(fake, provider):
    assert provider.records(Zone("other.co.test", "other.co.test"))
    assert b"SLD=other&TLD=co.test" in fake.asked[0].body


def test_everything_else_in_the_zone_is_written_back_as_it_was(fake, provider):
    fake.state["example.test"]["email"] = "FWD"
    fake.add("example.test", "@", "A", "192.0.2.7", TTL="1799")
    fake.add("example.test", "old", "URL", "https://example.org/?a=1&b=ü", TTL="60")
    fake.add("example.test", "example.test", "MXE", "192.0.2.8", MXPref="5")
    before = [{**row, "HostId": ""} for row in fake.rows("example.test")]
    assert add(provider, "www").result is Result.APPLIED
    after = [{**row, "HostId": ""} for row in fake.rows("example.test")]
    assert after[:3] == before
    assert len(after) == 4
    assert fake.state["example.test"]["email"] == "FWD"


def test_mx_needs_the_mail_to_be_our_business(fake, provider):
    mail = Change(None, RRset("example.test", "MX", 300, ("10 mail.example.org.",)))
    fake.state["example.test"]["email"] = "FWD"
    (outcome,) = provider.apply(ZONE, [mail])
    assert outcome.result is Result.REFUSED
    assert "FWD" in outcome.detail
    fake.state["example.test"]["email"] = "NONE"
    (outcome,) = provider.apply(ZONE, [mail])
    assert outcome.result is Result.APPLIED
    assert fake.state["example.test"]["email"] == "MX"


def test_hosts_that_are_switched_off_would_be_switched_on(fake, provider):
    fake.add("example.test", "off", "A", "192.0.2.7", IsActive="false")
    assert add(provider, "www").result is Result.REFUSED
    assert not any(fake.is_write(asked) for asked in fake.asked)


def test_a_domain_served_elsewhere_is_not_a_zone_here(fake, provider):
    fake.state["example.test"]["is_here"] = False
    assert ZONE not in provider.zones()
    with pytest.raises(Refused) as caught:
        provider.records(ZONE)
    assert caught.value.code == "zone_missing"


def test_writers_of_one_zone_take_turns(fake, provider):
    threads = [threading.Thread(target=add, args=(provider, f"n{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row["Name"] for row in fake.rows("example.test")} == {f"n{n}" for n in range(8)}


@pytest.mark.parametrize("element", ["host", "Host", "HOST"])
def test_hosts_are_read_and_kept_however_their_element_is_spelled(fake, provider, element):
    fake.element = element
    fake.add("example.test", "old", "A", "192.0.2.7")
    assert [rrset.values for rrset in at(provider, "old.example.test")] == [("192.0.2.7",)]
    assert add(provider, "www").result is Result.APPLIED
    assert {row["Name"] for row in fake.rows("example.test")} == {"old", "www"}


@pytest.mark.parametrize("element", ["hostRecord", 'host Renamed="" '])
def test_what_is_not_understood_is_not_written_over(fake, provider, element, monkeypatch):
    fake.add("example.test", "old", "A", "192.0.2.7")
    answer = fake.respond

    def respond(asked):
        found = answer(asked)
        body = found.body.replace(b"<host ", f"<{element} ".encode())
        return Answer(200, body.replace(b" Address=", b" Value=", 1), found.headers)

    monkeypatch.setattr(fake, "respond", respond)
    with pytest.raises(Unavailable) as caught:
        add(provider, "www")
    assert caught.value.code == "answer_malformed"
    assert [row["Name"] for row in fake.rows("example.test")] == ["old"]


def test_one_answer_without_hosts_is_asked_for_again(fake, provider):
    fake.add("example.test", "old", "A", "192.0.2.7")
    fake.silent = 1
    assert add(provider, "www").result is Result.APPLIED
    assert {row["Name"] for row in fake.rows("example.test")} == {"old", "www"}


def test_an_answer_without_hosts_where_hosts_were_is_no_empty_zone(fake, provider):
    fake.add("example.test", "old", "A", "192.0.2.7")
    provider.records(ZONE)
    fake.silent = 4
    with pytest.raises(Unavailable) as caught:
        provider.records(ZONE)
    assert caught.value.code == "listing_incomplete"
    with pytest.raises(Unavailable):
        add(provider, "www")
    assert [row["Name"] for row in fake.rows("example.test")] == ["old"]
    assert not any(fake.is_write(asked) for asked in fake.asked)
    assert add(provider, "www").result is Result.APPLIED


def test_hosts_that_vanish_between_reading_back_and_the_next_write_are_kept(fake, provider):
    assert add(provider, "one").result is Result.APPLIED
    fake.silent = 2
    with pytest.raises(Unavailable):
        add(provider, "two")
    assert [row["Name"] for row in fake.rows("example.test")] == ["one"]


def test_a_zone_that_we_emptied_is_empty(fake, provider):
    assert add(provider, "one").result is Result.APPLIED
    (rrset,) = at(provider, "one.example.test")
    (outcome,) = provider.apply(ZONE, [Change(rrset, None)])
    assert outcome.result is Result.APPLIED
    assert fake.rows("example.test") == []
    assert add(provider, "two").result is Result.APPLIED


def test_a_zone_that_reads_as_before_our_writing_is_not_written_over(fake, provider):
    assert add(provider, "one").result is Result.APPLIED
    fake.stale(reads=4)
    assert add(provider, "two").result is Result.UNKNOWN
    with pytest.raises(Unavailable):
        add(provider, "three")
    assert {row["Name"] for row in fake.rows("example.test")} == {"one", "two"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b'<!DOCTYPE x [<!ENTITY a "b">]><ApiResponse>&a;</ApiResponse>',
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><x/>'.encode("utf-16"),
        b'<ApiResponse xmlns="http://api.namecheap.com/xml.response" Status="OK"/>',
    ],
)
def test_what_is_not_its_xml_is_unavailable(fake, provider, body, monkeypatch):
    monkeypatch.setattr(fake, "respond", lambda asked: Answer(200, body))
    with pytest.raises(Unavailable):
        provider.records(ZONE)
