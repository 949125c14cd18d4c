"""A real Traefik that fetches from a small server, which stands for the edge."""

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from tests.servers.traefik import Traefik

from nameplate.ports.proxy import Config, Upstream


class _Endpoint(ThreadingHTTPServer):
    document = b"{}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        self.send_response(200)
        self.send_header("Content-Length", str(len(server.document)))
        self.end_headers()
        self.wfile.write(server.document)

    def log_message(self, *args: Any) -> None:
        pass


class Offering:
    """The adapter as a worker and the edge use it: what is applied is offered first."""

    def __init__(self, adapter: Any, endpoint: Any) -> None:
        self.adapter = adapter
        self.render = adapter.render
        self._endpoint = endpoint
        self._offered: Config | None = None
        self._revision = 0

    def apply(self, config: Config) -> None:
        if config != self._offered:
            self._revision += 1
        document = self.adapter.document(replace(config, revision=self._revision))
        self._offered = config
        self._endpoint.document = document
        self.adapter.apply(replace(config, revision=self._revision))


class PulledRig:
    """`proxy` is what a conformance class takes; `server` the Traefik."""

    def __init__(self, folder: Path, challenge_upstream: Upstream) -> None:
        self.endpoint = _Endpoint(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self.endpoint.serve_forever, args=(0.02,))
        self._thread.start()
        url = f"http://127.0.0.1:{self.endpoint.server_port}/edge/traefik/srv_1.json"
        headers = {"X-Nameplate-Edge-Secret": "token"}
        self.server = Traefik(folder, challenge_upstream, endpoint=url, headers=headers)
        self.proxy = Offering(self.server.adapter, self.endpoint)

    def stop(self) -> None:
        self.server.stop()
        self.endpoint.shutdown()
        self.endpoint.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
