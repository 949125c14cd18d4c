"""PowerDNS with its HTTP API over an SQLite database."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nameplate.adapters.http.client import Api
from nameplate.core.secret import Secret
from tests.servers.process import Server, ServerMissing, free_port, listens, program

_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
_CONFIG = """
launch=gsqlite3
gsqlite3-database={folder}/pdns.sqlite3
gsqlite3-pragma-synchronous=0
socket-dir={folder}
local-address={address}
local-port={port}
api=yes
api-key={key}
webserver=yes
webserver-address=127.0.0.1
webserver-port={api_port}
webserver-loglevel=none
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
consistent-backends=yes
expand-alias=no
guardian=no
daemon=no
receiver-threads=1
distributor-threads=1
default-soa-content=ns1.@ hostmaster.@ 0 7200 3600 1209600 60
"""


class PowerDns:
    """A running pdns_server with `zones`, each with SOA, NS and the name server's address."""

    def __init__(
        self,
        folder: Path,
        zones: Sequence[str],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        signs: bool = False,
    ) -> None:
        """Start in `folder`; DNS is on `port` (a free one unless given), the API on a free port."""
        pdns = program("pdns_server")
        if not _SCHEMA.exists():
            raise ServerMissing("pdns-backend-sqlite3 is not installed: run `make servers`")
        self.address = address
        self.dns_port = port or free_port()
        self.api_key = Secret("nameplate-test-key")
        self.zones = tuple(zones)
        api_port = free_port()
        self.api_url = f"http://127.0.0.1:{api_port}"
        with sqlite3.connect(folder / "pdns.sqlite3") as database:
            database.executescript(_SCHEMA.read_text())
        database.close()
        (folder / "pdns.conf").write_text(
            _CONFIG.format(
                folder=folder,
                address=address,
                port=self.dns_port,
                api_port=api_port,
                key=self.api_key.reveal(),
            )
            + ("gsqlite3-dnssec=yes\n" if signs else "")
        )
        self.server = Server(
            [pdns, f"--config-dir={folder}"],
            folder,
            ready=lambda: listens(api_port) and listens(self.dns_port, address),
        )
        self.api = Api(self.api_url, headers={"X-API-Key": self.api_key})
        for zone in zones:
            self._add(zone)

    def _add(self, zone: str) -> None:
        records = [{"content": self.address, "disabled": False}]
        reply = self.api.request(
            "POST",
            "/api/v1/servers/localhost/zones",
            json={
                "name": f"{zone}.",
                "kind": "Native",
                "nameservers": [f"ns1.{zone}."],
                "rrsets": [{"name": f"ns1.{zone}.", "type": "A", "ttl": 300, "records": records}],
            },
        )
        assert reply.status == 201, reply.body

    def stop(self) -> None:
        """End the server."""
        self.api.close()
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
