"""Make a release: changelog, version, checked archives, commit and tag. Nothing is pushed."""

# ruff: noqa: INP001, T201 - a program beside the package, which tells what it did

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).parents[1]
VERSION_FILE = ROOT / "src" / "nameplate" / "__init__.py"
VERSION_LINE = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")


def run(*command: str, cwd: Path = ROOT, **env: str) -> str:
    """Run a command, end the release with its output when it fails, else return what it printed."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def refuse_unless_ready(version: str) -> None:
    """End with the reason why this tree cannot become this version."""
    if not VERSION.fullmatch(version):
        raise SystemExit("Say which version: make release VERSION=1.2.3")
    if run("git", "status", "--porcelain"):
        raise SystemExit("The tree has changes. Commit or remove them first.")
    if run("git", "tag", "--list", f"v{version}"):
        raise SystemExit(f"There is a tag v{version} already.")
    if not any((ROOT / "changelog.d").glob("*.*.md")):
        raise SystemExit("changelog.d holds no fragment: there is nothing to release.")


def built(version: str, folder: Path) -> list[Path]:
    """Build the source archive, and the wheel from it; check what both say of themselves."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir"]
    run(*build, str(folder))
    archives = [
        folder / f"nameplate-{version}-py3-none-any.whl",
        folder / f"nameplate-{version}.tar.gz",
    ]
    for archive in archives:
        found = Metadata.from_email(described(archive), validate=True)
        if (str(found.version), found.description_content_type) != (version, "text/markdown"):
            raise SystemExit(f"{archive.name} says that it is {found.version}")
    return archives


def packed(folder: Path) -> list[Path]:
    """Build the packages for npm, check what is in them, and install both into an empty folder."""
    told = run(sys.executable, "web/packages.py", "--try", str(folder))
    return [Path(line) for line in told.splitlines() if line.endswith(".tgz")]


def described(archive: Path) -> bytes:
    """Return the metadata that an archive carries."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (name,) = [one for one in wheel.namelist() if one.endswith(".dist-info/METADATA")]
            return wheel.read(name)
    with tarfile.open(archive) as source:
        member = source.extractfile(f"{archive.name.removesuffix('.tar.gz')}/PKG-INFO")
        return member.read() if member else b""


def try_out(version: str, archive: Path, folder: Path) -> None:
    """Install an archive into a new environment, outside the tree, and migrate a database with it."""
    environment, home = folder / "venv", folder / "home"
    home.mkdir(parents=True)
    run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = str(environment / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    run(*pip, "--constraint", str(ROOT / "constraints.txt"), str(archive), cwd=folder)
    nameplate = str(environment / "bin" / "nameplate")
    if run(nameplate, "--version", cwd=home).split() != ["nameplate", version]:
        raise SystemExit(f"{archive.name} installs another version")
    run(nameplate, "db", "upgrade", cwd=home, NAMEPLATE_HOME=str(home))


def release(version: str) -> None:
    """Make the release; the tree is as before when a check fails."""
    refuse_unless_ready(version)
    text = VERSION_FILE.read_text()
    VERSION_FILE.write_text(VERSION_LINE.sub(f'__version__ = "{version}"', text))
    try:
        run(sys.executable, "-m", "towncrier", "build", "--yes", "--version", version)
        archives = built(version, ROOT / "dist")
        with tempfile.TemporaryDirectory() as folder:
            for archive in archives:
                try_out(version, archive, Path(folder, archive.suffix.strip(".")))
        archives += packed(ROOT / "dist")
    except BaseException:
        run("git", "reset", "--quiet", "--hard")
        raise
    run("git", "commit", "--quiet", "--all", "--message", f"Release {version}")
    run("git", "tag", "--annotate", f"v{version}", "--message", f"Nameplate {version}")
    print(f"Committed and tagged v{version}. Push both, then publish:")
    print("\n".join(f"  {archive.relative_to(ROOT)}" for archive in archives))


if __name__ == "__main__":
    release(sys.argv[1] if len(sys.argv) > 1 else "")
