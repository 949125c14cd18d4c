"""Certificates of very many hosts for Caddy: it asks itself for each one when a handshake needs it.

Caddy reads every file of `load_files` again at each load, a third of a millisecond each. Here one of its own
servers, on loopback and below a secret path, hands out `live/HOST.pem`, so that a load costs nothing for
certificates and a renewed one needs no load at all. Neither needs Nameplate.
"""

import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy.sites import Site
from nameplate.core.names import without_wildcard
from nameplate.ports.proxy import Config

DOCUMENT = "caddy.json"
INDEX = "caddy_hosts.json"
"""Host -> stem of its pair; Caddy is not told of it."""
SERVER = "nameplate_certificates"
_LIVE = "live"
_PLACE = ".certificates"
_Json = dict[str, Any]


def asked_for(sites: Sequence[Site], many: int) -> dict[str, str]:
    """Return the pairs that Caddy asks for by host, where there are `many`; the others it loads.

    Caddy takes a pair that it has loaded before it asks, so a host below a wildcard is loaded too.
    """
    wide = {without_wildcard(site.hostname) for site in sites if site.wildcard}
    found = {
        site.hostname: keys.stem(site.key_pair)
        for site in sites
        if site.key_pair is not None
        and not site.wildcard
        and site.hostname.partition(".")[2] not in wide
    }
    return found if many and len(found) >= many else {}


def index(config: Config) -> dict[str, str]:
    """Return the pairs that a configuration has Caddy ask for."""
    found: dict[str, str] = json.loads(config.files.get(INDEX, b"{}"))
    return found


def loaded(config: Config) -> Config:
    """Return a configuration with the key pairs that Caddy loads, and no others."""
    asked = set(index(config).values())
    if not asked:
        return config
    named = json.loads(config.files[DOCUMENT])["apps"]["tls"]["certificates"]["load_files"]
    kept = {one["key"].rpartition("/")[2] for one in named}
    pairs = {name: key for name, key in config.secrets.items() if name.rpartition("/")[2] in kept}
    return Config(config.files, pairs, config.owners, config.later)


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


def write(folder: Path, config: Config) -> None:
    """Have the folder hold the pairs that Caddy asks for. Raises `RouteRefused` for one that cannot be served."""
    hosts = index(config)
    if not hosts:
        return
    live = folder / keys.FOLDER / _LIVE
    live.mkdir(mode=0o700, exist_ok=True, parents=True)
    there = set(os.listdir(folder / keys.FOLDER))  # noqa: PTH208 - ten times faster
    fresh: dict[Path, bytes] = {}
    for stem in set(hosts.values()):
        if f"{stem.removeprefix(f'{keys.FOLDER}/')}.pem" not in there:
            bundle = config.content(f"{stem}.crt")
            key = keys.usable(bundle, config.secrets[f"{stem}.key"], config.owners[f"{stem}.crt"])
            fresh[folder / f"{stem}.pem"] = bundle.rstrip() + b"\n" + key.encode()
    keys.place_all(fresh)
    known = set(os.listdir(live))  # noqa: PTH208 - ten times faster
    for host, stem in hosts.items():
        name, target = f"{host}.pem", f"../{stem.removeprefix(f'{keys.FOLDER}/')}.pem"
        if name not in known or os.readlink(f"{live}/{name}") != target:  # noqa: PTH115 - ten times faster
            new = live / f".{host}"
            new.unlink(missing_ok=True)
            new.symlink_to(target)
            new.replace(live / name)


def sweep(folder: Path, config: Config) -> None:
    """Remove what no host has any more."""
    hosts = index(config)
    target = folder / keys.FOLDER
    if not (target / _LIVE).exists():
        return
    wanted = {f"{host}.pem" for host in hosts}
    for name in set(os.listdir(target / _LIVE)) - wanted:  # noqa: PTH208 - ten times faster
        (target / _LIVE / name).unlink(missing_ok=True)
    pairs = {f"{stem.removeprefix(f'{keys.FOLDER}/')}.pem" for stem in hosts.values()}
    for name in os.listdir(target):  # noqa: PTH208 - ten times faster
        if name.endswith(".pem") and name not in pairs:
            (target / name).unlink(missing_ok=True)


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
