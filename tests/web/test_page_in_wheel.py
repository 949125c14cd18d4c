"""The wheel that `pip wheel .` makes from a clean tree has the page, and serves it outside the tree."""

import http.client
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.browser import hosts
from tests.servers.console import WEB
from tests.servers.process import Server, ServerMissing, free_port, listens

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it from the files that git has; only what npm would fetch is there already."""
    if not (WEB / "node_modules" / ".installed").exists():
        raise ServerMissing("node is not installed: run `make web`")
    tree, built = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("built")
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    assert not (tree / "src/nameplate/web/static").exists()
    hosts.link_modules(tree / "web")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "-w", str(built), str(tree)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (found,) = built.glob("*.whl")
    return found


def test_it_has_every_file_of_the_page_and_none_of_its_sources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [one for one in archive.namelist() if one.startswith("nameplate/web/")]
    static = [one.removeprefix("nameplate/web/static/") for one in names if "/static/" in one]
    assert {"index.html", "nameplate-elements.js", ".vite/manifest.json"} <= set(static)
    assert sum(one.startswith("assets/") and one.endswith(".js") for one in static) > 5
    assert not [one for one in names if one.endswith((".vue", ".ts", ".map"))]


def test_it_serves_the_page_outside_the_tree(wheel: Path, tmp_path: Path) -> None:
    site, home, port = tmp_path / "site", tmp_path / "home", free_port()
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    home.mkdir()
    environment = {"PYTHONPATH": str(site), "NAMEPLATE_HOME": str(home)}
    program = [sys.executable, "-m", "nameplate"]
    subprocess.run(
        [*program, "db", "upgrade"], env={**os.environ, **environment}, cwd=home, check=True
    )
    serve = [*program, "serve", "--no-worker", "--port", str(port)]
    server = Server(serve, home, ready=lambda: listens(port), env=environment)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for path, kind in (("/", "text/html"), ("/nameplate-elements.js", "text/javascript")):
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert (answer.status, (answer.getheader("Content-Type") or "")[: len(kind)]) == (
                200,
                kind,
            )
            assert len(body) > 100
        connection.close()
    finally:
        server.stop(5)
