"""docs/how-to/register-names.md: its commands, run in their order at the sandbox registrar."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from tests.cli.test_registrations import Shop, dns, shop  # noqa: F401 - fixtures

from nameplate.settings import PREFIX, Settings

GUIDE = (Path(__file__).parents[2] / "docs/how-to/register-names.md").read_text()


def commands() -> list[list[str]]:
    blocks = re.findall(r"^```console\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def test_its_commands_do_what_it_says(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    monkeypatch.setenv("CODE", "code-taken-shop.test")
    first, *more = commands()
    assert first[:3] == ["account", "add", "names"]  # the fixture has added it, with a file
    assert len(more) >= 12
    said = {}
    with shop.working():
        for words in more:
            said[" ".join(words)] = shop(*words).out
    assert shop.charges() == [
        ("shop.test", 1000),
        ("shop.test", 2000),
        ("taken-shop.test", 1000),
    ]
    assert "active" in said["registration show shop.test"]
    assert "settled" in said["purchase list --name shop.test"]


def test_its_settings_are_settings() -> None:
    known = {PREFIX + one.name.upper() for one in fields(Settings)}
    said = set(re.findall(r"NAMEPLATE_[A-Z_]+", GUIDE))
    assert len(said) == 4
    assert said <= known
