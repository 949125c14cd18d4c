"""The world of the demo: DNS server, authority, proxy, application, and Nameplate itself."""

import base64
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import uvicorn

from nameplate import asgi, bootstrap
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.secret import Secret
from nameplate.demo import caddy
from nameplate.demo.caddy import DemoCaddy
from nameplate.demo.interrupts import Interrupts
from nameplate.demo.loopback import LOOPBACK, free_ports
from nameplate.demo.steps import Way
from nameplate.settings import Settings
from nameplate.usecases.operations import schema
from nameplate.usecases.tenants import tokens

TSIG_NAME = "demo-key"


class Sandbox:
    """Everything runs once `start` has returned; the stack that was handed in ends it all."""

    def __init__(
        self,
        way: Way,
        home: Path,
        listening: socket.socket,
        stack: ExitStack,
        interrupts: Interrupts,
    ) -> None:
        """Use the empty private folder `home`; `stack` stops everything that `start` starts."""
        self.way = way
        self.home = home
        self.logs = home / "logs"
        self._listening = listening
        self._stack = stack
        self._interrupts = interrupts
        self.api_port: int = listening.getsockname()[1]
        self.api_url = f"http://{LOOPBACK}:{self.api_port}"
        self.caddies: list[DemoCaddy] = []

    def start(self, say: Callable[[str], None]) -> None:
        """Start everything, telling what runs where."""
        self._start_dns()
        say(
            f"DNS server for {self.way.zone} at {LOOPBACK}:{self.dns.port}, UDP and TCP, RFC 2136 with TSIG"
        )
        self._start_caddies()
        self._start_application()
        self._migrate()
        self._wait_for_caddies()
        say(f"certificate authority (Caddy) at {self.directory_url}")
        say(f"proxy (Caddy) at {LOOPBACK}:{self.http_port} and {LOOPBACK}:{self.https_port}")
        say(f"application at {LOOPBACK}:{self.application_port}")
        self._start_nameplate()
        say(f"Nameplate: API at {self.api_url}, worker, SQLite")

    def check(self) -> None:
        """Raise Unavailable when something that must run does not."""
        for one in self.caddies:
            one.check()
        if not self._api.is_alive():
            raise Unavailable("api_ended", "The Nameplate API stopped.")

    def _start_dns(self) -> None:
        self.tsig_secret = Secret(base64.b64encode(secrets.token_bytes(32)).decode())
        with self._interrupts.held():
            server = SandboxDns([self.way.zone], TSIG_NAME, self.tsig_secret)
            self.dns = self._stack.enter_context(server)

    def _start_caddies(self) -> None:
        ca_admin, ca_port, proxy_admin, self.http_port, self.https_port = free_ports(5)
        self._authority, proxy = self.home / "authority", self.home / "proxy"
        self.directory_url = caddy.directory_url(ca_port)
        self.root = caddy.root_certificate(self._authority)
        document = caddy.authority(self._authority, ca_admin, ca_port, self.dns.port)
        self._start_caddy("authority", self._authority, document, ca_port)
        own = caddy.base(proxy, proxy_admin)
        self._start_caddy("proxy", proxy, own, proxy_admin)
        self.proxy: dict[str, Any] = {
            "type": "caddy",
            "admin_url": f"http://{LOOPBACK}:{proxy_admin}",
            "folder": str(proxy / "managed"),
            "listen_http": [f"{LOOPBACK}:{self.http_port}"],
            "listen_https": [f"{LOOPBACK}:{self.https_port}"],
            "http_port": self.http_port,
            "https_port": self.https_port,
            "probe_address": LOOPBACK,
            "base": own,
        }

    def _start_caddy(self, name: str, folder: Path, document: dict[str, Any], ready: int) -> None:
        with self._interrupts.held():
            one = DemoCaddy(name, folder, self.logs / f"{name}.log", document, ready)
            self._stack.callback(one.stop)
            self.caddies.append(one)

    def _wait_for_caddies(self) -> None:
        for one in self.caddies:
            one.wait()
        certified = caddy.own_certificate(self._authority)
        caddy.wait_for(certified.exists, "The authority did not obtain its own certificate.")

    def _start_application(self) -> None:
        with self._interrupts.held():
            server = ThreadingHTTPServer((LOOPBACK, 0), _Application)
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            self._stack.callback(server.server_close)
            self._stack.callback(server.shutdown)
            self.application_port: int = server.server_address[1]

    def _migrate(self) -> None:
        url = f"sqlite:///{self.home / 'nameplate.db'}"
        schema.upgrade(url)
        self._settings = Settings(  # whatever the environment says is about something else
            home=self.home,
            host=LOOPBACK,
            port=self.api_port,
            sandbox=True,
            dns_servers={self.way.zone: (f"{LOOPBACK}:{self.dns.port}",)},
        )

    def _start_nameplate(self) -> None:
        self.sessions = bootstrap.sessions(self._settings)
        self._stack.callback(self.sessions.dispose)
        self.tools = tools = bootstrap.tools(self._settings, bootstrap.keyring(self._settings))
        self.resolver = tools.resolver
        with self.sessions.begin(PLATFORM) as session:
            _, self.token = tokens.add(
                session,
                PLATFORM,
                name="demo",
                platform=True,
                now=tools.clock(),
                random=tools.random,
            )
        config = uvicorn.Config(
            asgi.create(self._settings),
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        self._api = threading.Thread(
            target=server.run, args=([self._listening],), name="nameplate-api", daemon=True
        )

        def settled() -> bool:
            return server.started or not self._api.is_alive()

        def stop() -> None:
            # A server that is told to stop while it starts would leave its worker running.
            caddy.wait_for(settled, "The API did not start in time.")
            server.should_exit = True
            self._api.join()

        with self._interrupts.held():
            self._api.start()
            self._stack.callback(stop)
        caddy.wait_for(settled, "The API did not start in time.")
        self.check()


class _Application(BaseHTTPRequestHandler):
    """The application of the demo."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment

    def do_GET(self) -> None:
        """Greet under the name that was asked for."""
        body = f"Hello from the demo application at {self.headers.get('Host', '?')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no log."""
