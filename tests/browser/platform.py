"""A whole platform with the page in front: what a customer's browser meets, and what the test may break."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from tests.databases import sessions_over
from tests.e2e.installation import Installation, acme_account
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.postgresql import APP, SYSTEM, role_url
from tests.servers.powerdns import PowerDns
from tests.servers.process import free_port
from tests.servers.relay import Relay

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.core.actor import PLATFORM
from nameplate.core.records import Change, RRset
from nameplate.models import UserSession
from nameplate.models.orm import utc_now
from nameplate.ports.dns import DnsProvider, Result, Zone

ZONES = ("customer.com", "managed.com")
"""Zones at the DNS host: of the first a person publishes records, Nameplate writes those of the second."""
PASSWORD = "correct horse battery staple"


class Platform:
    """`serve`, a worker, PostgreSQL, PowerDNS, Pebble and nginx, with two organizations."""

    def __init__(self, folder: Path, database: str, stack: ExitStack) -> None:
        """Start everything over a migrated and empty PostgreSQL database."""
        for name in ("dns", "pebble", "nginx", "np"):
            (folder / name).mkdir()
        power = stack.enter_context(PowerDns(folder / "dns", ZONES))
        self._registrar = folder / "registrar.json"
        self.dns: DnsProvider = PowerDnsAdapter(power.api)
        self.power = power
        self.nginx = stack.enter_context(Nginx(folder / "nginx"))
        self.pebble = stack.enter_context(
            Pebble(
                folder / "pebble",
                dns_server=f"127.0.0.1:{power.dns_port}",
                http_port=self.nginx.http_port,
            )
        )
        self.origins = [stack.enter_context(Origin(name)) for name in ("blue", "green")]
        self.database = stack.enter_context(Relay(sa.make_url(database).port or 5432))
        self.sessions = sessions_over(database)
        stack.callback(self.sessions.dispose)
        port = free_port()
        self.nameplate = Installation(
            folder / "np", self._settings(database, port), workers=1, port=port
        )
        stack.callback(self.nameplate.stop)
        self.network = stack.enter_context(Relay(port))
        self.url = f"http://127.0.0.1:{self.network.port}"
        self._set_up()

    def _settings(self, database: str, port: int) -> dict[str, str]:
        resolver = f"127.0.0.1:{self.power.dns_port}"
        relayed = sa.make_url(database).set(port=self.database.port)
        relayed_url = relayed.render_as_string(hide_password=False)
        return {
            "NAMEPLATE_DATABASE_URL": role_url(relayed_url, APP),
            "NAMEPLATE_SYSTEM_DATABASE_URL": role_url(relayed_url, SYSTEM),
            "NAMEPLATE_DNS_SERVERS": json.dumps({zone: [resolver] for zone in ZONES}),
            "NAMEPLATE_CHALLENGE_UPSTREAM": f"127.0.0.1:{port}",
            "NAMEPLATE_PUBLIC_RESOLVERS": "[]",
        }

    def _set_up(self) -> None:
        """Do what the operator does before the first customer comes."""
        call = self.nameplate.call
        call("POST", "/v1/servers", {"name": "edge", "address": "127.0.0.1", "proxy": self._proxy})
        call("POST", "/v1/accounts", acme_account(self.pebble.directory_url, self.pebble.ca_bundle))
        for slug in ("acme", "globex"):
            call("POST", "/v1/organizations", {"name": slug.title(), "slug": slug})
            for origin, name in zip(self.origins, ("Blue", "Green"), strict=True):
                call(
                    "POST",
                    "/v1/applications",
                    {
                        "organization": slug, "name": f"{name} of {slug}",
                        "upstream_host": "127.0.0.1", "upstream_port": origin.port,
                    },
                )  # fmt: skip
        for kind, provider, config, credentials in (
            ("dns", "powerdns", {"api_url": self.power.api_url},
             {"api_key": self.power.api_key.reveal()}),
            ("registrar", "sandbox", {"state": str(self._registrar)}, {}),
        ):  # fmt: skip
            call(
                "POST",
                "/v1/accounts",
                {
                    "organization": "acme", "kind": kind, "provider": provider,
                    "name": provider, "config": config, "credentials": credentials,
                },
            )  # fmt: skip

    @property
    def _proxy(self) -> dict[str, Any]:
        one = self.nginx
        return {
            "type": "nginx",
            "folder": str(one.folder / "managed"),
            "executable": one.executable,
            "pid_file": str(one.pid_file),
            "main": str(one.main),
            "listen_http": [f"127.0.0.1:{one.http_port}"],
            "listen_https": [f"127.0.0.1:{one.https_port}"],
            "http_port": one.http_port,
            "https_port": one.https_port,
        }

    def invite(self, organization: str, email: str) -> str:
        """Make a person the owner of an organization, and return the address to choose a password at."""
        user = self.nameplate.call("POST", "/v1/users", {"email": email})
        place = {"user": user["id"], "organization": organization, "role": "owner"}
        self.nameplate.call("POST", "/v1/memberships", place)
        return f"{self.url}/invitation#{user['invitation_url'].partition('#')[2]}"

    def publish(self, name: str, rdtype: str, *values: str) -> None:
        """Have the zone hold these values there, as its owner does at the DNS host; none: nothing."""
        zone = self._zone(name)
        before = next((r for r in self.dns.records(zone) if r.key == (name, rdtype)), None)
        after = RRset(name, rdtype, 60, tuple(sorted(values))) if values else None
        (outcome,) = self.dns.apply(zone, [Change(before, after)])
        assert outcome.result is Result.APPLIED, outcome

    def held(self, name: str, rdtype: str) -> tuple[str, ...]:
        """Return the values that the zone holds there."""
        found = (r for r in self.dns.records(self._zone(name)) if r.key == (name, rdtype))
        return next((r.values for r in found), ())

    def _zone(self, name: str) -> Zone:
        return next(one for one in self.dns.zones() if name.endswith(one.name))

    def name_servers(self, name: str) -> list[str]:
        """Return where the sandbox registrar delegates a name that it sold."""
        names = json.loads(self._registrar.read_text())["names"]
        return list(names[name]["name_servers"])

    def end_sessions(self) -> None:
        """Let the time of every session of a person be over."""
        with self.sessions.begin(PLATFORM) as session:
            session.execute(sa.update(UserSession).values(expires_at=utc_now()))
