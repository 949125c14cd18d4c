"""Random records of all types come back from every provider as they were sent, or are refused.

`NAMEPLATE_RECORDS` makes it a longer run.
"""

import os
import random

import pytest
from tests.fakes.random_records import rrsets
from tests.fakes.rigs import APEX, RIGS

from nameplate.core.provider_limits import refusals
from nameplate.core.records import Change
from nameplate.ports.dns import Result

RECORDS = int(os.environ.get("NAMEPLATE_RECORDS", "200"))


@pytest.mark.parametrize("vendor", RIGS)
def test_round_trip(vendor):
    wanted = list(rrsets(random.Random(vendor), RECORDS, APEX))
    possible = [rrset for rrset in wanted if refusals(vendor, rrset) is None]
    assert len(possible) > len(wanted) // 3
    with RIGS[vendor](0) as rig:
        outcomes = rig.provider.apply(rig.zone, [Change(None, rrset) for rrset in wanted])
        for rrset, outcome in zip(wanted, outcomes, strict=True):
            expected = Result.APPLIED if rrset in possible else Result.REFUSED
            assert outcome.result is expected, outcome
        live = {rrset.key: rrset for rrset in rig.provider.records(rig.zone)}
        for rrset in possible:
            assert live[rrset.key] == rrset
        assert rig.fake.broken == []
        gone = rig.provider.apply(rig.zone, [Change(rrset, None) for rrset in possible])
        assert {outcome.result for outcome in gone} == {Result.APPLIED}
        left = {rrset.key for rrset in rig.provider.records(rig.zone)}
        assert not left & {rrset.key for rrset in possible}
