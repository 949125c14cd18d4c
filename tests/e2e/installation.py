"""A whole installation as its operator runs it: processes, settings, a token, and calls by HTTP."""

import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nameplate.adapters.http.client import Api
from nameplate.core import keys
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import DnsProvider, Result
from tests.servers.process import Server, free_port, listens

PATIENCE = 90.0
"""Seconds until something that should come about must have come about."""


class Installation:
    """`nameplate serve`, and as many `nameplate worker` as wanted, over one database."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str], *, workers: int, port: int = 0
    ) -> None:
        self.port = port or free_port()
        self.folder = folder
        self._env = {
            "NAMEPLATE_SANDBOX": "true",
            **settings,
            "NAMEPLATE_HOME": str(folder / "home"),
            "NAMEPLATE_HOST": "127.0.0.1",
            "NAMEPLATE_PORT": str(self.port),
            "NAMEPLATE_SERVE_WORKER": "false" if workers else "true",
        }
        token = json.loads(self.command("token", "add", "operator", "--platform", "--json"))
        self.token = Secret(token["token"])
        (folder / "serve").mkdir()
        self._processes = [self._serve()]
        for number in range(workers):
            (folder / f"worker{number}").mkdir()
            self._processes.append(self._worker(number))
        self._api = Api(f"http://127.0.0.1:{self.port}")

    def _serve(self) -> Server:
        return Server(
            [sys.executable, "-m", "nameplate", "serve"],
            self.folder / "serve",
            ready=lambda: listens(self.port),
            env=self._env,
        )

    def kill_serve(self) -> None:
        """End `nameplate serve` as a power cut would."""
        self._processes[0].process.kill()
        self._processes[0].stop()

    def start_serve(self) -> None:
        """Start it again, at the port that it had."""
        self._processes[0] = self._serve()

    def _worker(self, number: int) -> Server:
        return Server(
            [sys.executable, "-m", "nameplate", "worker"],
            self.folder / f"worker{number}",
            ready=lambda: True,
            env=self._env,
        )

    @property
    def serve_pid(self) -> int:
        """The process id of `nameplate serve`."""
        return self._processes[0].pid

    @property
    def worker_pids(self) -> list[int]:
        """The process ids of the workers."""
        return [one.pid for one in self._processes[1:]]

    def kill_worker(self, number: int) -> None:
        """End a worker as a power cut would, and start another in its place."""
        self._processes[1 + number].process.kill()
        self._processes[1 + number].stop()
        self._processes[1 + number] = self._worker(number)

    def command(self, *words: str) -> str:
        """Run `nameplate ...` on the embedded database and return its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "nameplate", *words],
            env={**os.environ, **self._env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """Make one request and return its answer, which must not be an error."""
        status, answer = self.ask(method, path, body, token=token)
        assert status < 400, (method, path, answer)
        return answer

    def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Make one request and return status and answer."""
        bearer = token or self.token.reveal()
        reply = self._api.request(
            method, path, json=body, headers={"Authorization": f"Bearer {bearer}"}
        )
        return reply.status, (reply.json() if reply.body else {})

    def until(self, what: str, look: Callable[[], Any]) -> Any:
        """Return the first true answer of `look`, or fail with the logs."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.3)
        raise AssertionError(f"{what} did not come about\n{self.logs()}")

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(one.log.read_text(errors="replace")[-3000:] for one in self._processes)

    def stop(self) -> None:
        """End the processes as an operator would; none may take longer than its ten seconds."""
        for one in self._processes:
            one.process.terminate()
        for one in self._processes:
            assert one.process.wait(20) in {0, -15}, one.log.read_text()[-3000:]
        self._api.close()


def publish(provider: DnsProvider, name: str, rdtype: str, value: str) -> None:
    """Do what the owner of a zone does at the DNS provider, beside Nameplate."""
    zone = provider.zones()[0]
    before = next((r for r in provider.records(zone) if r.key == (name, rdtype)), None)
    values = tuple(sorted({*(before.values if before else ()), value}))
    outcome = provider.apply(zone, [Change(before, RRset(name, rdtype, 60, values))])
    assert outcome[0].result is Result.APPLIED, outcome


def content(provider: DnsProvider) -> set[tuple[str, str, str]]:
    """Return every value of the zone but its SOA."""
    zone = provider.zones()[0]
    return {
        (r.name, r.type, v) for r in provider.records(zone) for v in r.values if r.type != "SOA"
    }


def acme_account(directory_url: str, bundle: Path) -> dict[str, Any]:
    """Return the body that adds the certificate authority."""
    return {
        "kind": "ca",
        "provider": "acme",
        "name": "pebble",
        "config": {"directory_url": directory_url, "ca_bundle": str(bundle)},
        "credentials": {"account_key": keys.new_key().reveal()},
    }


def fetch(address: str, port: int, host: str, root_pem: bytes) -> tuple[int, str, str]:
    """GET https://host/ by SNI through `address`, verified against `root_pem` alone.

    Returns status, body and the presented certificate's serial number.
    """
    import http.client
    import socket

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root_pem.decode())
    raw = socket.create_connection((address, port), timeout=10)
    with context.wrap_socket(raw, server_hostname=host) as secured:
        certificate = secured.getpeercert() or {}
        secured.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = http.client.HTTPResponse(secured)
        answer.begin()
        return answer.status, answer.read().decode(), str(certificate["serialNumber"]).lower()
