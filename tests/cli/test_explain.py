"""`nameplate explain` works without a server and without a database."""

import json

import pytest
from typer.testing import CliRunner

from nameplate.cli import root
from nameplate.cli.transport import ApiConnection


def offline() -> ApiConnection:
    raise AssertionError("nobody may be asked")


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(root.build(offline), ["explain", *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_a_code_is_explained() -> None:
    code, out, err = run("schema_not_current")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "The database schema does not match this version.",
        "fix: Run `nameplate db upgrade`.",
        "turn: operator",
    ]


def test_a_code_is_explained_to_programs() -> None:
    code, out, _ = run("domain_exists", "--json")
    assert code == 0
    assert json.loads(out) == {
        "object": "error_code",
        "code": "domain_exists",
        "turn": "you",
        "title": "The organization has already added this name.",
        "fix": "Use the domain that exists, or remove it first.",
        "statuses": [409],
    }


@pytest.mark.parametrize("unknown", ["domain_exist", "", "acme_\x1b[31m"])
def test_an_unknown_code_is_not_found(unknown: str) -> None:
    code, out, err = run(unknown)
    assert (code, out) == (3, "")
    assert "[error_code_unknown]" in err
