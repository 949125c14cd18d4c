"""Certificates of very many hosts for Caddy: it asks itself for each one when a handshake needs it.

Caddy reads every file of `load_files` again at each load, a third of a millisecond each. Here one of its own
servers, on loopback and below a secret path, hands out `live/HOST.pem`, so that a load costs nothing for
certificates and a renewed one needs no load at all. Neither needs Nameplate.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.grouping import SiteChange
from nameplate.adapters.proxy.remembered import FolderMemory
from nameplate.adapters.proxy.sites import Site
from nameplate.core.names import without_wildcard
from nameplate.ports.proxy import Config

DOCUMENT = "caddy.json"
SERVER = "nameplate_certificates"
_LIVE, _KEPT = "live", "asked"
"""Folders of links by host, and of the pairs that they lead to."""
_PLACE = ".certificates"
_Json = dict[str, Any]


class AskedCertificates:
    """Which pairs Caddy asks for by host, where they are many, and which it loads.

    Caddy takes a pair that it has loaded before it asks, so a host below a wildcard is loaded too.
    """

    def __init__(self) -> None:
        """Begin without a pair."""
        self._asked: dict[str, str] = {}
        self._loaded: dict[str, str] = {}
        self._wide: set[str] = set()

    def change(self, change: SiteChange, sites: Mapping[str, Site]) -> None:
        """Follow the sites, which are these now."""
        for host, site in change.gone.items():
            self._asked.pop(host, None)
            self._loaded.pop(host, None)
            if site.wildcard:
                self._wide.discard(without_wildcard(host))
        come = change.come
        wide = {without_wildcard(host) for host, site in come.items() if site.wildcard}
        self._wide |= wide
        if wide or any(site.wildcard for site in change.gone.values()):
            self._asked, self._loaded, come = {}, {}, sites
        for host, site in come.items():
            if site.key_pair is not None:
                is_below = site.wildcard or host.partition(".")[2] in self._wide
                (self._loaded if is_below else self._asked)[host] = keys.stem(site.key_pair)

    def where_many(self, many: int) -> dict[str, str]:
        """Return stems by host, if there are `many`; never with 0."""
        return dict(self._asked) if many and len(self._asked) >= many else {}

    def loaded(self, asked: Mapping[str, str]) -> set[str]:
        """Return the stems of the pairs that Caddy loads, where it asks for these."""
        return {*self._loaded.values(), *(() if asked else self._asked.values())}


def tell(document: _Json, folder: Path, port: int, *, on_demand: bool) -> None:
    """Have Caddy ask itself at a port of loopback, and hand out what is in the folder.

    Without `on_demand` it obtains nothing for hosts that it finds no pair of.
    """
    place = f"http://127.0.0.1:{port}/{_token(folder)}"
    root = str(folder / keys.FOLDER / _LIVE)
    matched = {"root": root, "try_files": ["{http.request.uri.query.server_name}.pem"]}
    routes = [
        {
            "match": [{"path": [f"/{_token(folder)}"], "file": matched}],
            "handle": [
                {"handler": "rewrite", "uri": "{http.matchers.file.relative}"},
                {"handler": "file_server", "root": root},
            ],
            "terminal": True,
        },
        _said(f"/{_token(folder)}", 204),  # there is none, which is no error
        {"handle": [{"handler": "static_response", "status_code": 403}]},
    ]
    document["apps"]["http"]["servers"][SERVER] = {
        "listen": [f"127.0.0.1:{port}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "routes": routes,
    }
    automation = document["apps"]["tls"].setdefault("automation", {})
    if not on_demand:
        permission = {"module": "http", "endpoint": f"http://127.0.0.1:{port}/refused"}
        automation["on_demand"] = {"permission": permission}
        automation.setdefault("policies", []).append({})
    automation["policies"][-1]["get_certificate"] = [{"via": "http", "url": place}]


def write(folder: Path, config: Config, asked: Mapping[str, str]) -> None:
    """Have the folder hold the pairs that Caddy asks for. Raises `RouteRefused` for one that cannot be served."""
    if not asked:
        return
    live, kept = _folders(folder)
    for one in (live, kept):
        one.mkdir(mode=0o700, exist_ok=True, parents=True)
    there = _PAIRS.look(kept)
    missing = {stem for stem in asked.values() if stem not in there}
    if missing:
        fresh: dict[Path, bytes] = {}
        for stem in sorted(missing):
            bundle = config.content(f"{stem}.crt")
            key = keys.usable(bundle, config.secrets[f"{stem}.key"], config.owners[f"{stem}.crt"])
            fresh[_place(kept, stem)] = bundle.rstrip() + b"\n" + key.encode()
        with _PAIRS.changing(kept) as pairs:
            keys.place_all(fresh)
            pairs.update(missing)
    known = _HOSTS.look(live)
    wrong = {host: stem for host, stem in asked.items() if known.get(host) != stem}
    if wrong:
        with _HOSTS.changing(live) as hosts:
            for host, stem in wrong.items():
                new = live / f".{host}"
                new.unlink(missing_ok=True)
                new.symlink_to(_target(stem))
                new.replace(live / f"{host}.pem")
            hosts.update(wrong)


def sweep(folder: Path, asked: Mapping[str, str]) -> None:
    """Remove what no host has any more."""
    live, kept = _folders(folder)
    if not live.exists():
        return
    there = _HOSTS.look(live)
    if len(there) != len(asked):  # all of these are there
        with _HOSTS.changing(live) as hosts:
            for host in there.keys() - asked.keys():
                (live / (host if host.startswith(".") else f"{host}.pem")).unlink(missing_ok=True)
                del hosts[host]
    unnamed = _PAIRS.look(kept).difference(asked.values())
    if unnamed:
        with _PAIRS.changing(kept) as pairs:
            for stem in unnamed:
                place = _place(kept, stem)
                for one in (place, place.with_name(place.name.removesuffix(".pem"))):
                    one.unlink(missing_ok=True)  # a writer that died has left another ending
            pairs.difference_update(unnamed)


def _folders(folder: Path) -> tuple[Path, Path]:
    return folder / keys.FOLDER / _LIVE, folder / keys.FOLDER / _KEPT


def _place(kept: Path, stem: str) -> Path:
    return kept / f"{stem.removeprefix(f'{keys.FOLDER}/')}.pem"


def _target(stem: str) -> str:
    return f"../{_KEPT}/{stem.removeprefix(f'{keys.FOLDER}/')}.pem"


def _pairs(kept: Path) -> set[str]:
    """Return stems; what is no pair of ours counts as one that nobody asks for."""
    names = os.listdir(kept) if kept.exists() else []  # noqa: PTH208 - ten times faster
    return {f"{keys.FOLDER}/{name.removesuffix('.pem')}" for name in names}


def _hosts(live: Path) -> dict[str, str]:
    """Return stems by host; an empty one for what is no link of ours, or was left by who died meanwhile."""
    found = {}
    for entry in os.scandir(live):
        target = os.readlink(entry.path) if entry.is_symlink() else ""  # noqa: PTH115 - ten times faster
        stem = f"{keys.FOLDER}/{target.rpartition('/')[2].removesuffix('.pem')}"
        found[entry.name.removesuffix(".pem")] = stem if target == _target(stem) else ""
    return found


_PAIRS: FolderMemory[set[str]] = FolderMemory(_pairs)
_HOSTS: FolderMemory[dict[str, str]] = FolderMemory(_hosts)


def _said(path: str, status: int) -> _Json:
    handle = [{"handler": "static_response", "status_code": status}]
    return {"match": [{"path": [path]}], "handle": handle, "terminal": True}


def _token(folder: Path) -> str:
    """Return the secret path, made once: whoever can read it can read the keys too."""
    path = folder / _PLACE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        keys.place(path, secrets.token_hex(32).encode())
    return path.read_text()
