"""The table in the documentation: written by the long form, looked at by the short one."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from tests.badday.day import SLOWEST, WITHIN, Day
from tests.badday.fault import Fault
from tests.badday.faults import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "bad-days.md"
_INTRO = f"""# Bad days

What Nameplate says when something is broken, and how soon all is well after the repair. A test made
this table (`make torture` writes it) on real servers: PostgreSQL, PowerDNS, Knot, Pebble, nginx,
Caddy and Traefik, one `nameplate serve` and one `nameplate worker` with the intervals of production,
bindings that are checked every 5 s, and Traefik with a `patience` of 3 s. Five organizations are
served, each by its own proxy or group of servers. While one has a bad day, the domains of the others
stay ready and their visitors are served, except where the fault is common to all.

Every fault is said within {WITHIN:g} s, in the place that the table names and with the code that
[Errors](errors.md) explains. What is said of a proxy names its server and the reason. Before the repair each failing step is made to look as if it had failed
for hours, so that its back-off is the longest one. Nobody presses a button after a repair.

- **who acts**: whose turn it is.
- **said**: where, as what, and after how many seconds.
- **ready**: what `domain show` and the list say.
- **exit code**: that of `domain wait --timeout 0` ([Exit codes](exit-codes.md)).
- **log**, **metrics**: the first line of level warning or above, and the number of `/metrics` that tells.
- **served**: whether visitors of the domain are served meanwhile.
- **well after**: seconds from the repair until the domain is ready, what was wanted is there, and
  visitors are served.

| what is broken | who acts | said | ready | exit code | log | metrics | served | well after |
|---|---|---|---|---|---|---|---|---|
"""


def row(fault: Fault) -> str:
    """Return how the row of a fault begins."""
    return f"| {fault.name} |"


def written(days: Sequence[Day]) -> str:
    """Return the page."""
    known = {day.fault.name: day for day in days}
    rows = [_row(known[fault.name]) for fault in FAULTS if fault.name in known]
    times = sorted(day.recovered_after for day in days if day.recovered_after is not None)
    closing = (
        f"\nMedian {statistics.median(times):.1f} s, slowest {times[-1]:.0f} s of {len(times)} "
        f"(at most {SLOWEST:g} s).\n"
    )
    return _INTRO + "\n".join(rows) + "\n" + closing


def _row(day: Day) -> str:
    fault, picture = day.fault, day.picture
    said = picture.said
    told = f"{said.where} `{said.code}` {picture.said_after:.0f} s" if said else "nothing"
    ready = "no answer" if picture.ready is None else _yes(is_so=picture.ready)
    after = "not" if day.recovered_after is None else f"{day.recovered_after:.1f} s"
    cells = (
        fault.name, fault.turn.value, told, ready, str(picture.wait_code), _code(picture.log),
        _code(picture.metrics), _yes(is_so=fault.served), after,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else "none"


def _yes(*, is_so: bool) -> str:
    return "yes" if is_so else "no"
