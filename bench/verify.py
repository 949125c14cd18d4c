"""What a look at a proof costs: one `nameplate worker` over PostgreSQL, Knot as everybody's server.

    python -m bench.verify [--pending 10000] [--organizations 100] [--seconds 15] [--schedule 60]
                           [--proofs 2000] [--against 42eaa5e]

Claims `shopN.com` for so many N, all served by one Knot. First nothing is published: every pending
proof is due, again and again, for so many seconds. Then the worker is left to the real schedule, in
which every proof was claimed at the same moment, and it is seen how late looks are. At the end the
records of some are published, and these proofs are due at once.

A *look* is at one pending proof, with its lease, what was seen in its log, and the time of the next
one. When the record is not there it also asks where people put it by mistake: Knot counts the
questions, which are shown beside the looks. Nothing is measured before a worker's first look: how long
its process takes to start is not a matter of looks.

`--against` names a commit, or the Python of another checkout: it is measured in the same run, on a
database of its own, in turns with this one. The floor is aiodns, which asks Knot for the same names and
does nothing with the answers (`pip install aiodns`); without it dnspython's asyncio resolver.

Goals, as ratios against 42eaa5e: looks that find nothing 10 times, proofs 4 times; 10,000 pending
proofs each looked at on time (p99 of 5 s behind), in 300 MiB.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from bench.acme_peers import cpu_of, peak_of
from bench.checkouts import python_of
from bench.verify_questions import Questions, floor
from tests.servers import postgresql
from tests.servers.knot import Knot
from tests.servers.process import Server, program
from tests.servers.zonefile import apex

ZONE = "com"
GOALS = {"looks": 10.0, "proofs": 4.0}
GOAL_LATE, GOAL_MIB = 5.0, 300
WARM_UP = 2.0
PATIENCE = 60.0
"""Seconds within which a worker must have looked at something."""
_DUE = "UPDATE domain_verifications SET next_action_at = now() WHERE lease_until IS NULL AND {}"
_LOOKS = "SELECT sum(verification_attempts) FROM domain_verifications"
_PROVED = "SELECT count(*) FROM domain_verifications WHERE status = 'verified'"
_LATE = """SELECT coalesce(percentile_disc({}) WITHIN GROUP (
    ORDER BY greatest(extract(epoch FROM now() - next_action_at), 0)), 0)
    FROM domain_verifications WHERE lease_until IS NULL AND next_action_at IS NOT NULL"""


@dataclass
class Side:
    """One checkout's worker on a database of its own."""

    label: str
    python: str
    url: str
    env: dict[str, str]
    folder: Path
    records: list[tuple[str, str]] = field(default_factory=list)
    peak: float = 0.0

    @contextlib.contextmanager
    def worker(self) -> Iterator[Server]:
        command = [self.python, "-m", "nameplate", "worker"]
        server = Server(command, self.folder, ready=lambda: True, env=self.env)
        try:
            yield server
            self.peak = max(self.peak, peak_of(server.pid))
        finally:
            server.stop()

    def ask(self, query: str) -> float:
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[arg-type]  # our own text
        return float(row[0] or 0) if row else 0.0

    def do(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # our own text

    def wait_for_a_look(self) -> None:
        """Wait until the worker has started and looked."""
        before, until = self.ask(_LOOKS), time.monotonic() + PATIENCE
        while self.ask(_LOOKS) <= before:
            if time.monotonic() > until:
                raise RuntimeError(f"{self.label}: the worker did not look at anything")
            time.sleep(0.1)

    def looks(self, seconds: float, questions: Questions) -> tuple[float, float, float]:
        """Return looks a second while all is due all the time, questions and ms of CPU of each."""
        self.do(_DUE.format("true"))
        with self.worker() as server:
            self.wait_for_a_look()
            began, before, asked, spent = 0.0, 0.0, 0, 0.0
            until = time.monotonic() + WARM_UP + seconds
            while time.monotonic() < until:
                time.sleep(0.5)
                # Half a minute in the past is due as well as now, and comes up at the first look.
                self.do(_DUE.format("next_action_at > now()"))
                if not began and time.monotonic() > until - seconds:
                    asked, spent = questions.count(), cpu_of(server.pid)
                    began, before = time.monotonic(), self.ask(_LOOKS)
            done, took = self.ask(_LOOKS) - before, time.monotonic() - began
            done = max(done, 1)
            cost = (cpu_of(server.pid) - spent) / done * 1000
            return done / took, (questions.count() - asked) / done, cost

    def schedule(self, seconds: float) -> tuple[float, float, float]:
        """Return how far behind looks are (p50, p99), the worst of all moments, and the CPU share."""
        claimed = (
            "UPDATE domain_verifications SET verification_attempts = 0, next_action_at = now(){},"
            " lease_until = NULL, expires_at = now() + interval '7 days' WHERE status <> 'verified'"
        )
        self.do(claimed.format(" + interval '1 hour'"))
        self.do(_DUE.format("id = (SELECT min(id) FROM domain_verifications)"))
        late50 = late99 = 0.0
        with self.worker() as server:
            self.wait_for_a_look()
            self.do(claimed.format(""))
            spent, until = cpu_of(server.pid), time.monotonic() + seconds
            while time.monotonic() < until:
                time.sleep(0.5)
                late50 = max(late50, self.ask(_LATE.format("0.5")))
                late99 = max(late99, self.ask(_LATE.format("0.99")))
            return late50, late99, (cpu_of(server.pid) - spent) / seconds

    def proofs(self, number: int, seconds: float) -> tuple[float, float]:
        """Return proofs a second of those that are published, and milliseconds of CPU each."""
        self.do(
            "UPDATE domain_verifications SET next_action_at = now() + interval '1 hour',"
            " lease_until = NULL, verification_logs = NULL WHERE status <> 'verified'"
        )
        self.do(
            "UPDATE domain_verifications SET next_action_at = now() WHERE status <> 'verified'"
            f" AND id IN (SELECT id FROM domain_verifications ORDER BY id LIMIT {number})"
        )
        with self.worker() as server:
            began = time.monotonic()
            first = 0.0
            while time.monotonic() - began < seconds:
                time.sleep(0.1)
                if (proved := self.ask(_PROVED)) and not first:
                    first, spent, so_far = time.monotonic(), cpu_of(server.pid), proved
                if proved >= number:
                    break
            if proved < number:
                raise RuntimeError(f"{self.label}: {proved:.0f} of {number} were proved in time")
            done = max(proved - so_far, 1)
            took = time.monotonic() - first
            return done / took, (cpu_of(server.pid) - spent) / done * 1000


@contextlib.contextmanager
def side(
    label: str, python: str, cluster: int, port: int, folder: Path, *, pending: int, owners: int
) -> Iterator[Side]:
    """Migrate a database and make the claims, with a checkout's own code."""
    home = folder / label
    home.mkdir()
    with postgresql.fresh_database(cluster) as url:
        env = {
            "NAMEPLATE_HOME": str(home),
            "NAMEPLATE_DATABASE_URL": url,
            "NAMEPLATE_SYSTEM_DATABASE_URL": postgresql.role_url(url, postgresql.SYSTEM),
            "NAMEPLATE_DNS_SERVERS": json.dumps({ZONE: [f"127.0.0.1:{port}"]}),
            "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
        }

        def run(*words: str) -> str:
            done = subprocess.run(
                [python, *words], env={**os.environ, **env}, capture_output=True, text=True,
                check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"{words}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
            return done.stdout

        run("-m", "nameplate", "db", "upgrade")
        env["NAMEPLATE_DATABASE_URL"] = postgresql.role_url(url, postgresql.APP)
        seed = Path(__file__).with_name("verify_seed.py")
        records = json.loads(run(str(seed), str(pending), str(owners)))
        system = env["NAMEPLATE_SYSTEM_DATABASE_URL"]  # the owner sees no row of a tenant
        plain = system.replace("postgresql+psycopg", "postgresql")
        one = Side(label, python, plain, env, home, [tuple(pair) for pair in records])
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        yield one


def main() -> None:
    """Measure every side in turns, print figures and ratios, and fail when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--organizations", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--schedule", type=float, default=60.0)
    parser.add_argument("--proofs", type=int, default=2000)
    parser.add_argument("--against", help="a commit, or the Python of another checkout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        for name in ("postgresql", "knot"):
            (folder / name).mkdir()
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(postgresql.PostgreSQL(folder / "postgresql"))
            knot = stack.enter_context(Knot(folder / "knot", [ZONE]))
            against = options.against and python_of(options.against, folder)
            sides = [
                stack.enter_context(
                    side(
                        label, python, cluster.facts["port"], knot.port, folder,
                        pending=options.pending, owners=options.organizations,
                    )
                )
                for label, python in (("this", sys.executable), ("against", against))
                if python
            ]  # fmt: skip
            failed = _measure(sides, knot.port, folder / "knot", options)
    sys.exit(failed)


def _measure(sides: list[Side], port: int, folder: Path, options: argparse.Namespace) -> bool:
    name, asked = floor(port, options.pending)
    print(f"floor    {name}: {asked:.0f} names/s asked, nothing done with the answers", flush=True)
    rates: dict[str, dict[str, float]] = {"looks": {}, "proofs": {}}
    failed = False
    questions = Questions(folder)
    for one in sides:
        rate, each, cpu = one.looks(options.seconds, questions)
        rates["looks"][one.label] = rate
        asked = f"of {each:.1f} questions: {rate * each:.0f} questions/s"
        print(f"looks    {one.label:8} {rate:8.0f}/s {cpu:6.2f} ms CPU each, {asked}", flush=True)
    if options.schedule:
        late50, late99, share = sides[0].schedule(options.schedule)
        met = late99 <= GOAL_LATE
        failed = failed or not met
        print(
            f"schedule this     p50 {late50:.1f} s, p99 {late99:.1f} s late at the worst moment,"
            f" {share:.0%} of a processor (goal p99 {GOAL_LATE:.0f} s): {'met' if met else 'MISSED'}",
            flush=True,
        )
    _publish(folder, sides, options.proofs)
    for one in sides:
        rates["proofs"][one.label], cpu = one.proofs(options.proofs, max(60.0, options.seconds))
        print(f"proofs   {one.label:8} {rates['proofs'][one.label]:8.0f}/s {cpu:6.2f} ms CPU each", flush=True)  # fmt: skip
    for what, found in rates.items():
        if "against" in found:
            ratio = found["this"] / max(found["against"], 0.1)
            met = ratio >= GOALS[what]
            failed = failed or not met
            print(
                f"{what:8} {ratio:.1f} times (goal {GOALS[what]:.0f}): {'met' if met else 'MISSED'}"
            )
    for one in sides:
        print(f"memory   {one.label:8} {one.peak:8.0f} MiB")
    return failed or sides[0].peak > GOAL_MIB


def _publish(folder: Path, sides: list[Side], number: int) -> None:
    """Put the records of the first so many proofs of each side into the zone."""
    text = apex(ZONE, "127.0.0.1").replace(" 1 7200", " 2 7200")
    for one in sides:
        text += "".join(f'{name}. TXT "{value}"\n' for name, value in one.records[:number])
    (folder / f"{ZONE}.zone").write_text(text)
    command = [program("knotc"), "-b", "-s", f"{folder}/knot.sock", "zone-reload", ZONE]
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
