"""Which records lead a host to its server: every case of the decision, without a database."""

import pytest

from nameplate.core import pointing
from nameplate.core.errors import Invalid
from nameplate.core.pointing import Decision, PointingTarget, Spot, Value, decide

NAMED = PointingTarget.of("Edge.Platform.net")
BOTH = PointingTarget.of("edge.platform.net", ["192.0.2.1", "2001:db8::1"])
NUMBERED = PointingTarget.of("192.0.2.9")
INSIDE = PointingTarget.of("edge1")
CNAME: Value = ("CNAME", "edge.platform.net.")
ADDRESSES = (("A", "192.0.2.1"), ("AAAA", "2001:db8::1"))


def spot(host: str = "www.acme.com", *own: Value, apex_type: str | None = None) -> Spot:
    return Spot(host, host == "acme.com", apex_type, frozenset(own))


def why(found: Decision) -> str | None:
    return found.obstacle.reason if found.obstacle else None


def test_a_target_is_read_from_a_servers_address():
    assert (NAMED.name, NAMED.addresses) == ("edge.platform.net.", ())
    assert (NUMBERED.name, NUMBERED.addresses) == ("", (("A", "192.0.2.9"),))
    assert PointingTarget() == INSIDE, "only its own network knows that name"
    assert NAMED.at(["192.0.2.1", "nonsense"]).addresses == (("A", "192.0.2.1"),)


@pytest.mark.parametrize(
    ("at", "target", "wanted"),
    [
        (spot(), NAMED, (CNAME,)),
        (spot(), BOTH, (CNAME,)),
        (spot(), NUMBERED, (("A", "192.0.2.9"),)),
        (spot("acme.com"), BOTH, ADDRESSES),
        (spot("acme.com", apex_type="ALIAS"), NAMED, (("ALIAS", CNAME[1]),)),
        (spot("acme.com", apex_type="CNAME"), NAMED, (CNAME,)),
        (spot("www.acme.com", ("TXT", '"x"')), BOTH, ADDRESSES),
        (spot("edge.platform.net"), BOTH, ADDRESSES),
        (spot("acme.com", ("NS", "ns1.hoster.net.")), BOTH, ADDRESSES),
    ],
)
def test_what_leads_there(at: Spot, target: PointingTarget, wanted: tuple[Value, ...]):
    assert decide(at, [target]) == Decision(wanted)


@pytest.mark.parametrize(
    ("at", "target", "reason"),
    [
        (spot(), INSIDE, "server_without_address"),
        (spot("edge.platform.net"), NAMED, "server_without_address"),
        (spot("acme.com"), NAMED, "apex_needs_address"),
        (spot("www.acme.com", ("TXT", '"x"')), NAMED, "name_has_others"),
        (spot("www.acme.com", ("A", "203.0.113.1")), NAMED, "own_record"),
        (spot("www.acme.com", ("NS", "ns1.hoster.net.")), NAMED, "own_record"),
    ],
)
def test_why_nothing_does(at: Spot, target: PointingTarget, reason: str):
    found = decide(at, [target])
    assert (found.wanted, why(found)) == ((), reason)
    assert found.obstacle is not None
    assert found.obstacle.blocks == (reason != "own_record")


def test_the_owners_right_record_is_left_alone():
    assert decide(spot("www.acme.com", CNAME), [BOTH]) == Decision()
    assert decide(spot("acme.com", ADDRESSES[0]), [BOTH]) == Decision()


def test_of_several_servers_the_first_is_led_to_and_that_is_said():
    found = decide(spot(), [NAMED, NUMBERED])
    assert (found.wanted, why(found)) == ((CNAME,), "several_servers")
    assert decide(spot(), [NAMED, NAMED]) == Decision((CNAME,))
    assert decide(spot(), []) == Decision()


def test_what_providers_have_at_an_apex():
    assert pointing.apex_type("cloudflare", ()) == "CNAME"
    assert pointing.apex_type("powerdns", {"A", "ALIAS"}) == "ALIAS"
    assert pointing.apex_type("powerdns", {"A"}) is None
    assert pointing.apex_type("nobody", {"A", "ALIAS"}) is None


def test_addresses_are_canonical_and_every_wrong_one_is_named():
    assert pointing.addresses(["2001:DB8:0::1", "192.0.2.1", "192.0.2.1"]) == [
        "2001:db8::1",
        "192.0.2.1",
    ]
    with pytest.raises(Invalid) as caught:
        pointing.addresses(["192.0.2.1", "x", "192.0.2.300"])
    assert [one.pointer for one in caught.value.problems] == ["/addresses/1", "/addresses/2"]
    with pytest.raises(Invalid) as caught:
        pointing.addresses([f"192.0.2.{n}" for n in range(pointing.MAX_ADDRESSES + 1)])
    assert [one.code for one in caught.value.problems] == ["addresses_too_many"]
