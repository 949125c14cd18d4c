"""How fast Nameplate brings a zone to a provider, beside octoDNS and beside a bare client.

    python bench/dns.py [--records 10000] [--rounds 5] [--memory]

A real PowerDNS (SQLite, HTTP API) and a real Knot (RFC 2136, TSIG, AXFR) are started here. In each
round every side gets an empty zone of its own, fills it, finds nothing to change, and changes 1 %,
in turns. Every side is a process of its own: octoDNS as its command-line tool with its wanted
records in YAML, the floor with them in JSON, Nameplate with rows in SQLite, its ledger included.
What the zone holds afterwards is checked. A round before the others is not counted: it compiles.
Figures are medians, ratios are medians of the pairs of one round. `--memory` reads and plans a zone
of 100,000 records.

The goals compare what each takes as it is used (ADR 11): octoDNS and the floor are processes that are
started for every piece of work; Nameplate is a worker that runs, so that its start, with the first
use of each statement, is shown and not counted. The ratios of whole processes, from the start of
Python to its end, and those to the floor's work alone stand beside. Memory is that of a whole process
at its peak; that of `nameplate worker`, with eight threads and all it does besides, stands beside too.

octoDNS is installed into an environment of its own in the user's cache folder; without a package
registry it is left out.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.dns_sides import Place, run, wanted

OCTODNS = ("octodns==1.22.0", "octodns-powerdns==1.2.0", "octodns-bind==1.1.0")
PROVIDERS = ("powerdns", "knot")
WORK = ("create", "nothing", "change")
GOALS = {
    ("powerdns", "create"): (1 / 3, 3.0),
    ("powerdns", "nothing"): (1 / 8, 2.0),
    ("powerdns", "change"): (1 / 6, 2.0),
    ("knot", "create"): (1 / 4, 1.0),
    ("knot", "change"): (1 / 4, None),
}
"""At most these multiples of octoDNS's and of the floor's time."""
MEMORY, ZONE_MEMORY = 100.0, 300.0
"""MiB of a whole process with 10,000 records (ADR 12), and with a zone of 100,000."""
LAUNCH = """
import json, os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
out = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
began = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ, file_actions=out)
_, status, used = os.wait4(child, 0)
print(json.dumps([began, time.perf_counter() - began, used.ru_utime + used.ru_stime,
                  used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]))
"""
"""Runs one command from a small process: a child's peak memory begins with that of its parent."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one process took."""

    seconds: float
    cpu: float
    memory: float
    """MiB at its peak."""
    start: float = 0.0
    """Wall seconds until Python had started and imported, where it says so."""
    work: float = 0.0
    """Wall seconds of the work alone, what a process that runs already takes; else all of them."""

    @property
    def after_start(self) -> float:
        """Wall seconds from the first piece of work to the end of the process."""
        return self.seconds - self.start


def measured(command: Sequence[str], folder: Path) -> Figures:
    """Run one command to its end."""
    log = folder / "log"
    launch = [sys.executable, "-I", "-S", "-c", LAUNCH, str(log), *command]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    done = subprocess.run(launch, env=env, capture_output=True, check=True)
    began, *told = json.loads(done.stdout)
    said = log.read_text()
    if told.pop():
        raise RuntimeError(f"{command}:\n{said[-3000:]}")
    at = {
        word: float(time)
        for word, time in re.findall(r"^(started|ended) (\S+)$", said, re.MULTILINE)
    }
    start = at.get("started", began) - began
    work = at["ended"] - at["started"] if "ended" in at else told[0]
    return Figures(*told, start=start, work=work)


def octodns() -> Path | None:
    """Return the folder of octoDNS's programs, installed now if need be; None when it cannot be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nameplate-bench"
    home = cache / OCTODNS[0].replace("==", "-")
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text().split() == list(OCTODNS):
        return home / "bin"
    steps = (
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(home)],
        [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "-q", *OCTODNS],
    )  # fmt: skip
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            print(f"skipped: octoDNS cannot be installed: {last}")
            return None
    stamp.write_text("\n".join(OCTODNS))
    return home / "bin"


class Side:
    """One of those that are compared, with a zone of its own in each round."""

    def __init__(self, bench: "Bench", name: str, provider: str, zone: str) -> None:
        self.bench, self.name, self.provider, self.zone = bench, name, provider, zone
        self.folder = bench.folder / provider / zone
        self.folder.mkdir(parents=True)
        self.place: Place = {"zone": zone, **bench.access[provider]}
        if name in {"nameplate", "worker"}:
            bench.database(self)

    def do(self, work: str) -> Figures:
        """Prepare one piece of work, untimed, time it, and check what the zone holds."""
        records = list(wanted(self.zone, self.bench.count, int(work == "change")))
        command = getattr(self, f"_{self.name}")(records, work)
        figures = measured(command, self.folder)
        self.bench.check(self, records, work)
        return figures

    def _run(self, side: str) -> list[str]:
        at = self.folder / "place.json"
        at.write_text(json.dumps(self.place))
        return [sys.executable, __file__, "--run", side, str(at)]

    def _floor(self, records: list[tuple[str, str, str]], _work: str) -> list[str]:
        path = self.folder / "wanted.json"
        path.write_text(json.dumps([(name, kind, [value]) for name, kind, value in records]))
        self.place["wanted"] = str(path)
        return self._run(f"floor-{self.provider}")

    def _adapter(self, records: list[tuple[str, str, str]], work: str) -> list[str]:
        self._floor(records, work)
        return self._run("adapter")

    def _nameplate(self, _records: list[tuple[str, str, str]], work: str) -> list[str]:
        self.bench.want(self, work)
        return self._run("nameplate")

    def _worker(self, _records: list[tuple[str, str, str]], work: str) -> list[str]:
        self.bench.want(self, work)
        return self._run("worker")

    def _octodns(self, records: list[tuple[str, str, str]], _work: str) -> list[str]:
        from bench.dns_setup import octodns_files

        config = octodns_files(self.folder, self.place, self.provider, records)
        return [
            str(self.bench.octodns / "octodns-sync"),
            f"--config-file={config}",
            "--doit",
            "--quiet",
        ]


class Bench:
    """Both servers, and how each side is prepared and checked."""

    def __init__(self, folder: Path, options: argparse.Namespace, programs: Path | None) -> None:
        from bench.dns_setup import Servers

        self.folder, self.count = folder, options.records
        self.octodns = programs or Path()
        self.sides = ["floor", "adapter", "nameplate", *(["octodns"] if programs else [])]
        self.zones = {
            (number, side): f"r{number}{side[0]}.example"
            for number in range(options.rounds + 1)
            for side in (*self.sides, "worker")
        }
        self.servers = Servers(folder, list(self.zones.values()))
        self.access = self.servers.access

    def database(self, side: Side) -> None:
        """Give Nameplate a database with the wanted records as rows."""
        from bench.dns_setup import database

        side.place["home"] = str(side.folder)
        database(side.folder, self.servers.template, side.place, side.provider, self.count)

    def want(self, side: Side, work: str) -> None:
        from bench.dns_setup import want

        want(side.folder, side.zone, self.count, work)

    def check(self, side: Side, records: list[tuple[str, str, str]], work: str) -> None:
        """Raise when the zone is not as wanted."""
        live = self.servers.records(side.provider, side.zone)
        missing = set(records) - live
        left = {one for one in live - set(records) if one[1] not in {"SOA", "NS"}}
        if missing or len(left) > 1:  # the address of the name server was there before
            raise RuntimeError(
                f"{side.name} {side.provider} {work}: {len(missing)} missing, {len(left)} too many"
            )

    def round(self, number: int) -> dict[tuple[str, str, str], Figures]:
        """Do everything once, each side in turn, another one first each time."""
        figures = {}
        for provider in PROVIDERS:
            turn = number % len(self.sides)
            order = [*self.sides[turn:], *self.sides[:turn]]
            if number < 2:  # for its memory alone: in the warm-up and once
                order.append("worker")
            made = [Side(self, name, provider, self.zones[number, name]) for name in order]
            for work in WORK:
                for side in made:
                    figures[provider, work, side.name] = side.do(work)
        return figures


def report(rounds: list[dict[tuple[str, str, str], Figures]], sides: Sequence[str]) -> bool:
    """Print the medians and ratios, and tell whether all goals are met."""
    print(f"{len(rounds)} rounds, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':30}{'wall s':>8}{'CPU s':>8}{'start s':>8}{'work s':>8}{'MiB':>6}")
    verdicts: list[tuple[bool, str]] = []
    peak: dict[str, float] = defaultdict(float)
    for provider, work in [(p, w) for p in PROVIDERS for w in WORK]:
        runs = {side: [one[provider, work, side] for one in rounds] for side in sides}
        for side in sides:
            memory = max(run.memory for run in runs[side])
            peak[side] = max(peak[side], memory)
            seconds, cpu, start, alone = (
                _median(runs[side], name) for name in ("seconds", "cpu", "start", "work")
            )
            shown = f"{start:8.2f}{alone:8.2f}" if start else f"{'':16}"
            print(f"{provider:9} {work:8} {side:11}{seconds:8.2f}{cpu:8.2f}{shown}{memory:6.0f}")
        goals = GOALS.get((provider, work), (None, None))
        for other, goal in zip(("octodns", "floor"), goals, strict=True):
            if goal is not None and other in sides:
                ours, theirs = runs["nameplate"], runs[other]
                ratio = _ratio(ours, theirs, "work", "seconds")
                text = f"{provider} {work}: at most {goal:.2f} x {other}: {ratio:.2f}"
                text += f" (whole processes {_ratio(ours, theirs, 'seconds', 'seconds'):.2f}"
                if other == "floor":
                    text += f", without its start {_ratio(ours, theirs, 'work', 'after_start'):.2f}"
                verdicts.append((ratio <= goal, f"{text})"))
    most = peak["nameplate"]
    whole = max(run.memory for (*_, side), run in rounds[0].items() if side == "worker")
    text = (
        f"memory at most {MEMORY:.0f} MiB: {most:.0f} (`nameplate worker` with all its threads and"
    )
    verdicts.append((most <= MEMORY, f"{text} sweeps: {whole:.0f})"))
    for met, text in verdicts:
        print(f"{'met   ' if met else 'MISSED'} {text}")
    return all(met for met, _ in verdicts)


def _median(runs: Sequence[Figures], name: str) -> float:
    return statistics.median(getattr(run, name) for run in runs)


def _ratio(ours: Sequence[Figures], theirs: Sequence[Figures], one: str, other: str) -> float:
    """Return the median of the ratios within each round."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(a, one) / getattr(b, other) for a, b in pairs)


def measure(options: argparse.Namespace, folder: Path) -> bool:
    with ExitStack() as stack:
        bench = Bench(folder, options, octodns())
        stack.callback(bench.servers.stop)
        rounds = []
        for number in range(options.rounds + 1):  # the first one compiles, and is not counted
            rounds.append(bench.round(number))
            print(f"round {number} of {options.rounds} done", file=sys.stderr, flush=True)
    return report(rounds[1:], bench.sides)


def measure_memory(count: int, folder: Path) -> bool:
    """Fill both servers with one large zone and read and plan it."""
    from bench.dns_setup import Servers

    zone, fine = "large.example", True
    servers = Servers(folder, [zone])
    try:
        servers.fill(zone, list(wanted(zone, count)))
        for provider in PROVIDERS:
            at = folder / f"{provider}.json"
            more: dict[str, Any] = {"zone": zone, "count": count, "provider": provider}
            at.write_text(json.dumps(servers.access[provider] | more))
            took = measured([sys.executable, __file__, "--run", "memory", str(at)], folder)
            met = took.memory <= ZONE_MEMORY
            fine = fine and met
            print(
                f"{'met   ' if met else 'MISSED'} {count:,} records, {provider}: at most {ZONE_MEMORY:.0f} MiB:"
                f" {took.memory:.0f}, {took.seconds:.1f} s, {took.cpu:.1f} s CPU",
                flush=True,
            )
    finally:
        servers.stop()
    return fine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true", help="only the memory of a large zone")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end too
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as name:
        folder = Path(name)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installation has its bytecode
        os.environ["PYTHONPYCACHEPREFIX"] = f"{name}/bytecode"
        if options.memory:
            sys.exit(not measure_memory(options.records * 10, folder))
        sys.exit(not measure(options, folder))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
