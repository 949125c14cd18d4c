"""What the benchmarks of certificates measure: Nameplate with certificates that are due, and its workers."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.acme_client import STALLED
from bench.acme_peers import THREADS, Result, cpu_of, peak_of
from tests.chaos import backlog
from tests.chaos.world import Answers
from tests.databases import sessions_over
from tests.servers import postgresql
from tests.servers.knot import Knot

from nameplate import bootstrap
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.core import keys
from nameplate.core.actor import PLATFORM
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import Zone
from nameplate.settings import Settings
from nameplate.usecases.operations import schema

Worker = subprocess.Popen[bytes]


@contextlib.contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Provide an empty database at the newest revision."""
    if kind == "sqlite":
        schema.upgrade(url := f"sqlite:///{folder}/bench.db")
        yield url
        return
    server = folder / "postgresql"
    server.mkdir()
    with (
        postgresql.PostgreSQL(server) as cluster,
        postgresql.fresh_database(cluster.facts["port"]) as url,
    ):
        schema.upgrade(url)
        yield url


class Installation:
    """One Nameplate with an account at one authority, and certificates of a zone whose hosts all lead to it."""

    def __init__(
        self, folder: Path, url: str, label: str, directory_url: str, *,
        bundle: str | None = None, key: Secret | None = None,
    ) -> None:  # fmt: skip
        self.label, self._zone, self._folder = label, f"{label}.com", folder
        self._home = folder / f"home-{label}"
        self._home.mkdir()
        settings = Settings(home=self._home)
        self._ring = bootstrap.keyring(settings)
        self._log = self._home / "log"
        tools = bootstrap.tools(settings, self._ring)
        self.sessions = sessions_over(url)
        account_key = (key or keys.new_key()).reveal()
        self.sessions.run(
            PLATFORM,
            lambda session: backlog.authority(session, tools, directory_url, bundle, account_key),
        )
        app = system = url
        if url.startswith("postgresql"):
            app = postgresql.role_url(url, postgresql.APP)
            system = postgresql.role_url(url, postgresql.SYSTEM)
        self._env = {
            "NAMEPLATE_HOME": str(self._home),
            "NAMEPLATE_DATABASE_URL": app,
            "NAMEPLATE_SYSTEM_DATABASE_URL": system,
        }

    def add(self, count: int) -> None:
        """Add so many certificates that are due, of one name each."""
        backlog.add(self.sessions, [f"n{number}.{self._zone}" for number in range(count)])

    def add_below(self, count: int) -> None:
        """Add so many, all of one domain: quicker than a domain for each."""
        names = [f"n{number}.{self._zone}" for number in range(count)]
        backlog.add_below(self.sessions, self._zone, names)

    @contextlib.contextmanager
    def workers(self, count: int = 1) -> Iterator[list[Worker]]:
        """Run worker processes while challenges are answered and hosts are found."""
        with self._leading_here() as hosts, self._log.open("wb") as written:
            env = {**os.environ, **hosts, **self._env}
            command = [sys.executable, "-m", "nameplate", "worker", "--threads", str(THREADS)]
            started = [
                subprocess.Popen(command, env=env, stdout=written, stderr=written)
                for _ in range(count)
            ]
            try:
                yield started
            finally:
                for one in started:
                    one.terminate()
                for one in started:
                    one.wait(30)
                self.sessions.dispose()

    @contextlib.contextmanager
    def _leading_here(self) -> Iterator[dict[str, str]]:
        """Answer challenges, have every host of the zone lead there, and return settings of that world."""
        zone = self._zone
        with Knot(self._folder, [zone]) as dns, Answers(self.sessions, self._ring) as answers:
            provider = Rfc2136(dns.address, dns.port, [zone], dns.tsig)
            everything = RRset(f"*.{zone}", "A", 60, ("127.0.0.1",))
            provider.apply(Zone(zone), [Change(None, everything)])
            here = f"127.0.0.1:{answers.port}"
            yield {
                "NAMEPLATE_DNS_SERVERS": json.dumps({zone: [f"{dns.address}:{dns.port}"]}),
                "NAMEPLATE_CHALLENGE_CHECK_VIA": json.dumps({"127.0.0.1": here}),
            }

    def timed(self, workers: list[Worker], count: int, stalled: float = STALLED) -> Result:
        """Time from the first lease to the last certificate: the start of Python is not measured."""
        started: tuple[float, float] | None = None

        def is_done() -> bool:
            nonlocal started
            if started is None and backlog.begun(self.sessions):
                started = time.perf_counter(), cpu_of_all(workers)
            return started is not None and self.issued() >= count

        self.wait_until(is_done, workers, self.issued, stalled)
        assert started is not None
        seconds, cpu = time.perf_counter() - started[0], cpu_of_all(workers) - started[1]
        return Result(self.label, count, seconds, cpu, max(peak_of(one.pid) for one in workers))

    def issued(self) -> int:
        """Return how many certificates there are."""
        return backlog.states(self.sessions).get("active", 0)

    def wait_until(
        self,
        is_done: Callable[[], bool],
        workers: list[Worker],
        count: Callable[[], int],
        stalled: float,
    ) -> None:
        """Wait until it is done. Raises `TimeoutError` when nothing is added to a count any more."""
        done, moved = 0, time.perf_counter()
        while not is_done():
            before, done = done, count()
            now = time.perf_counter()
            moved = now if done > before else moved
            if now - moved > stalled or any(one.poll() is not None for one in workers):
                raise TimeoutError(f"stopped at {done}\n{self._log.read_text()[-3000:]}")
            time.sleep(0.05)


def cpu_of_all(workers: list[Worker]) -> float:
    """Return the seconds of CPU that processes have used."""
    return sum(cpu_of(one.pid) for one in workers)
