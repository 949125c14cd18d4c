"""Send units of changes through an API, and turn every end of it into outcomes."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from nameplate.adapters.changes.answers import ChangeRefused
from nameplate.adapters.changes.batch import Unit, every, failed, flat
from nameplate.adapters.changes.compare import Live, moved, read_back
from nameplate.core.errors import NameplateError, RateLimited, Unavailable
from nameplate.core.records import Change
from nameplate.ports.dns import Outcome, Result

Ids = Mapping[str, str]
"""The provider's record id by value."""
Batch = Sequence[Unit]
Send = Callable[[Batch], Mapping[Change, Ids]]
"""Does a batch as a whole, or raises: `ChangeRefused` when one of it is the reason and nothing was
done, `RateLimited` or `provider_unreachable` when nothing was sent, another `Unavailable` when it
may have happened, `Refused` when the credential or the zone is the reason."""
Read = Callable[[Sequence[Change]], Live]
"""Reads the record sets of some changes again."""


def dispatch(batches: Iterable[Batch], send: Send, reread: Read) -> list[Outcome]:
    """Send batch by batch; a refused one is halved, a lost answer is read back.

    Raises only when nothing has been sent yet. Once the other side stops answering, the rest is
    UNKNOWN without further attempts.
    """
    waiting = deque(batches)
    outcomes: list[Outcome] = []
    while waiting:
        batch = waiting.popleft()
        try:
            ids = send(batch)
        except ChangeRefused as refusal:
            if len(batch) > 1:
                waiting.extendleft(reversed(_halves(batch)))
            else:
                outcomes += _judged(batch[0], refusal, reread)
            continue
        except NameplateError as error:
            if _may_have_happened(error):
                found = _read_back(flat(batch), error, reread)
                outcomes += found
                if not _is_lost(found):
                    continue
                batch = []
            elif not outcomes:
                raise
            return [*outcomes, *failed([*batch, *_rest(waiting)], error)]
        outcomes += [
            Outcome(change, Result.APPLIED, external_ids=ids.get(change, {}))
            for change in flat(batch)
        ]
    return outcomes


def _halves(batch: Batch) -> list[Batch]:
    middle = len(batch) // 2
    return [batch[:middle], batch[middle:]]


def _rest(waiting: Iterable[Batch]) -> list[Unit]:
    return [unit for batch in waiting for unit in batch]


def _may_have_happened(error: NameplateError) -> bool:
    if not isinstance(error, Unavailable) or isinstance(error, RateLimited):
        return False
    return error.code != "provider_unreachable"


def _is_lost(found: Sequence[Outcome]) -> bool:
    """Tell whether nothing at all could be found out: asking on would only wait again."""
    return all(outcome.result is Result.UNKNOWN for outcome in found)


def _judged(unit: Unit, refusal: ChangeRefused, reread: Read) -> list[Outcome]:
    """Return outcomes for one unit that was refused: it may have moved since it was read."""
    try:
        live = reread(unit)
    except NameplateError:
        return every([unit], Result.REFUSED, refusal.detail)
    if all(live.get(change.key) == change.after for change in unit):
        return every([unit], Result.APPLIED)
    if refusal.code == "record_moved" or any(
        live.get(change.key) not in (change.before, change.after) for change in unit
    ):
        return [moved(change) for change in unit]
    return every([unit], Result.REFUSED, refusal.detail)


def _read_back(changes: Sequence[Change], error: NameplateError, reread: Read) -> list[Outcome]:
    try:
        live = reread(changes)
    except NameplateError:
        return [Outcome(change, Result.UNKNOWN, error.detail) for change in changes]
    return [read_back(change, live, error.detail) for change in changes]
