"""What a request costs: one `nameplate serve` over PostgreSQL with 20,000 domains, eight clients.

    python -m bench.api [--domains 20000] [--seconds 8] [--against 42eaa5e]

Shows a domain, lists a hundred, walks through the lists of all organizations, claims a domain, and asks
`healthz`, each for so many seconds. Then it asks the edge 200 times a second while eight clients claim. The first list is the same page again and again, whose JSON is kept;
the walk (`cold`) finds no JSON where there are more domains than are kept, 5,000. `--against`
names a commit, or the Python of another checkout's environment: it is measured in the same run, on a
database of its own with the same seed, in turns with this one. The floor is a bare FastAPI route that finds the
token and reads the same rows by hand (`bench.api_floor`), in the same server program.

Goals, as ratios against 42eaa5e: show 4 times, list 2 times, claim 3 times with p99 of 60 ms; `ask` with
p99 of 20 ms.
"""

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
from bench import api_edge
from bench.acme_peers import cpu_of, peak_of
from bench.checkouts import python_of
from tests.servers import postgresql
from tests.servers.process import Server, free_port, listens

from nameplate.api.kept_json import MOST

PROCESSES, THREADS = 2, 4
WARM_UP = 1.5
GOALS = {"show": 4.0, "list": 2.0, "cold": 2.0, "claim": 3.0}
GOAL_CLAIM_P99 = 60.0
"""Milliseconds."""


@dataclass(frozen=True)
class Figure:
    """Requests a second, and how long they took in milliseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float
    """Milliseconds of the server's CPU for each request."""


class Side:
    """One checkout's server on a database of its own, or the floor."""

    def __init__(self, label: str, python: str, port: int, token: str, names: list[str]) -> None:
        self.label, self.python, self.port = label, python, port
        self.walker = token
        """A token that sees every organization's domains."""
        self.token, self.names = token, names
        self.pid = 0
        self.claimed = 0
        self.database = ""
        self.edge_port = port
        """Where the edge answers: an old checkout has no port for it."""

    def measure(self, what: str, seconds: float) -> Figure:
        """Send requests from eight clients for so long."""
        with multiprocessing.Pool(PROCESSES) as pool:
            jobs = [
                (
                    self.port,
                    self.walker if what == "cold" else self.token,
                    (what, self.names),
                    seconds,
                    self.claimed + number,
                )
                for number in range(PROCESSES)
            ]
            before = cpu_of(self.pid)
            took = [one for part in pool.starmap(_clients, jobs) for one in part]
            spent = cpu_of(self.pid) - before
        self.claimed += 1000
        counted = sorted(one for at, one in took if at >= WARM_UP)
        return Figure(
            len(counted) / seconds,
            counted[len(counted) // 2] * 1000,
            counted[len(counted) * 99 // 100] * 1000,
            spent / len(took) * 1000,
        )


def _clients(
    port: int, token: str, asked: tuple[str, list[str]], seconds: float, salt: int
) -> list[tuple[float, float]]:
    """Be four clients, each with one connection; return when each request ended and what it took."""
    found: list[tuple[float, float]] = []
    started = time.monotonic()

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        count, place = 0, ""
        while (at := time.monotonic()) - started < seconds + WARM_UP:
            count += 1
            method, path, body = _request(*asked, f"{salt}-{number}-{count}")
            connection.request(method, path + place, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if asked[0] == "cold":
                following = _CURSOR.search(content)
                place = f"&cursor={following[1].decode()}" if following else ""
            if answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status}")
            found.append((time.monotonic() - started, time.monotonic() - at))
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


_CURSOR = re.compile(rb'"next_cursor": ?"([^"]+)"')


def _request(what: str, names: list[str], unique: str) -> tuple[str, str, bytes | None]:
    match what:
        case "show":
            return "GET", f"/v1/domains/{names[hash(unique) % len(names)]}", None
        case "list" | "cold":
            return "GET", "/v1/domains?limit=100", None
        case "claim":
            body = {"name": f"n{unique}-{os.getpid()}.com"}
            return "POST", "/v1/domains", json.dumps(body).encode()
        case _:
            return "GET", "/healthz", None


@contextlib.contextmanager
def side(label: str, python: str, cluster: int, domains: int, folder: Path) -> Iterator[Side]:
    """Seed a database with a checkout's own command, and start its server."""
    home = folder / label
    home.mkdir()
    with postgresql.fresh_database(cluster) as url:
        port, edge_port = free_port(), free_port()
        env = {
            "NAMEPLATE_EDGE_PORT": str(edge_port),
            "NAMEPLATE_HOME": str(home),
            "NAMEPLATE_DATABASE_URL": url,
            "NAMEPLATE_PORT": str(port),
            "NAMEPLATE_SERVE_WORKER": "false",
            "NAMEPLATE_MAX_UNPROVED_CLAIMS": "1000000",
        }

        def run(*words: str) -> Any:
            done = subprocess.run(
                [python, "-m", "nameplate", *words], env={**os.environ, **env},
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"{words}: {done.stdout} {done.stderr}")
            return done.stdout

        env["NAMEPLATE_SYSTEM_DATABASE_URL"] = postgresql.role_url(url, postgresql.SYSTEM)
        run("db", "upgrade")
        run("db", "seed", "--organizations", "100", "--domains", str(domains),
            "--records-per-domain", "3", "--day", "2026-11-01")  # fmt: skip
        if label == "this":
            _sweep(python, {**os.environ, **env})
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")  # as PostgreSQL does by itself a minute later
        env |= {
            "NAMEPLATE_DATABASE_URL": postgresql.role_url(url, postgresql.APP),
            "NAMEPLATE_SYSTEM_DATABASE_URL": postgresql.role_url(url, postgresql.SYSTEM),
        }
        organizations = json.loads(run("organization", "list", "--json"))
        rows = organizations["data"] if isinstance(organizations, dict) else organizations
        owner = rows[0]["id"]
        made = json.loads(run("token", "add", "bench", "--organization", owner, "--json"))
        try:
            walker = json.loads(run("token", "add", "walker", "--platform", "--json"))
        except RuntimeError:  # before there was that option, a token of nobody was the platform's
            walker = json.loads(run("token", "add", "walker", "--json"))
        server = Server(
            [python, "-m", "nameplate", "serve"], home, ready=lambda: listens(port), env=env
        )
        try:
            one = Side(label, python, port, made["token"], [])
            one.walker = walker["token"]
            one.edge_port = edge_port if listens(edge_port) else port
            one.pid, one.database = server.pid, env["NAMEPLATE_SYSTEM_DATABASE_URL"]
            one.names = _names(port, made["token"])
            yield one
        finally:
            server.stop()


_SWEEP = """
from nameplate import bootstrap
from nameplate.settings import Settings
from nameplate.usecases.claims import readiness

settings = Settings.read()
sessions, ring = bootstrap.ready(settings)
tools = bootstrap.tools(settings, ring)
while readiness.refresh(sessions, tools):
    pass
"""


def _sweep(python: str, env: dict[str, str]) -> None:
    """Have the copies of readiness in date, as a worker keeps them; without one nobody does."""
    subprocess.run([python, "-c", _SWEEP], env=env, check=True)


@contextlib.contextmanager
def floor(this: Side, folder: Path) -> Iterator[Side]:
    """Start the bare application on the database of `this`."""
    port = free_port()
    env = {"FLOOR_DATABASE": this.database}
    (folder / "floor").mkdir()
    command = [sys.executable, "-m", "uvicorn", "bench.api_floor:app", "--port", str(port), "--no-access-log"]  # fmt: skip
    root = str(Path(__file__).parents[1])
    server = Server(
        command, folder / "floor", ready=lambda: listens(port), env={**env, "PYTHONPATH": root}
    )
    try:
        one = Side("floor", sys.executable, port, this.token, this.names)
        one.pid = server.pid
        yield one
    finally:
        server.stop()


def _names(port: int, token: str) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/v1/domains?limit=100", headers={"Authorization": f"Bearer {token}"})
    return [one["id"] for one in json.loads(connection.getresponse().read())["data"]]


def main() -> None:
    """Measure every side in turns, print figures and ratios, and fail when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--domains", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--against", help="a commit, or the Python of another checkout")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o711)
        (folder / "postgresql").mkdir()
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(postgresql.PostgreSQL(folder / "postgresql"))
            port = cluster.facts["port"]
            against = options.against and python_of(options.against, folder)
            sides = [
                stack.enter_context(side(label, python, port, options.domains, folder))
                for label, python in (("this", sys.executable), ("against", against))
                if python
            ]
            sides.append(stack.enter_context(floor(sides[0], folder)))
            failed = _measure(sides, options)
    sys.exit(failed)


def _measure(sides: list[Side], options: argparse.Namespace) -> bool:
    failed = False
    for what in ("show", "list", "cold", "claim", "healthz"):
        if what == "cold" and options.domains <= MOST:
            continue
        taking_part = [one for one in sides if what != "cold" or one.label != "floor"]
        figures = {one.label: one.measure(what, options.seconds) for one in taking_part}
        for label, found in figures.items():
            print(
                f"{what:8} {label:8} {found.rate:8.0f}/s  p50 {found.p50:6.1f} ms  "
                f"p99 {found.p99:6.1f} ms  {found.cpu:5.2f} ms CPU each"
            )
        if "floor" in figures:
            ratio = figures["this"].rate / figures["floor"].rate
            print(f"{what:8} {ratio:.2f} of the floor's rate")
        if "against" not in figures or what not in GOALS:
            continue
        ratio, goal = figures["this"].rate / figures["against"].rate, GOALS[what]
        met = ratio >= goal
        less = figures["against"].cpu / figures["this"].cpu
        print(
            f"{what:8} {ratio:.1f} times the rate of {options.against} (goal {goal:.0f}): "
            f"{'met' if met else 'MISSED'}; {less:.1f} times less CPU"
        )
        if what == "claim":
            quick = figures["this"].p99 <= GOAL_CLAIM_P99
            print(f"claim    p99 (goal {GOAL_CLAIM_P99:.0f} ms): {'met' if quick else 'MISSED'}")
            met = met and quick
        failed = failed or not met
    api_edge.beside(sides[:-1], options.seconds)
    for one in sides:
        print(f"memory   {one.label:8} {peak_of(one.pid):8.0f} MiB")
    return failed


if __name__ == "__main__":
    main()
