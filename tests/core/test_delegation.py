"""Every way in which the account's zone and the Internet's can differ."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from nameplate.core.conditions import Condition
from nameplate.core.delegation import Delegated, condition

OURS = ("ns1.host.example", "ns2.host.example")
OTHERS = ("a.elsewhere.example", "b.elsewhere.example")
GOOD = Delegated("example.com", OURS, OURS, working=2)


def judged(
    seen: Delegated, expected: Sequence[str] = OURS, visible: bool | None = None
) -> Condition:
    found = condition("example.com", expected, seen, visible=visible)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seen", "expected", "visible", "status", "reason"),
    [
        (GOOD, OURS, True, True, "delegated"),
        (GOOD, (), None, True, "delegated"),
        (replace(GOOD, parent=OTHERS, child=OTHERS), OURS, None, False, "delegated_elsewhere"),
        (replace(GOOD, parent=OTHERS, child=OTHERS), OURS, False, False, "delegated_elsewhere"),
        (GOOD, (), False, False, "delegated_elsewhere"),
        # Other names of the same servers: what they answer counts.
        (replace(GOOD, parent=OTHERS, child=OURS), OURS, True, True, "delegated_partly"),
        (replace(GOOD, parent=(*OURS, OTHERS[0])), OURS, True, True, "delegated_partly"),
        (replace(GOOD, child=OURS[:1]), OURS, True, True, "ns_mismatch"),
        (replace(GOOD, parent=OURS[:1]), OURS, None, True, "ns_mismatch"),
        (replace(GOOD, working=1, lame=("ns2 refuses",)), OURS, True, False, "lame_delegation"),
        (replace(GOOD, working=0, silent=("ns1 away", "ns2 away"), child=()), OURS, None, False,
         "lame_delegation"),
        # One server that does not answer today is worth a word, not an alarm.
        (replace(GOOD, working=1, silent=("ns2 away",)), OURS, True, True, "delegated"),
        (Delegated("dev.example.com", OTHERS, OTHERS, working=2), OURS, None, False,
         "zone_cut_below"),
        (Delegated("com", ("a.gtld.example",), (), working=1), OURS, None, False, "not_delegated"),
        (Delegated("com", ("a.gtld.example",), (), working=1), OURS, True, True, "not_delegated"),
        (Delegated("", (), ()), OURS, None, None, "delegation_not_found"),
    ],
)  # fmt: skip
def test_the_verdict(
    seen: Delegated, expected: Sequence[str], visible: bool | None, status: bool | None, reason: str
) -> None:
    found = judged(seen, expected, visible)
    assert (found.type, found.status, found.reason) == ("delegation", status, reason)
    assert found.message.endswith(".")
    if not status:
        assert found.fix.endswith(".")


def test_a_private_zone_has_no_delegation() -> None:
    assert (
        condition("corp.example", OURS, Delegated("corp.example", (), OURS), visible=None) is None
    )


def test_the_person_is_told_what_to_set() -> None:
    found = judged(replace(GOOD, parent=OTHERS, child=OTHERS))
    assert found.observed == tuple(f"example.com NS {name}" for name in OTHERS)
    assert found.expected == tuple(f"example.com NS {name}" for name in OURS)
    assert found.fix == (
        "Set these name servers at the registrar: ns1.host.example, ns2.host.example."
    )


def test_a_zone_that_only_ends_alike_is_another_zone() -> None:
    other = Delegated("badexample.com", OTHERS, OTHERS, working=2)
    assert judged(other).reason == "not_delegated"
