"""Every server of `bench.onboarding`, one installation, and two organizations."""

import contextlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.e2e.installation import Installation, acme_account, fetch
from tests.servers import postgresql
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.powerdns import PowerDns
from tests.servers.process import free_port

ZONES = tuple(f"shops{number}.com" for number in range(30))
"""A customer's zone holds many shops, as an agency's does."""


class World:
    """Every server, one installation, and two organizations with what they need."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, url: str) -> None:
        for name in ("dns", "pebble", "nginx", "caddy", "np"):
            (folder / name).mkdir()
        self.url = postgresql.role_url(url, postgresql.SYSTEM).replace("+psycopg", "")
        self.proofs: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self.dns = stack.enter_context(PowerDns(folder / "dns", ZONES))
        self.nginx = stack.enter_context(Nginx(folder / "nginx"))
        ports = self.nginx.http_port, self.nginx.https_port
        self.caddy = stack.enter_context(Caddy(folder / "caddy", address="127.0.0.2", ports=ports))
        self.origin = stack.enter_context(Origin("the application"))
        resolver = f"127.0.0.1:{self.dns.dns_port}"
        self.pebble = stack.enter_context(
            Pebble(folder / "pebble", dns_server=resolver, http_port=ports[0])
        )
        port = free_port()
        settings = {
            "NAMEPLATE_DATABASE_URL": postgresql.role_url(url, postgresql.APP),
            "NAMEPLATE_SYSTEM_DATABASE_URL": postgresql.role_url(url, postgresql.SYSTEM),
            "NAMEPLATE_DNS_SERVERS": json.dumps({zone: [resolver] for zone in ZONES}),
            "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
            "NAMEPLATE_CHALLENGE_UPSTREAM": f"127.0.0.1:{port}",
            "NAMEPLATE_EGRESS_ALLOW": json.dumps(["127.0.0.0/8"]),
            "NAMEPLATE_CHALLENGE_CHECK_VIA": json.dumps(
                {one: f"{one}:{ports[0]}" for one in ("127.0.0.1", "127.0.0.2")}
            ),
            "NAMEPLATE_SANDBOX": "false",
        }
        self.nameplate = Installation(folder / "np", settings, workers=2, port=port)
        stack.callback(self.nameplate.stop)
        self.root = self.pebble.root_pem()
        self.servers = {
            name: self.nameplate.call("POST", "/v1/servers", body)["id"]
            for name, body in self._proxies()
        }
        account = acme_account(self.pebble.directory_url, self.pebble.ca_bundle)
        self.nameplate.call("POST", "/v1/accounts", account)
        self.crowd, self.other = self._organization("Crowd"), self._organization("Other")

    def _proxies(self) -> Iterator[tuple[str, dict[str, Any]]]:
        ports = {"http_port": self.nginx.http_port, "https_port": self.nginx.https_port}
        for name, address in (("nginx", "127.0.0.1"), ("caddy", "127.0.0.2")):
            proxy: dict[str, Any] = {
                "type": name,
                "listen_http": [f"{address}:{ports['http_port']}"],
                "listen_https": [f"{address}:{ports['https_port']}"],
                **ports,
            }
            if name == "nginx":
                proxy |= {
                    "folder": str(self.nginx.folder / "managed"),
                    "executable": self.nginx.executable,
                    "pid_file": str(self.nginx.pid_file),
                    "main": str(self.nginx.main),
                }
            else:
                proxy |= {
                    "folder": str(self.caddy.folder / "managed"),
                    "admin_url": f"http://127.0.0.1:{self.caddy.admin_port}",
                    "base": self.caddy.base,
                }
            yield name, {"name": name, "address": address, "proxy": proxy}

    def _organization(self, name: str) -> dict[str, Any]:
        call = self.nameplate.call
        own = call("POST", "/v1/organizations", {"name": name})["id"]
        upstream = {"upstream_host": "127.0.0.1", "upstream_port": self.origin.port}
        application = call(
            "POST", "/v1/applications", {"organization": own, "name": "shop", **upstream}
        )
        account = call("POST", "/v1/accounts", {
            "kind": "dns", "name": "zone", "organization": own, "provider": "powerdns",
            "config": {"api_url": self.dns.api_url},
            "credentials": {"api_key": self.dns.api_key.reveal()},
        })  # fmt: skip
        token = call("POST", "/v1/tokens", {"name": "tenant", "organization": own})["token"]
        return {"application": application["id"], "account": account["id"], "token": token}

    def onboard(self, tenant: dict[str, Any], name: str, server: str) -> None:
        """Claim a name, bind it, and have its owner publish the proof."""
        token = tenant["token"]
        domain = self.nameplate.call(
            "POST", "/v1/domains", {"name": name, "account": tenant["account"]}, token=token
        )
        bound = {"application": tenant["application"], "domain": name}
        self.nameplate.call(
            "POST", "/v1/bindings", {**bound, "server": self.servers[server]}, token=token
        )
        for told in domain["instructions"]:
            if told["type"] == "TXT":
                self.proofs.put((told["name"], f'"{told["value"]}"'))

    def publish(self, stop: threading.Event) -> None:
        """Be the owner: publish all proofs that are there, a few times a second."""
        while not stop.wait(0.2):
            told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
            for _ in range(self.proofs.qsize()):
                name, value = self.proofs.get()
                told[".".join(name.split(".")[-2:])].append({
                    "name": f"{name}.", "type": "TXT", "ttl": 60, "changetype": "REPLACE",
                    "records": [{"content": value, "disabled": False}],
                })  # fmt: skip
            for zone, rrsets in told.items():
                self._patch(f"/api/v1/servers/localhost/zones/{zone}.", {"rrsets": rrsets})

    def _patch(self, path: str, body: dict[str, Any]) -> None:
        while self.dns.api.request("PATCH", path, json=body).status != 204:
            time.sleep(0.1)  # its SQLite has another writer

    def serves(self, name: str, server: str) -> bool:
        """Tell whether the application answers by HTTPS with a certificate of Pebble."""
        address = "127.0.0.1" if server == "nginx" else "127.0.0.2"
        try:
            status, body, _ = fetch(address, self.nginx.https_port, name, self.root)
        except OSError:
            return False
        return status == 200 and "the application" in body
