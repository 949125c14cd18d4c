"""PowerDNS: the conformance tour and its own traps."""

import pytest
from tests.fakes.server import Answer, FakeServer
from tests.servers.lossy import Lossy
from tests.servers.process import free_port

from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.adapters.dns.powerdns_host import PowerDnsHost
from nameplate.adapters.http.client import Api
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.rdata import canonical
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import NameServersConformance, RightsTesterConformance

ECH = (
    "AEn+DQBFKwAgACABWIHUGj4u+PIggYXcR5JF0gYk3dCRioBW8uJq9H4mKAAIAAEAAQABAANAEnB1YmxpYy50bHMtZWNoLmRl"
    "dgAA"
)
OTHER = Zone("other.test", "other.test.")


@pytest.fixture
def provider(powerdns):
    return PowerDns(powerdns.api)


class _OldPowerDns(FakeServer):
    """Answers as old versions do of a zone that they do not have."""

    def __init__(self):
        super().__init__({})

    def respond(self, asked):
        zone = asked.path.rpartition("/")[2]
        return Answer(422, f'{{"error": "Could not find domain \'{zone}\'"}}'.encode())


class TestPowerDns(DnsProviderConformance, NameServersConformance, RightsTesterConformance):
    types = DnsProviderConformance.types | {"ALIAS"}
    text_length = 60_000

    @pytest.fixture
    def zone(self):
        return Zone("example.test", "example.test.")


def at(provider, name):
    return [rrset for rrset in provider.records(OTHER) if rrset.name == name]


def test_wrong_key_is_refused(powerdns):
    provider = PowerDns(Api(powerdns.api_url, headers={"X-API-Key": Secret("wrong")}))
    for attempt in (provider.zones, lambda: provider.records(OTHER)):
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.code == "credential_refused"


def test_unreachable_is_unavailable():
    provider = PowerDns(Api(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Unavailable) as caught:
        provider.apply(OTHER, [Change(None, RRset("a.other.test", "A", 300, ("192.0.2.1",)))])
    assert caught.value.code == "provider_unreachable"


def test_disabled_records_are_not_there_and_survive(powerdns, provider):
    name = "disabled.other.test"
    path = "/api/v1/servers/localhost/zones/other.test."
    disabled = {"content": "192.0.2.66", "disabled": True}
    patch = {
        "name": f"{name}.",
        "type": "A",
        "ttl": 300,
        "changetype": "REPLACE",
        "records": [disabled],
    }
    assert powerdns.api.request("PATCH", path, json={"rrsets": [patch]}).status == 204
    assert at(provider, name) == []
    ours = RRset(name, "A", 300, ("192.0.2.1",))
    for change in (Change(None, ours), Change(ours, None)):
        (outcome,) = provider.apply(OTHER, [change])
        assert outcome.result is Result.APPLIED
        assert at(provider, name) == ([change.after] if change.after else [])
        entries = powerdns.api.request("GET", path).json()["rrsets"]
        (entry,) = (entry for entry in entries if entry["name"] == f"{name}.")
        assert disabled in entry["records"]


def test_answer_lost_after_the_act_is_read_back(powerdns, provider):
    port = int(powerdns.api_url.rpartition(":")[2])
    lost = []

    def lose(request):
        if request.startswith(b"PATCH"):
            lost.append(request)
            return True
        return False

    ours = RRset("lost.other.test", "A", 300, ("192.0.2.1",))
    with Lossy(port, lose) as lossy:
        api = Api(f"http://127.0.0.1:{lossy.port}", headers={"X-API-Key": powerdns.api_key})
        (outcome,) = PowerDns(api).apply(OTHER, [Change(None, ours)])
        api.close()
    assert lost
    assert outcome.result is Result.APPLIED
    assert at(provider, ours.name) == [ours]


def test_answer_lost_and_nothing_to_read_is_unknown(powerdns):
    port = int(powerdns.api_url.rpartition(":")[2])
    patched = []

    def lose(request):
        patched.append(request.startswith(b"PATCH"))
        return any(patched)

    ours = RRset("unknown.other.test", "A", 300, ("192.0.2.1",))
    with Lossy(port, lose) as lossy:
        api = Api(f"http://127.0.0.1:{lossy.port}", headers={"X-API-Key": powerdns.api_key})
        (outcome,) = PowerDns(api).apply(OTHER, [Change(None, ours)])
        api.close()
    assert outcome.result is Result.UNKNOWN


def test_a_switch_that_is_refused_leaves_what_was_there(provider):
    """The deletion that makes room for a CNAME is undone when the CNAME cannot be had."""
    name = "switch.other.test"
    address = RRset(name, "A", 300, ("192.0.2.1",))
    text = RRset(name, "TXT", 300, ('"theirs"',))
    alias = RRset(name, "CNAME", 300, ("target.example.org.",))
    provider.apply(OTHER, [Change(None, address), Change(None, text)])
    fine = RRset("fine.other.test", "A", 300, ("192.0.2.1",))
    changes = [Change(address, None), Change(None, alias), Change(None, fine)]
    results = [outcome.result for outcome in provider.apply(OTHER, changes)]
    assert results == [Result.REFUSED, Result.REFUSED, Result.APPLIED]
    assert at(provider, name) == [address, text]


def test_a_zone_that_was_read_is_read_again_only_when_its_serial_moved(
    powerdns, provider, monkeypatch
):
    """What somebody changed meanwhile is seen all the same, and disabled records survive."""
    names = [f"many{number}.other.test" for number in range(12)]
    made = [Change(None, RRset(name, "A", 300, ("192.0.2.1",))) for name in names]
    path = "/api/v1/servers/localhost/zones/other.test."
    provider.records(OTHER)
    assert {one.result for one in provider.apply(OTHER, made)} == {Result.APPLIED}
    hidden = {"content": "192.0.2.66", "disabled": True}
    shown = {"content": "192.0.2.1", "disabled": False}
    patch = {"name": f"{names[0]}.", "type": "A", "ttl": 300, "changetype": "REPLACE"}
    sent = powerdns.api.request(
        "PATCH", path, json={"rrsets": [{**patch, "records": [shown, hidden]}]}
    )
    assert sent.status == 204

    asked = []
    real = powerdns.api.request

    def request(method, where, **more):
        asked.append((method, (more.get("params") or {}).get("rrsets")))
        return real(method, where, **more)

    monkeypatch.setattr(powerdns.api, "request", request)
    read = provider.records(OTHER)
    live = {rrset.name: rrset for rrset in read if rrset.name in names}
    next_ = {name: rrset._replace(values=("192.0.2.2",)) for name, rrset in live.items()}
    asked.clear()
    first = provider.apply(OTHER, [Change(live[name], next_[name]) for name in names])
    assert {one.result for one in first} == {Result.APPLIED}
    assert asked == [("GET", "false"), ("PATCH", None)]
    whole = real("GET", path).json()["rrsets"]
    (entry,) = [one for one in whole if one["name"] == f"{names[0]}."]
    assert hidden in entry["records"]

    read = provider.records(OTHER)
    theirs = RRset(names[3], "A", 300, ("192.0.2.3",))
    (moved,) = PowerDns(powerdns.api).apply(OTHER, [Change(next_[names[3]], theirs)])
    assert moved.result is Result.APPLIED
    gone = provider.apply(OTHER, [Change(next_[name], None) for name in names])
    results = {one.change.key[0]: one.result for one in gone}
    assert results.pop(names[3]) is Result.MOVED
    assert set(results.values()) == {Result.APPLIED}
    provider.apply(OTHER, [Change(theirs, None)])


def test_a_zone_that_was_read_is_not_kept_longer_than_its_reader_keeps_it(provider):
    """One adapter serves an account for as long as the process runs."""
    read = provider.records(OTHER)
    assert list(provider._listings) == [OTHER.name]
    del read
    assert not list(provider._listings)


@pytest.mark.parametrize(
    ("rdtype", "text"),
    [
        ("HTTPS", f"1 . ech={ECH}"),
        ("HTTPS", f"1 . alpn=h2,h3 no-default-alpn port=8443 mandatory=alpn,port ech={ECH}"),
        ("HTTPS", "1 . ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=::ffff:127.0.0.1,2001:db8::1"),
        ("SVCB", "1 dns.example.net. alpn=h2 dohpath=/dns-query{?dns}"),
        ("SVCB", "1 dns.example.net. mandatory=alpn,dohpath alpn=h2 dohpath=/q{?dns}"),
        ("SVCB", "1 . alpn=dot ohttp"),
        ("SVCB", "1 . key65000=abc key65001"),
        ("SVCB", '1 . key667="hel\\210lo w\\"o port=\\"7\\" alpn \\\\rld"'),
        ("SVCB", '1 . alpn="f\\\\\\\\oo\\\\,bar,h2"'),
        ("SVCB", "0 svc.example.net."),
        ("AAAA", "::ffff:127.0.0.1"),
        ("AAAA", "::127.0.0.1"),
        ("AAAA", "64:ff9b::192.0.2.1"),
    ],
)
def test_values_are_sent_as_powerdns_spells_them(provider, rdtype, text):
    wanted = RRset(f"spelled.{OTHER.name}", rdtype, 300, (canonical(rdtype, text),))
    (outcome,) = provider.apply(OTHER, [Change(None, wanted)])
    assert outcome.detail == ""
    assert outcome.result is Result.APPLIED
    assert at(provider, wanted.name) == [wanted]
    (outcome,) = provider.apply(OTHER, [Change(wanted, None)])
    assert outcome.result is Result.APPLIED


def test_old_versions_say_422_of_a_zone_that_they_do_not_have():
    with _OldPowerDns() as server:
        provider = PowerDnsHost(Api(server.url))
        new = Change(None, RRset("www.other.test", "A", 300, ("192.0.2.1",)))
        for attempt in (
            lambda: provider.records(OTHER),
            lambda: provider.apply(OTHER, [new]),
            lambda: provider.test_rights(OTHER),
        ):
            with pytest.raises(Refused) as caught:
                attempt()
            assert caught.value.code == "zone_missing"
        provider.delete(OTHER, "mark")
