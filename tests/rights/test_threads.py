"""Random programs in threads: however they meet, no name has two holders and nobody else is served."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from nameplate.db import Sessions
from tests.rights.threads import Crowd


@pytest.fixture
def crowd(sessions: Sessions) -> Iterator[Crowd]:
    if sessions.dialect == "sqlite":
        pytest.skip("one writer at a time: `test_rights.py` says all of it")
    made = Crowd(sessions)
    yield made
    made.world.close()


def test_threads_share_no_name(crowd: Crowd) -> None:
    rests = crowd.run(datetime.now(UTC) + timedelta(seconds=12))
    print(f"{crowd.done} acts, {crowd.accepted} of them accepted, {rests} rests")
    assert rests >= 2
    assert crowd.accepted > crowd.done // 10


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(1, 11))
def test_threads_share_no_name_for_long(sessions: Sessions, seed: int) -> None:
    if sessions.dialect == "sqlite":
        pytest.skip("one writer at a time: `test_rights.py` says all of it")
    crowd = Crowd(sessions, seed=seed, threads=8)
    assert crowd.run(datetime.now(UTC) + timedelta(minutes=1)) >= 2
