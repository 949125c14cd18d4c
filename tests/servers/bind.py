"""BIND 9 as an authoritative server that takes signed RFC 2136 updates and AXFR."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nameplate.core.secret import Secret
from tests.servers.process import Server, free_port, listens, program
from tests.servers.zonefile import apex

KEY = "bmFtZXBsYXRlLXRlc3Qta2V5LW5hbWVwbGF0ZS10ZXN0"

_CONFIG = """
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    notify no;
    dnssec-validation no;
}};
controls {{ }};
key "nameplate-test" {{ algorithm hmac-sha256; secret "{key}"; }};
"""
_ZONE = """
zone "{zone}" {{
    type primary;
    file "{folder}/{zone}.zone";
    allow-update {{ {updates}; }};
    allow-transfer {{ key "nameplate-test"; }};
}};
"""


class Bind:
    """A running named with `zones`; `stop()` or the end of `with` ends it."""

    def __init__(
        self,
        folder: Path,
        zones: Sequence[str],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        updates: str = 'key "nameplate-test"',
    ) -> None:
        """Start in `folder`, on a free port unless one is given; `updates` says who may update."""
        named = program("named")
        self.address = address
        self.port = port or free_port()
        self.zones = tuple(zones)
        self.tsig = ("nameplate-test", "hmac-sha256", Secret(KEY))
        config = _CONFIG.format(folder=folder, address=address, port=self.port, key=KEY)
        for zone in zones:
            (folder / f"{zone}.zone").write_text(apex(zone, address))
            config += _ZONE.format(zone=zone, folder=folder, updates=updates)
        (folder / "named.conf").write_text(config)
        self.server = Server(
            [named, "-g", "-4", "-n", "1", "-c", f"{folder}/named.conf"],
            folder,
            ready=lambda: listens(self.port, address),
        )

    def stop(self) -> None:
        """End the server."""
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
