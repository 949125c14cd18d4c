"""A proxy in memory, which answers as a real one would but without a network."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from cryptography.x509 import load_pem_x509_certificates

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.sites import group
from nameplate.core.names import parent
from nameplate.core.serials import hex_serial
from nameplate.ports.proxy import Config, ProxyPlugin, Route, RouteRefused, Upstream

_DOCUMENT = "sites.json"
_REDIRECT = 308
_MISDIRECTED = 421


@dataclass(frozen=True, slots=True)
class Served:
    """What a visitor would get; `status` is None when the connection would be closed."""

    status: int | None
    upstream: Upstream | None = None
    location: str = ""
    hsts: bool = False
    serial: str | None = None


class MemoryProxy:
    """Answers from the configuration that was applied last."""

    def __init__(self) -> None:
        self._config = Config({_DOCUMENT: b"{}"}, {})
        self.loads = 0
        """How often a configuration was really taken over."""
        self._visits = count()

    def render(self, routes: Sequence[Route]) -> Config:
        """Return one document of all sites, and the key pairs."""
        sites = group(routes)
        files, secrets, owners = keys.files(sites)
        document = {
            site.hostname: {
                "locations": [asdict(location) for location in site.locations],
                "key_pair": keys.stem(site.key_pair) if site.key_pair else None,
            }
            for site in sites
        }
        files[_DOCUMENT] = json.dumps(document).encode()
        return Config(files, secrets, owners)

    def apply(self, config: Config) -> None:
        """Take the configuration over. Raises `RouteRefused` for a key pair that cannot serve."""
        if config == self._config:
            return
        for name, private_key in config.secrets.items():
            certificate = f"{name.removesuffix('.key')}.crt"
            wrong = keys.check(config.content(certificate), private_key)
            if wrong:
                raise RouteRefused("key_pair_invalid", wrong, config.owners.get(certificate, ()))
        self._config = config
        self.loads += 1

    def visit(self, scheme: str, hostname: str, path: str, sni: str | None = None) -> Served:
        """Return what a visitor of `hostname` and `path` gets; `sni` when it differs from the host."""
        config = self._config  # one snapshot: another thread may apply meanwhile
        presented = _site(config, sni or hostname)
        if scheme == "https" and (presented is None or presented["key_pair"] is None):
            return Served(None)
        serial = _serial(config, presented["key_pair"]) if scheme == "https" and presented else None
        if scheme == "https" and sni not in {None, hostname}:
            return Served(_MISDIRECTED, serial=serial)
        site = _site(config, hostname)
        for location in site["locations"] if site else ():
            if path == location["path"] or path.startswith(location["path"].rstrip("/") + "/"):
                said = _said(location, scheme, path, serial)
                if said is not None:
                    return said
                if scheme == "http" and location["force_https"] and site and site["key_pair"]:
                    return Served(_REDIRECT, location=f"https://{hostname}{path}")
                upstream = self._drawn(location["targets"])
                return Served(200, upstream, "", scheme == "https" and location["hsts"], serial)
        return Served(None, serial=serial)

    def _drawn(self, targets: Sequence[dict[str, Any]]) -> Upstream:
        """Return the upstream whose turn it is, by the weights."""
        turns = [one for one in targets for _ in range(one["weight"])]
        return Upstream(**turns[next(self._visits) % len(turns)]["upstream"])


def _said(location: dict[str, Any], scheme: str, path: str, serial: str | None) -> Served | None:
    """Return what is said in place of the application; None: nothing is."""
    if location["answer"] is not None:
        return Served(location["answer"], serial=serial)
    to = location["redirect"]
    if to is None:
        return None
    hsts = scheme == "https" and location["hsts"]
    return Served(to["status"], None, f"https://{to['hostname']}{path}", hsts, serial)


def _site(config: Config, hostname: str) -> dict[str, Any] | None:
    """Return the exact host's site, or that of the wildcard one label above."""
    sites = json.loads(config.files[_DOCUMENT])
    found: dict[str, Any] | None = sites.get(hostname, sites.get(f"*.{parent(hostname)}"))
    return found


def _serial(config: Config, stem: str) -> str:
    leaf = load_pem_x509_certificates(config.content(f"{stem}.crt"))[0]
    return hex_serial(leaf.serial_number)


plugin = ProxyPlugin(title="In memory, for trials", connect=lambda _config, _place: MemoryProxy())
