"""Renewal, revocation, replacement and key change with a crash or no database at each point.

No generation is lost and none is issued twice: counted at the authority.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import pytest

from nameplate.usecases.certificates import revocations
from nameplate.usecases.tenants import account_keys
from nameplate.usecases.work import CRASH_POINTS
from tests.chaos.certificate_lives import Case, life
from tests.chaos.world import World
from tests.conftest import FOLDER
from tests.databases import Templates
from tests.servers import postgresql
from tests.servers.shared import shared

PARALLEL = 4
OF_ISSUANCE = tuple(point for point in CRASH_POINTS if point.startswith("certificate:"))
POINTS = (
    *(("issue", point) for point in OF_ISSUANCE),
    *(("renew", point) for point in OF_ISSUANCE),
    *(("replace", point) for point in revocations.CRASH_POINTS),
    *(("revoke", point) for point in revocations.CRASH_POINTS[:2]),
    *(("rotate", point) for point in account_keys.CRASH_POINTS),
)
"""What is done, and each place between two consecutive steps of it."""
ALL = (
    *(Case(*point, fault) for point in POINTS for fault in ("kill", "cut", "commit_lost")),
    *(Case(*point, "kill", "sqlite") for point in POINTS),
)
CASES = (
    Case("issue", "certificate:order_created", "cut"),
    Case("issue", "certificate:order_intended", "commit_lost"),
    Case("issue", "certificate:finalize_intended", "commit_lost"),
    Case("renew", "certificate:order_created", "commit_lost"),
    Case("renew", "certificate:finalized", "cut"),
    Case("renew", "certificate:downloaded", "kill"),
    Case("renew", "certificate:downloaded", "commit_lost"),
    Case("replace", "certificate:revoked", "kill"),
    Case("revoke", "certificate:revoked", "kill", "sqlite"),
    Case("revoke", "certificate:revoked", "cut"),
    Case("rotate", "account:key_changed", "kill"),
    Case("rotate", "account:key_changed", "commit_lost"),
)
"""What every run shows; all belong to the long campaign."""


class Lives:
    """Where lives are lived, several at once."""

    def __init__(self, world: World, templates: Templates, port: int, folder: Path) -> None:
        self._world, self._templates, self._port, self._folder = world, templates, port, folder
        self._lock = Lock()

    def run(self, case: Case) -> None:
        """Live one to its end."""
        with self._database(case) as url, life(self._world, url, case, self._folder) as begun:
            begun.live()

    @contextmanager
    def _database(self, case: Case) -> Iterator[str]:
        made = self._templates.sqlite(self._folder / f"{case.label}.db")
        if case.database == "postgresql":
            made = self._templates.postgresql(self._port)
        with self._lock:  # a template can be copied by one at a time
            url = made.__enter__()
        try:
            yield url
        finally:
            with self._lock:
                made.__exit__(None, None, None)


@pytest.fixture(scope="module")
def lives(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lives]:
    folder = tmp_path_factory.mktemp("lives")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)  # PowerDNS is another user
    port = shared(request.config.stash[FOLDER], postgresql.PostgreSQL)["port"]
    with World(folder / "world") as world:
        yield Lives(world, templates, port, folder)


@pytest.fixture(scope="module")
def campaign(lives: Lives, request: pytest.FixtureRequest) -> Iterator[dict[Case, Future[None]]]:
    """Every case that this run asks for, begun at once."""
    wanted = [
        item.callspec.params["case"]  # type: ignore[attr-defined]  # a parametrised function
        for item in request.session.items
        if item.originalname == test_no_generation_is_lost_or_doubled.__name__  # type: ignore[attr-defined]  # a function
    ]
    with ThreadPoolExecutor(PARALLEL) as pool:
        yield {case: pool.submit(lives.run, case) for case in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_no_generation_is_lost_or_doubled(case: Case, campaign: dict[Case, Future[None]]) -> None:
    campaign[case].result()


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_every_point_with_every_fault(lives: Lives) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        done = {case: pool.submit(lives.run, case) for case in ALL if case not in CASES}
    failed = {case.label: f.exception() for case, f in done.items() if f.exception()}
    print(f"\n{len(done) - len(failed)} of {len(done)} went well")
    for label, error in failed.items():
        print(label, str(error)[:1500], sep=": ")
    assert sorted(failed) == []
