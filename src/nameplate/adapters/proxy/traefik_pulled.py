"""Traefik, which fetches its configuration from the edge by its HTTP provider.

One document holds everything, with certificates and keys inside, as Traefik takes them.
"""

import json
from collections.abc import Sequence
from typing import Any

from nameplate.adapters.proxy import keys, traefik_collisions
from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.adapters.proxy.traefik_look import RunningTraefik
from nameplate.core.errors import NameplateError
from nameplate.ports.proxy import Collision, Config, Route, RouteRefused


class PulledTraefik:
    """One Traefik anywhere, which is told nothing: it asks."""

    def __init__(self, layout: rules.TraefikLayout, running: RunningTraefik) -> None:
        """Look at `running` for what it serves."""
        self._layout = layout
        self._running = running

    def render(self, routes: Sequence[Route]) -> Config:
        """Return one document for each host and the key pairs; `document` joins them."""
        return documents.render(self._layout, "", routes, self._running.address)

    def document(self, config: Config) -> bytes:
        """Return what Traefik gets when it asks: everything, private keys too, in a stable order.

        Raises `RouteRefused` for a key pair that cannot be served.
        """
        joined: dict[str, Any] = {}
        for name in dict.fromkeys((documents.COMMON, *config.files)):
            if name.endswith(".yaml"):
                content = config.files[name]
                if name == documents.COMMON:
                    content = documents.common(self._layout, str(config.revision))
                _join(joined, json.loads(content))
        pairs = joined["tls"].pop("certificates", [])
        inline = {one["certFile"].strip("/"): _inline(config, one) for one in pairs}
        if inline:
            joined["tls"]["certificates"] = [inline[name] for name in sorted(inline)]
        return json.dumps(joined, sort_keys=True).encode()

    def apply(self, config: Config) -> None:
        """Wait until Traefik serves `config.revision`, or a later one.

        Raises `RouteRefused` for what cannot be served and for what Traefik's API tells of routers,
        Refused `proxy_reload_failed` when Traefik keeps what it had, `Unavailable` with `proxy_down`.
        """
        for name in config.secrets:
            _checked(config, f"{name.removesuffix('.key')}.crt", name)
        self._running.await_(lambda seen: seen.isdigit() and int(seen) >= config.revision)
        refused = self._running.refused()
        if refused is not None:
            raise refused

    def collisions(self) -> Sequence[Collision]:
        """Return what meets Nameplate's configuration in the entry points, where the API tells them."""
        return traefik_collisions.found(self._layout, self._running, (), None)


def _join(joined: dict[str, Any], more: dict[str, Any]) -> None:
    """Add a document to others; names of ours are different in each."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(joined.get(key), dict):
            _join(joined[key], value)
        elif isinstance(value, list):
            joined.setdefault(key, []).extend(value)
        else:
            joined[key] = value


def _inline(config: Config, pair: dict[str, str]) -> dict[str, str]:
    """Return a key pair with contents in the place of paths."""
    certificate, key = pair["certFile"].strip("/"), pair["keyFile"].strip("/")
    _checked(config, certificate, key)
    return {
        "certFile": config.content(certificate).decode(),
        "keyFile": config.secrets[key].reveal(),
    }


def _checked(config: Config, certificate: str, key: str) -> None:
    """Refuse a key pair that no proxy could serve."""
    try:
        wrong = keys.check(config.content(certificate), config.secrets[key])
    except NameplateError as error:  # a sealed key that cannot be opened
        wrong = error.detail
    if wrong:
        raise RouteRefused("key_pair_invalid", wrong, config.owners.get(certificate, ()))
