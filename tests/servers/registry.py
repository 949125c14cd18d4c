"""A registry's RDAP server on loopback: answers by path, with any status and headers."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from threading import Thread
from types import TracebackType
from typing import Any, Self

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.rdap import bootstrap
from nameplate.adapters.rdap.bootstrap import Bootstrap
from nameplate.adapters.rdap.client import RdapClient
from nameplate.core.egress import EgressPolicy

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))


class RegistryServer:
    """Answers 404 for what is not in `answers`: path -> (status, headers, body)."""

    def __init__(self) -> None:
        """Listen on any port."""
        self.answers: dict[str, tuple[int, Mapping[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.now = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                status, headers, body = server.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def says(self, name: str, answer: Any, status: int = 200, **headers: str) -> None:
        """Answer so for a domain."""
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        self.answers[f"/rdap/domain/{name}"] = (status, told, body)

    def fetcher(self, policy: EgressPolicy = LOOPBACK) -> SafeFetcher:
        """Return a fetcher for which every name is this server."""
        return SafeFetcher(
            policy,
            lambda _: ("127.0.0.1",),
            same_site=lambda _one, _other: True,
            ports={"http": self.port, "https": 1},
            deadline=timedelta(seconds=3),
        )

    def client(self, policy: EgressPolicy = LOOPBACK, **more: Any) -> RdapClient:
        """Return a client that asks this server about everything below `.test` and `.example`."""
        listed = {
            "publication": "2026-11-30T00:00:00Z",
            "services": [
                [["test", "example", "co.example"], ["http://rdap.registry.example/rdap"]]
            ],
        }
        found = bootstrap.read(json.dumps(listed).encode(), frozenset({"http"}))
        fetcher = self.fetcher(policy)
        known = Bootstrap(fetcher, lambda: self.now, first=lambda: found)
        return RdapClient(fetcher, known, lambda: self.now, **{"sleep": lambda _: None, **more})
