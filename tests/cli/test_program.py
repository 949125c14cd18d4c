"""What the program does around its commands: arguments, locale, addresses, completion."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.cli.program import Program
from tests.cli.screen import Screen
from tests.servers.process import free_port


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Program:
    program = Program(tmp_path_factory.mktemp("home"))
    program("db", "upgrade")
    program("organization", "add", "Acme")
    program("domain", "add", "shop.example.com", "--organization", "acme")
    return program


@pytest.mark.parametrize(
    "words",
    [
        ("domain", "list", "--bogus", "--json"),
        ("domain", "show", "--json"),
        ("domain", "frobnicate", "-o", "json"),
        ("domain", "list", "--limit", "x", "--output=json"),
    ],
)
def test_a_wrong_command_line_is_one_json_document(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = Program(tmp_path)(*words, expect=2)
    assert ended.json["error"]["code"] == "usage_invalid"
    assert ended.json["error"]["detail"]
    assert "Usage: nameplate domain" in ended.err


def test_a_wrong_command_line_without_json_has_no_data(tmp_path: Path) -> None:
    assert Program(tmp_path)("domain", "list", "--", "--json", expect=2).out == ""


@pytest.mark.parametrize("utf8_mode", ["0", "1"])
def test_text_is_utf8_when_the_locale_knows_ascii_only(acme: Program, utf8_mode: str) -> None:
    plain = acme.with_(LC_ALL="C", PYTHONUTF8=utf8_mode, PYTHONCOERCECLOCALE="0")
    name = f"grün{utf8_mode}.example.com"
    made = plain("domain", "add", name, "--organization", "acme", "--notes", "für dich")
    assert "Next:" in made.err
    assert "für dich" in plain("domain", "show", name).out
    assert plain("domain", "show", name, "--json").json["notes"] == "für dich"


def test_a_token_for_no_address_is_an_error(acme: Program) -> None:
    """It was used on the local database, as the platform."""
    refused = acme.with_(NAMEPLATE_TOKEN="np_secret")("domain", "list", "--json", expect=2)
    assert refused.json["error"]["code"] == "api_url_missing"
    assert "NAMEPLATE_API_URL" in refused.err
    assert "np_secret" not in refused.out + refused.err


def test_a_refused_connection_names_the_address_and_what_to_check(acme: Program) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    away = acme.with_(NAMEPLATE_API_URL=f"{url}/v1/", NAMEPLATE_TOKEN="np_x")
    said = away("domain", "list", expect=1).err
    assert f"No connection to {url}: 127.0.0.1 cannot be reached: connection refused." in said
    assert "`nameplate serve`" in said
    assert "`NAMEPLATE_API_URL`" in said
    assert "[api_unreachable]" in said


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("nameplate doma", "domain"),
        ("nameplate domain show s", "shop.example.com"),
        ("nameplate domain add x.example.com --organization a", "acme"),
    ],
)
def test_names_complete_in_the_shell(acme: Program, words: str, offered: str) -> None:
    asking = acme.with_(
        _NAMEPLATE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )
    assert offered in asking().out.splitlines()


def test_completion_is_silent_without_a_server(acme: Program) -> None:
    asking = acme.with_(
        _NAMEPLATE_COMPLETE="complete_bash",
        COMP_WORDS="nameplate domain show s",
        COMP_CWORD="3",
        NAMEPLATE_API_URL=f"http://127.0.0.1:{free_port()}",
        NAMEPLATE_TOKEN="np_x",
    )
    ended = asking()
    assert (ended.out.strip(), ended.err) == ("", "")


def test_doctor_says_what_is_missing(acme: Program) -> None:
    said = acme("doctor", expect=1).out
    assert "[x] database: sqlite at " in said
    assert "[x] keyring: " in said
    assert "[ ] authority: There is no account at a certificate authority" in said
    assert "fix: Add one with `nameplate server add" in said
    found = acme("doctor", "--json", expect=1).json
    assert found["ok"] is False
    assert {one["subject"] for one in found["findings"]} > {"database", "keyring", "authority"}


def test_serve_says_what_it_does_where_it_listens_and_what_is_missing(
    acme: Program, tmp_path: Path
) -> None:
    """It said nothing at all."""
    port = free_port()
    screen = Screen(["serve", "--port", str(port)], acme.environment, columns=200)
    try:
        screen.until(lambda text: "missing" in text)
        said = "\n".join(screen.rows())
    finally:
        screen.close()
    assert f"API       http://127.0.0.1:{port}" in said
    assert f"edge      http://127.0.0.1:{port}/edge" in said
    assert "worker    8 threads in this process" in said
    assert f"database  sqlite at {acme.home}/nameplate.db" in said
    assert "missing   There is no account at a certificate authority" in said
    line = started(acme, tmp_path, "worker")
    assert (line["threads"], line["keyring"]) == ("8", f"{acme.home}/keyring")
    assert any("There is no server with a proxy" in text for text in line["missing"])


def started(program: Program, folder: Path, *words: str) -> dict[str, Any]:
    """Start a process whose log goes to a file; return the line that it begins with."""
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "nameplate", *words], env=program.environment, stderr=file
        )
    try:
        end = time.monotonic() + 60
        while not log.read_text().endswith("\n"):
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(20)
    found: dict[str, Any] = json.loads(log.read_text().splitlines()[0])
    return found
