"""Bad days on real servers: every fault is said in time, hurts nobody else, and ends with its cause.

The short form has a few faults, the long one (`make torture`) all; the long one writes the table in
the documentation, which the short one looks for.
"""

import os
import statistics
from collections.abc import Iterator

import pytest

from nameplate.usecases.operations import schema
from tests.badday import table
from tests.badday.day import Day, live
from tests.badday.fault import Fault
from tests.badday.faults import FAULTS
from tests.badday.town import Town, town
from tests.conftest import FOLDER
from tests.servers import postgresql
from tests.servers.shared import shared

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MEDIAN = 5.0
"""Seconds after the repair by which half of the faults are over."""
QUICK = [fault for fault in FAULTS if fault.quick]


@pytest.fixture(scope="module")
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """Bring up everything, once for all faults."""
    port = shared(request.config.stash[FOLDER], postgresql.PostgreSQL)["port"]
    with postgresql.fresh_database(port) as url:
        schema.upgrade(url)
        with town(tmp_path_factory.mktemp("town"), url, port) as made:
            yield made


@pytest.fixture(scope="module")
def days() -> Iterator[list[Day]]:
    """Collect how the faults went; the table is written when all have been lived through."""
    found: list[Day] = []
    yield found
    if len(found) == len(FAULTS):
        table.PAGE.write_text(table.written(found))


def _went(place: Town, fault: Fault, days: list[Day]) -> None:
    day = live(place, fault)
    days[:] = [*(one for one in days if one.fault is not fault), day]
    assert not day.complaints, "\n".join(day.complaints)


@pytest.mark.skipif("NAMEPLATE_TORTURE" in os.environ, reason="the long form has them all")
@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.name)
def test_a_bad_day(place: Town, fault: Fault, days: list[Day]) -> None:
    _went(place, fault, days)


@pytest.mark.torture
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_bad_day(place: Town, fault: Fault, days: list[Day]) -> None:
    _went(place, fault, days)


@pytest.mark.torture
def test_half_of_the_days_end_at_once(days: list[Day]) -> None:
    times = [day.recovered_after for day in days if day.recovered_after is not None]
    assert len(times) == len(FAULTS)
    assert statistics.median(times) <= MEDIAN


@pytest.mark.skipif("NAMEPLATE_TORTURE" in os.environ, reason="the long form writes it at its end")
def test_the_table_has_every_fault() -> None:
    page = table.PAGE.read_text()
    assert [fault.name for fault in FAULTS if table.row(fault) not in page] == []
