"""Random programs of changes against real name servers, over a connection that breaks in between."""

import random
from typing import Any

import pytest
from tests.fakes.real import SERVERS, started
from tests.fakes.wishes import after_writes, wish

PROGRAMS = 100  # of the campaign, at each server


def run_program(rig: Any, seed: int) -> None:
    """Go from one wanted state to the next while the way breaks, and to none in the end."""
    chance = random.Random(f"{rig.name}{seed}")
    try:
        for _ in range(4):
            desired = wish(chance)
            for _ in range(chance.randrange(1, 4)):
                kind = chance.choice(["before", "after"])
                due = chance.choice([rig.fake.is_write, rig.fake.is_write, lambda _: True])
                rig.fake.troubles.append((kind, after_writes(due, chance.randrange(2))))
            rig.converge(desired)
            rig.fake.troubles.clear()
        rig.converge([])
    except Exception as error:
        error.add_note(f"program {seed} at {rig.name}")
        raise


@pytest.mark.parametrize("name", SERVERS)
def test_random_programs_over_a_way_that_breaks(name, tmp_path):
    with started(name, tmp_path, 60) as rig:
        for seed in range(2):
            run_program(rig, seed)
        assert {"before", "after"} <= set(rig.fake.played)


@pytest.mark.torture
@pytest.mark.parametrize("name", SERVERS)
def test_a_hundred_programs_beside_a_thousand_records_of_others(name, tmp_path):
    with started(name, tmp_path, 1000) as rig:
        for seed in range(PROGRAMS):
            run_program(rig, seed)
