"""Certificates per second of one Nameplate worker, everything stored, beside what others do.

    python -m bench.acme [--certificates 1000] [--rounds 3] [--peers certbot,lego,uacme,caddy]
                         [--databases sqlite,postgresql]

Everybody uses a fresh Pebble of the same kind, which neither sleeps, refuses nonces, reuses
authorizations nor looks at proofs. The bare client (`bench.acme_client`) stores nothing, in eight
threads of this process, whose memory it shows. Nameplate starts from rows that are due and ends with
certificates in rows; the worker is one process with eight threads, timed from its first lease to the
last certificate. Before each order it looks whether the host leads to Nameplate, by DNS and by HTTP. The peers issue one certificate for each command: certbot in two lanes, lego and
uacme in eight, each lane with a folder and an account of its own. Caddy is timed from its start and
does its own scheduling.

A peer is found on PATH, beside this Python, or where a variable says (CERTBOT=/path/to/certbot); one
that is not installed is left out: `apt-get install lego uacme`, and certbot from PyPI in a virtual
environment of its own, so that its libraries stay apart from ours. uacme needs root here.

CPU is that of the clients alone, without Pebble and databases. Memory is the largest resident size
seen of one process: peers that run eight at a time hold up to eight times that.
The bare client and Nameplate take turns, and rates, CPU and the ratio of the two are medians of the
rounds: one run of either differs from the next by a tenth. The peers, far slower, are run once.
Goals: 30 certificates/s on PostgreSQL, 5 times the best peer, 20 % of the bare client.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.acme_client import Bare
from bench.acme_nameplate import Installation, database
from bench.acme_peers import RUN, THREADS, Result, peak_of, program_of
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.core import keys

TRIES = 3
GOAL_RATE, GOAL_PEER, GOAL_BARE = 30.0, 5.0, 0.2


class Bench:
    """Everybody on one Pebble."""

    def __init__(self, folder: Path, pebble: Pebble, count: int) -> None:
        self.folder, self.pebble, self.count = folder, pebble, count
        self.bundle = str(pebble.ca_bundle)
        self.key = keys.new_key()
        self.account = accounts.register(pebble.directory_url, self.key, verify=self.bundle)

    def bare(self) -> Result:
        client = Bare(self.pebble.directory_url, self.key, self.account, self.bundle)
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(client.issue, (f"w{n}.bare.example.com" for n in range(THREADS))))
            cpu, started = time.process_time(), time.perf_counter()
            list(pool.map(client.issue, (f"n{n}.bare.example.com" for n in range(self.count))))
            seconds = time.perf_counter() - started
        return Result(
            "bare client", self.count, seconds, time.process_time() - cpu, peak_of(os.getpid())
        )

    def nameplate(self, url: str, label: str) -> Result:
        """Fill a migrated database with due rows, and time a worker process that empties it."""
        place = Installation(
            self.folder, url, label, self.pebble.directory_url, bundle=self.bundle, key=self.key
        )
        place.add(self.count)
        with place.workers() as workers:
            return replace(place.timed(workers, self.count), label=f"nameplate, {label}")


def main() -> None:
    """Run everybody one after the other, print the ratios, and fail when a goal is missed."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        kinds = options.databases.split(",")
        run = partial(_run, folder, options.certificates)
        rounds = [
            {"bare": run(Bench.bare), **{kind: run(partial(_nameplate, kind)) for kind in kinds}}
            for _ in range(options.rounds)
        ]
        peers = []
        for name in filter(None, options.peers.split(",")):
            program = program_of(name)
            if program is None:
                print(f"{name:24} is not installed")
            else:
                peers.append(run(partial(_peer, name, program)))
    _judge(rounds, peers)


Round = dict[str, Result]
"""The bare client (`bare`) and Nameplate on each database."""


def _run(folder: Path, count: int, measure: Callable[[Bench], Result]) -> Result:
    """Measure one side on a Pebble of its own, again when that stopped answering (its issue 554)."""
    for _ in range(TRIES):
        own = Path(tempfile.mkdtemp(dir=folder))
        own.chmod(0o711)
        with (
            ChallTestSrv(own / "dns") as dns,
            Pebble(own / "ca", dns_server=dns.dns_server, always_valid=True) as pebble,
        ):
            try:
                result = measure(Bench(own, pebble, count))
            except TimeoutError as error:
                print(f"Pebble has stopped, once more: {error}", file=sys.stderr)
            else:
                result.show()
                return result
    raise RuntimeError("Pebble stopped each time")


def _peer(name: str, program: str, bench: Bench) -> Result:
    return RUN[name](bench, program)


def _nameplate(kind: str, bench: Bench) -> Result:
    with database(kind, bench.folder) as url:
        return bench.nameplate(url, kind)


def _judge(rounds: list[Round], peers: list[Result]) -> None:
    kind = "postgresql" if "postgresql" in rounds[0] else list(rounds[0])[-1]
    rate = statistics.median(one[kind].rate for one in rounds)
    cpu = statistics.median(one[kind].cpu / one[kind].count for one in rounds)
    bare = statistics.median(one[kind].rate / one["bare"].rate for one in rounds)
    goals = [
        (f"{rate:.1f} certificates/s, {cpu * 1000:.1f} ms CPU each", rate / GOAL_RATE, f">= {GOAL_RATE:.0f}"),
        (f"{bare:.0%} of the bare client", bare / GOAL_BARE, f">= {GOAL_BARE:.0%}"),
    ]  # fmt: skip
    if peers:
        best = max(peers, key=lambda peer: peer.rate)
        ratio = rate / best.rate
        goals.append((f"{ratio:.1f} times {best.label}", ratio / GOAL_PEER, f">= {GOAL_PEER:.0f}"))
    print(f"medians of {len(rounds)} rounds:")
    for what, share, goal in goals:
        print(f"{rounds[0][kind].label}: {what} (goal {goal}: {'met' if share >= 1 else 'MISSED'})")
    sys.exit(any(share < 1 for _, share, _ in goals))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--certificates", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--peers", default="certbot,lego,uacme,caddy")
    return parser.parse_args()


if __name__ == "__main__":
    main()
