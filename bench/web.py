"""What the page costs the server: streams of events that are open, and how soon they tell.

    python -m bench.web [--streams N] [--changes N]

A real `nameplate serve` over SQLite, on loopback. Memory is the resident memory of the server's process
before and after the streams are opened; the delay of a change is from the answer of its request, which
comes with the commit, until the last stream of the organization has the event.
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

from tests.servers.process import free_port

MEMORY_GOAL, DELAY_GOAL = 60.0, 1.0
"""KiB for each open stream, and seconds."""
PER_ORGANIZATION = 100


class Program:
    """The command line and the API of one installation in a folder."""

    def __init__(self, home: Path) -> None:
        self.port = free_port()
        self.environment = {**os.environ, "NAMEPLATE_HOME": str(home)}
        self._nameplate("db", "upgrade")
        told = self._nameplate("token", "add", "bench", "--platform", "--output", "json")
        self.token = json.loads(told)["token"]
        command = [sys.executable, "-m", "nameplate", "serve", "--no-worker"]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=self.environment, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
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
            f"http://127.0.0.1:{self.port}{path}",
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
        async with asyncio.timeout(30):
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


async def streams(program: Program, number: int, changes: int) -> tuple[float, list[float]]:
    """Return KiB of the server for each stream, and the seconds until the last one had each change."""
    owners = []
    for at in range(-(-number // PER_ORGANIZATION)):
        made = program.call("POST", "/v1/organizations", program.token, {"name": f"o{at}"})
        named = {"name": "page", "organization": made["id"]}
        owners.append(program.call("POST", "/v1/tokens", program.token, named)["token"])
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
        async with asyncio.timeout(30):
            while min(len(one.told) for one in mine) <= at // len(owners):  # noqa: ASYNC110 - a hundred streams
                await asyncio.sleep(0.005)
        delays.append(max(max(one.told.values()) for one in mine) - committed)
    for one in (warm, *(one for some in opened for one in some)):
        one.close()
    return each, delays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--changes", type=int, default=30)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        program = Program(Path(home))
        try:
            each, delays = asyncio.run(streams(program, given.streams, given.changes))
        finally:
            took = program.stop()
    print(f"{given.streams} open streams: {each:.1f} KiB each (goal {MEMORY_GOAL:g})")
    median, worst = statistics.median(delays), max(delays)
    print(f"a change is told after {median:.2f} s, {worst:.2f} s at most (goal {DELAY_GOAL:g})")
    print(f"the server stopped in {took:.1f} s")
    if each > MEMORY_GOAL or worst > DELAY_GOAL:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
