"""What the edge does while eight clients claim, and what its process weighs: a part of `bench.api`."""

import http.client
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.acme_peers import peak_of

if TYPE_CHECKING:
    from bench.api import Side

ASKS, GOAL_ASK_P99 = 200, 20.0
"""Questions to the edge a second, and milliseconds."""


def beside(sides: Sequence["Side"], seconds: float) -> None:
    """Print what the edge does beside claims, and what it weighs where it has a process of its own."""
    for one in sides:
        asked_meanwhile(one, seconds)
        for child in _children(one.pid):
            print(f"memory   {one.label:8} {peak_of(child):8.0f} MiB, its edge's process")


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [
        int(entry.parent.name)
        for entry in Path("/proc").glob("[0-9]*/stat")
        if entry.read_text().rpartition(")")[2].split()[1] == str(pid)
    ]


def asked_meanwhile(one: "Side", seconds: float) -> None:
    """Ask the edge at an even rate while eight clients claim, and print how long it took."""
    claims: list[Any] = []
    flood = threading.Thread(target=lambda: claims.append(one.measure("claim", seconds)))
    flood.start()
    connection = http.client.HTTPConnection("127.0.0.1", one.edge_port, timeout=30)
    took = []
    time.sleep(1.5)
    started = time.monotonic()
    for number in range(int(ASKS * seconds)):
        time.sleep(max(0.0, started + number / ASKS - time.monotonic()))
        at = time.monotonic()
        connection.request("GET", "/edge/ask?domain=nobody.example")
        connection.getresponse().read()
        took.append(time.monotonic() - at)
    connection.close()
    flood.join()
    took.sort()
    p50, p99 = (took[len(took) * part // 100] * 1000 for part in (50, 99))
    print(
        f"ask      {one.label:8} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms (goal {GOAL_ASK_P99:.0f}) "
        f"beside {claims[0].rate:.0f} claims/s"
    )
