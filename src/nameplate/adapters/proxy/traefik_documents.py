"""Rendering routes for Traefik: one document for each host, one that all share, and the key pairs.

Documents are JSON, which Traefik's file provider reads as the YAML that it is.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.adapters.proxy.grouping import Grouping, reorder
from nameplate.adapters.proxy.pair_files import PairFiles
from nameplate.adapters.proxy.remembered import Remembered, digest
from nameplate.adapters.proxy.sites import Site
from nameplate.adapters.proxy.traefik_rules import Json, TraefikLayout
from nameplate.core.errors import Refused
from nameplate.core.route_settings import UNSUPPORTED
from nameplate.ports.proxy import Config, Route

COMMON = "nameplate.yaml"
HOSTS = "nameplate_hosts"
"""Traefik reads folders by name: the file before this folder, so that what it tells of is there."""
_RENDERED: "Remembered[_Rendering]" = Remembered(100_000)
"""Of all servers that this process configures, counted in routes: a document of each is kept."""
_DIGITS = 32


@dataclass(frozen=True, slots=True)
class TraefikConfig(Config):
    """Documents, with the digest of each host's by the name of its file."""

    digests: Mapping[str, bytes] = field(default_factory=dict)


def render(
    layout: TraefikLayout, certificates: str, routes: Sequence[Route], server: str
) -> TraefikConfig:
    """Return the configuration; Traefik sees the key pairs below the folder `certificates`.

    The common document tells a digest of all the others. What is remembered is so of a `server`.
    """
    make = partial(_Rendering, layout, certificates)
    with _RENDERED.using((server, layout, certificates), len(routes), make) as rendering:
        return rendering.config(routes)


class _Rendering:
    """One server's hosts as documents, each made once for as long as nothing about it changes."""

    def __init__(self, layout: TraefikLayout, certificates: str) -> None:
        self._layout = layout
        self._certificates = certificates
        self._grouping = Grouping()
        self._pairs = PairFiles()
        self._files: dict[str, bytes] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._digests: dict[str, bytes] = {}
        self._order: list[str] = []

    def config(self, routes: Sequence[Route]) -> TraefikConfig:
        change = self._grouping.regroup(routes, UNSUPPORTED["traefik"])
        self._pairs.change(change)
        gone = {_name(site) for site in change.gone.values()}
        for name in gone:
            del self._files[f"{HOSTS}/{name}"], self._owners[f"{HOSTS}/{name}"], self._digests[name]
        for site in change.come.values():
            self._put(site)
        reorder(self._order, gone, {_name(site) for site in change.come.values()})
        pairs = self._pairs
        files = {COMMON: common(self._layout, self._revision()), **self._files}
        owners = {**pairs.owners, **self._owners}
        return TraefikConfig(
            files, dict(pairs.secrets), owners, dict(pairs.later), digests=dict(self._digests)
        )

    def _put(self, site: Site) -> None:
        pair, name = site.key_pair, _name(site)
        files = rules.paths_of(pair, self._certificates) if pair else None
        content = written(rules.site(self._layout, site, files))
        self._files[f"{HOSTS}/{name}"] = content
        self._owners[f"{HOSTS}/{name}"] = site.route_ids
        self._digests[name] = digest(content)

    def _revision(self) -> str:
        """Return a digest of all documents; they name the key pairs, and a name stands for one content."""
        total = hashlib.sha256(repr(self._layout).encode())
        for name in self._order:
            total.update(name.encode() + self._digests[name])
        return total.hexdigest()[:_DIGITS]


def _name(site: Site) -> str:
    return f"{site.route_ids[0]}.yaml"


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
