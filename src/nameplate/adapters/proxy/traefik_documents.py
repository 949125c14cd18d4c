"""Rendering routes for Traefik: one document for each host, one that all share, and the key pairs.

Documents are JSON, which Traefik's file provider reads as the YAML that it is.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from nameplate.adapters.proxy import keys
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.adapters.proxy.fragments import Fragments
from nameplate.adapters.proxy.sites import Site, group
from nameplate.adapters.proxy.traefik_rules import Json, TraefikLayout
from nameplate.core.errors import Refused
from nameplate.core.route_settings import UNSUPPORTED
from nameplate.ports.proxy import Config, Route

COMMON = "nameplate.yaml"
HOSTS = "nameplate_hosts"
"""Traefik reads folders by name: the file before this folder, so that what it tells of is there."""
_FRAGMENTS = Fragments(32 * 1024 * 1024)
"""Of all servers that this process configures: an adapter lives for one step."""
_DIGITS = 32


def render(layout: TraefikLayout, certificates: str, routes: Sequence[Route]) -> Config:
    """Return the configuration; Traefik sees the key pairs below the folder `certificates`.

    The common document tells a digest of all the others.
    """
    sites = group(routes, UNSUPPORTED["traefik"])
    files, secrets, owners = keys.files(sites)
    for site in sites:
        name = f"{HOSTS}/{site.route_ids[0]}.yaml"
        files[name] = _document(layout, certificates, site)
        owners[name] = site.route_ids
    files[COMMON] = common(layout, _digest(layout, files))
    return Config(dict(sorted(files.items())), secrets, owners, keys.later(sites))


def common(layout: TraefikLayout, revision: str) -> bytes:
    """Return the document that all hosts share, which tells the revision."""
    return written(rules.common(layout, revision))


def revision_of(config: Config) -> str:
    """Return the digest that the common document of a configuration tells."""
    headers = json.loads(config.files[COMMON])["http"]["middlewares"]
    told: str = headers[f"{rules.PREFIX}revision"]["headers"]["customResponseHeaders"][
        rules.REVISION_HEADER
    ]
    return told


def hosts(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the documents of hosts, by the names of their files."""
    return {
        name.removeprefix(f"{HOSTS}/"): content
        for name, content in files.items()
        if PurePosixPath(name).parent.name == HOSTS
    }


def holds_hashes(content: bytes) -> bool:
    """Tell whether a document has hashes of passwords, which not everybody on the machine should read."""
    return b'"basicAuth"' in content


def written(document: Json) -> bytes:
    """Write a document. Raises Refused `fragment_unsafe` when Traefik would read another one.

    Its file provider runs files through Go's templates, which begin with two braces.
    """
    text = json.dumps(document, sort_keys=True)
    if json.loads(text) != document or "{{" in text:
        raise Refused(
            "fragment_unsafe",
            "A generated file for Traefik would not be read as what was intended, so it is not used.",
        )
    return text.encode()


def _document(layout: TraefikLayout, certificates: str, site: Site) -> bytes:
    """Return the document of one host: rendered once for as long as nothing about it changes."""
    pair = site.key_pair
    files = rules.paths_of(pair, certificates) if pair else None
    key = layout, files, site.hostname, site.route_ids, site.locations
    found = _FRAGMENTS.get(key)
    if found is None:
        found = written(rules.site(layout, site, files))
        _FRAGMENTS.keep(key, found)
    return found


def _digest(layout: TraefikLayout, files: Mapping[str, bytes]) -> str:
    total = hashlib.sha256(repr(layout).encode())
    for name, content in sorted(files.items()):
        if not name.startswith(
            keys.FOLDER
        ):  # documents name them, and a name stands for one content
            total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()[:_DIGITS]
