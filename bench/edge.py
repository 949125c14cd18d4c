"""How fast the edge answers, beside what the same server can do at all.

    python bench/edge.py [--rounds N] [--seconds S] [--names N] [--random N]

Everything runs here in turns, one process each: a bare ASGI answer under uvicorn (the ceiling), the
edge as `nameplate serve` runs it, over a SQLite database of `--names` hosts, a FastAPI route, Caddy
with a static file. `wrk` asks with 64 connections. Figures are medians of the rounds; a share of the
ceiling is taken within each round. CPU is the server's own, so it says something on a busy machine
too. Caddy uses every core, the others one.
"""

import argparse
import importlib.util
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.servers.process import Server, ServerMissing, free_port, listens, program

CONNECTIONS = 64
EDGE_SECRET = "of-the-bench-" * 3
ROUTE = f"/edge/route?secret={EDGE_SECRET}&host="
CEILING = "raw ASGI ceiling"
SERVICE_UNAVAILABLE = 503
RATIO, P99, GROWTH = 0.70, 15.0, 50.0
"""The goals: share of the ceiling, milliseconds, megabytes."""
PATIENCE = 240
"""Seconds after which a busy machine has been asked for enough random names."""
SCRIPT = """
local names = {names}
local random = {random}
math.randomseed({seed})
function request()
  local name = "h" .. math.random(0, names - 1) .. ".acme.com"
  if random then name = string.format("%x%x.acme.com", math.random(0, 2^30), math.random(0, 2^30)) end
  return wrk.format("GET", "{path}" .. name)
end
"""


def populate(url: str, names: int) -> None:
    """Make one organization that serves `names` hosts with fifty applications."""
    import sqlalchemy as sa
    from tests.proof import prove

    from nameplate.core.actor import PLATFORM
    from nameplate.core.lifecycle import BindingStatus
    from nameplate.db import Sessions, engine
    from nameplate.models import Application, Binding, Domain, Organization
    from nameplate.usecases.operations import schema

    schema.upgrade(url)
    sessions = Sessions(engine(url))
    with sessions.begin(PLATFORM) as session:
        owner = Organization(name="Acme", slug="acme")
        session.add(owner)
        session.flush()
        apps = [
            Application(
                organization_id=owner.id, name="A", upstream_host="10.0.0.1", upstream_port=port
            )
            for port in range(8000, 8050)
        ]
        claim = Domain(organization_id=owner.id, domain_name="acme.com")
        session.add_all([*apps, claim])
        session.flush()
        session.refresh(claim)
        prove(session, claim, datetime.now(UTC))
        claim.activate()
        same = {
            "organization_id": owner.id,
            "organization_domain_id": claim.id,
            "status": BindingStatus.ACTIVE,
            "updated_at": datetime.now(UTC) - timedelta(hours=1),  # no news for the feed
        }
        rows = [
            {"application_id": apps[number % 50].id, "subdomain": f"h{number}"}
            | {"hostname": f"h{number}.acme.com"}
            | same
            for number in range(names)
        ]
        if rows:
            session.execute(sa.insert(Binding), rows)
    sessions.dispose()


def serve(what: str, port: int, url: str) -> None:
    """Run one of the Python servers in this process."""
    import uvicorn

    app: object = ceiling
    if what == "fastapi":
        from fastapi import FastAPI

        api = FastAPI()

        @api.get("/ask")
        async def ask(domain: str) -> dict[str, str]:
            return {"domain": domain}

        app = api
    elif what.startswith("edge"):
        from nameplate import asgi
        from nameplate.core.secret import Secret
        from nameplate.settings import Settings

        secret = Path("edge-secret")
        secret.write_text(EDGE_SECRET)
        secret.chmod(0o600)
        app = asgi.create(Settings(home=Path.cwd(), database_url=Secret(url), serve_worker=False))
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")  # type: ignore[arg-type]  # plain ASGI


async def ceiling(scope, receive, send) -> None:
    """Say hello: the least that an application with a body can do."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    headers = [(b"content-length", b"13"), (b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"Hello, world!"})


@contextmanager
def python_server(what: str, folder: Path, url: str) -> Iterator[tuple[int, int]]:
    """Yield port and process id."""
    port = free_port()
    command = [sys.executable, "-P", __file__, "--serve", what, "--port", str(port), "--url", url]
    own = folder / what
    own.mkdir()
    server = Server(command, own, ready=lambda: loaded(port))
    try:
        yield port, server.pid
    finally:
        server.stop()


def loaded(port: int) -> bool:
    """Tell whether a server answers, the edge with its hosts."""
    from http.client import HTTPConnection

    if not listens(port):
        return False
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/edge/ask?domain=h1.acme.com")
    status = connection.getresponse().status
    connection.close()
    return status != SERVICE_UNAVAILABLE


@contextmanager
def caddy_server(folder: Path) -> Iterator[tuple[int, int]]:
    """Yield port and process id of a Caddy that serves one small file."""
    from tests.servers.caddy import executable

    port = free_port()
    own = folder / "caddy"
    own.mkdir()
    (own / "ask").write_text("x")
    handle = {"handler": "file_server", "root": str(own)}
    site = {"listen": [f"127.0.0.1:{port}"], "routes": [{"handle": [handle]}]}
    site["automatic_https"] = {"disable": True}
    config = {"admin": {"disabled": True}, "apps": {"http": {"servers": {"s": site}}}}
    (own / "caddy.json").write_text(json.dumps(config))
    homes = {name: str(own) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    command = [executable(), "run", "--config", str(own / "caddy.json")]
    server = Server(command, own, ready=lambda: listens(port), env=homes)
    try:
        yield port, server.pid
    finally:
        server.stop()


class Target(NamedTuple):
    port: int
    pid: int
    path: str
    """Ends where the name begins."""


def load(
    folder: Path, target: Target, seconds: float, names: int, *, random: bool = False
) -> dict[str, float]:
    """Ask for some seconds; return requests, rate, p50 and p99 in ms, CPU in µs, errors."""
    script = folder / "wrk.lua"
    values = {"names": names, "random": str(random).lower(), "path": target.path}
    values["seed"] = int.from_bytes(os.urandom(3), "big")
    text = SCRIPT
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    script.write_text(text)
    before = cpu(target.pid)
    command = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--latency"]
    told = subprocess.run(
        [*command, "-s", str(script), f"http://127.0.0.1:{target.port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    used = cpu(target.pid) - before
    requests = int(_found(r"(\d+) requests in", told))
    failed = re.search(r"Socket errors: (.*)", told)
    return {
        "requests": requests,
        "rate": float(_found(r"Requests/sec:\s+([\d.]+)", told)),
        "p50": _milliseconds(_found(r"\n\s+50%\s+(\S+)", told)),
        "p99": _milliseconds(_found(r"\n\s+99%\s+(\S+)", told)),
        "cpu": used / max(requests, 1) * 1e6,
        "errors": sum(map(int, re.findall(r"\d+", failed[1]))) if failed else 0,
    }


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"wrk said something else:\n{text}")
    return match[1]


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]  # wrk's format
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(options: argparse.Namespace, folder: Path) -> bool:
    """Run everything, print the figures, and tell whether the goals were met."""
    url = f"sqlite:///{folder}/edge.db"
    populate(url, options.names)
    with ExitStack() as stack:
        made = {
            what: stack.enter_context(python_server(what, folder, url))
            for what in ("ceiling", "edge", "fastapi")
        }
        runs = {
            CEILING: Target(*made["ceiling"], "/ask?domain="),
            "edge ask": Target(*made["edge"], "/edge/ask?domain="),
            "edge route": Target(*made["edge"], ROUTE),
            "FastAPI async route": Target(*made["fastapi"], "/ask?domain="),
        }
        try:
            runs["Caddy static file"] = Target(
                *stack.enter_context(caddy_server(folder)), "/ask?domain="
            )
        except ServerMissing as missing:
            print(f"without Caddy: {missing}")
        figures: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
        for target in runs.values():
            load(folder, target, 1, options.names)  # warm up
        for _ in range(options.rounds):
            for name, target in runs.items():
                figures[name].append(load(folder, target, options.seconds, options.names))
        growth = random_names(options, folder, runs["edge ask"])
        print_weight(folder, growth[1], options.names)
    return report(figures, growth)


def print_weight(folder: Path, loaded: float, names: int) -> None:
    """Print what a host costs in memory, beside an edge that has none; `loaded` in MB."""
    url = f"sqlite:///{folder}/empty.db"
    populate(url, 0)
    with python_server("edge without hosts", folder, url) as (port, pid):
        load(folder, Target(port, pid, ROUTE), 1, names)
        empty = rss(pid)
    each = (loaded - empty) * 1e6 / names
    print(
        f"memory: {loaded:.1f} MB with {names:,} hosts, {empty:.1f} MB with none: {each:.0f} B each"
    )


def random_names(
    options: argparse.Namespace, folder: Path, target: Target
) -> tuple[int, float, float]:
    """Ask for a million names that do not exist; return how many, and MB before and after."""
    before, asked = rss(target.pid), 0
    until = time.monotonic() + PATIENCE
    while asked < options.random and time.monotonic() < until:
        seen = load(folder, target, 5, options.names, random=True)
        asked += int(seen["requests"])
    return asked, before, rss(target.pid)


def report(figures: dict[str, list[dict[str, float]]], growth: tuple[int, float, float]) -> bool:
    server = "httptools" if importlib.util.find_spec("httptools") else "h11"
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    busy = os.getloadavg()[0]
    print(f"uvicorn with {server} and {loop}, {os.cpu_count()} cores, load {busy:.1f}")
    median = {
        name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        for name, runs in figures.items()
    }
    print(
        f"{'':20} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'CPU µs':>7} {'of ceiling':>10}"
        f" {'by CPU':>6} errors"
    )
    for name, one in median.items():
        print(
            f"{name:20} {one['rate']:8.0f} {one['p50']:7.2f} {one['p99']:7.2f} {one['cpu']:7.1f}"
            f" {share(figures, name):10.0%} {1 / share(figures, name, 'cpu'):6.0%}"
            f" {one['errors']:6.0f}"
        )
    asked, before, after = growth
    print(f"{asked:,} random names: {before:.1f} MB before, {after:.1f} MB after")
    least = min(share(figures, name) for name in ("edge ask", "edge route"))
    slowest = max(median[name]["p99"] for name in ("edge ask", "edge route"))
    bare = median[CEILING]["p99"]
    goals = {
        f"at least {RATIO:.0%} of the ceiling: {least:.1%}": least >= RATIO,
        f"p99 at most {P99:g} ms: {slowest:.1f}, the ceiling's {bare:.1f}": slowest <= P99,
        f"growth at most {GROWTH:g} MB: {after - before:.1f}": after - before <= GROWTH,
    }
    for goal, met in goals.items():
        print(f"{'met   ' if met else 'MISSED'} {goal}")
    return all(goals.values())


def share(figures: dict[str, list[dict[str, float]]], name: str, of: str = "rate") -> float:
    """Return the median over the rounds of a figure as a part of the ceiling's."""
    rounds = zip(figures[name], figures[CEILING], strict=True)
    return statistics.median(one[of] / top[of] for one, top in rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--random", type=int, default=1_000_000)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port, options.url)
        return
    try:
        program("wrk")
    except ServerMissing:
        print("skipped: the load generator wrk is missing: sh scripts/servers.sh")
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end too
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as folder:
        sys.exit(0 if measure(options, Path(folder)) else 1)


if __name__ == "__main__":
    main()
