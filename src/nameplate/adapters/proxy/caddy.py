"""Caddy, configured through its JSON admin API.

One document holds everything and `POST /load` replaces it as a whole: Caddy refuses what it cannot
run and keeps serving the old one. Among very many hosts, a change of one is one request for a part of
it, at exactly the document that Caddy was read to run; whatever that does not fit is a load. Private keys never travel through the API: they are files that
Caddy reads, so Caddy runs on this machine and as a user who may read them.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from nameplate.adapters.http.client import Api, Reply
from nameplate.adapters.proxy import caddy_certificates, caddy_withdrawal, keys
from nameplate.adapters.proxy import folder as folder_of
from nameplate.adapters.proxy.caddy_layout import ONE, TWO, CaddyLayout
from nameplate.adapters.proxy.caddy_rendering import CaddyConfig, CaddyRendering
from nameplate.adapters.proxy.caddy_settings import CaddyConfiguration, reachable
from nameplate.adapters.proxy.remembered import Remembered
from nameplate.adapters.proxy.sites import own_upstream
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.ports.proxy import (
    Config,
    ProxyPlace,
    ProxyPlugin,
    Route,
    RoutePlace,
    RouteRefused,
    Upstream,
)

_RENDERED: Remembered[CaddyRendering] = Remembered(100_000)
"""Of all servers that this process configures, counted in routes."""
_HEADERS = {"Content-Type": "application/json", "Connection": "close"}
_OK = 200
CUT_OFF = 5.0
"""Seconds within which a load that is cut off fails; what takes longer hangs and is not asked again."""


class Caddy:
    """One Caddy on this machine."""

    writes_new_pairs_only = True

    def __init__(
        self,
        api: Api,
        folder: Path,
        listen_http: Sequence[str],
        listen_https: Sequence[str],
        *,
        challenge_upstream: Upstream | None = None,
        base: Mapping[str, Any] | None = None,
        ask_url: str | None = None,
        public_https_port: int = 443,
        many: int = 0,
        certificates_port: int | None = None,
    ) -> None:
        """Keep key pairs in `folder` and listen on addresses such as `:80` and `192.0.2.1:80`.

        `challenge_upstream` is Nameplate's own address for ACME challenges and verification files. `base`
        is the operator's own part of the document; it must carry `admin.listen` when that is not Caddy's
        default (`reachable`). With `ask_url`, Caddy itself obtains certificates for hosts without a key
        pair, after asking there. From `many` hosts on Caddy asks itself for certificates, at
        `certificates_port` of this machine, in place of loading them. Raises Refused.
        """
        self._api = api
        self.folder = folder_of.check(folder)
        at = tuple(listen_http), tuple(listen_https), own_upstream(challenge_upstream)
        told = dict(base or {}), ask_url, public_https_port
        asked = (0, 0) if certificates_port is None else (many, certificates_port)
        self._layout = CaddyLayout(self.folder, *at, *told, *asked)

    def render(self, routes: Sequence[Route]) -> CaddyConfig:
        """Return one JSON document for all hosts, and the key pairs."""
        make = partial(CaddyRendering, self._layout)
        with _RENDERED.using(repr(self._layout), len(routes), make) as rendering:
            return rendering.config(routes)

    def apply(self, config: Config) -> None:
        """Write the key pairs, load the document, remove key pairs that nothing names any more.

        What was loaded stays in the folder as `caddy.json`, for a start without Nameplate.

        Raises `RouteRefused` or `Refused` with Caddy's own words, `Unavailable` with `disk_full` or
        what the admin API's client says.
        """
        if not isinstance(config, CaddyConfig):
            raise TypeError("a configuration that another adapter has rendered")
        with folder_of.exclusive(self.folder):
            names = [f"{stem}.key" for stem in config.loaded]
            loaded = replace(config, secrets={name: config.secrets[name] for name in names})
            keys.write(self.folder, loaded)
            caddy_certificates.write(self.folder, config, config.asked)
            document = config.files[caddy_certificates.DOCUMENT]
            with keys.placing(self.folder / caddy_certificates.DOCUMENT, document):
                if not (config.asked and self._is_told(config)):
                    self._load(config)
            keys.sweep(self.folder, loaded)
            caddy_certificates.sweep(self.folder, config.asked)

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Take routes out of the document that Caddy runs, whatever it says to a new one."""
        with folder_of.exclusive(self.folder):
            reply = self._api.request("GET", "/config/apps/http/servers")
            _raise_for(reply, Config({}, {}))
            servers = reply.json() or {}
            for name in (*TWO, ONE):
                routes = servers.get(name, {}).get("routes")
                if routes:
                    left = caddy_withdrawal.without(routes, places)
                    path = f"/config/apps/http/servers/{name}/routes"
                    _raise_for(self._api.request("PATCH", path, json=left), Config({}, {}))

    def _is_told(self, config: CaddyConfig) -> bool:
        """Tell whether Caddy runs the document already, or does after one request that changes a part of it.

        That request is one for exactly what was read: Caddy refuses it when anybody was faster.
        """
        try:
            running = self._api.request("GET", "/config/")
            told = running.body.strip()
            if told == config.files[caddy_certificates.DOCUMENT]:
                return True
            piece = config.piece
            if piece is None or told != piece.before or "etag" not in running.headers:
                return False
            headers = {**_HEADERS, "If-Match": running.headers["etag"]}
            place = f"/config{piece.place}"
            reply = self._api.request(piece.method, place, content=piece.content, headers=headers)
        except Unavailable:  # the whole document decides
            return False
        return reply.status == _OK

    def _load(self, config: Config) -> None:
        """Have Caddy take the whole document. Raises what it says."""
        content = config.files[caddy_certificates.DOCUMENT]
        began = time.monotonic()
        try:
            reply = self._api.request("POST", "/load", content=content, headers=_HEADERS)
        except Unavailable:
            if time.monotonic() - began > CUT_OFF:
                raise
            # A load replaces the admin server too, and whoever connects in that moment is cut
            # off. Loading the same document again is harmless: Caddy compares and does nothing.
            reply = self._api.request("POST", "/load", content=content, headers=_HEADERS)
        _raise_for(reply, config)


def _raise_for(reply: Reply, config: Config) -> None:
    """Raise what Caddy's answer to a load means."""
    if reply.status == _OK:  # RFC 9110 section 15.3.1
        return
    try:
        complaint = str(reply.json()["error"])
    except (Unavailable, KeyError, TypeError):
        complaint = "no reason given"
    if reply.status >= 500:  # noqa: PLR2004  # RFC 9110 section 15.6
        raise Unavailable("proxy_failed", f"Caddy failed with HTTP status {reply.status}.")
    detail = folder_of.without_paths(complaint)
    for name, route_ids in config.owners.items():
        if name.removesuffix(".crt") in complaint:
            raise RouteRefused(
                "proxy_refused", f"Caddy rejected the configuration: {detail}", route_ids
            )
    raise Refused("proxy_refused", f"Caddy rejected the configuration: {detail}")


def connect(config: CaddyConfiguration, place: ProxyPlace) -> Caddy:
    """Return the adapter for one server's Caddy."""
    return Caddy(
        Api(config.admin_url),
        Path(place.folder),
        config.listen_http,
        config.listen_https,
        challenge_upstream=place.challenge_upstream,
        base=reachable(config.base, config.admin_url),
        ask_url=_asking(config.ask_url, place.edge_secret),
        public_https_port=config.https_port,
        many=config.many_hosts,
        certificates_port=config.certificates_port,
    )


def _asking(url: str | None, secret: Secret | None) -> str | None:
    """Return where Caddy asks: it keeps the query and adds `domain`, and can send no header."""
    if url is None or secret is None or not urlsplit(url).path.endswith("/edge/ask"):
        return url
    query = urlsplit(url).query
    if "secret" in parse_qs(query, keep_blank_values=True):
        return url
    mine = urlencode({"secret": secret.reveal()})
    return urlsplit(url)._replace(query=f"{query}&{mine}" if query else mine).geturl()


plugin = ProxyPlugin(title="Caddy", configuration=CaddyConfiguration, connect=connect)
