"""Nameplate, an agent and a proxy as processes, before a DNS server and an authority of our own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from tests.e2e.installation import Installation, acme_account, fetch
from tests.servers.caddy import Caddy
from tests.servers.knot import Knot
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.process import Server, free_port
from tests.servers.traefik import Traefik

from nameplate.ports.proxy import Upstream

ZONE = "example.com"


P = TypeVar("P", Nginx, Caddy, Traefik)


class AgentWorld(Generic[P]):
    """One installation with one organization, whose server has an agent."""

    def __init__(self, folder: Path, stack: ExitStack, make: Callable[[Path, Upstream], P]) -> None:
        self.folder = folder
        folders = {name: folder / name for name in ("dns", "ca", "proxy", "np", "agent")}
        for one in folders.values():
            one.mkdir()
        self.agent_port = free_port()
        self.proxy: P = stack.enter_context(
            make(folders["proxy"], Upstream("127.0.0.1", self.agent_port))
        )
        knot = stack.enter_context(Knot(folders["dns"], [ZONE]))
        resolver = f"127.0.0.1:{knot.port}"
        self.pebble = stack.enter_context(
            Pebble(folders["ca"], dns_server=resolver, http_port=self.proxy.http_port)
        )
        self.origin = stack.enter_context(Origin("the shop"))
        settings = {
            "NAMEPLATE_DATABASE_URL": f"sqlite:///{folder}/nameplate.db",
            "NAMEPLATE_DNS_SERVERS": json.dumps({ZONE: [resolver]}),
        }
        self._settings, self._stack = settings, stack
        subprocess.run(
            [sys.executable, "-m", "nameplate", "db", "upgrade"],
            env={**os.environ, **settings, "NAMEPLATE_HOME": str(folders["np"] / "home")},
            check=True,
            capture_output=True,
        )
        self.nameplate = Installation(folders["np"], settings, workers=0)
        stack.callback(self._stop)
        self.agent: Server | None = None
        stack.callback(self.stop_agent)
        self.account = _account(knot, resolver)

    def _stop(self) -> None:
        self.nameplate.stop()

    def set_up(self, proxy: dict[str, Any]) -> None:
        """Add what the operator adds."""
        call = self.nameplate.call
        self.organization = call("POST", "/v1/organizations", {"name": "Acme"})["id"]
        upstream = {"upstream_host": "127.0.0.1", "upstream_port": self.origin.port}
        self.application = call(
            "POST",
            "/v1/applications",
            {"organization": self.organization, "name": "shop", **upstream},
        )["id"]
        server = {"name": "edge", "address": "127.0.0.1", "proxy": proxy}
        self.server = call("POST", "/v1/servers", server)["id"]
        self.dns = call(
            "POST", "/v1/accounts", {**self.account, "organization": self.organization}
        )["id"]
        call("POST", "/v1/accounts", acme_account(self.pebble.directory_url, self.pebble.ca_bundle))
        made = call("POST", "/v1/tokens", {"name": "agent", "server": self.server})
        self.token_id, self.token = made["id"], made["token"]

    @property
    def agent_env(self) -> dict[str, str]:
        """What the agent is told: the API's URL, its token, its folder and port; no database."""
        return {
            "NAMEPLATE_API_URL": f"http://127.0.0.1:{self.nameplate.port}",
            "NAMEPLATE_TOKEN": self.token,
            "NAMEPLATE_HOME": str(self.folder / "agent"),
            "NAMEPLATE_AGENT_PORT": str(self.agent_port),
        }

    def start_agent(self, **environment: str) -> None:
        """Start `nameplate agent`, with more of an environment where that is given."""
        self.agent = Server(
            [sys.executable, "-m", "nameplate", "agent"],
            self.folder / "agent",
            ready=lambda: True,
            env={**self.agent_env, **environment},
        )

    def check_agent(self) -> tuple[int, str]:
        """Run `nameplate agent --check`; return its exit code and output."""
        done = subprocess.run(
            [sys.executable, "-m", "nameplate", "agent", "--check"],
            env={**os.environ, **self.agent_env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr

    def ended(self, seconds: float) -> int | None:
        """Return the agent's exit code once it has ended by itself, None when it does not."""
        assert self.agent is not None
        with suppress(subprocess.TimeoutExpired):
            return self.agent.process.wait(seconds)
        return None

    def stop_agent(self) -> None:
        """End it as an operator would."""
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    @property
    def agent_log(self) -> str:
        """What agents have said."""
        found = self.folder / "agent"
        return "\n".join(path.read_text() for path in found.glob("*.log"))

    def bind(self, name: str) -> dict[str, Any]:
        """Claim a name, have a record lead to the server, and bind the application."""
        call = self.nameplate.call
        whose = {"organization": self.organization}
        call("POST", "/v1/domains", {"name": name, "account": self.dns, **whose})
        record = {"type": "A", "name": "@", "value": "127.0.0.1", "ttl": 60}
        call("POST", "/v1/records", {"domain": name, **record})
        return call(
            "POST",
            "/v1/bindings",
            {"application": self.application, "domain": name, "server": self.server},
        )

    def binding(self, binding: dict[str, Any]) -> dict[str, Any]:
        """Return a binding as it is now."""
        return self.nameplate.call("GET", f"/v1/bindings/{binding['id']}")

    def until_active(self, binding: dict[str, Any]) -> dict[str, Any]:
        """Wait until a binding is active and healthy."""

        def look() -> dict[str, Any] | None:
            found = self.binding(binding)
            ok = (found["status"], found["health_status"]) == ("active", "healthy")
            return found if ok else None

        try:
            found: dict[str, Any] = self.nameplate.until("the binding active", look)
        except AssertionError as error:
            raise AssertionError(f"{self.binding(binding)}\n{self.agent_log}\n{error}") from None
        return found

    def serves(self, host: str) -> bool:
        """Tell whether HTTPS answers for a host, with a certificate of the authority."""
        try:
            status, body, _ = fetch(
                "127.0.0.1", self.proxy.https_port, host, self.pebble.root_pem()
            )
        except OSError:  # of which a failed handshake is one
            return False
        return status == 200 and "the shop" in body

    @property
    def copy(self) -> Path:
        """The agent's sealed copy."""
        return self.folder / "agent" / "agent" / "state"

    def keys(self) -> set[str]:
        """Return the names of the key files that the proxy has."""
        return {path.name for path in (self.folder / "proxy").rglob("*.key")}


def _account(knot: Knot, resolver: str) -> dict[str, Any]:
    name, algorithm, secret = knot.tsig
    return {
        "kind": "dns", "name": "zone", "provider": "rfc2136",
        "config": {
            "server": resolver, "zones": [ZONE], "tsig_name": name, "tsig_algorithm": algorithm,
        },
        "credentials": {"tsig_secret": secret.reveal()},
    }  # fmt: skip


def traefik_proxy(one: Traefik) -> dict[str, Any]:
    """Return the server's `proxy` of a real Traefik with its file provider."""
    return {"type": "traefik", "reach": "agent", **one.settings}


def nginx_proxy(one: Nginx) -> dict[str, Any]:
    """Return the server's `proxy` of a real nginx."""
    return {
        "type": "nginx", "reach": "agent",
        "folder": str(one.folder / "managed"), "executable": one.executable,
        "pid_file": str(one.pid_file), "main": str(one.main),
        "listen_http": [f"127.0.0.1:{one.http_port}"],
        "listen_https": [f"127.0.0.1:{one.https_port}"],
        "http_port": one.http_port, "https_port": one.https_port,
    }  # fmt: skip


def caddy_proxy(one: Caddy) -> dict[str, Any]:
    """Return the server's `proxy` of a real Caddy."""
    return {
        "type": "caddy", "reach": "agent", "admin_url": f"http://127.0.0.1:{one.admin_port}",
        "folder": str(one.folder / "managed"), "base": one.base,
        "listen_http": [f"127.0.0.1:{one.http_port}"],
        "listen_https": [f"127.0.0.1:{one.https_port}"],
        "http_port": one.http_port, "https_port": one.https_port,
    }  # fmt: skip
