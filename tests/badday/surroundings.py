"""What stands around Nameplate: organizations with their providers, authorities, applications and proxies.

Alpha has PowerDNS, nginx and an authority; Beta has Knot, Caddy and another authority. At Beta's Knot
and authority are three more, each with proxies of its own: Gamma has a Traefik that reads files, Delta
one that fetches from Nameplate, Epsilon a group of two nginx. Between Nameplate and what it speaks
with stand relays, which can refuse or hang, and gates, which can answer instead.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.http.client import Api
from tests.badday import proxies
from tests.badday.tenants import Application, Authority, Tenant
from tests.servers.caddy import Caddy
from tests.servers.disk import small_disk
from tests.servers.gate import Gate
from tests.servers.knot import Knot
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.powerdns import PowerDns
from tests.servers.process import ServerMissing, free_port
from tests.servers.relay import Relay

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


class Surroundings:
    """All servers but Nameplate's own and Delta's Traefik, which fetches from it."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        """Start them; `stack` ends them."""
        self.folder = folder
        self._stack = stack
        self.nginx = stack.enter_context(Nginx(self._small("nginx"), address=ALPHA))
        self.caddy = stack.enter_context(Caddy(self._small("caddy"), address=BETA))
        self.alpha, self.beta = self._alpha(), self._beta()
        self.tenants = {"alpha": self.alpha, "beta": self.beta, **self._beside_beta()}
        self.closed_port = free_port()
        self.silent = stack.enter_context(Relay(self.closed_port))
        self.silent.hang()

    def reached(self) -> dict[str, str]:
        """Return the settings by which Nameplate finds their ports."""
        return {
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
