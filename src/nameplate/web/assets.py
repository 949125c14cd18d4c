"""The files of the built page: found once, by their names alone, and compressed once."""

import gzip
import hashlib
import mimetypes
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

INDEX = "index.html"
_HASHED = re.compile(r"assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9.]+")
_TEXTS = ("text/", "application/javascript", "application/json", "image/svg+xml", "font/ttf")
_KINDS = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_MIN_COMPRESSED = 512


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    compressed: bytes | None
    """By gzip; None where that is no use."""
    kind: str
    etag: str
    is_immutable: bool
    """Whether another content would have another name."""


class Assets:
    """The files of one build. What a request names is looked up, and never made into a path."""

    def __init__(self, folder: Traversable | None = None) -> None:
        """Take the files below `folder`, or those that the package has."""
        self._folder = folder
        self._files: Mapping[str, Traversable] = {}
        self._read: dict[str, Asset] = {}
        self._lock = threading.Lock()

    @property
    def are_built(self) -> bool:
        """Whether there is a page at all; one that is built later is found."""
        if INDEX not in self._files:
            root = self._folder or resources.files("nameplate.web").joinpath("static")
            self._files = dict(_files(root))
        return INDEX in self._files

    def get(self, name: str) -> Asset | None:
        """Return a file by its path below the page's, None without."""
        if not self.are_built or name not in self._files:
            return None
        with self._lock:
            known = self._read.get(name)
            if known is None:
                known = self._read[name] = _asset(name, self._files[name].read_bytes())
        return known


def _files(root: Traversable, below: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield every file but those of the build itself, whose names begin with a dot."""
    if not root.is_dir():
        return
    for one in root.iterdir():
        if one.name.startswith("."):
            continue
        if one.is_dir():
            yield from _files(one, f"{below}{one.name}/")
        else:
            yield f"{below}{one.name}", one


def _asset(name: str, content: bytes) -> Asset:
    suffix = name[name.rfind(".") :] if "." in name else ""
    kind = _KINDS.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    compressed = None
    if kind.startswith(_TEXTS) and len(content) >= _MIN_COMPRESSED:
        compressed = gzip.compress(content, mtime=0)
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Asset(content, compressed, kind, etag, _HASHED.fullmatch(name) is not None)
