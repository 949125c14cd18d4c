"""Organizations, and what they share: Nameplate and its database.

Alpha has PowerDNS, nginx and an authority; Beta has Knot, Caddy and another authority. At Beta's Knot
and authority are three more, each with proxies of its own: Gamma has a Traefik that reads files, Delta
one that fetches from Nameplate, Epsilon a group of two nginx. Between Nameplate and what it speaks
with stand relays, which can refuse or hang, and gates, which can answer instead.
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
from tests.badday import proxies
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
from tests.servers.traefik import Traefik

ALPHA, BETA, GAMMA, DELTA = "127.0.9.1", "127.0.9.2", "127.0.9.3", "127.0.9.4"
EPSILON = "127.0.9.5", "127.0.9.6"
"""Where each organization's hosts lead."""
_ZONES = {
    "beta": "example.net",
    "gamma": "example.org",
    "delta": "example.info",
    "epsilon": "example.biz",
}
"""At Beta's Knot."""
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
            self.nginx = stack.enter_context(Nginx(self._small("nginx"), address=ALPHA))
            self.caddy = stack.enter_context(Caddy(self._small("caddy"), address=BETA))
            self.alpha, self.beta = self._alpha(), self._beta()
            self.tenants = {"alpha": self.alpha, "beta": self.beta, **self._beside_beta()}
            self.outage = Outage(role_url(database, SYSTEM))
            stack.callback(self.outage.close)
            self.made: list[str] = []
            self._labels = itertools.count(1)
            self.closed_port = free_port()
            self.silent = stack.enter_context(Relay(self.closed_port))
            self.silent.hang()
            through = database.replace(f":{port}/", f":{self.database.port}/")
            settings = {
                "NAMEPLATE_DATABASE_URL": role_url(through, APP),
                "NAMEPLATE_SYSTEM_DATABASE_URL": role_url(through, SYSTEM),
                "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
                "NAMEPLATE_EGRESS_ALLOW": '["127.0.0.0/8"]',
                "NAMEPLATE_CHALLENGE_CHECK_VIA": json.dumps(
                    {
                        address: f"{address}:{tenant.proxy['http_port']}"
                        for tenant in self.tenants.values()
                        for address in tenant.addresses
                    }
                ),
                "NAMEPLATE_DNS_SERVERS": json.dumps(
                    {
                        tenant.name.removeprefix("shop."): [f"127.0.0.1:{tenant.names.port}"]
                        for tenant in self.tenants.values()
                    }
                ),
            }
            self.nameplate = Installation(self._folder("nameplate"), settings)
            stack.callback(self.nameplate.close)
            for name, tenant in self.tenants.items():
                self._furnish(name, tenant)
            self.edge = stack.enter_context(Relay(self.nameplate.port))
            self.fetching = stack.enter_context(self._fetching())
            self.wait("all domains ready", self.all_well, 180)
            self._stack = stack.pop_all()

    def _folder(self, name: str) -> Path:
        made = self.folder / name
        made.mkdir()
        return made

    def _small(self, name: str) -> Path:
        """Return a folder in which `managed` is a small disk."""
        made = self._folder(name)
        with contextlib.suppress(ServerMissing):  # some faults less
            self._stack.enter_context(small_disk(made / "managed"))
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
        return Tenant(
            name="shop.example.com",
            owner=PowerDnsAdapter(Api(power.api_url, headers={"X-API-Key": power.api_key})),
            dns_account={
                "provider": "powerdns",
                "config": {"api_url": f"http://127.0.0.1:{self.provider.port}"},
                "credentials": {"api_key": self.provider_key},
            },
            application=self._application("alpha"),
            authority=self._authority("pebble-alpha", names, self.nginx.http_port),
            names=names,
            proxy=proxies.nginx(self.nginx, ALPHA),
            address=ALPHA,
            https_port=self.nginx.https_port,
        )

    def _beta(self) -> Tenant:
        self._knot = self._stack.enter_context(Knot(self._folder("knot"), [*_ZONES.values()]))
        names = self._stack.enter_context(Relay(self._knot.port, udp=True))
        authority = self._authority("pebble-beta", names, self.caddy.http_port)
        return self._at_knot("beta", BETA, proxies.caddy(self.caddy, BETA), names, authority)

    def _at_knot(
        self,
        name: str,
        address: str,
        proxy: dict[str, Any],
        names: Relay,
        authority: Authority,
    ) -> Tenant:
        """Return an organization with a zone at Beta's Knot."""
        knot, zone = self._knot, _ZONES[name]
        key, algorithm, secret = knot.tsig
        return Tenant(
            name=f"shop.{zone}",
            owner=Rfc2136(knot.address, knot.port, [zone], knot.tsig),
            dns_account={
                "provider": "rfc2136",
                "config": {
                    "server": f"127.0.0.1:{names.port}",
                    "zones": [zone],
                    "tsig_name": key,
                    "tsig_algorithm": algorithm,
                },
                "credentials": {"tsig_secret": secret.reveal()},
            },
            application=self._application(name),
            authority=authority,
            names=names,
            proxy=proxy,
            address=address,
            https_port=self.caddy.https_port,
        )

    def _beside_beta(self) -> dict[str, Tenant]:
        """Return the organizations that share Beta's Knot and authority, which asks all at one port."""
        asked = self.caddy.http_port, self.caddy.https_port
        shared = self.beta.names, self.beta.authority
        ports = *asked, free_port()
        self.reading = self._stack.enter_context(
            proxies.by_files(self._small("gamma"), GAMMA, ports)
        )
        managed = str(self.reading.folder / "managed")
        gamma = self._at_knot("gamma", GAMMA, proxies.traefik(ports, folder=managed), *shared)
        self._ports = *asked, free_port()
        delta = self._at_knot(
            "delta", DELTA, proxies.traefik(self._ports, provider="http"), *shared
        )
        self.group = [
            self._stack.enter_context(Nginx(self._folder(f"nginx-{at}"), address=at, ports=asked))
            for at in EPSILON
        ]
        first, second = (
            proxies.nginx(one, at) for one, at in zip(self.group, EPSILON, strict=True)
        )
        epsilon = self._at_knot("epsilon", EPSILON[0], first, *shared)
        epsilon.others[EPSILON[1]] = second
        return {"gamma": gamma, "delta": delta, "epsilon": epsilon}

    def _fetching(self) -> Traefik:
        """Start Delta's Traefik, as soon as there is where it fetches from."""
        told = self.nameplate.local(
            *("server", "edge-token", self.delta.ids["server"], "--json"),
            NAMEPLATE_API_URL=self.nameplate.url,
            NAMEPLATE_TOKEN=self.nameplate.token,
        )
        found = json.loads(told.output)
        self.token, self.endpoint = (
            found["token"],
            f"http://127.0.0.1:{self.edge.port}{found['path']}",
        )
        folder = self._folder("delta")
        return proxies.by_http(folder, DELTA, self._ports, self.endpoint, self.token)

    @property
    def delta(self) -> Tenant:
        """Whose Traefik fetches from Nameplate."""
        return self.tenants["delta"]

    def _furnish(self, name: str, tenant: Tenant) -> None:
        call, ids = self.nameplate.call, tenant.ids
        ids["organization"] = call("POST", "/v1/organizations", {"name": f"Of {name}"})["id"]
        owned = {"organization": ids["organization"]}
        ids["application"] = call(
            "POST", "/v1/applications",
            {
                **owned, "name": "shop", "upstream_host": "127.0.0.1",
                "upstream_port": tenant.application.relay.port,
            },
        )["id"]  # fmt: skip
        server = {**owned, "name": f"edge-{name}", "address": tenant.address}
        ids["server"] = call("POST", "/v1/servers", {**server, "proxy": tenant.proxy})["id"]
        if tenant.others:
            self._group(name, tenant)
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
        for address in tenant.addresses:
            publish(tenant.owner, f"*.{tenant.name}", "A", address)
            self.add_record(tenant, "@", "A", address)
        ids["binding"] = self.bind(tenant)

    def _group(self, name: str, tenant: Tenant) -> None:
        """Add the other servers, and the group of all."""
        call, ids = self.nameplate.call, tenant.ids
        owned = {"organization": ids["organization"]}
        members = [ids["server"]]
        for address, proxy in tenant.others.items():
            server = {**owned, "name": f"edge-{name}-{len(members) + 1}", "address": address}
            members.append(call("POST", "/v1/servers", {**server, "proxy": proxy})["id"])
        ids["group"] = call("POST", "/v1/server-groups", {**owned, "name": name})["id"]
        for one in members:
            call("POST", f"/v1/server-groups/{ids['group']}/servers", {"server": one})

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
            **self._placed(tenant.ids),
            "subdomain": subdomain,
            "health_check_interval": HEALTH_EVERY,
            "health_check_timeout": 3,
        }
        made = self.nameplate.call("POST", "/v1/bindings", body)
        return str(made["id"])

    def _placed(self, ids: dict[str, str]) -> dict[str, str]:
        return {"server_group": ids["group"]} if "group" in ids else {"server": ids["server"]}

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
                for one in self.tenants.values()
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
        """Whether all are."""
        return all(self.well(tenant) for tenant in self.tenants.values())

    def wait(self, what: str, look: Callable[[], object], seconds: float) -> float:
        """Wait until `look` is true; return after how many seconds it was, or fail with the logs."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if look():
                return time.monotonic() - began
            time.sleep(0.25)
        told = [
            f"{c['type']} {c['status']} {c['reason']}: {c['message']} | {c['fix']}"
            for tenant in self.tenants.values()
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
