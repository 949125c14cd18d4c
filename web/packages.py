"""Build and pack `@nameplate/client` and `@nameplate/vue`, from the sources of the page: `make packages`.

Each is staged in web/dist/<name>, with the version of Nameplate, and packed into the folder that is named.
"""

# ruff: noqa: INP001, T201 - a program beside the package: it runs node and says what it does

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from build import WEB, install, npm, run

NAMES = ("client", "vue")
STAGED = WEB / "dist"
ROOT = WEB.parent
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
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


def pack(folder: Path) -> None:
    """Build both packages into `folder`."""
    install()
    shutil.rmtree(STAGED, ignore_errors=True)
    run(["node_modules/vue-tsc/bin/vue-tsc.js", "--project", "tsconfig.packages.json"])
    shutil.copyfile(WEB / "src/api/schema.d.ts", STAGED / "types/src/api/schema.d.ts")
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        staged = stage(name)
        run([npm(), "pack", str(staged), "--pack-destination", str(folder)], quiet=True)
        print(folder / f"nameplate-{name}-{version()}.tgz")


if __name__ == "__main__":
    pack(Path(sys.argv[1]).absolute() if sys.argv[1:] else ROOT / "dist")
