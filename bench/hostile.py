"""Certificates of an authority that is slow, that never decides, and that is far away.

    python -m bench.hostile [--certificates 1000] [--pending 10000] [--distant 2000] [--delay 0.02]
                            [--parts slow,pending,distant]

`slow`: a Pebble that refuses one nonce in twenty and sleeps 0 to 15 s before each of the three looks at
a proof, so that one in three orders takes 13 s and more; proofs are then taken as they are. Timed from
the first lease to the last certificate, on PostgreSQL, with one worker of eight threads. Goal: 40
certificates/s, where the sleeps alone allow 71 of 1,000.

`pending`: orders whose proofs an authority never decides on (`tests/servers/light_acme.py`). When
all have been told of, the worker's threads and resident size are compared with those when the first
thousand had; the size of the rows in the database is shown beside it. Goals: no thread more, and less
than 20 KiB for each. Shown as well: what looking at them costs.

`distant`: one and two workers at an authority that costs this machine nothing to speak of, and that
answers `--delay` seconds late. Goal: two issue 1.7 times as much as one. With `--delay 0` it is no
distance but a race for two processors, which the workers share with PostgreSQL, the authority, and the
name server and web server of the hosts.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

import sqlalchemy as sa
from bench.acme_nameplate import Installation, Worker, cpu_of_all, database
from bench.acme_peers import Result, cpu_of
from tests.chaos import backlog
from tests.servers.light_acme import LightAcme
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.core.actor import PLATFORM
from nameplate.models import Certificate, HttpChallenge

NONCES, SLEEP = 5, 15
GOAL_SLOW, GOAL_KIB, GOAL_WORKERS = 40.0, 20.0, 1.7
WARM = 1000
"""Pending orders from which on memory is compared: by then everything is imported and every thread was used."""
PATIENT = 180.0
"""Seconds without progress after which a part is given up, also on a busy machine."""
WATCHED = 20.0
"""Seconds for which it is measured what looking at pending orders costs."""

Goal = tuple[str, bool]
"""What was measured beside what was wanted, and whether that is so."""


def slow(folder: Path, options: argparse.Namespace) -> list[Goal]:
    """Time a worker at Pebble at its worst."""
    count = options.certificates
    with (
        ChallTestSrv(folder / "dns") as dns,
        Pebble(
            folder / "ca", dns_server=dns.dns_server, always_valid=True,
            nonce_reject=NONCES, sleep=SLEEP,
        ) as pebble,
        database("postgresql", folder) as url,
    ):  # fmt: skip
        place = Installation(
            folder, url, "slow", pebble.directory_url, bundle=str(pebble.ca_bundle)
        )
        place.add(count)
        authority = cpu_of(pebble.pid)
        with place.workers() as workers:
            result = place.timed(workers, count, stalled=PATIENT)
        result.show()
        used = (cpu_of(pebble.pid) - authority) / count * 1000
        print(f"Pebble itself {used:.1f} ms CPU each")
    return [_goal(f"{result.rate:.1f} certificates/s at a slow Pebble", result.rate, GOAL_SLOW)]


def pending(folder: Path, options: argparse.Namespace) -> list[Goal]:
    """Measure what orders cost that an authority does not decide on."""
    count = options.pending
    with (
        LightAcme(folder / "ca", is_pending=True) as authority,
        database("postgresql", folder) as url,
    ):
        place = Installation(folder, url, "pending", authority.directory_url)
        place.add_below(count)
        first = min(WARM, count // 2)
        with place.workers() as workers:
            _wait_for(place, workers, first)
            before = _size(workers[0]), _threads(workers[0])
            began = time.perf_counter()
            _wait_for(place, workers, count)
            took = time.perf_counter() - began
            after = _size(workers[0]), _threads(workers[0])
            cpu, started = cpu_of_all(workers), time.perf_counter()
            time.sleep(WATCHED)
            share = (cpu_of_all(workers) - cpu) / (time.perf_counter() - started)
            rows = _table_size(place) / count
    each = (after[0] - before[0]) / (count - first)
    print(
        f"{count - first} orders became pending in {took:.0f} s; the worker has {after[0] / 1024:.0f} MiB "
        f"and {after[1]} threads, {before[0] / 1024:.0f} MiB and {before[1]} threads at {first}; "
        f"{rows:.1f} KiB each in the database; looking at them takes {share:.0%} of a processor"
    )
    return [
        (f"{after[1] - before[1]} threads for pending orders (goal: 0)", after[1] <= before[1]),
        (f"{each:.2f} KiB of memory each (goal: < {GOAL_KIB:.0f})", each < GOAL_KIB),
    ]


def distant(folder: Path, options: argparse.Namespace) -> list[Goal]:
    """Compare one worker with two."""
    results: dict[int, Result] = {}
    for workers in (1, 2):
        own = folder / f"with-{workers}"
        own.mkdir()
        own.chmod(0o711)
        with (
            LightAcme(own / "ca", delay=options.delay) as authority,
            database("postgresql", own) as url,
        ):
            label = f"workers{workers}"
            place = Installation(own, url, label, authority.directory_url)
            place.add_below(options.distant)
            costs = cpu_of(authority.pid)
            with place.workers(workers) as running:
                results[workers] = place.timed(running, options.distant, stalled=PATIENT)
            results[workers].show()
            costs = (cpu_of(authority.pid) - costs) / options.distant * 1000
            print(f"the authority itself {costs:.1f} ms CPU each")
    ratio = results[2].rate / results[1].rate
    return [_goal(f"two workers {ratio:.2f} times one", ratio, GOAL_WORKERS)]


def _wait_for(place: Installation, workers: list[Worker], count: int) -> None:
    def told() -> int:
        return backlog.told(place.sessions)

    place.wait_until(lambda: told() >= count, workers, told, PATIENT)


def _size(worker: Worker) -> float:
    """Return the resident size of a process in KiB."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return float(status.partition("VmRSS:")[2].split()[0])


def _threads(worker: Worker) -> int:
    return len(list(Path(f"/proc/{worker.pid}/task").iterdir()))


def _table_size(place: Installation) -> float:
    """Return the size of the certificates with their challenges and indexes in KiB."""
    tables = [one.__tablename__ for one in (Certificate, HttpChallenge)]
    sizes = sa.select(*(sa.func.pg_total_relation_size(one) for one in tables))
    with place.sessions.begin(PLATFORM, read_only=True) as session:
        return sum(session.execute(sizes).one()) / 1024


def _goal(what: str, measured: float, goal: float) -> Goal:
    return f"{what} (goal: >= {goal})", measured >= goal


PARTS = {"slow": slow, "pending": pending, "distant": distant}


def main() -> None:
    """Measure each part, print the ratios, and fail when a goal is missed."""
    options = _options()
    goals: list[Goal] = []
    for name in options.parts.split(","):
        with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as temporary:
            folder = Path(temporary)
            folder.chmod(0o711)
            print(f"load of the machine {os.getloadavg()[0]:.1f}", flush=True)
            goals += PARTS[name](folder, options)
    for what, is_met in goals:
        print(f"{what}: {'met' if is_met else 'MISSED'}")
    sys.exit(not all(is_met for _, is_met in goals))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--certificates", type=int, default=1000)
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--distant", type=int, default=2000)
    parser.add_argument("--delay", type=float, default=0.02)
    parser.add_argument("--parts", default=",".join(PARTS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
