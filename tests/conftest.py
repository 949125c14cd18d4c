"""What every test can have: databases of its own, and no network beyond this machine."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session

from nameplate import bootstrap
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from tests.databases import Templates, sessions_over
from tests.loopback import stay_inside
from tests.servers import mariadb, postgresql
from tests.servers.process import ServerMissing
from tests.servers.shared import Run, Shareable, shared

collect_ignore = ["toy_provider", "toy_authority", "toy_proof", "toy_proxy", "toy_registrar"]
"""Packages of third parties: test_plugin_packages.py installs them and runs their tests."""

# How long an example takes says more about the machine than about the code.
settings.register_profile("nameplate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nameplate")

pytest_plugins = ["tests.real_servers", "tests.shared_statements"]

FOLDER = pytest.StashKey[Path]()
RUN = pytest.StashKey[Run]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin the run's shared servers, or join those of the controlling process."""
    config.addinivalue_line("markers", "torture: a long campaign, run by `make torture` only")
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None:
        config.stash[RUN] = Run()
        config.stash[FOLDER] = config.stash[RUN].folder
    else:
        config.stash[FOLDER] = Path(worker["servers"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a pytest-xdist worker where the run keeps its servers."""
    node.workerinput["servers"] = str(node.config.stash[FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the shared servers with the run that began them."""
    run = config.stash.get(RUN, None)
    if run is not None:
        with run:
            pass


def pytest_collection_finish() -> None:
    """Have garbage looked for seldom: a tenth of a run was spent on what is none."""
    bootstrap.collect_rarely()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep long campaigns out of the ordinary run."""
    if os.environ.get("NAMEPLATE_TORTURE"):
        return
    for item in items:
        if item.get_closest_marker("torture"):
            item.add_marker(pytest.mark.skip(reason="a long campaign: run `make torture`"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Iterator[None]:
    """Skip a test whose server is not installed; in CI that is a failure."""
    yield from _without_server()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Do the same for a test that starts its server itself."""
    yield from _without_server()


def _without_server() -> Iterator[None]:
    try:
        yield
    except ServerMissing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"{missing} (in CI no server may be missing)", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        stay_inside(patch)
        yield


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/nameplate.db"


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a fresh, empty PostgreSQL database, as its owner (no superuser, no BYPASSRLS)."""
    facts = shared(request.config.stash[FOLDER], postgresql.PostgreSQL)
    with postgresql.fresh_database(facts["port"]) as url:
        yield url


@pytest.fixture
def mariadb_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a fresh, empty MariaDB database."""
    facts = shared(request.config.stash[FOLDER], mariadb.MariaDB)
    with mariadb.fresh_database(facts["port"]) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a fresh, empty database of each kind in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    """Migrated databases to copy from."""
    made = Templates(tmp_path_factory.mktemp("templates"))
    yield made
    made.close()


@pytest.fixture
def migrated_sqlite_url(templates: Templates, tmp_path: Path) -> Iterator[str]:
    """URL of a migrated SQLite file without rows."""
    with templates.sqlite(tmp_path / "migrated.db") as url:
        yield url


@pytest.fixture
def migrated_sqlite_sessions(migrated_sqlite_url: str) -> Iterator[Sessions]:
    """Sessions over a migrated SQLite file, where the database makes no difference."""
    made = sessions_over(migrated_sqlite_url)
    yield made
    made.dispose()


@pytest.fixture
def migrated_postgresql_url(request: pytest.FixtureRequest, templates: Templates) -> Iterator[str]:
    """URL of a migrated PostgreSQL database without rows, as its owner."""
    facts = shared(request.config.stash[FOLDER], postgresql.PostgreSQL)
    with templates.postgresql(facts["port"]) as url:
        yield url


@pytest.fixture
def migrated_mariadb_url(request: pytest.FixtureRequest, templates: Templates) -> Iterator[str]:
    """URL of a migrated MariaDB database without rows."""
    facts = shared(request.config.stash[FOLDER], mariadb.MariaDB)
    with templates.mariadb(facts["port"]) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def migrated_url(request: pytest.FixtureRequest) -> str:
    """URL of a migrated database of each kind in turn, without rows."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    return url


@pytest.fixture
def sessions(migrated_url: str) -> Iterator[Sessions]:
    """Sessions over a migrated database of each kind in turn."""
    made = sessions_over(migrated_url)
    yield made
    made.dispose()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def session(request: pytest.FixtureRequest, templates: Templates) -> Iterator[Session]:
    """Transaction of the platform in each kind of database; it is rolled back afterwards."""
    servers: dict[str, type[Shareable]] = {
        "postgresql": postgresql.PostgreSQL,
        "mariadb": mariadb.MariaDB,
    }
    kind = servers.get(request.param)
    port = shared(request.config.stash[FOLDER], kind)["port"] if kind else 0
    sessions = sessions_over(templates.url(request.param, port))
    with sessions.begin(PLATFORM) as made:
        yield made
        made.rollback()
    sessions.dispose()
