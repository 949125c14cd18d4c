"""RFC 2136 against Knot and BIND: the conformance tour and the protocol's own traps."""

import re
import time

import pytest
from tests.servers.bind import KEY, Bind
from tests.servers.lossy import Lossy
from tests.servers.process import free_port

from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Result, Zone
from nameplate.testing.dns import DnsProviderConformance
from nameplate.testing.zones import NameServersConformance, RightsTesterConformance

OTHER = Zone("other.test", "other.test")


@pytest.fixture
def zone():
    return Zone("example.test", "example.test")


class TestKnot(DnsProviderConformance, NameServersConformance, RightsTesterConformance):
    text_length = 60_000

    @pytest.fixture
    def provider(self, knot):
        return Rfc2136(knot.address, knot.port, knot.zones, knot.tsig)


class TestBind(DnsProviderConformance, NameServersConformance, RightsTesterConformance):
    text_length = 60_000

    @pytest.fixture
    def provider(self, bind):
        return Rfc2136(bind.address, bind.port, bind.zones, bind.tsig)


@pytest.fixture(params=["knot", "bind"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def provider(server):
    return Rfc2136(server.address, server.port, server.zones, server.tsig)


def at(provider, name):
    return [rrset for rrset in provider.records(OTHER) if rrset.name == name]


@pytest.mark.parametrize(
    "tsig",
    [
        ("nameplate-test", "hmac-sha256", Secret("bm90IHRoZSBrZXk=")),
        ("unknown-key", "hmac-sha256", Secret(KEY)),
        None,
    ],
)
def test_wrong_key_is_refused(server, tsig):
    provider = Rfc2136(server.address, server.port, server.zones, tsig)
    wanted = RRset("a.other.test", "A", 300, ("192.0.2.1",))
    for attempt in (
        lambda: provider.records(OTHER),
        lambda: provider.apply(OTHER, [Change(None, wanted)]),
    ):
        with pytest.raises(Refused) as caught:
            attempt()
        assert KEY not in str(caught.value)


TOLD = {
    "secret": (("nameplate-test", "hmac-sha256", Secret("bm90IHRoZSBrZXk=")), "tsig_secret_wrong"),
    "name": (("unknown-key", "hmac-sha256", Secret(KEY)), "tsig_key_unknown"),
    "none": (None, "transfer_refused"),
}


@pytest.mark.parametrize("which", TOLD)
def test_the_rights_are_tried_with_the_key(server, which):
    tsig, code = TOLD[which]
    wanted = RRset("a.other.test", "A", 300, ("192.0.2.1",))
    wrong = Rfc2136(server.address, server.port, server.zones, tsig)
    assert wrong.zones(), "which tells nothing of the key"
    with pytest.raises(Refused) as caught:
        wrong.test_rights(OTHER)
    assert caught.value.code == code
    if tsig is not None:
        assert {"secret": "BADSIG", "name": "BADKEY"}[which] in str(caught.value)
        with pytest.raises(Refused, match="BAD") as caught:
            wrong.apply(OTHER, [Change(None, wanted)])
        assert caught.value.code == code


@pytest.mark.parametrize(("seconds", "side"), [(600, "behind"), (-600, "ahead")])
def test_a_clock_that_is_off_is_told_as_that(server, provider, monkeypatch, seconds, side):
    """Knot and BIND tell their own time with BADTIME."""
    provider.test_rights(OTHER)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    wanted = RRset("a.other.test", "A", 300, ("192.0.2.1",))
    for attempt in (
        lambda: provider.test_rights(OTHER),
        lambda: provider.apply(OTHER, [Change(None, wanted)]),
    ):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert caught.value.code == "clocks_differ"
        assert re.search(rf"differ by (599|600|601) s: .* is {side}", caught.value.detail)


def test_a_key_that_may_read_and_not_write_fails_the_test(tmp_path):
    with Bind(tmp_path, ["other.test"], updates="none") as server:
        reader = Rfc2136(server.address, server.port, server.zones, server.tsig)
        assert reader.records(OTHER)
        with pytest.raises(Refused) as caught:
            reader.test_rights(OTHER)
    assert (caught.value.code, caught.value.detail.rpartition(" ")[2]) == (
        "zone_refused",
        "REFUSED.",
    )


def test_what_a_server_adds_to_its_refusal_is_said(bind):
    """BIND answers with an extended error (RFC 8914) where it may."""
    with pytest.raises(Refused, match=r"REFUSED \(Prohibited, extended error 18\)"):
        Rfc2136(bind.address, bind.port, bind.zones, None).records(OTHER)


def test_key_that_is_none():
    with pytest.raises(Refused) as caught:
        Rfc2136("127.0.0.1", 53, ["other.test"], ("name", "hmac-sha256", Secret("not base64!")))
    assert "not base64!" not in str(caught.value)


def test_unreachable_is_unavailable():
    provider = Rfc2136("127.0.0.1", free_port(), ["other.test"], None, timeout=1)
    for attempt in (
        lambda: provider.records(OTHER),
        lambda: provider.apply(
            OTHER, [Change(None, RRset("a.other.test", "A", 300, ("192.0.2.1",)))]
        ),
    ):
        with pytest.raises(Unavailable) as caught:
            attempt()
        assert caught.value.code == "provider_unreachable"


def is_update(request):
    return len(request) > 4 and (request[4] >> 3) & 15 == 5


def test_answer_lost_after_the_act_is_read_back(server, provider):
    ours = RRset("lost.other.test", "A", 300, ("192.0.2.1",))
    with Lossy(server.port, is_update) as lossy:
        through = Rfc2136("127.0.0.1", lossy.port, server.zones, server.tsig)
        (outcome,) = through.apply(OTHER, [Change(None, ours)])
    assert outcome.result is Result.APPLIED
    assert at(provider, ours.name) == [ours]


def test_answer_lost_and_nothing_to_read_is_unknown(server):
    ours = RRset("unknown.other.test", "A", 300, ("192.0.2.1",))
    with Lossy(server.port, lambda _: True) as lossy:
        through = Rfc2136("127.0.0.1", lossy.port, server.zones, server.tsig, timeout=2)
        (outcome,) = through.apply(OTHER, [Change(None, ours)])
    assert outcome.result is Result.UNKNOWN


def test_name_servers_of_the_apex_can_be_replaced(provider):
    before = next(r for r in provider.records(OTHER) if r.key == ("other.test", "NS"))
    after = RRset("other.test", "NS", 600, ("ns1.example.org.", "ns2.example.org."))
    for change in (Change(before, after), Change(after, before)):
        (outcome,) = provider.apply(OTHER, [change])
        assert outcome.result is Result.APPLIED
        assert change.after in provider.records(OTHER)


def test_what_the_protocol_cannot_say_is_refused(provider):
    changes = [
        Change(None, RRset("alias.other.test", "ALIAS", 300, ("a.example.org.",))),
        Change(None, RRset("orange.other.test", "A", 300, ("192.0.2.1",), proxied=True)),
        Change(None, RRset("plain.other.test", "A", 300, ("192.0.2.1",))),
    ]
    results = [outcome.result for outcome in provider.apply(OTHER, changes)]
    assert results == [Result.REFUSED, Result.REFUSED, Result.APPLIED]


def test_large_set_that_moved_stays(provider):
    """Old and new values do not fit into one message, so they are compared by reading."""
    name = "large.other.test"
    large = {
        letter: RRset(name, "TXT", 300, (" ".join([f'"{letter * 255}"'] * 200),))
        for letter in "abc"
    }
    provider.apply(OTHER, [Change(None, large["a"])])
    (outcome,) = provider.apply(OTHER, [Change(large["b"], large["c"])])
    assert outcome.result is Result.MOVED
    assert at(provider, name) == [large["a"]]


def test_a_switch_that_is_refused_leaves_what_was_there(provider):
    """The deletion that makes room for a CNAME does not happen when the CNAME cannot be had."""
    name = "switch.other.test"
    address = RRset(name, "A", 300, ("192.0.2.1",))
    text = RRset(name, "TXT", 300, ('"theirs"',))
    alias = RRset(name, "CNAME", 300, ("target.example.org.",))
    provider.apply(OTHER, [Change(None, address), Change(None, text)])
    provider.apply(OTHER, [Change(address, None), Change(None, alias)])
    assert text in at(provider, name)
    assert alias not in at(provider, name)


def test_what_no_message_carries_is_refused_and_the_rest_is_done(provider):
    text = " ".join(['"' + "x" * 255 + '"'] * 257)
    several = tuple(" ".join(['"' + "x" * 255 + '"'] * 200 + [f'"{n}"']) for n in range(3))
    large = Change(None, RRset("oversize.other.test", "TXT", 300, (text,)))
    many = Change(None, RRset("several.other.test", "TXT", 300, several))
    fine = Change(None, RRset("beside.other.test", "A", 300, ("192.0.2.1",)))
    found = provider.apply(OTHER, [large, fine, many])
    assert [one.result for one in found] == [Result.REFUSED, Result.APPLIED, Result.REFUSED]
    provider.apply(OTHER, [Change(fine.after, None)])
