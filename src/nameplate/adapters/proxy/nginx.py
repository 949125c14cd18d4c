"""nginx, configured by files: one fragment for each host in `folder/current/`.

The operator's nginx.conf belongs to the operator and holds one line of ours inside `http`:
`include <folder>/current/*.conf;`. Every apply writes a new release beside the running one, has
nginx test it, swaps the symbolic link `current` in one rename, reloads, and goes back when nginx
does not take it.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from nameplate.adapters.proxy import folder as folder_of
from nameplate.adapters.proxy import (
    keys,
    nginx_fragments,
    nginx_names,
    nginx_operator,
    nginx_process,
    nginx_readers,
    nginx_route_settings,
    nginx_shared,
    nginx_withdrawal,
)
from nameplate.adapters.proxy.nginx_operator import OwnDirectives
from nameplate.adapters.proxy.nginx_rendering import DEFAULTS, NginxRendering
from nameplate.adapters.proxy.nginx_settings import LISTEN, NginxConfiguration, is_listen
from nameplate.adapters.proxy.nginx_syntax import emit
from nameplate.adapters.proxy.remembered import Remembered
from nameplate.adapters.proxy.sites import own_upstream
from nameplate.core.errors import NameplateError, Refused
from nameplate.core.route_settings import UNSUPPORTED
from nameplate.ports.proxy import (
    Collision,
    Config,
    ProxyPlace,
    ProxyPlugin,
    Route,
    RoutePlace,
    RouteRefused,
    Upstream,
)

_HANDSHAKE = 1.0
"""Seconds after which a handshake that a former worker has accepted has its certificate."""
_UNREAD = {"basic_auth": "nginx's workers cannot read in the proxy's folder (`chmod o+x`)"}
_RENDERED: Remembered[NginxRendering] = Remembered(100_000)
"""Of all servers that this process configures, counted in routes."""


class Nginx:
    """One nginx on this machine. Several threads and processes may share it: a file lock orders them."""

    writes_new_pairs_only = True

    def __init__(
        self,
        folder: Path,
        executable: str,
        pid_file: Path,
        listen_http: Sequence[str],
        listen_https: Sequence[str],
        *,
        challenge_upstream: Upstream | None = None,
        main: Path | None = None,
        public_https_port: int = 443,
        reload_seconds: float = 60,
        resolver: Sequence[str] | None = None,
        many: int = 0,
    ) -> None:
        """Listen on addresses such as `80`, `192.0.2.1:80` and `[2001:db8::1]:80`.

        `challenge_upstream` is Nameplate's own address for ACME challenges and verification files;
        `main` the operator's nginx.conf (nginx's built-in place when None); `resolver` the name
        servers for upstreams (those of resolv.conf when None). From `many` hosts on, those that are alike
        share servers, if nginx's workers can read the keys; never with 0. Raises Refused.
        """
        if not all(map(is_listen, (*listen_http, *listen_https))):
            detail = f"Expected {LISTEN} in `proxy.listen_http` and `proxy.listen_https`."
            raise Refused("setting_invalid", detail)
        self.folder = folder_of.check(folder)
        self._executable = executable
        self._pid_file = pid_file
        self._main = main
        self._reload_seconds = reload_seconds
        self._layout = nginx_fragments.Layout(
            folder,
            tuple(listen_http),
            tuple(listen_https),
            own_upstream(challenge_upstream),
            public_https_port,
            nginx_names.of_machine(resolver),
            nginx_readers.may_enter(folder),
        )
        self._form = repr(self._layout)
        self._many = many

    def main_config(self, scratch: Path) -> str:
        """Return a smallest complete nginx.conf, as an example and for tests; temporary files in `scratch`."""
        return emit(nginx_fragments.main(self._pid_file, [self.folder / "current/*.conf"], scratch))

    def render(self, routes: Sequence[Route]) -> Config:
        """Return the key pairs, and fragments: one for each host, or for all that are alike where they are many."""
        own = self._own()
        is_read = nginx_readers.are_known(self.folder, own.workers)
        many = self._many if is_read else 0
        unsupported = {**UNSUPPORTED["nginx"], **({} if is_read else _UNREAD)}
        make = partial(NginxRendering, self._layout, many, unsupported)
        form = f"{self._many} {nginx_shared.FORM}" if self._many else ""
        with _RENDERED.using((self._form, many, is_read), len(routes), make) as rendering:
            return rendering.config(routes, own, form)

    def collisions(self) -> Sequence[Collision]:
        """Return what in the operator's nginx.conf meets what Nameplate writes."""
        return self._own().collisions((*self._layout.listen_http, *self._layout.listen_https))

    def _own(self) -> OwnDirectives:
        return nginx_operator.read(self._main, self._executable, self.folder)

    def apply(self, config: Config) -> None:
        """Write, test, swap, reload and wait for the new workers; or leave everything as it was.

        Where no nginx runs, what is written and tested is what it will start with: `proxy_down` is
        raised after that. Raises `RouteRefused` or `Refused` with nginx's own words, `Unavailable` with `disk_full`,
        `proxy_down`, `proxy_busy` (another process is applying).
        """
        digest = _digest(config)
        with folder_of.exclusive(self.folder):
            current = self._current()
            is_same = self._applied() == digest and keys.present(self.folder, config)
            if current is not None and is_same:
                nginx_withdrawal.end(self.folder)
                self._tidy(current, config)  # who had it applied may have died before this
                return
            readers = None
            if nginx_shared.FRAGMENT in config.files:
                readers = nginx_readers.group_id(self._own().workers)
            keys.write(self.folder, config, readers)
            release, changed = self._write(config)
            try:
                self._check([one for one in changed if one.name != nginx_shared.FRAGMENT], config)
                running = self._switch(release, config, digest)
            except (NameplateError, OSError):
                if self._current() != release.resolve():  # nginx must start with what is there
                    shutil.rmtree(release, ignore_errors=True)
                raise
            nginx_withdrawal.end(self.folder)
            self._tidy(release, config)
        if not running:
            nginx_process.master(self._pid_file)  # says what is wrong

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Close routes by markers that the running workers look at, whatever nginx refuses to load.

        Raises `Refused` with `withdrawal_unseen` when the workers may not look into the folder.
        """
        with folder_of.exclusive(self.folder):
            self._unsure()
            nginx_withdrawal.begin(self.folder, [place.id for place in places], self._pid_file)

    def _write(self, config: Config) -> tuple[Path, list[Path]]:
        """Write the fragments into a new release and tell which differ from the running one's."""
        releases = self.folder / "releases"
        releases.mkdir(exist_ok=True)
        release = Path(tempfile.mkdtemp(prefix="release-", dir=releases))
        release.chmod(0o755)
        fragments = {name: text for name, text in config.files.items() if name.endswith(".conf")}
        try:
            changed = [
                release / name
                for name, text in fragments.items()
                if not _shared(release / name, text, self.folder / "current" / name)
            ]
            for path in changed:
                _place(path, fragments[path.name])
            self._write_passwords(release, config)
            folder_of.sync(release)
        except OSError:
            shutil.rmtree(release, ignore_errors=True)
            raise
        return release, changed

    def _write_passwords(self, release: Path, config: Config) -> None:
        """Write the files that workers read themselves, each time anew: their group may be another."""
        names = [name for name in config.files if name.endswith(nginx_route_settings.PASSWORDS)]
        group_id = nginx_readers.group_id(self._own().workers) if names else None
        for name in names:
            nginx_readers.place(release / name, config.files[name], group_id)

    def _check(self, changed: Sequence[Path], config: Config) -> None:
        """Have nginx test the changed fragments on their own, before anything refers to them.

        nginx needs about a millisecond for each certificate, so the others are left to the test of
        the whole, and so is what very many hosts share.
        """
        if not changed:
            return
        with tempfile.TemporaryDirectory(prefix="nameplate-nginx-") as scratch:
            main = Path(scratch, "nginx.conf")
            pid = Path(scratch, "pid")
            shared = self.folder / "current" / DEFAULTS
            includes = {path.name: path for path in (shared, *changed)}
            sizes = self._own().hash_sizes
            told = nginx_fragments.main(pid, [*includes.values()], Path(scratch), sizes)
            main.write_text(emit(told))
            complaint = nginx_process.test(self._executable, main)
        if complaint:
            raise _refusal(complaint, config)

    def _switch(self, release: Path, config: Config, digest: str) -> bool:
        """Make `release` current and have nginx serve it; go back when it does not.

        Tells whether an nginx runs: without one the release waits for its start. With very many hosts a
        running nginx tests while it loads, and keeps what it had when it refuses: a test before that
        would take as long again.
        """
        previous = self._unsure()
        self._point(release)
        is_told = False
        try:
            master = nginx_process.find(self._pid_file)
            test = partial(self._test, config)
            if master is None or nginx_shared.FRAGMENT not in config.files:
                test()
            if master is None:
                return False
            is_told = True
            nginx_process.reload(master, self._reload_seconds, test)
        except (NameplateError, OSError):
            self._point(previous)
            running = nginx_process.find(self._pid_file)
            if is_told and running is not None:
                # It may still be loading what was taken back.
                nginx_process.signal_reload(running)
            raise
        with contextlib.suppress(OSError):  # without this note it is loaded once more
            self._note.write_text(f"{digest} {release.name} {master}\n")
        return True

    def _test(self, config: Config) -> None:
        """Raise what nginx says to what it would start with, if it refuses that."""
        complaint = nginx_process.test(self._executable, self._main)
        if complaint:
            raise _refusal(complaint, config)

    def _current(self) -> Path | None:
        current = self.folder / "current"
        return current.resolve() if current.is_symlink() else None

    def _point(self, release: Path | None) -> None:
        """Make the link `current` lead to the release, in one step."""
        current = self.folder / "current"
        if release is None:
            current.unlink(missing_ok=True)
        else:
            fresh = self.folder / ".current"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(Path("releases", release.name))
            fresh.replace(current)
        folder_of.sync(self.folder)

    @property
    def _note(self) -> Path:
        """The file that says what the running workers serve: digest, release and master."""
        return self.folder / "applied"

    def _applied(self) -> str:
        """Return the digest of the configuration that the running workers are known to serve."""
        with contextlib.suppress(OSError, ValueError):
            digest, release, master = self._note.read_text().split()
            current = self._current()
            running = nginx_process.find(self._pid_file)
            if current is not None and current.name == release and int(master) == running:
                return digest
        return ""

    def _unsure(self) -> Path | None:
        """Say no longer what the workers serve, and return the release that they did last.

        It stays in the note: `current` may lead to another one that nginx refuses, where a process
        died before it could go back.
        """
        release = self._current()
        with contextlib.suppress(OSError, ValueError):
            _, name, _ = self._note.read_text().split()
            served = self.folder / "releases" / name
            release = served if served.is_dir() else release
        with contextlib.suppress(OSError):  # on a full disk it is empty, and says as little
            self._note.write_text(f"unknown {release.name if release else '-'} 0\n")
        return release

    def _tidy(self, release: Path, config: Config) -> None:
        """Remove older releases and key pairs that nothing names any more."""
        releases = [*(self.folder / "releases").iterdir()]
        were_read = any((one / nginx_shared.FRAGMENT).exists() for one in releases)
        are_read = nginx_shared.FRAGMENT in config.files
        for other in releases:
            if other.name != release.name:
                shutil.rmtree(other, ignore_errors=True)
        if were_read and (not are_read or keys.unnamed(self.folder, config)):
            time.sleep(_HANDSHAKE)  # former workers read for who has connected and not greeted yet
        keys.sweep(self.folder, config)
        if not are_read:
            keys.shut(self.folder)


def _digest(config: Config) -> str:
    """Return one digest of all files: they name the key pairs, and a name stands for one content."""
    total = hashlib.sha256()
    for name, content in sorted(config.files.items()):
        total.update(f"{name}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def _refusal(complaint: str, config: Config) -> Refused:
    """Return the refusal that names the routes whose fragment or certificate nginx complains about."""
    detail = folder_of.without_paths(complaint)
    for name, route_ids in config.owners.items():
        if f"/{name.removesuffix('.crt')}" in complaint:
            return RouteRefused(
                "proxy_refused", f"nginx rejected the configuration: {detail}", route_ids
            )
    return Refused("proxy_refused", f"nginx rejected the configuration: {detail}")


def _shared(path: Path, content: bytes, running: Path) -> bool:
    """Make `path` another name of the running release's file, if that has the same content."""
    with contextlib.suppress(FileNotFoundError):
        if running.read_bytes() == content:
            os.link(running, path)
            return True
    return False


def _place(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def connect(config: NginxConfiguration, place: ProxyPlace) -> Nginx:
    """Return the adapter for one server's nginx."""
    return Nginx(
        Path(place.folder),
        config.executable or shutil.which("nginx") or "nginx",
        Path(config.pid_file),
        config.listen_http,
        config.listen_https,
        challenge_upstream=place.challenge_upstream,
        main=Path(config.main) if config.main else None,
        public_https_port=config.https_port,
        resolver=config.resolver,
        many=config.many_hosts,
    )


plugin = ProxyPlugin(title="nginx", configuration=NginxConfiguration, connect=connect)
