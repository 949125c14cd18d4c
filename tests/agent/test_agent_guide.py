"""docs/how-to/agent.md: what it says to write and to run is what there is."""

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from tests.house.test_readme import resolve

from nameplate.core import configuration, error_catalogue
from nameplate.registry import proxies
from nameplate.settings import PREFIX, Settings

GUIDE = (Path(__file__).parents[2] / "docs/how-to/agent.md").read_text()
HEAVY = ("sqlalchemy", "fastapi", "starlette", "uvicorn", "alembic", "nameplate.models")


def test_its_commands_are_commands() -> None:
    said = re.findall(r"^ *nameplate ([^\n]+)$", GUIDE, re.MULTILINE)
    assert len(said) >= 4
    for line in said:
        resolve(shlex.split(line), whole=True)


def test_its_server_is_taken() -> None:
    (text,) = re.findall(r"--proxy '([^']+)'", GUIDE)
    given = json.loads(text)
    plugin = proxies().get(given.pop("type"))
    found = configuration.parse(plugin.configuration, given, "/proxy")
    assert found.reach == "agent"
    assert found.conflict() is None


def test_its_variables_are_read() -> None:
    known = {PREFIX + one.name.upper() for one in fields(Settings)}
    known |= {"NAMEPLATE_API_URL", "NAMEPLATE_TOKEN"}
    assert set(re.findall(r"NAMEPLATE_[A-Z_]+", GUIDE)) <= known


def test_its_codes_have_texts() -> None:
    for code in re.findall(r"`((?:agent|state)_[a-z_]+|proxy_down)`", GUIDE):
        assert error_catalogue.explain(code).title


def test_a_traefik_that_fetches_needs_no_agent() -> None:
    plugin = proxies().get("traefik")
    given = {"reach": "agent", "provider": "http"}
    assert configuration.parse(plugin.configuration, given, "/proxy").conflict()


@pytest.mark.parametrize("kind", ["nginx", "caddy", "traefik"])
def test_an_agent_is_a_small_process(kind: str) -> None:
    """It never imports what a database or a web framework needs."""
    code = (
        "import sys; import nameplate.agent.command; from nameplate import remote, registry; "
        f"remote.prober(); registry.proxies().get({kind!r}); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not [one for one in HEAVY if one in loaded]
