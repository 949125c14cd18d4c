"""Two organizations with everything of their own, and what they share: Nameplate and its database.

Alpha has PowerDNS, nginx and an authority; Beta has Knot, Caddy and another authority. Between
Nameplate and what it speaks with stand relays, which can refuse or hang, and gates, which can
answer instead.
"""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.http.client import Api
from tests.badday.installation import Installation
from tests.badday.outage import Outage
from tests.badday.tenants import Application, Authority, Tenant
from tests.e2e.installation import publish
from tests.servers.caddy import Caddy
from tests.servers.disk import small_disk
from tests.servers.gate import Gate
from tests.servers.knot import Knot
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.postgresql import APP, SYSTEM, role_url
from tests.servers.powerdns import PowerDns
from tests.servers.process import ServerMissing, free_port
from tests.servers.relay import Relay

ALPHA, BETA = "127.0.9.1", "127.0.9.2"
"""Where each organization's hosts lead."""
HEALTH_EVERY = 5
"""Seconds between health checks of the bindings: what an operator sets who wants to know at once."""


class Town:
    """Everything, brought up once: both domains are ready at the end of `__init__`."""

    def __init__(self, folder: Path, database: str, port: int) -> None:
        """`database` is the URL of a migrated PostgreSQL database that listens at `port`."""
        self.folder = folder
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self.database = stack.enter_context(Relay(port))
            nginx = self._folder("nginx")
            with contextlib.suppress(ServerMissing):  # one fault less
                stack.enter_context(small_disk(nginx / "managed"))
            self.nginx = stack.enter_context(Nginx(nginx, address=ALPHA))
            self.caddy = stack.enter_context(Caddy(self._folder("caddy"), address=BETA))
            self.alpha, self.beta = self._alpha(), self._beta()
            self.outage = Outage(role_url(database, SYSTEM))
            stack.callback(self.outage.close)
            self.made: list[str] = []
            self._labels = itertools.count(1)
            self.closed_port = free_port()
            through = database.replace(f":{port}/", f":{self.database.port}/")
            settings = {
                "NAMEPLATE_DATABASE_URL": role_url(through, APP),
                "NAMEPLATE_SYSTEM_DATABASE_URL": role_url(through, SYSTEM),
                "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
                "NAMEPLATE_EGRESS_ALLOW": '["127.0.0.0/8"]',
                "NAMEPLATE_CHALLENGE_CHECK_VIA": json.dumps(
                    {
                        ALPHA: f"{ALPHA}:{self.nginx.http_port}",
                        BETA: f"{BETA}:{self.caddy.http_port}",
                    }
                ),
                "NAMEPLATE_DNS_SERVERS": json.dumps(
                    {
                        "example.com": [f"127.0.0.1:{self.alpha.names.port}"],
                        "example.net": [f"127.0.0.1:{self.beta.names.port}"],
                    }
                ),
            }
            self.nameplate = Installation(self._folder("nameplate"), settings)
            stack.callback(self.nameplate.close)
            for tenant in (self.alpha, self.beta):
                self._furnish(tenant)
            self.wait("both domains ready", self.all_well, 90)
            self._stack = stack.pop_all()

    def _folder(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir()
        return made

    def _authority(self, name: str, names: Relay, http_port: int) -> Authority:
        pebble = self._stack.enter_context(
            Pebble(
                self._folder(name),
                dns_server=f"127.0.0.1:{names.port}",
                http_port=http_port,
            )
        )
        tls = (*pebble.api_pair, pebble.ca_bundle)
        gate = self._stack.enter_context(Gate(pebble.api_port, tls))
        relay = self._stack.enter_context(Relay(gate.port))
        return Authority(pebble, gate, relay, {pebble.root_pem()})

    def _application(self, marker: str) -> Application:
        origin = self._stack.enter_context(Origin(marker))
        return Application(origin, self._stack.enter_context(Relay(origin.port)))

    def _alpha(self) -> Tenant:
        power = self._stack.enter_context(PowerDns(self._folder("powerdns"), ["example.com"]))
        self.provider_gate = self._stack.enter_context(Gate(int(power.api_url.rpartition(":")[2])))
        self.provider = self._stack.enter_context(Relay(self.provider_gate.port))
        self.provider_key = power.api_key.reveal()
        names = self._stack.enter_context(Relay(power.dns_port, udp=True))
        one = self.nginx
        return Tenant(
            name="shop.example.com",
            owner=PowerDnsAdapter(Api(power.api_url, headers={"X-API-Key": power.api_key})),
            dns_account={
                "provider": "powerdns",
                "config": {"api_url": f"http://127.0.0.1:{self.provider.port}"},
                "credentials": {"api_key": self.provider_key},
            },
            application=self._application("alpha"),
            authority=self._authority("pebble-alpha", names, one.http_port),
            names=names,
            proxy={
                "type": "nginx",
                "folder": str(one.folder / "managed"),
                "executable": one.executable,
                "pid_file": str(one.pid_file),
                "main": str(one.main),
                "listen_http": [f"{ALPHA}:{one.http_port}"],
                "listen_https": [f"{ALPHA}:{one.https_port}"],
                "http_port": one.http_port,
                "https_port": one.https_port,
            },
            address=ALPHA,
            https_port=one.https_port,
            ids={},
        )

    def _beta(self) -> Tenant:
        knot = self._stack.enter_context(Knot(self._folder("knot"), ["example.net"]))
        names = self._stack.enter_context(Relay(knot.port, udp=True))
        key, algorithm, secret = knot.tsig
        self.tsig_secret = secret.reveal()
        one = self.caddy
        return Tenant(
            name="shop.example.net",
            owner=Rfc2136(knot.address, knot.port, ["example.net"], knot.tsig),
            dns_account={
                "provider": "rfc2136",
                "config": {
                    "server": f"127.0.0.1:{names.port}",
                    "zones": ["example.net"],
                    "tsig_name": key,
                    "tsig_algorithm": algorithm,
                },
                "credentials": {"tsig_secret": self.tsig_secret},
            },
            application=self._application("beta"),
            authority=self._authority("pebble-beta", names, one.http_port),
            names=names,
            proxy={
                "type": "caddy",
                "admin_url": f"http://127.0.0.1:{one.admin_port}",
                "folder": str(one.folder / "managed"),
                "base": one.base,
                "listen_http": [f"{BETA}:{one.http_port}"],
                "listen_https": [f"{BETA}:{one.https_port}"],
                "http_port": one.http_port,
                "https_port": one.https_port,
            },
            address=BETA,
            https_port=one.https_port,
            ids={},
        )

    def _furnish(self, tenant: Tenant) -> None:
        call, ids = self.nameplate.call, tenant.ids
        title = tenant.proxy["type"]
        ids["organization"] = call("POST", "/v1/organizations", {"name": f"Of {title}"})["id"]
        owned = {"organization": ids["organization"]}
        ids["application"] = call(
            "POST", "/v1/applications",
            {
                **owned, "name": "shop", "upstream_host": "127.0.0.1",
                "upstream_port": tenant.application.relay.port,
            },
        )["id"]  # fmt: skip
        server = {**owned, "name": title, "address": tenant.address, "proxy": tenant.proxy}
        ids["server"] = call("POST", "/v1/servers", server)["id"]
        authority = {**owned, **tenant.authority.account()}
        ids["authority"] = call("POST", "/v1/accounts", authority)["id"]
        account = {**owned, "kind": "dns", "name": "zone", **tenant.dns_account}
        ids["account"] = call("POST", "/v1/accounts", account)["id"]
        claimed = call(
            "POST", "/v1/domains", {**owned, "name": tenant.name, "account": ids["account"]}
        )
        ids["domain"] = claimed["id"]
        (told,) = claimed["instructions"]
        publish(tenant.owner, told["name"], "TXT", f'"{told["value"]}"')
        publish(tenant.owner, f"*.{tenant.name}", "A", tenant.address)
        self.add_record(tenant, "@", "A", tenant.address)
        ids["binding"] = self.bind(tenant)

    def label(self) -> str:
        """Return a label that no host and no record has had."""
        return f"h{next(self._labels)}"

    def restart(self, **settings: str) -> None:
        """Stop Nameplate and start it with other settings."""
        self.nameplate.stop()
        self.nameplate.start(**settings)

    def bind(self, tenant: Tenant, subdomain: str | None = None) -> str:
        """Bind the tenant's application to its domain, or to a host below it; return the id."""
        body = {
            "application": tenant.ids["application"],
            "domain": tenant.ids["domain"],
            "server": tenant.ids["server"],
            "subdomain": subdomain,
            "health_check_interval": HEALTH_EVERY,
            "health_check_timeout": 3,
        }
        made = self.nameplate.call("POST", "/v1/bindings", body)
        return str(made["id"])

    def want_host(self, tenant: Tenant, subdomain: str) -> None:
        """Have one more host served, which needs another certificate."""
        self.made.append(f"/v1/bindings/{self.bind(tenant, subdomain)}")

    def want_record(self, tenant: Tenant, name: str, value: str) -> None:
        """Have one more record written."""
        self.made.append(f"/v1/records/{self.add_record(tenant, name, 'A', value)}")

    def tidy(self) -> None:
        """Remove what was wanted on a bad day."""
        for path in reversed(self.made):
            self.nameplate.ask("DELETE", path)
        self.made.clear()

    def settled(self) -> bool:
        """Whether what was wanted is there, and no step of anybody is in trouble."""
        for path in self.made:
            status, found = self.nameplate.ask("GET", path)
            if status != 200 or found["status"] != "active":
                return False
            host = found.get("hostname", "")
            if any(
                host.endswith(f".{one.name}") and one.visit(host) != 200
                for one in (self.alpha, self.beta)
            ):
                return False
        return self.outage.is_over()

    def listed_ready(self, tenant: Tenant) -> bool | None:
        """Return what the list of domains says of `ready`; None when it does not say."""
        status, found = self.nameplate.ask("GET", "/v1/domains?limit=100")
        rows = found["data"] if status == 200 else ()
        return next((row["ready"] for row in rows if row["id"] == tenant.ids["domain"]), None)

    def add_record(self, tenant: Tenant, name: str, rdtype: str, value: str) -> str:
        """Want a record; return its id."""
        body = {"domain": tenant.ids["domain"], "type": rdtype, "name": name, "value": value}
        return str(self.nameplate.call("POST", "/v1/records", {**body, "ttl": 60})["id"])

    def domain(self, tenant: Tenant) -> dict[str, Any]:
        """Return the domain as the API shows it; empty when the API does not answer."""
        status, found = self.nameplate.ask("GET", f"/v1/domains/{tenant.ids['domain']}")
        return found if status == 200 else {}

    def ready(self, tenant: Tenant) -> bool:
        """Whether Nameplate calls the domain ready."""
        return bool(self.domain(tenant).get("ready"))

    def well(self, tenant: Tenant) -> bool:
        """Whether the domain is ready, nothing is in trouble, and a visitor is served."""
        found = self.domain(tenant)
        if not found.get("ready"):
            return False
        quiet = all(c["reason"] != "renewal_failing" for c in found["conditions"])
        return quiet and tenant.visit() == 200

    def all_well(self) -> bool:
        """Whether both are."""
        return self.well(self.alpha) and self.well(self.beta)

    def wait(self, what: str, look: Callable[[], object], seconds: float) -> float:
        """Wait until `look` is true; return after how many seconds it was, or fail with the logs."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if look():
                return time.monotonic() - began
            time.sleep(0.25)
        told = [
            f"{c['type']} {c['status']} {c['reason']}: {c['message']} | {c['fix']}"
            for tenant in (self.alpha, self.beta)
            for c in self.domain(tenant).get("conditions", ())
        ]
        raise AssertionError(f"{what} not after {seconds} s\n{told}\n{self.nameplate.logs()}")

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def town(folder: Path, database: str, port: int) -> Iterator[Town]:
    """Bring it up where the servers' other users can get through."""
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    with Town(folder, database, port) as made:
        yield made
