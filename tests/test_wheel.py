"""The wheel that a clean tree builds, installed outside the tree, migrates and answers."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OTHERS = ("3.12", "3.13")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, so that nothing of this tree is read or written."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    shutil.copytree(
        ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(built)]
    subprocess.run([*command, str(source)], check=True, capture_output=True, cwd=built)
    (found,) = built.glob("*.whl")
    return found


def _use(python: list[str], home: Path, **env: str) -> None:
    """Migrate up and down and check a name, outside the tree."""
    home.mkdir()
    settings = {**os.environ, "NAMEPLATE_HOME": str(home), **env}
    for words in (["db", "upgrade"], ["organization", "add", "Acme"], ["db", "downgrade", "base"]):
        done = subprocess.run(
            [*python, "-m", "nameplate", *words],
            env=settings,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stderr)


def test_the_wheel_holds_what_is_not_python(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "nameplate/py.typed" in names
    assert "nameplate/migrations/script.py.mako" in names
    assert any(name.startswith("nameplate/migrations/versions/20") for name in names)
    assert not any(name.startswith("tests") for name in names)


def test_the_wheel_works_outside_the_tree(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    where = subprocess.run(
        [sys.executable, "-c", "import nameplate; print(nameplate.__file__)"],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    _use([sys.executable], tmp_path / "home", PYTHONPATH=str(site))


@pytest.mark.torture
@pytest.mark.parametrize("version", OTHERS)
def test_the_wheel_works_on_other_pythons(wheel: Path, tmp_path: Path, version: str) -> None:
    folders = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin"))
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    python = shutil.which(f"python{version}", path=path)
    if python is None:
        pytest.skip(f"there is no Python {version} on this machine")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    own = str(tmp_path / "venv/bin/python")
    subprocess.run([own, "-m", "pip", "install", "-q", str(wheel)], check=True, capture_output=True)
    _use([own], tmp_path / "home")
