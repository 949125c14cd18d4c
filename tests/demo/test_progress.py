"""The checklist of the demo: alive on a terminal, whatever its width, and plain lines elsewhere."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

LONG = "an address " + "https://localhost:43051/acme/local/directory " * 3
SCRIPT = f"""
import time
from nameplate.demo.progress import Progress, Step
with Progress([Step("claim", "an organization claims shop.example.test"), Step("prove", "a [b]")]) as shown:
    for name in ("claim", "prove"):
        with shown.step(name):
            shown.say({LONG!r})
            shown.say("a second line")
            time.sleep(0.4)  # some refreshes
"""
COLOURS = re.compile(r"\x1b\[(?:\d+;)*[349]\d(?:;\d+)*m")


def on_a_terminal(width: int, **environment: str) -> str:
    """Run it below a pseudo terminal and return what was written there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    names = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COLORTERM", "TTY_COMPATIBLE"}
    env = {k: v for k, v in os.environ.items() if k not in names}
    env |= {"TERM": "xterm-256color", **environment}
    running = subprocess.Popen([sys.executable, "-c", SCRIPT], env=env, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert running.wait(30) == 0
    return written.decode()


def screen(written: str, width: int) -> list[str]:
    """Return what a terminal shows in the end: it wraps, moves up, and erases lines."""
    lines, row, column = [""], 0, 0
    for escape, amount, what, character in re.findall(
        r"(\x1b\[\??(\d*)[;\d]*([A-Za-z]))|([^\x1b])", written
    ):
        if escape:
            if what == "A":
                row -= int(amount or 1)
            elif what == "K":
                lines[row] = ""
            continue
        if character == "\r":
            column = 0
            continue
        if character == "\n" or column == width:
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        if character != "\n":
            lines[row] = lines[row].ljust(column)[:column] + character + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


@pytest.mark.parametrize("width", [38, 200])
def test_a_terminal_keeps_each_step_once(width: int) -> None:
    shown = screen(on_a_terminal(width), width)
    text = " ".join(line.strip() for line in shown)
    assert [line.split()[1] for line in shown if "✓" in line] == ["claim", "prove"]
    assert "…" not in text
    assert text.count("a second line") == 2
    assert re.sub(r"\s", "", text).count(re.sub(r"\s", "", LONG)) == 2
    assert "a [b]" in text
    evidence = shown[shown.index("     a second line") - 1]
    assert evidence.startswith("     ")  # however often it was wrapped


def test_colours_only_where_they_are_wanted() -> None:
    assert COLOURS.search(on_a_terminal(100))
    assert not COLOURS.search(on_a_terminal(100, NO_COLOR="1"))


def test_plain_lines_where_nothing_can_be_erased() -> None:
    piped = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "FORCE_COLOR": "1", "COLUMNS": "40"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    dumb = on_a_terminal(40, TERM="dumb").replace("\r\n", "\n")
    for written in (piped.stderr, dumb):
        plain = re.sub(r"\x1b\[[\d;]*m", "", written)
        assert "\x1b" not in plain
        first, long, second, *_ = plain.splitlines()
        assert re.fullmatch(r" *\d\.\d s  claim: an organization claims shop.example.test", first)
        assert (long.strip(), second.strip()) == (LONG.strip(), "a second line")
    assert "\x1b" not in dumb
