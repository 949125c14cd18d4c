"""Waiting as a person sees it: on a terminal of 80 columns, and while the API is restarted."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from tests.cli.program import Program
from tests.cli.screen import Screen
from tests.proof import prove
from tests.servers.process import Server, free_port, listens

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, engine
from nameplate.models import Domain


@pytest.fixture
def acme(tmp_path) -> Program:
    program = Program(tmp_path / "home", {"NAMEPLATE_DNS_RECURSOR": "127.0.0.1:1"})
    program("db", "upgrade")
    program("organization", "add", "Acme")
    program("domain", "add", "shop.example.com", "--organization", "acme")
    return program


def prove_all(program: Program) -> None:
    sessions = Sessions(engine(f"sqlite:///{program.home}/nameplate.db"))
    with sessions.begin(PLATFORM) as session:
        for row in session.scalars(sa.select(Domain)):
            prove(session, row, row.created_at)
    sessions.dispose()


@contextmanager
def serving(program: Program, port: int, folder) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    env = {**program.environment, "NAMEPLATE_PORT": str(port)}
    server = Server(
        [sys.executable, "-m", "nameplate", "serve", "--no-worker"],
        folder,
        ready=lambda: listens(port),
        env=env,
    )
    try:
        yield
    finally:
        server.stop()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 12)])
def test_the_checklist_stays_in_place(acme: Program, columns: int, lines: int) -> None:
    """Lines that were longer than the terminal piled up: one more copy with every look."""
    words = ["domain", "wait", "shop.example.com", "--for", "ownership", "--timeout", "60"]
    screen = Screen(words, acme.environment, columns, lines)
    try:
        screen.until(lambda said: said.count("\x1b[J") >= 2)  # it was drawn again
        rows = [row for row in screen.rows() if row]
        titles = [row for row in rows if "[ ] ownership" in row]
        assert len(titles) == 1, rows
        assert all(len(row) <= columns for row in rows)
    finally:
        screen.close()


def test_the_checklist_says_what_was_seen_what_would_do_and_whose_turn_it_is(acme: Program) -> None:
    words = ["domain", "wait", "shop.example.com", "--for", "ownership", "--timeout", "3"]
    screen = Screen(words, acme.environment)
    try:
        screen.ended()
        said = "\n".join(screen.rows())
        assert "expected:   nameplate-verification=" in said
        assert "fix:        Publish a TXT record at" in said
        assert "turn:       yours" in said
        assert "next check: " in said
        value = acme("domain", "show", "shop.example.com", "--json").json["instructions"][0][
            "value"
        ]
        assert any(value in row for row in screen.rows())  # in one piece, to be copied
    finally:
        screen.close()


def test_waiting_survives_a_restart_of_the_api(acme: Program, tmp_path) -> None:
    """The first refused connection ended it."""
    port = free_port()
    token = acme("token", "add", "ci", "--organization", "acme").out.strip()
    away = acme.with_(NAMEPLATE_API_URL=f"http://127.0.0.1:{port}", NAMEPLATE_TOKEN=token)
    command = [sys.executable, "-m", "nameplate", "domain", "wait", "shop.example.com"]
    with serving(acme, port, tmp_path / "one"):
        waiting = subprocess.Popen(
            [*command, "--for", "ownership", "--timeout", "60"],
            env=away.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert waiting.stderr is not None
        assert "[ ] ownership: waiting" in waiting.stderr.readline()
    said = ""
    while "does not answer" not in said:
        said = waiting.stderr.readline()
        assert said, "it ended"
    assert f"http://127.0.0.1:{port}" in said
    prove_all(acme)
    with serving(acme, port, tmp_path / "two"):
        out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 0, err
    assert "[x] ownership: done" in err
    assert "shop.example.com" in out


def test_waiting_for_an_api_that_never_answered_ends_at_once(acme: Program) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    away = acme.with_(NAMEPLATE_API_URL=nobody, NAMEPLATE_TOKEN="np_x")
    assert "[api_unreachable]" in away("domain", "wait", "shop.example.com", expect=1).err
