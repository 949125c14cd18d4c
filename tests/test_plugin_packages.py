"""What the guides tell third parties to write: installed by pip, listed, used, and checked."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nameplate import bootstrap, registry
from nameplate.adapters.ca.local import create_root
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotPermitted
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions
from nameplate.ports.dns import Result, Zone
from nameplate.settings import Settings
from nameplate.usecases.tenants import accounts, organizations, providers
from nameplate.usecases.tools import Tools
from tests.databases import sessions_over

TESTS = Path(__file__).parent
GUIDES = TESTS.parent / "docs" / "how-to"
PACKAGES = {
    "toy_provider": "add-a-dns-provider.md",
    "toy_authority": "add-an-authority.md",
    "toy_proof": "add-a-proof-method.md",
    "toy_proxy": "add-a-proxy.md",
    "toy_registrar": "add-a-registrar.md",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install both packages into a folder, as pip does and without a network."""
    folder = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    install += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(folder)]
    for name in PACKAGES:
        source = shutil.copytree(TESTS / name, tmp_path_factory.mktemp("source") / name)
        subprocess.run([*install, str(source)], check=True, capture_output=True, text=True)
    return folder


@pytest.fixture
def tools(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tools]:
    monkeypatch.syspath_prepend(site)
    settings = Settings(home=tmp_path / "home")
    yield bootstrap.tools(settings, bootstrap.keyring(settings))
    for name in ("folder_dns", "day_ca", "shelf"):
        sys.modules.pop(name, None)


@pytest.fixture
def sessions(migrated_sqlite_url: str) -> Sessions:
    return sessions_over(migrated_sqlite_url)


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    folder = tmp_path / "zones"
    folder.mkdir()
    (folder / "token").write_text("t\n")
    (folder / "example.com.json").write_text(json.dumps([]))
    return folder


def add(session: Any, tools: Tools, actor: Actor = PLATFORM, **fields: Any) -> Any:
    usual = {"kind": "dns", "provider": "folder", "name": "toy", "credentials": {"token": "t"}}
    return accounts.add(session, actor, tools, **{**usual, **fields})


def test_a_third_partys_provider_is_listed(tools: Tools) -> None:
    found = {one.listed.name: one for one in providers.listed(tools)}
    for name, kind, package in (
        ("folder", providers.PluginKind.DNS, "nameplate-folder-dns"),
        ("day", providers.PluginKind.CA, "nameplate-day-ca"),
        ("shelf", providers.PluginKind.REGISTRAR, "nameplate-shelf"),
    ):
        one = found[name]
        assert (one.kind, one.listed.distribution) == (kind, package)
        assert one.listed.is_third_party
        assert one.listed.plugin is not None
    assert not found["powerdns"].listed.is_third_party


def test_an_account_with_it_works(sessions: Sessions, tools: Tools, zones: Path) -> None:
    with sessions.begin(PLATFORM) as session:
        add(session, tools, config={"folder": str(zones), "marker": True})
    with sessions.begin(PLATFORM) as session:
        account = accounts.get(session, PLATFORM, "toy")
    found = accounts.test(sessions, tools, PLATFORM, "toy")
    assert (found["ok"], found["zones"]) == (True, ["example.com"])
    wanted = RRset("www.example.com", "A", 300, ("192.0.2.1",))
    (outcome,) = tools.dns_provider(account).apply(Zone("example.com"), [Change(None, wanted)])
    assert outcome.result is Result.APPLIED
    assert "192.0.2.1" in (zones / "example.com.json").read_text()
    (zones / "token").write_text("other")
    assert accounts.test(sessions, tools, PLATFORM, "toy")["code"] == "credential_refused"


def test_its_wrong_configuration_is_refused(sessions: Sessions, tools: Tools, zones: Path) -> None:
    right = {"folder": str(zones)}
    wrong: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({"config": {}}, "/config/folder", "setting_missing"),
        ({"config": {**right, "odd": 1}}, "/config/odd", "setting_unknown"),
        ({"config": {**right, "token": "t"}}, "/config/token", "config_holds_secret"),
        ({"config": right, "credentials": {}}, "/credentials/token", "credential_missing"),
    )
    for fields, pointer, code in wrong:
        with pytest.raises(Invalid) as caught, sessions.begin(PLATFORM) as session:
            add(session, tools, **fields)
        assert [(one.pointer, one.code) for one in caught.value.problems] == [(pointer, code)]
    with sessions.begin(PLATFORM) as session:
        tenant = Actor(organizations.add(session, PLATFORM, name="Acme").id)
    with pytest.raises(NotPermitted, match="folder"), sessions.begin(tenant) as session:
        add(session, tools, tenant, config=right)


def test_a_third_partys_authority_issues(sessions: Sessions, tools: Tools) -> None:
    key, root = create_root("Day", datetime.now(UTC))
    with sessions.begin(PLATFORM) as session:
        add(
            session, tools, kind="ca", provider="day", config={"root": root.decode(), "days": 2},
            credentials={"root_key": key.reveal()},
        )  # fmt: skip
    with sessions.begin(PLATFORM) as session:
        account = accounts.get(session, PLATFORM, "toy")
    assert tools.authority(account).order(["shop.example"]).names == ("shop.example",)


@pytest.mark.parametrize("package", PACKAGES)
def test_it_passes_the_conformance_class(site: Path, tmp_path: Path, package: str) -> None:
    (path,) = (TESTS / package).glob("test_*.py")
    shutil.copy(path, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name],
        env={**os.environ, "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d\d? passed", done.stdout), done.stdout


@pytest.mark.parametrize(("package", "guide"), PACKAGES.items())
def test_the_guide_shows_exactly_the_package(package: str, guide: str) -> None:
    text = (GUIDES / guide).read_text()
    shown = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    files = {path.name: path.read_text() for path in (TESTS / package).iterdir() if path.is_file()}
    assert shown == files


def test_ours_are_registered_the_same_way() -> None:
    assert {*registry.dns_providers().names()} >= {"cloudflare", "powerdns", "rfc2136", "memory"}
    assert {*registry.authorities().names()} >= {"acme", "local"}
    errors = [one.error for one in registry.dns_providers().listed()]
    errors += [one.error for one in registry.authorities().listed()]
    assert not any(errors), errors
