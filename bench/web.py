"""What the page costs the server and the browser: streams of events, loading, and scrolling.

    python -m bench.web [--streams N] [--changes N] [--domains N]

A real `nameplate serve` over SQLite, on loopback. Memory is the resident memory of the server's process
before and after the streams are opened; the delay of a change is from the answer of its request, which
comes with the commit, until the last stream of the organization has the event, and until a page in
Chromium shows it while all the streams are open. Then the console over many domains, unthrottled: bytes of
script, seconds until a domain's page can be used with nothing cached, and frames while its list is scrolled.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from bench import web_page
from tests.servers.process import free_port

MEMORY_GOAL, DELAY_GOAL = 60.0, 1.0
"""KiB for each open stream, and seconds."""
SCRIPT_GOAL, USABLE_GOAL, FRAMES_GOAL = 130_000, 1.0, 50.0
"""Bytes, seconds, and frames for each second."""
PER_ORGANIZATION = 100


class Program:
    """The command line and the API of one installation in a folder."""

    def __init__(self, home: Path, domains: int = 0) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "NAMEPLATE_HOME": str(home)}
        self._nameplate("db", "upgrade")
        if domains:
            size = ("--organizations", "10", "--domains", str(domains), "--records-per-domain", "0")
            self._nameplate("db", "seed", *size)
        told = self._nameplate("token", "add", "bench", "--platform", "--output", "json")
        self.token = json.loads(told)["token"]
        command = [sys.executable, "-m", "nameplate", "serve", "--no-worker"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=self.environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                self.call("GET", "/v1/organizations", self.token)
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError("the server does not answer")

    def _nameplate(self, *command: str) -> str:
        whole = [sys.executable, "-m", "nameplate", *command]
        done = subprocess.run(
            whole, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def call(self, method: str, path: str, token: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def resident(self) -> float:
        """Return the resident memory of the server in KiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmRSS:")).split()[1])

    def stop(self) -> float:
        """Stop the server; return how long that took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        return time.monotonic() - began


class Stream:
    """One open stream, as a browser holds it."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self._writer: asyncio.StreamWriter | None = None

    async def open_(self, port: int, token: str) -> None:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        head = (
            "GET /v1/events/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
        )
        self._writer.write(head.encode())
        async with asyncio.timeout(120):
            await reader.readuntil(b"event: ready\n")
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b'data: {"'):
                self.told[json.loads(line[6:])["id"]] = time.monotonic()

    def close(self) -> None:
        self._task.cancel()
        assert self._writer is not None
        self._writer.close()


def owner_token(program: Program, number: int) -> str:
    """Make an organization and return a token of it."""
    made = program.call("POST", "/v1/organizations", program.token, {"name": f"o{number}"})
    named = {"name": "page", "organization": made["id"]}
    token: str = program.call("POST", "/v1/tokens", program.token, named)["token"]
    return token


async def streams(
    program: Program, number: int, changes: int
) -> tuple[float, list[float], list[float]]:
    """Return KiB of the server for each stream, and the seconds until each change was told.

    First until the last stream had it, then until a page among them showed it.
    """
    owners = [owner_token(program, at) for at in range(-(-number // PER_ORGANIZATION))]
    warm = Stream()
    await warm.open_(program.port, owners[0])
    before = program.resident()
    opened: list[list[Stream]] = [[] for _ in owners]
    for at in range(number):
        one = Stream()
        await one.open_(program.port, owners[at % len(owners)])
        opened[at % len(owners)].append(one)
    await asyncio.sleep(1)
    each = (program.resident() - before) / number
    delays = []
    for at in range(changes):
        mine = opened[at % len(owners)]
        owner = owners[at % len(owners)]
        await asyncio.to_thread(program.call, "POST", "/v1/tokens", owner, {"name": f"t{at}"})
        committed = time.monotonic()
        async with asyncio.timeout(120):
            while min(len(one.told) for one in mine) <= at // len(owners):  # noqa: ASYNC110 - a hundred streams
                await asyncio.sleep(0.005)
        delays.append(max(max(one.told.values()) for one in mine) - committed)
    seen = await asyncio.to_thread(web_page.told, program.url, owners[0], program.call, changes)
    for one in (warm, *(one for some in opened for one in some)):
        one.close()
    return each, delays, seen


def measured_streams(number: int, changes: int) -> bool:
    """Measure and print what open pages cost the server; tell whether the goals are met."""
    with tempfile.TemporaryDirectory() as home:
        program = Program(Path(home))
        try:
            each, delays, seen = asyncio.run(streams(program, number, changes))
        finally:
            took = program.stop()
    print(f"with {number} open streams:")
    met = [
        _goal("  memory of the server for each", each, MEMORY_GOAL, "KiB"),
        _goal("  a change is told to all, at most", max(delays), DELAY_GOAL, "s"),
        _goal("  a change is seen on a page, at most", max(seen), DELAY_GOAL, "s"),
    ]
    print(
        f"  medians: told {statistics.median(delays):.2f} s, seen {statistics.median(seen):.2f} s"
    )
    print(f"  the server stopped in {took:.1f} s")
    return all(met)


def measured_page(domains: int) -> bool:
    """Measure and print what the console asks of a browser; tell whether the goals are met."""
    with tempfile.TemporaryDirectory() as home:
        program = Program(Path(home), domains)
        try:
            (first,) = program.call("GET", "/v1/domains?limit=1", program.token)["data"]
            with web_page.chromium() as browser:
                script = web_page.first_load(browser, program.url, program.token)
                loads = web_page.usable(browser, program.url, program.token, first["name"])
                list_ = web_page.scrolled(browser, program.url, program.token)
        finally:
            program.stop()
    print(f"the console over {domains:,} domains:")
    met = [
        _goal("  script of the first load", script, SCRIPT_GOAL, "bytes"),
        _goal("  a domain's page is usable after", statistics.median(loads), USABLE_GOAL, "s"),
        _goal("  the list scrolls with", list_.frames, FRAMES_GOAL, "frames/s", least=True),
    ]
    print(
        f"  {list_.rows:,} rows were passed, {list_.dropped} frames dropped, {list_.longest:.0f} ms"
        f" between two at most, {list_.work:.1f} ms of CPU for each"
    )
    return all(met)


def _goal(what: str, figure: float, goal: float, unit: str, *, least: bool = False) -> bool:
    """Print a figure beside its goal; tell whether it is met."""
    met = figure >= goal if least else figure <= goal
    bound = "at least" if least else "at most"
    shown = f"{figure:,.0f}" if figure >= 1000 else f"{figure:.2f}"
    print(f"{what:<40}{shown:>9} {unit} ({bound} {goal:,g}: {'met' if met else 'MISSED'})")
    return met


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--domains", type=int, default=100_000)
    given = parser.parse_args()
    met = [measured_streams(given.streams, given.changes), measured_page(given.domains)]
    if not all(met):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
