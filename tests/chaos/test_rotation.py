"""`keys rotate --retire`, killed again and again beside a server and workers that seal meanwhile."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from nameplate.adapters import keyring as keyrings
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, database_now
from nameplate.models import Account
from nameplate.usecases.operations import keys
from nameplate.usecases.tenants import accounts, tokens
from tests.databases import sessions_over
from tests.servers import postgresql
from tests.servers.process import free_port


class Site:
    """A server, workers, and somebody who adds credentials all the time."""

    def __init__(self, url: str, home: Path) -> None:
        self.ring = home / "keyring"
        keyrings.create(self.ring)
        self.sessions: Sessions = sessions_over(url)
        clean = {name: text for name, text in os.environ.items() if "NAMEPLATE_" not in name}
        roles = {"NAMEPLATE_DATABASE_URL": url}
        if url.startswith("postgresql"):
            roles = {
                "NAMEPLATE_DATABASE_URL": postgresql.role_url(url, postgresql.APP),
                "NAMEPLATE_SYSTEM_DATABASE_URL": postgresql.role_url(url, postgresql.SYSTEM),
            }
        self.port = free_port()
        own = {"NAMEPLATE_HOME": str(home), "NAMEPLATE_PORT": str(self.port)}
        self.environment = {**clean, **own, **roles, "NAMEPLATE_WORKER_THREADS": "2"}
        with self.sessions.begin(PLATFORM) as session:
            _, token = tokens.add(
                session,
                PLATFORM,
                name="load",
                platform=True,
                now=database_now(session),
                random=os.urandom,
            )
        self._token = token.reveal()
        self.stored: list[str] = []
        self.odd: list[tuple[int, str]] = []
        self._over = threading.Event()

    def run(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start a command."""
        command = [sys.executable, "-m", "nameplate", *words]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @contextmanager
    def working(self, workers: int) -> Iterator[None]:
        """Run everything until the end of the block."""
        with ExitStack() as stack:
            for words in [["serve"], *([["worker"]] * workers)]:
                process = self.run(*words)
                stack.callback(process.wait)
                stack.callback(process.kill)
            thread = threading.Thread(target=self._add_all_the_time)
            thread.start()
            stack.callback(thread.join)
            stack.callback(self._over.set)
            deadline = time.monotonic() + 60
            while not self.stored:
                assert time.monotonic() < deadline, self.odd[-1:]
                time.sleep(0.1)
            yield

    def _add_all_the_time(self) -> None:
        number = 0
        while not self._over.wait(0.02):
            number += 1
            name = f"account {number}"
            status = self._add(name)
            if status == 201:
                self.stored.append(name)
            elif status not in {0, 503}:
                self.odd.append((status, name))

    def _add(self, name: str) -> int:
        body = {
            "kind": "dns",
            "provider": "powerdns",
            "name": name,
            "config": {"api_url": "http://127.0.0.1:1"},
            "credentials": {"api_key": name},
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/accounts",
            json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            self.odd.append((error.code, error.read().decode()))
            return error.code
        except OSError:
            return 0

    def unreadable(self) -> list[str]:
        """Return the accounts whose credential does not open as it was stored."""
        ring, found, stored = keyrings.load(self.ring, None), [], set(self.stored)
        with self.sessions.begin(PLATFORM, read_only=True) as session:
            rows = session.scalars(sa.select(Account)).all()
            assert {row.name for row in rows} >= stored
            for row in rows:
                try:
                    opened = accounts.credentials(row, ring)["api_key"].reveal()
                except Exception:
                    opened = ""
                if opened != row.name:
                    found.append(row.name)
        return found


def _kill_rotations(site: Site, kills: int) -> None:
    """Kill so many rotations, each at a random moment of its time; one that has ended counts for none."""
    dice = random.Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", "1"))
    shortest, longest = 0.4, 6.0
    while kills:
        began = time.monotonic()
        process = site.run("keys", "rotate", "--retire")
        try:
            process.wait(dice.uniform(shortest, longest))
            longest = max(2 * shortest, time.monotonic() - began)
        except subprocess.TimeoutExpired:
            process.kill()
            kills -= process.wait() == -signal.SIGKILL
        assert site.unreadable() == []


def _rotate_and_kill(url: str, home: Path, kills: int) -> None:
    """Rotate beside a server and two workers, so often killed, then once to the end."""
    home.mkdir(mode=0o700)
    site = Site(url, home)
    with site.working(2):
        _kill_rotations(site, kills)
        assert site.run("keys", "rotate", "--retire").wait(120) == 0
        count = len(site.stored)
        deadline = time.monotonic() + 30
        while len(site.stored) < count + 3:
            assert time.monotonic() < deadline, "running processes go on with the new ring"
            time.sleep(0.1)
    assert site.unreadable() == []
    ring = keyrings.load(site.ring, None)
    assert len(ring.key_ids) == 1
    assert set(keys.usage(site.sessions)) == {ring.primary}
    assert [one for one in site.odd if one[0] != 503] == []
    site.sessions.dispose()


def test_nothing_is_lost_beside_running_processes(migrated_url: str, tmp_path: Path) -> None:
    """A credential added while `keys rotate --retire` ran was lost."""
    _rotate_and_kill(migrated_url, tmp_path / "home", 3)


@pytest.mark.torture
def test_nothing_is_lost_in_20_kills(migrated_url: str, tmp_path: Path) -> None:
    _rotate_and_kill(migrated_url, tmp_path / "home", 20)
