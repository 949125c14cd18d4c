"""Knot DNS as an authoritative server that takes signed RFC 2136 updates and AXFR."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from nameplate.core.secret import Secret
from tests.servers.process import Server, free_port, listens, program
from tests.servers.zonefile import apex

KEY = "bmFtZXBsYXRlLXRlc3Qta2V5LW5hbWVwbGF0ZS10ZXN0"

_CONFIG = """
server:
    listen: {address}@{port}
    rundir: "{folder}"
    tcp-reuseport: off
    udp-workers: 1
    tcp-workers: 2
    background-workers: 1
    tcp-io-timeout: {patience}
database:
    storage: "{folder}"
control:
    listen: "{folder}/knot.sock"
log:
  - target: stderr
    any: info
key:
  - id: nameplate-test
    algorithm: hmac-sha256
    secret: {key}
acl:
  - id: keyed
    key: nameplate-test
    action: [update, transfer]
template:
  - id: default
    storage: "{folder}"
    acl: keyed
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
  - id: member
    storage: "{folder}"
    file: "{folder}/member.zone"
    acl: keyed
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
zone:
"""
CATALOG = "catalog.invalid"
_CATALOG = """  - domain: {catalog}
    file: "{folder}/{catalog}.zone"
    catalog-role: interpret
    catalog-template: member
"""
_MEMBER = """$TTL 3600
@ SOA ns1.invalid. hostmaster.invalid. 1 7200 3600 1209600 300
@ NS ns1.invalid.
"""
_EMPTY = """$TTL 0
@ SOA invalid. invalid. 1 3600 600 2147483646 0
@ NS invalid.
version TXT "2"
"""


class Knot:
    """A running knotd with `zones` and an empty catalog zone; the end of `with` ends it."""

    def __init__(
        self,
        folder: Path,
        zones: Sequence[str],
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        patience: int = 500,
        contents: Mapping[str, str] | None = None,
    ) -> None:
        """Start in `folder`, on a free port unless one is given; `contents` are whole zone files.

        Knot hangs up on who does not read for `patience` milliseconds; its default is ours.
        """
        knotd = program("knotd")
        self.address = address
        self.port = port or free_port()
        self.zones = tuple(zones)
        self.tsig = ("nameplate-test", "hmac-sha256", Secret(KEY))
        config = _CONFIG.format(
            folder=folder, address=address, port=self.port, key=KEY, patience=patience
        )
        for zone in zones:
            (folder / f"{zone}.zone").write_text((contents or {}).get(zone) or apex(zone, address))
            config += f'  - domain: {zone}\n    file: "{folder}/{zone}.zone"\n'
        config += _CATALOG.format(folder=folder, catalog=CATALOG)
        (folder / "member.zone").write_text(_MEMBER)
        (folder / f"{CATALOG}.zone").write_text(_EMPTY)
        (folder / "knot.conf").write_text(config)
        self.server = Server(
            [knotd, "-c", f"{folder}/knot.conf"],
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
