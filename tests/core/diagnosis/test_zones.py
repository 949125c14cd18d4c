"""Whether a zone is there, served, delegated in agreement, and signed."""

from dataclasses import replace

import pytest
from tests.core.diagnosis.seen import WELL, checks, data, silent

from nameplate.core.diagnosis.checks import diagnose
from nameplate.core.diagnosis.finding import Weight
from nameplate.core.diagnosis.observed import Signing
from nameplate.core.turns import Turn

SECOND = "ns2.example.net"
BOTH = ("ns1.example.net", SECOND)
NAMED = data("ns1.example.net.", "ns2.example.net.")


def test_without_a_zone_nothing_else_is_said() -> None:
    assert checks(zone="com") == ["name_not_registered"]
    assert checks(zone="") == ["name_not_registered"]


@pytest.mark.parametrize(
    ("answer", "check", "turn"),
    [
        (silent(SECOND), "server_silent", Turn.PROVIDER),
        (silent(SECOND, "refused"), "delegation_lame", Turn.YOU),
        (silent(SECOND, "servfail"), "delegation_lame", Turn.YOU),
    ],
)
def test_a_listed_server_that_does_not_serve(answer, check, turn) -> None:
    (found,) = diagnose(replace(WELL, parent=BOTH, listed=(NAMED, answer)))
    assert (found.check, found.turn) == (check, turn)
    assert SECOND in found.message
    assert len(found.evidence) == 2


def test_who_sets_the_delegation_of_a_zone_below_is_not_the_registrar() -> None:
    seen = replace(WELL, parent=("ns9.example.net",))
    below = replace(seen, zone="shop.example.com")
    assert "at the registrar" in diagnose(seen)[0].fix
    assert "at the zone above it" in diagnose(below)[0].fix


def test_a_private_zone_has_no_parent_to_differ_from() -> None:
    assert checks(parent=()) == []


def test_a_private_zone_that_may_not_be_seen_is_not_called_healthy() -> None:
    hidden = replace(WELL, parent=(), expected=None, hosts=(), is_hidden=True)
    (found,) = diagnose(hidden)
    assert (found.check, found.weight) == ("zone_private", Weight.NOTE)
    assert "were not looked at" in found.message


@pytest.mark.parametrize(
    "fault", ["ds_mismatch", "expired", "not_yet_valid", "unsigned", "invalid"]
)
def test_each_fault_of_signatures_is_said_in_words(fault: str) -> None:
    signing = Signing(has_ds=True, has_keys=True, fault=fault, evidence=("x",))
    (found,) = diagnose(replace(WELL, signing=signing))
    assert found.check == "dnssec_bogus"
    assert "_" not in found.message


def test_a_zone_without_signatures_is_fine() -> None:
    assert checks(signing=Signing(has_ds=False, has_keys=False)) == []
    assert checks(signing=Signing(has_ds=True, has_keys=True)) == []
