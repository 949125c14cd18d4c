"""A machine for docs/how-to/production.md: its files, its commands, and the units that it starts."""

import configparser
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.servers.process import Server, listens, program

FILE = re.compile(r"`(/etc/[^`]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STAND_INS = ("apt-get", "pipx", "useradd", "systemctl")
"""What changes a whole machine: noted, not run. Units that are started are run by `Machine`."""


class Place(Protocol):
    """Where a page is tried."""

    def here(self, text: str) -> str:
        """Return a text of the page as it is here."""
        ...


@dataclass(frozen=True)
class Typed:
    """One command of a page, and what a person sees then; `...` stands for anything."""

    command: str
    shown: str

    def fits(self, said: str, machine: "Place") -> bool:
        """Tell whether a person sees what the page shows; a line of `...` stands for any lines.

        The page leaves out what every object has, and times differ.
        """
        wanted = "".join(map(_pattern, machine.here(_alike(self.shown)).splitlines()))
        return re.fullmatch(wanted, _alike(said)) is not None


def _alike(shown: str) -> str:
    shown = re.sub(r"^(created_at|updated_at|organization) .*\n", "", shown, flags=re.MULTILINE)
    return f"{re.sub(r'^ *[0-9]+[.][0-9] s', '0.0 s', shown.strip(), flags=re.MULTILINE)}\n"


def _pattern(line: str) -> str:
    return r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"


def commands(page: str) -> list[Typed]:
    """Return every command of the page in order."""
    found = []
    for block in CONSOLE.findall(page):
        for part in re.split(r"^# ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Typed(command, shown))
    return found


@dataclass
class Machine:
    """A folder that stands for `/`, and loopback ports that stand for the well-known ones."""

    root: Path
    replaced: dict[str, str]
    """What the page says, and what it is here."""
    variables: dict[str, str]
    """Settings that only a machine without the Internet needs."""
    units: dict[str, Server] = field(default_factory=dict)
    called: list[list[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "bin").mkdir()
        for name in STAND_INS:
            self._script(name, f'printf "%s\\n" {name} "$@" > {self.root}/called')
        self._script("nameplate", f'exec {sys.executable} -m nameplate "$@"')
        pdnsutil = f"{program('pdnsutil')} --config-dir={self.root}/etc/powerdns"
        self._script("pdnsutil", f'exec {pdnsutil} "$@"')
        self._script("runuser", 'shift 3; exec "$@"')

    def _script(self, name: str, text: str) -> None:
        file = self.root / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def here(self, text: str) -> str:
        """Return a text of the page as it is here."""
        for said, meant in self.replaced.items():
            text = text.replace(said, meant)
        return re.sub(r"(?<![\w.])/(etc|var/lib|var/log|usr/local/bin)/", rf"{self.root}/\1/", text)

    def write(self, page: str) -> dict[str, str]:
        """Write the files of the page, and return them by the path that the page names."""
        found = dict(FILE.findall(page))
        for path, text in found.items():
            file = Path(self.here(path))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.here(text))
        return found

    def run(self, command: str) -> str:
        """Run one command as root types it and return what a person sees."""
        clean = {name: text for name, text in os.environ.items() if "NAMEPLATE_" not in name}
        path = f"{self.root}/bin:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", self.here(command)],
            env={**clean, "HOME": str(self.root), "COLUMNS": "100", **self.variables, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, (command, done.stdout, self.logs())
        noted = self.root / "called"
        if noted.exists():
            self.called.append(noted.read_text().splitlines())
            noted.unlink()
            self._start_units(self.called[-1])
        return done.stdout

    def _start_units(self, called: list[str]) -> None:
        if called[:3] == ["systemctl", "enable", "--now"]:
            for name in called[3:]:
                self.units[name] = self._started(name)

    def _started(self, name: str) -> Server:
        """Do what systemd does with the unit that matters for what it runs."""
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign] # names keep their case
        parser.read(self.root / "etc/systemd/system" / f"{name}.service")
        service = parser["Service"]
        lines = Path(service["EnvironmentFile"]).read_text().splitlines()
        settings = dict(line.split("=", 1) for line in lines if line)
        command = shlex.split(service["ExecStart"])
        assert Path(command[0]).name == "nameplate"
        folder = self.root / name
        folder.mkdir()
        state = self.root / "var/lib" / service["StateDirectory"]
        state.mkdir(mode=int(service["StateDirectoryMode"], 8), exist_ok=True)
        port = int(self.variables["NAMEPLATE_PORT"])
        return Server(
            [sys.executable, "-m", "nameplate", *command[1:]],
            folder,
            ready=lambda: "worker" in name or listens(port),
            env={**self.variables, **settings},
        )

    def logs(self) -> str:
        return "\n".join(one.log.read_text(errors="replace")[-3000:] for one in self.units.values())

    def stop(self) -> None:
        for unit in self.units.values():
            unit.stop()


def nginx(machine: Machine) -> Server:
    """Start nginx with Debian's main configuration, in the machine's folder."""
    text = Path("/etc/nginx/nginx.conf").read_text()
    text = re.sub(r"^pid .*;", f"pid {machine.root}/nginx.pid;", text, flags=re.MULTILINE)
    text = text.replace("/var/log/nginx", str(machine.root))
    text = text.replace("/etc/nginx/sites-enabled", f"{machine.root}/etc/nginx/sites-enabled")
    (machine.root / "nginx.conf").write_text(text)
    return Server(
        [program("nginx"), "-c", f"{machine.root}/nginx.conf", "-g", "daemon off;"],
        machine.root,
        ready=(machine.root / "nginx.pid").exists,
    )


def powerdns(machine: Machine, dns: int, api: int) -> Server:
    """Start PowerDNS with the file of the page, beside those of Debian's packages."""
    folder = machine.root / "etc/powerdns"
    (machine.root / "var/lib/powerdns").mkdir(parents=True)
    (folder / "pdns.d" / "lmdb.conf").write_text(
        f"launch+=lmdb\nlmdb-filename={machine.root}/var/lib/powerdns/pdns.lmdb\n"
    )
    (folder / "pdns.conf").write_text(
        f"include-dir={folder}/pdns.d\nlaunch=\nsocket-dir={machine.root}\nlocal-port={dns}\n"
        f"local-address=127.0.0.1\nwebserver-port={api}\nguardian=no\ndaemon=no\n"
    )
    return Server(
        [program("pdns_server"), f"--config-dir={folder}"],
        machine.root,
        ready=lambda: listens(dns) and listens(api),
    )
