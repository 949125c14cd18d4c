"""Everything together: what stands around Nameplate, and Nameplate with its database."""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from tests.badday import proxies
from tests.badday.installation import Installation
from tests.badday.outage import Outage
from tests.badday.surroundings import DELTA, Surroundings
from tests.badday.tenants import Tenant
from tests.e2e.installation import publish
from tests.servers.postgresql import APP, SYSTEM, role_url
from tests.servers.relay import Relay
from tests.servers.traefik import Traefik

HEALTH_EVERY = 5
"""Seconds between health checks of the bindings: what an operator sets who wants to know at once."""


class Town(Surroundings):
    """Everything, brought up once: all domains are ready at the end of `__init__`."""

    def __init__(self, folder: Path, database: str, port: int) -> None:
        """`database` is the URL of a migrated PostgreSQL database that listens at `port`."""
        with contextlib.ExitStack() as stack:
            super().__init__(folder, stack)
            self.database = stack.enter_context(Relay(port))
            self.outage = Outage(role_url(database, SYSTEM))
            stack.callback(self.outage.close)
            self.made: list[str] = []
            self._labels = itertools.count(1)
            through = database.replace(f":{port}/", f":{self.database.port}/")
            settings = {
                "NAMEPLATE_DATABASE_URL": role_url(through, APP),
                "NAMEPLATE_SYSTEM_DATABASE_URL": role_url(through, SYSTEM),
                "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
                "NAMEPLATE_EGRESS_ALLOW": '["127.0.0.0/8"]',
                **self.reached(),
            }
            self.nameplate = Installation(self._folder("nameplate"), settings)
            stack.callback(self.nameplate.close)
            for name, tenant in self.tenants.items():
                self._furnish(name, tenant)
            self.edge = stack.enter_context(Relay(self.nameplate.port))
            self.fetching = stack.enter_context(self._fetching())
            self.wait("all domains ready", self.all_well, 180)
            self._stack = stack.pop_all()

    def _fetching(self) -> Traefik:
        """Start Delta's Traefik, as soon as there is where it fetches from."""
        told = self.nameplate.local(
            *("server", "edge-token", self.tenants["delta"].ids["server"], "--json"),
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
