"""From the first claim to the last HTTPS: many domains at once, with everything that it takes.

    python -m bench.onboarding [--domains 3000] [--every 0] [--kills 0] [--json]

PostgreSQL with its two roles, PowerDNS, Pebble without sleeps, nginx and Caddy, `nameplate serve` and two
workers with production intervals, all on this machine. Each domain is claimed with an account at
PowerDNS and bound to an application, half on nginx and half on Caddy. Its owner, played here,
publishes the proof; the records that lead to the server are Nameplate's, and the certificate comes by
http-01. A domain is live when HTTPS by its name is answered by the application with a certificate that
Pebble signed.

Halfway through the claims another organization adds a single domain, and one that is live is
suspended. `--every` claims one domain in so many seconds instead of all at once; `--kills` ends a
worker so many times and starts another. At the end stands a picture of how many domains were
claimed, proved, certified and active at each moment.

Goals, judged with 1,000 domains or more at once: 15 domains/s; the other organization's domain live
within 20 s; the suspension effective within 5 s; 180 MiB for each worker. With `--every`: no failed
order, p95 of 8 s, with kills 60 s.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.onboarding_run import COUNTED, Run, measure
from bench.pictures import curves

GOAL_RATE, GOAL_SINGLE, GOAL_SUSPENSION, GOAL_MIB = 15.0, 20.0, 5.0, 180
GOAL_QUIET, GOAL_KILLED = 8.0, 60.0


def _verdicts(figures: dict[str, Any], every: float) -> Iterator[tuple[str, bool]]:
    complete = figures["live"] == figures["domains"]
    yield f"{figures['live']} of {figures['domains']} live after {figures['seconds']} s", complete
    if every:
        goal = GOAL_KILLED if figures["kills"] else GOAL_QUIET
        yield f"p95 {figures['p95']} s (goal {goal})", complete and figures["p95"] <= goal
        if not figures["kills"]:
            failed = figures["failed_orders"]
            yield f"{failed} failed of {figures['orders']} orders (goal 0)", failed == 0
        return
    yield f"{figures['rate']} domains/s (goal {GOAL_RATE})", figures["rate"] >= GOAL_RATE
    single, suspension = figures["single"], figures["suspension"]
    yield (
        f"a single domain of another organization live after {single} s (goal {GOAL_SINGLE})",
        single is not None and single <= GOAL_SINGLE,
    )
    yield (
        f"a suspension effective after {suspension} s (goal {GOAL_SUSPENSION})",
        suspension is not None and suspension <= GOAL_SUSPENSION,
    )
    worst = max(figures["worker_mib"])
    yield f"workers {figures['worker_mib']} MiB (goal {GOAL_MIB})", worst <= GOAL_MIB


def main() -> None:
    """Run, draw, and fail when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--domains", type=int, default=3000)
    parser.add_argument("--every", type=float, default=0.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    run, figures = measure(options.domains, options.every, options.kills)
    if options.json:
        print(json.dumps(figures))
        return
    drawn = [(at, {**counts, "live": _live_at(run, at)}) for at, counts in run.curve]
    print(curves(drawn, [*COUNTED, "live"]))
    for one in (*run.refused[:3], *(figures["first_missing"] or ())):
        print(one)
    print("CPU ms each:", figures["cpu_ms_each"])
    print("leases each:", figures["leases_each"])
    print("failed steps:", figures["failed_steps"] or "none")
    verdicts = list(_verdicts(figures, options.every))
    for text, met in verdicts:
        print(f"{'met   ' if met else 'MISSED'} {text}")
    sys.exit(any(not met for _, met in verdicts))


def _live_at(run: Run, at: float) -> int:
    return sum(moment <= at for moment in run.live.values())


if __name__ == "__main__":
    main()
