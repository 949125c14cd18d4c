"""Random records of all types come back from every provider as they were sent, or are refused."""

import random

import pytest
from tests.fakes.random_records import rrsets
from tests.fakes.real import SERVERS, started
from tests.fakes.rigs import APEX, RIGS

from nameplate.core.provider_limits import refusals
from nameplate.core.records import Change
from nameplate.ports.dns import Result


@pytest.mark.parametrize("vendor", RIGS)
def test_round_trip(vendor):
    with RIGS[vendor](0) as rig:
        go_and_return(rig, vendor, 200)
        assert rig.fake.broken == []


@pytest.mark.torture
@pytest.mark.parametrize("vendor", RIGS)
def test_round_trip_of_ten_thousand(vendor):
    """A zone at a time, as large as the vendors take it."""
    for part in range(10):
        with RIGS[vendor](0) as rig:
            go_and_return(rig, f"{vendor}{part}", 1000)
            assert rig.fake.broken == []


@pytest.mark.parametrize("name", SERVERS)
def test_round_trip_at_a_real_server(name, tmp_path):
    with started(name, tmp_path, 0) as rig:
        go_and_return(rig, name, 200)


@pytest.mark.torture
@pytest.mark.parametrize("name", SERVERS)
def test_round_trip_of_ten_thousand_at_a_real_server(name, tmp_path):
    with started(name, tmp_path, 0) as rig:
        go_and_return(rig, name, 10_000)


def go_and_return(rig, seed, count):
    """Create random record sets, read them, and remove them again."""
    kind = {"knot": "rfc2136", "bind": "rfc2136"}.get(rig.name, rig.name)
    wanted = list(rrsets(random.Random(seed), count, APEX))
    if rig.name == "bind":  # it takes DS only beside NS, as the conformance class has it
        wanted = [rrset for rrset in wanted if rrset.type != "DS"]
    possible = [rrset for rrset in wanted if refusals(kind, rrset) is None]
    assert len(possible) > len(wanted) // 4
    outcomes = rig.provider.apply(rig.zone, [Change(None, rrset) for rrset in wanted])
    for rrset, outcome in zip(wanted, outcomes, strict=True):
        expected = Result.REFUSED if refusals(kind, rrset) else Result.APPLIED
        assert outcome.result is expected, outcome
    live = {rrset.key: rrset for rrset in rig.provider.records(rig.zone)}
    for rrset in possible:
        assert live[rrset.key] == rrset
    gone = rig.provider.apply(rig.zone, [Change(rrset, None) for rrset in possible])
    assert {outcome.result for outcome in gone} == {Result.APPLIED}
    left = {rrset.key for rrset in rig.provider.records(rig.zone)}
    assert not left & {rrset.key for rrset in possible}
