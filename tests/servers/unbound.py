"""Unbound as a caching resolver of a world that has no root: each zone's server is told to it."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.process import Server, free_port, listens, program

_CONFIG = """
server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    interface: 127.0.0.1
    port: {port}
    num-threads: 1
    do-ip6: no
    do-not-query-localhost: no
    access-control: 127.0.0.0/8 allow
    module-config: "iterator"
    qname-minimisation: no
    prefetch: no
    cache-max-ttl: {longest}
    cache-max-negative-ttl: {longest}
    local-zone: "test." nodefault
remote-control:
    control-enable: no
stub-zone:
    name: "."
    stub-addr: 127.0.0.1@1
"""
_STUB = """
stub-zone:
    name: "{zone}"
    stub-addr: {address}@{port}
"""


class Unbound:
    """A running resolver; `stop()` or the end of `with` ends it."""

    def __init__(
        self,
        folder: Path,
        zones: Mapping[str, tuple[str, int]],
        *,
        port: int = 0,
        longest: int = 86_400,
    ) -> None:
        """Take the address and port of each zone's server, and the longest TTL to keep."""
        unbound = program("unbound")
        self.port = port or free_port()
        config = _CONFIG.format(folder=folder, port=self.port, longest=longest)
        for zone, (address, server_port) in zones.items():
            config += _STUB.format(zone=zone, address=address, port=server_port)
        (folder / "unbound.conf").write_text(config)
        self.server = Server(
            [unbound, "-d", "-c", f"{folder}/unbound.conf"],
            folder,
            ready=lambda: listens(self.port),
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
