"""`make release` makes a release in the repository that it stands in, or leaves it as it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.house.source import ROOT

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "dist", "build", "__pycache__", ".*_cache", "node_modules"
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a repository of its own with this tree as its one commit."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("src", "scripts", "changelog.d", "web"):
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_COPIED)
    for name in (
        *("pyproject.toml", "constraints.txt", "CHANGELOG.md", "README.md", "LICENSE"),
        *("Makefile", ".gitignore", "hatch_build.py"),
    ):
        shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "Release")
    git(folder, "config", "user.email", "release@example.com")
    (folder / "changelog.d" / "+one.added.md").write_text("One thing for a release.\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Begin")
    return folder


def git(folder: Path, *words: str) -> str:
    command = ["git", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def release(folder: Path, *version: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "scripts/release.py", *version]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", [(), ("",), ("next",), ("1.2",), ("v1.2.3",), ("1.2.3; ls",)])
def test_a_version_is_needed(clone: Path, version: tuple[str, ...]) -> None:
    done = release(clone, *version)
    assert done.returncode == 1
    assert "make release VERSION=1.2.3" in done.stderr


@pytest.mark.parametrize("reason", ["untracked", "changed", "tagged", "nothing"])
def test_what_is_not_ready_is_left_alone(clone: Path, reason: str) -> None:
    if reason == "untracked":
        (clone / "new.txt").write_text("x")
    elif reason == "changed":
        (clone / "README.md").write_text("x")
    elif reason == "tagged":
        git(clone, "tag", "v1.2.3")
    else:
        git(
            clone, "rm", "-q", *(f"changelog.d/{p.name}" for p in (clone / "changelog.d").iterdir())
        )
        git(clone, "commit", "-q", "-m", "Empty")
    before = git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain")
    done = release(clone, "1.2.3")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--porcelain")) == before


def test_a_build_that_fails_leaves_the_tree_as_it_was(clone: Path) -> None:
    (clone / "LICENSE").unlink()
    git(clone, "commit", "--quiet", "--all", "--message", "Break")
    project = clone / "pyproject.toml"
    project.write_text(project.read_text().replace('readme = "README.md"', 'readme = "NO.md"'))
    git(clone, "commit", "--quiet", "--all", "--message", "Break more")
    done = release(clone, "1.2.3")
    assert done.returncode == 1
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "tag", "--list") == ""
    assert '"1.2.3"' not in (clone / "src/nameplate/__init__.py").read_text()


@pytest.mark.torture
def test_a_release(clone: Path) -> None:
    """Installs into new environments from the package index, which takes a minute."""
    done = release(clone, "1.2.3")
    assert done.returncode == 0, done.stderr
    assert git(clone, "tag", "--list") == "v1.2.3"
    assert git(clone, "rev-parse", "v1.2.3^{commit}") == git(clone, "rev-parse", "HEAD")
    assert git(clone, "log", "-1", "--format=%s") == "Release 1.2.3"
    assert git(clone, "status", "--porcelain") == ""
    changelog = (clone / "CHANGELOG.md").read_text()
    assert "## 1.2.3" in changelog
    assert "One thing for a release." in changelog
    assert list((clone / "changelog.d").glob("*.md")) == []
    assert {path.name for path in (clone / "dist").iterdir()} == {
        "nameplate-1.2.3-py3-none-any.whl",
        "nameplate-1.2.3.tar.gz",
        "nameplate-client-1.2.3.tgz",
        "nameplate-vue-1.2.3.tgz",
    }
