"""Cut many changes into messages that a server takes."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from nameplate.core.errors import NameplateError, Refused
from nameplate.core.records import Change
from nameplate.ports.dns import Outcome, Result

Unit = Sequence[Change]
"""Changes that must happen together or not at all."""


def length(change: Change) -> int:
    """Return about how many octets the change takes, both record sets together."""
    octets = 24
    for side in change:
        if side is not None:
            around = len(side.name) + 12
            for value in side.values:
                octets += around + len(value)
    return octets


def batches(units: Iterable[Unit], limit: int) -> Iterator[list[Unit]]:
    """Yield the units in batches of at most `limit` octets, a larger unit alone."""
    return packed(units, lambda unit: (sum(map(length, unit)),), (limit,))


def packed(
    units: Iterable[Unit], weigh: Callable[[Unit], Sequence[int]], limits: Sequence[int]
) -> Iterator[list[Unit]]:
    """Yield the units in batches that keep within every limit, a heavier unit alone."""
    batch: list[Unit] = []
    room = limits
    for unit in units:
        weights = weigh(unit)
        left = [one - other for one, other in zip(room, weights, strict=True)]
        if batch and min(left) < 0:
            yield batch
            batch, left = [], [one - other for one, other in zip(limits, weights, strict=True)]
        batch.append(unit)
        room = left
    if batch:
        yield batch


def flat(batch: Iterable[Unit]) -> list[Change]:
    """Return the changes of a batch in order."""
    return list(itertools.chain.from_iterable(batch))


def every(batch: Iterable[Unit], result: Result, detail: str = "") -> list[Outcome]:
    """Return the same outcome for every change of a batch."""
    return [Outcome(change, result, detail) for change in flat(batch)]


def failed(batch: Iterable[Unit], error: NameplateError) -> list[Outcome]:
    """Return an error as outcomes, for when others of the same call are done already."""
    result = Result.REFUSED if isinstance(error, Refused) else Result.UNKNOWN
    return every(batch, result, error.detail)
