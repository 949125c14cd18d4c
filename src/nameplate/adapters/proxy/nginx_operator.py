"""What the operator's own nginx.conf says that what Nameplate writes must not say again."""

import functools
import glob
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from nameplate.adapters.proxy.nginx_syntax import Directive, parse
from nameplate.ports.proxy import Collision

NAMES_HASH = {"server_names_hash_bucket_size": 512, "server_names_hash_max_size": 4096}
"""Directives that nginx takes once, and the least values with which every host fits."""
_AFTER_MAPS = frozenset({"map_hash_bucket_size", "map_hash_max_size"})
"""Directives that nginx takes before the first `map` only."""
_OURS = Directive(("include", "nameplate"))
_BUILT_FOR = re.compile(r"--(user|group)=(\S+)")
_CONF_PATH = re.compile(r"--conf-path=(\S+)")
_MAX_DEPTH = 8
_SIZE = re.compile(r"(\d+)([kKmM]?)")
_UNITS = {"": 1, "k": 1024, "m": 1024 * 1024}


@dataclass(frozen=True, slots=True)
class OwnDirectives:
    """What stands in the `http` block of the operator's nginx.conf, files that it includes counted."""

    hash_sizes: tuple[Directive, ...] = ()
    """Sizes of the hash of server names; nginx takes each once."""
    defaults: frozenset[str] = frozenset()
    """Addresses that have a default server, in one spelling."""
    workers: str = ""
    """Group of the workers, by name."""
    late: tuple[str, ...] = ()
    """Directives after the line that includes our files, which nginx takes before it only."""

    def is_free(self, address: str) -> bool:
        """Tell whether an address that we listen on has no default server of the operator's."""
        return spot(address) not in self.defaults

    def collisions(self, listens: Sequence[str]) -> list[Collision]:
        """Return what a person should know or change."""
        taken = [one for one in listens if not self.is_free(one)]
        found = [
            Collision(
                f"Your nginx.conf has a default server on {address}, which stays. It answers for "
                "hosts without a binding, their ACME challenges and verification files included.",
                "Remove `default_server` there if Nameplate is to answer them.",
                is_harmless=True,
            )
            for address in taken
        ]
        for name, size in (one.words for one in self.hash_sizes):
            least = NAMES_HASH[name]
            if _octets(size) < least:
                found.append(
                    Collision(
                        f"Your nginx.conf sets {name} to {size}, which is too small for long or "
                        "many host names.",
                        f"Remove the line, so that Nameplate sets it, or set at least {least}.",
                    )
                )
        found += [
            Collision(
                f"Your nginx.conf sets {name} after the line that includes Nameplate's files. "
                "nginx accepts it only before them.",
                f"Move `{name}` above that line.",
            )
            for name in self.late
        ]
        return found


def read(main: Path | None, executable: str, folder: Path) -> OwnDirectives:
    """Read nginx.conf; what cannot be read counts as empty, and nginx's own test speaks later."""
    path = main or _built_in(executable)
    if path is None:
        return OwnDirectives()
    files = _Files(path.parent, folder)
    tops = [*files.expanded(files.content(path))]
    http = [
        inner for top in tops if top.words == ("http",) for inner in files.expanded(top.block or ())
    ]
    ours = http.index(_OURS) if _OURS in http else len(http)
    listens = [
        one.words
        for server in http
        if server.words == ("server",)
        for one in files.expanded(server.block or ())
        if one.words[0] == "listen" and {"default_server", "default"} & {*one.words[2:]}
    ]
    sizes = (one for one in http if one.words[0] in NAMES_HASH and len(one.words) > 1)
    return OwnDirectives(
        tuple(Directive(one.words[:2]) for one in sizes),
        frozenset(spot(words[1]) for words in listens),
        next((one.words[-1] for one in tops if one.words[0] == "user"), _usual_group(executable)),
        tuple(one.words[0] for one in http[ours:] if one.words[0] in _AFTER_MAPS),
    )


def spot(address: str) -> str:
    """Return an address of `listen` in one spelling: host and port."""
    host, colon, port = address.rpartition(":")
    if address.isdigit():
        host, port = "", address
    elif not colon or address.endswith("]"):
        host, port = address, "80"
    host = host.lower().strip("[]")
    try:
        host = str(ip_address(host))
    except ValueError:
        host = "0.0.0.0" if host in {"", "*"} else host  # noqa: S104 - read, not bound
    return f"{host} {port}"


class _Files:
    """The files of one nginx.conf. Those in `folder` are ours."""

    def __init__(self, prefix: Path, folder: Path) -> None:
        self._prefix = prefix
        self._ours = folder / "current"

    def content(self, path: Path) -> tuple[Directive, ...]:
        try:
            return parse(path.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):
            return ()

    def expanded(self, directives: Sequence[Directive], depth: int = 0) -> Iterator[Directive]:
        """Yield directives with those of included files in their place."""
        for one in directives:
            if one.words[0] != "include" or len(one.words) != 2 or depth > _MAX_DEPTH:  # noqa: PLR2004 - and a file
                yield one
                continue
            pattern = self._prefix / one.words[1]
            if pattern.parent == self._ours:
                yield _OURS
                continue
            for path in sorted(glob.glob(str(pattern))):  # noqa: PTH207 - absolute
                yield from self.expanded(self.content(Path(path)), depth + 1)


def _octets(size: str) -> int:
    found = _SIZE.fullmatch(size)
    return int(found[1]) * _UNITS[found[2].lower()] if found else 0


def _built_in(executable: str) -> Path | None:
    """Return the path of nginx.conf that nginx was built with."""
    found = _CONF_PATH.search(_build(executable))
    return Path(found[1]) if found else None


def _usual_group(executable: str) -> str:
    """Return the group of workers where nginx.conf names none; empty: the one of `nobody`."""
    found = dict(_BUILT_FOR.findall(_build(executable)))
    return found.get("group") or found.get("user") or ""


@functools.cache
def _build(executable: str) -> str:
    """Return what nginx says of how it was built; empty when it cannot be run."""
    try:
        done = subprocess.run(
            [executable, "-V"], stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr.decode(errors="replace")
