"""Every trouble at every endpoint of an authority: a certificate, or a state that says what is wrong.

No mocks: a worker in a process of its own, real Pebbles that look at real proofs, and between them a
proxy that counts what arrives. Names that the authority was asked for too often, or not at all after
the repair, are found here.
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.chaos.authority_cell import Cell
from tests.chaos.authority_cells import Matrix
from tests.chaos.world import World
from tests.databases import Templates
from tests.servers.acme_proxy import ENDPOINTS
from tests.servers.acme_troubles import TROUBLES
from tests.servers.pebble import Pebble

PLACES = tuple(ENDPOINTS.values())
WIDTH = 44
"""Cells at once."""
TYPICAL = {
    "wrong_key": "certificate",
    "malformed_chain": "certificate",
    "already_replaced": "newOrder",
    "account_unknown": "newOrder",
    "no_location": "newOrder",
    "cut_after": "finalize",
    "invalid": "order",
    "processing": "order",
    "valid_too_early": "finalize",
    "dns": "authorization",
    "connection": "challenge",
    "rejected_identifier": "newOrder",
}
"""Where some troubles belong; the short form has them there, and every other somewhere."""


def _short() -> list[Cell]:
    return [
        Cell(trouble, TYPICAL.get(trouble, PLACES[number % len(PLACES)]))
        for number, trouble in enumerate(TROUBLES)
    ]


@pytest.fixture
def matrix(tmp_path: Path, templates: Templates) -> Iterator[Matrix]:
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)  # PowerDNS is another user
    with contextlib.ExitStack() as stack:
        world = stack.enter_context(World(tmp_path / "world", authz_reuse=50))
        newer = Pebble(
            tmp_path / "newer",
            dns_server=f"127.0.0.1:{world.dns.dns_port}",
            http_port=world.http_port,
            newer=True,
        )
        stack.enter_context(newer)
        url = stack.enter_context(templates.sqlite(tmp_path / "matrix.db"))
        made = Matrix(world, newer, url, tmp_path)
        stack.callback(made.close)
        yield made


def _report(cells: Sequence[Cell]) -> None:
    """Print the outcome of each cell, endpoints across, and how often each occurred."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for cell in cells:
        found[cell.trouble][cell.endpoint] = cell.outcome
    print()
    for trouble, row in found.items():
        print(trouble.ljust(22), "; ".join(f"{place}: {code}" for place, code in row.items()))
    for outcome, count in Counter(cell.outcome for cell in cells).most_common():
        print(f"{count:5} {outcome}")
    for cell in cells:
        print(*cell.complaints, sep="\n", end="\n" if cell.complaints else "")
    slowest = max(cells, key=lambda cell: cell.healed_in)
    print(f"slowest after the repair: {slowest.healed_in:.1f} s, {slowest.label}")


def _show(matrix: Matrix, cells: Sequence[Cell], dwell: float) -> None:
    for start in range(0, len(cells), WIDTH):
        matrix.run(cells[start : start + WIDTH], dwell=dwell)
    _report(cells)
    unmet = [cell.label for cell in cells if not cell.proxy.met]
    assert [text for cell in cells for text in cell.complaints] == []
    assert unmet == [], "the trouble was never met: nothing was shown"
    assert matrix.secrets_told(cells) == []


def test_each_trouble_and_each_endpoint(matrix: Matrix) -> None:
    cells = _short()
    assert {cell.endpoint for cell in cells} == set(PLACES)
    _show(matrix, cells, dwell=5)


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_each_trouble_at_each_endpoint(matrix: Matrix) -> None:
    _show(matrix, [Cell(trouble, place) for place in PLACES for trouble in TROUBLES], dwell=10)
