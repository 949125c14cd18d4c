"""Traefik, configured by the files of a folder that its file provider watches.

    dynamic/coolify.yaml                  others' files, which are never touched
    dynamic/nameplate.yaml                what all hosts share; written last, and read first
    dynamic/nameplate_hosts/bnd_….yaml    one host
    folder/certs/crt_….crt and .key       key pairs

Traefik watches `dynamic` but no folder in it: it loads everything once, when `nameplate.yaml` is
replaced. It starts with what is there, without Nameplate and without any name server.
"""

import errno
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from nameplate.adapters.proxy import folder as folder_of
from nameplate.adapters.proxy import keys, traefik_collisions
from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.adapters.proxy import traefik_rules as rules
from nameplate.adapters.proxy.remembered import FileDigests
from nameplate.adapters.proxy.traefik_documents import TraefikConfig
from nameplate.adapters.proxy.traefik_look import RunningTraefik
from nameplate.core.errors import Refused
from nameplate.ports.proxy import Collision, Config, Route, RoutePlace

_STAGING = "staging"
_DIGESTS = FileDigests()
"""Of the documents of all servers that this process configures."""


class TraefikFiles:
    """One Traefik on this machine. Several threads and processes may share it: a file lock orders them."""

    writes_new_pairs_only = True

    def __init__(
        self,
        folder: Path,
        dynamic: Path,
        layout: rules.TraefikLayout,
        running: RunningTraefik,
        *,
        mounted_at: str | None = None,
    ) -> None:
        """Keep key pairs in `folder`, which Traefik sees at `mounted_at`, and documents in `dynamic`."""
        self.folder = folder_of.check(folder)
        self.dynamic = folder_of.check(dynamic)
        self._layout = layout
        self._running = running
        self._mounted_at = mounted_at or str(folder)

    def render(self, routes: Sequence[Route]) -> TraefikConfig:
        """Return one document for each host, named by its first route's id, and the key pairs."""
        return documents.render(self._layout, self._mounted_at, routes, str(self.folder))

    def apply(self, config: Config) -> None:
        """Write what differs, have Traefik load it, and wait until it serves it.

        Where no Traefik runs, what is written is what it will start with: `proxy_down` is raised
        after that. Raises `RouteRefused` with what Traefik's API tells of routers, Refused
        `proxy_reload_failed` when it keeps what it had, `Unavailable` with `disk_full`, `proxy_busy`.
        """
        if not isinstance(config, TraefikConfig):
            raise TypeError("a configuration that another adapter has rendered")
        with folder_of.exclusive(self.folder):
            keys.write(self.folder, config)
            revision = documents.revision_of(config)
            changed = self._write(config)
            self._have_loaded(config.files[documents.COMMON], revision, changed=changed)
            keys.sweep(self.folder, config)
        refused = self._running.refused()
        if refused is not None:
            raise refused

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Have the routers of routes answer nothing, whatever else a new configuration would hold.

        Raises `Refused` with `withdrawal_unseen` when Traefik does not load it.
        """
        with folder_of.exclusive(self.folder):
            wanted = {place.id for place in places}
            closed: dict[str, bytes] = {}
            for path in self._hosts():
                content = path.read_bytes()
                left = _without(content, wanted)
                if left != content:
                    closed[path.name] = left
            for name, content in closed.items():
                self._place(self.dynamic / documents.HOSTS / name, content)
            revision = f"withdrawn-{os.urandom(8).hex()}"
            try:
                content = documents.common(self._layout, revision)
                self._have_loaded(content, revision, changed=True)
            except Refused as error:
                detail = f"{error.detail} Until then it serves what must not be served."
                raise Refused("withdrawal_unseen", detail) from None

    def collisions(self) -> Sequence[Collision]:
        """Return what others have configured that meets what Nameplate writes."""
        return traefik_collisions.found(
            self._layout, self._running, [path.read_text() for path in self._hosts()], self.dynamic
        )

    def _hosts(self) -> Iterator[Path]:
        return (self.dynamic / documents.HOSTS).glob("*.yaml")

    def _write(self, config: TraefikConfig) -> bool:
        """Make the folder of hosts hold exactly these documents; tell whether anything changed."""
        target = self.dynamic / documents.HOSTS
        target.mkdir(parents=True, exist_ok=True)
        there = _DIGESTS.look(target)
        wanted = config.digests
        changed = [name for name, digest in wanted.items() if there.get(name) != digest]
        for name in changed:
            self._place(target / name, config.files[f"{documents.HOSTS}/{name}"])
        gone = there.keys() - wanted.keys()
        for name in gone:
            (target / name).unlink()
        if changed or gone:
            folder_of.sync(target)
        return bool(changed or gone)

    def _have_loaded(self, content: bytes, revision: str, *, changed: bool) -> None:
        """Replace the file that Traefik looks at, unless it serves all of this already; wait for it."""
        path = self.dynamic / documents.COMMON
        same = not changed and path.exists() and path.read_bytes() == content
        if not (same and self._running.revision() == revision):
            self._place(path, content)
            folder_of.sync(self.dynamic)
        self._running.await_(lambda seen: seen == revision)

    def _place(self, path: Path, content: bytes) -> None:
        """Write a file that appears complete or not at all, and that Traefik sees only then."""
        staging = self.folder / _STAGING
        staging.mkdir(mode=0o700, exist_ok=True)
        fresh = staging / path.name
        keys.place(fresh, content)
        if not documents.holds_hashes(content):
            fresh.chmod(0o644)  # as others' files; those with hashes only who reads the keys
        try:
            fresh.replace(path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            if error.errno == errno.EXDEV:
                detail = (
                    "`proxy.folder` and `proxy.dynamic_folder` must be on the same file system."
                )
                raise Refused("setting_invalid", detail) from None
            raise


def _without(content: bytes, route_ids: set[str]) -> bytes:
    """Return the document of a host with these routes closed."""
    document = json.loads(content)
    routers = document["http"]["routers"]
    for name, router in routers.items():
        if rules.route_of(name) in route_ids:
            routers[name] = rules.closed(router)
    return documents.written(document)
