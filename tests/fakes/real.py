"""Real name servers reached over a way that breaks, with some records of other people in the zone."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.http.client import Api
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import DnsProvider, Zone
from tests.fakes.rigs import APEX, Rig
from tests.fakes.wishes import text
from tests.servers.bind import Bind
from tests.servers.knot import Knot
from tests.servers.lossy import Lossy
from tests.servers.powerdns import PowerDns as PowerDnsServer

SERVERS: dict[str, Any] = {"powerdns": PowerDnsServer, "knot": Knot, "bind": Bind}
UPDATE = 5  # opcode of RFC 2136 section 1.3


class Way:
    """The way to a server, on which something happens to the next request that `due` is true of."""

    is_stale = False

    def __init__(self, port: int, is_write: Callable[[bytes], bool]) -> None:
        self.is_write = is_write
        self.broken: list[str] = []
        self.troubles: list[tuple[str, Callable[[bytes], bool]]] = []
        self.played: list[str] = []
        self.lossy = Lossy(port, self._happens("after"), self._happens("before"))

    def _happens(self, kind: str) -> Callable[[bytes], bool]:
        def happens(request: bytes) -> bool:
            due = next((one for one in self.troubles if one[0] == kind and one[1](request)), None)
            if due is None:
                return False
            self.troubles.remove(due)
            self.played.append(kind)
            return True

        return happens

    @contextlib.contextmanager
    def healthy(self) -> Iterator[None]:
        """Let nothing go wrong for a while."""
        held, self.troubles = self.troubles, []
        try:
            yield
        finally:
            self.troubles = held


def is_patch(request: bytes) -> bool:
    return request.startswith(b"PATCH")


def is_update(request: bytes) -> bool:
    return len(request) > 4 and (request[4] >> 3) & 15 == UPDATE


def connect(server: Any, port: int) -> DnsProvider:
    """Return the adapter that reaches `server` through `port`."""
    if isinstance(server, PowerDnsServer):
        return PowerDns(Api(f"http://127.0.0.1:{port}", headers={"X-API-Key": server.api_key}))
    return Rfc2136("127.0.0.1", port, server.zones, server.tsig)


@contextlib.contextmanager
def started(name: str, folder: Path, foreign: int) -> Iterator[Rig]:
    """Start a server whose zone holds `foreign` records of others, and reach it by a lossy way."""
    with SERVERS[name](folder, [APEX]) as server:
        is_http = isinstance(server, PowerDnsServer)
        port = int(server.api_url.rpartition(":")[2]) if is_http else server.port
        direct, zone = connect(server, port), Zone(APEX)
        theirs = [
            RRset(f"theirs{n}.{APEX}", "A", 120, (f"198.51.100.{n % 250}",)) for n in range(foreign)
        ]
        direct.apply(zone, [Change(None, rrset) for rrset in (*theirs, text("shared", "theirs"))])

        def rows() -> dict[Any, int]:
            found = direct.records(zone)
            return {(*r.key, v): r.ttl for r in found if r.type != "SOA" for v in r.values}

        way = Way(port, is_patch if is_http else is_update)
        with way.lossy:
            rig = Rig(name, way, connect(server, way.lossy.port), zone, rows)
            rig.settle()
            assert len(rig.foreign) > foreign
            yield rig
