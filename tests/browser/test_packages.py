"""The npm packages: what is in them, and that a host that installs them compiles."""

import json
import tarfile
from pathlib import Path

from tests.browser import hosts

from nameplate import __version__

LICENSE = Path(__file__).parents[2] / "LICENSE"


def _content(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        files = {one.name.removeprefix("package/"): opened.extractfile(one) for one in opened}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_a_host_that_installs_the_packages_compiles(tmp_path: Path) -> None:
    packages = hosts.packed(tmp_path / "packed")
    assert [one.name.split("-")[1] for one in packages] == ["client", "vue"]
    for archive in packages:
        content = _content(archive)
        told = json.loads(content["package.json"])
        assert (told["version"], told["license"]) == (__version__, "Apache-2.0")
        assert content["LICENSE"] == LICENSE.read_bytes()
        assert b"# @nameplate/" in content["README.md"]
        ways = [way for way in told["exports"].values() if isinstance(way, dict)]
        for path in (path for way in ways for path in way.values()):
            assert path.removeprefix("./") in content, path
        ranges = {**told["dependencies"], **told.get("peerDependencies", {})}
        assert all(one.startswith("^") for one in ranges.values()), ranges
        assert not any(name.endswith((".map", ".vue")) for name in content)
        assert not any(b"workspace:" in one or b"/node_modules/" in one for one in content.values())
    project = tmp_path / "project"
    hosts.installed(project, packages)
    hosts.written(project, hosts.ORIGIN, hosts.DOMAIN)
    hosts.built(project)
    for name in ("vue", "react"):
        assert [*(project / name / "dist" / "assets").glob("*.js")]
