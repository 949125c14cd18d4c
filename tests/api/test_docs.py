"""The reference pages name everything that there is."""

from importlib import import_module
from pathlib import Path

from tests.api.client import Api

from nameplate import __version__
from nameplate.cli import client, command, root
from nameplate.core.templates import CATALOGUE

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_every_route_is_in_the_reference(api: Api) -> None:
    page = (REFERENCE / "api.md").read_text()
    for path, methods in api.get("/openapi.json")["paths"].items():
        for method, operation in methods.items():
            assert f"`{method.upper()} {path}` | {operation['operationId']} |" in page


def test_the_document_says_the_version(api: Api) -> None:
    assert api.get("/openapi.json")["info"]["version"] == __version__


def test_every_command_is_in_the_reference() -> None:
    page = (REFERENCE / "cli.md").read_text()
    for noun, (module, _) in root.NOUNS.items():
        if noun not in {"names", "explain", "db", "keys"}:
            for one in import_module(f"nameplate.cli.{module}").app.registered_commands:
                assert f"`nameplate {noun} {one.name}`" in page


def test_every_exit_code_is_in_the_reference() -> None:
    page = (REFERENCE / "exit-codes.md").read_text()
    codes = {0, 1, command.NEEDS_INPUT, command.PENDING, *client._EXIT_CODES.values()}
    for code in codes:
        assert f"\n| {code} |" in page


def test_every_template_is_in_the_reference() -> None:
    page = (REFERENCE / "record-templates.md").read_text()
    for template in CATALOGUE.values():
        _, _, part = page.partition(f"\n## `{template.name}`\n")
        part = part.partition("\n## ")[0]
        assert f"{template.title}. {template.description}" in part
        for parameter in template.parameters:
            assert f"| `{parameter.name}` |" in part
