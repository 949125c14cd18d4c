"""Settings come from the environment, keep their secrets, and none is undocumented."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from nameplate.settings import Settings

DOCUMENT = Path(__file__).parents[1] / "docs/reference/settings.md"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    import os

    for name in [name for name in os.environ if name.startswith("NAMEPLATE_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_documented_and_nothing_else():
    lines = DOCUMENT.read_text().splitlines()
    documented = {line.split("`")[1] for line in lines if line.startswith("| `NAMEPLATE_")}
    assert documented == {f"NAMEPLATE_{name.upper()}" for name in Settings.model_fields}


def test_the_database_is_a_file_at_home_by_default(monkeypatch, tmp_path):
    monkeypatch.setenv("NAMEPLATE_HOME", str(tmp_path))
    settings = Settings()
    assert settings.url.get_secret_value() == f"sqlite:///{tmp_path}/nameplate.db"
    assert settings.system_url == settings.url
    assert settings.keyring_path == tmp_path / "keyring"


@pytest.mark.parametrize("share", ["/data", "relative", ""])
def test_home_follows_xdg(monkeypatch, share):
    monkeypatch.setenv("XDG_DATA_HOME", share)
    expected = Path("/data") if share == "/data" else Path.home() / ".local/share"
    assert Settings().home == expected / "nameplate"


def test_secrets_are_not_shown(monkeypatch):
    monkeypatch.setenv("NAMEPLATE_DATABASE_URL", "postgresql://u:sekret@h/x")
    monkeypatch.setenv("NAMEPLATE_SYSTEM_DATABASE_URL", "postgresql://s:sekret@h/x")
    monkeypatch.setenv("NAMEPLATE_KEYRING", "sekret")
    settings = Settings()
    assert "sekret" not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.system_url.get_secret_value() == "postgresql://s:sekret@h/x"


def test_a_wrong_value_is_refused(monkeypatch):
    monkeypatch.setenv("NAMEPLATE_PORT", "70000")
    with pytest.raises(ValidationError, match="port"):
        Settings()
