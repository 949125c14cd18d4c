"""Where a name points, by what its servers say, and who serves its zone."""

from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest

from nameplate.ports.resolver import Answer, AnswerKind, LookupResult, carry_out
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases.claims import whereabouts
from nameplate.usecases.claims.whereabouts import Here

A, GONE, NONE, DEAD = (
    AnswerKind.DATA,
    AnswerKind.NXDOMAIN,
    AnswerKind.NODATA,
    AnswerKind.SERVFAIL,
)
HERE = Here(frozenset({"192.0.2.5", "2001:db8::5"}), (ip_network("203.0.113.0/24"),))
OURS, EDGE, OTHER = ("192.0.2.5",), ("203.0.113.9",), ("198.51.100.9",)


def _said(*answers: tuple[AnswerKind, tuple[str, ...]]) -> LookupResult:
    return LookupResult(
        "example.com",
        tuple(Answer(kind, f"ns{n}", values) for n, (kind, values) in enumerate(answers)),
    )


@pytest.mark.parametrize(
    ("v4", "v6", "found"),
    [
        (_said((A, OURS), (A, OURS)), _said((NONE, ()), (NONE, ())), True),
        (_said((A, EDGE)), _said((NONE, ())), True),
        (_said((A, OTHER), (A, OTHER)), _said((A, ("2001:db8::5",))), True),
        (_said((A, OTHER), (A, OURS)), _said((NONE, ()), (NONE, ())), True),
        (_said((A, OTHER), (A, OTHER)), _said((NONE, ()), (NONE, ())), False),
        (_said((GONE, ()), (GONE, ())), _said((GONE, ()), (GONE, ())), False),
        (_said((A, OTHER), (A, ("198.51.100.8",))), _said((NONE, ()), (NONE, ())), None),
        (_said((DEAD, ()), (DEAD, ())), _said((NONE, ()), (NONE, ())), None),
        (_said((A, OTHER), (DEAD, ())), _said((NONE, ()), (NONE, ())), None),
        (_said(), _said(), None),
        (_said((A, ("not an address",))), _said((NONE, ())), False),
    ],
)
def test_where_a_name_points(v4: LookupResult, v6: LookupResult, found: bool | None) -> None:
    assert whereabouts.pointing([v4, v6], HERE).is_here is found


def test_name_servers_are_those_on_which_all_agree() -> None:
    servers = ("NS2.example.", "ns1.example.")
    assert whereabouts.name_servers(_said((A, servers), (A, servers), (DEAD, ()))) == (
        "ns1.example",
        "ns2.example",
    )
    assert whereabouts.name_servers(_said((A, servers), (A, ("ns3.example.",)))) == ()
    assert whereabouts.name_servers(_said((DEAD, ()))) == ()


def test_servers_known_by_name_are_found_by_ordinary_resolution() -> None:
    resolver = SimpleNamespace(
        addresses=lambda name: {"edge.example": ("192.0.2.7",)}.get(name, ())
    )
    tools: Any = SimpleNamespace(resolver=resolver, edge=())
    found = whereabouts.here(tools, ["192.0.2.5", "edge.example", "2001:DB8:0::1"])
    assert found.addresses == {"192.0.2.5", "192.0.2.7", "2001:db8::1"}


def test_a_look_sees_what_stands_around_the_name() -> None:
    asked = []

    class Resolver:
        def authoritative(self, name: str, rdtype: str) -> LookupResult:
            asked.append((name, rdtype))
            values = {"A": OURS, "NS": ("ns1.example.",)}.get(rdtype, ())
            return _said((A if values else NONE, values))

    proof = Proof(Verdict.MATCH, "txt_match", "There.")
    resolver: Any = Resolver()
    inquiry = whereabouts.around(proof, "shop.example.com", "example.com", HERE)
    seen = carry_out(inquiry, resolver).surroundings
    assert seen is not None
    assert (seen.points_here, seen.name_servers) == (True, ("ns1.example",))
    assert asked == [("shop.example.com", "A"), ("shop.example.com", "AAAA"), ("example.com", "NS")]
