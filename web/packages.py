"""Build and pack `@nameplate/client` and `@nameplate/vue`, from the sources of the page: `make packages`.

Each is staged in web/dist/<name>, with the version of Nameplate, and packed into the folder that is named.
With `--try` both are installed into an empty folder then, and imported there.
"""

# ruff: noqa: INP001, T201 - a program beside the package: it runs node and says what it does

import json
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from build import WEB, install, npm, run

NAMES = ("client", "vue")
STAGED = WEB / "dist"
ROOT = WEB.parent
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_TRIED = """import { connect } from "@nameplate/client";
connect({ url: "https://nameplate.example.com", token: "x" });
import.meta.resolve("@nameplate/vue");
"""
_IMPORT = re.compile(r'(?:from|import\()\s*"(\.[^"]+)"')


def version() -> str:
    """Return the version of Nameplate as npm writes it: `1.2.0rc1` is `1.2.0-rc.1` there."""
    found = _VERSION.search((ROOT / "src" / "nameplate" / "__init__.py").read_text())
    if found is None:
        sys.exit("src/nameplate/__init__.py says no version.")
    return re.sub(r"(?<=\d)(a|b|rc)(\d+)$", r"-\1.\2", found[1])


def described(name: str) -> dict[str, Any]:
    """Return the package.json of a package; `catalog:` stands for the version that the page has."""
    found: dict[str, Any] = json.loads((WEB / "packages" / name / "package.json").read_text())
    catalog = json.loads((WEB / "package.json").read_text())["dependencies"]
    for kind in {"dependencies", "peerDependencies"} & found.keys():
        found[kind] = {one: f"^{catalog[one]}" for one in found[kind]}
    return found | {"version": version()}


def declarations(entry: Path) -> set[Path]:
    """Return the declarations that one needs, itself included."""
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for reference in _IMPORT.findall(one.read_text()):
            below = one.parent / f"{reference}.d.ts"
            waiting.append(below.resolve())
    return found


def stage(name: str) -> Path:
    """Put everything that a package has into its folder."""
    vite = ["node_modules/vite/bin/vite.js", "build", "--config", "vite.packages.config.ts"]
    run([*vite, "--mode", name, "--logLevel", "warn"])
    target, types = STAGED / name, STAGED / "types"
    for entry in sorted((WEB / "packages" / name).glob("*.ts")):
        for one in declarations(types / "packages" / name / f"{entry.stem}.d.ts"):
            place = target / one.relative_to(STAGED)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(one, place)
    (target / "package.json").write_text(json.dumps(described(name), indent=2) + "\n")
    shutil.copyfile(WEB / "packages" / name / "README.md", target / "README.md")
    shutil.copyfile(ROOT / "LICENSE", target / "LICENSE")
    return target


def pack(folder: Path) -> Sequence[Path]:
    """Build both packages into `folder`, and check what is in them."""
    install()
    shutil.rmtree(STAGED, ignore_errors=True)
    run(["node_modules/vue-tsc/bin/vue-tsc.js", "--project", "tsconfig.packages.json"])
    shutil.copyfile(WEB / "src/api/schema.d.ts", STAGED / "types/src/api/schema.d.ts")
    folder.mkdir(parents=True, exist_ok=True)
    archives = []
    for name in NAMES:
        staged = stage(name)
        run([npm(), "pack", str(staged), "--pack-destination", str(folder)], quiet=True)
        archives.append(folder / f"nameplate-{name}-{version()}.tgz")
        check(archives[-1])
        print(archives[-1])
    return archives


def check(archive: Path) -> None:
    """Exit unless a package is of this version and holds every file that it promises."""
    with tarfile.open(archive) as packed:
        files = {one.name.removeprefix("package/") for one in packed.getmembers()}
        described = packed.extractfile("package/package.json")
        found = json.load(described) if described else {}
    promised = {"LICENSE", "README.md", *_promised(found["exports"])}
    missing = sorted(one for one in promised if one not in files)
    if missing:
        sys.exit(f"{archive.name} lacks {', '.join(missing)}.")
    if found["version"] != version():
        sys.exit(f"{archive.name} says that it is {found['version']}.")


def _promised(exports: object) -> Iterator[str]:
    if isinstance(exports, dict):
        for below in exports.values():
            yield from _promised(below)
    else:
        yield str(exports).removeprefix("./")


def try_out(archives: Sequence[Path]) -> None:
    """Install packages into an empty folder with what they need, and import them there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text('{"private": true, "type": "module"}')
        (folder / "try.js").write_text(_TRIED)
        given = [npm(), "install", "--prefix", name, "--ignore-scripts", "--no-audit", "--no-fund"]
        run([*given, *map(str, archives)], quiet=True)
        run([str(folder / "try.js")], quiet=True)


if __name__ == "__main__":
    given = [one for one in sys.argv[1:] if one != "--try"]
    made = pack(Path(given[0]).absolute() if given else ROOT / "dist")
    if "--try" in sys.argv:
        try_out(made)
