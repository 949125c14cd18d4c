"""How many questions a Knot was asked, and how many it can be asked, for `bench/verify.py`."""

import asyncio
import contextlib
import importlib
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.servers.process import program


class Questions:
    """What Knot has been asked so far, by its own statistics."""

    def __init__(self, folder: Path) -> None:
        """Have the server in `folder` count from now on."""
        self._control = [program("knotc"), "-s", f"{folder}/knot.sock"]
        config = folder / "knot.conf"
        default = "  - id: default\n"
        text = config.read_text()
        config.write_text(text.replace(default, f"{default}    global-module: mod-stats\n", 1))
        self._do("reload")

    def count(self) -> int:
        """Return the number of questions until now, by UDP and TCP."""
        told = self._do("stats", "mod-stats.request-protocol")
        return sum(int(line.rpartition("=")[2]) for line in told.splitlines())

    def _do(self, *words: str) -> str:
        done = subprocess.run([*self._control, *words], check=True, capture_output=True, text=True)
        return done.stdout


def floor(port: int, count: int) -> tuple[str, float]:
    """Return the name of the fastest library that is here, and how many names it asks a second."""
    names = [f"_nameplate-challenge.shop{number}.com" for number in range(count)]
    try:
        aiodns = importlib.import_module("aiodns")
    except ImportError:
        return "dnspython", asyncio.run(_by_dnspython(port, names[: count // 5]))
    return "aiodns", asyncio.run(_by_aiodns(aiodns, port, names))


async def _by_aiodns(aiodns: Any, port: int, names: list[str]) -> float:
    resolver = aiodns.DNSResolver(nameservers=[f"127.0.0.1:{port}"])
    ask = resolver.query_dns if hasattr(resolver, "query_dns") else resolver.query

    async def one(name: str) -> None:
        with contextlib.suppress(aiodns.error.DNSError):
            await ask(name, "TXT")

    return await _rate(one, names)


async def _by_dnspython(port: int, names: list[str]) -> float:
    import dns.asyncquery
    import dns.message

    async def one(name: str) -> None:
        await dns.asyncquery.udp(dns.message.make_query(name, "TXT"), "127.0.0.1", 5, port)

    return await _rate(one, names)


async def _rate(one: Any, names: list[str], width: int = 500) -> float:
    began = time.monotonic()
    for start in range(0, len(names), width):
        await asyncio.gather(*(one(name) for name in names[start : start + width]))
    return len(names) / (time.monotonic() - began)
