"""Whether a database can be worked with; what commands say of it is in tests/cli."""

from pathlib import Path

import pytest
from tests.databases import sessions_over
from tests.servers import postgresql

from nameplate.core.errors import NameplateError
from nameplate.db import Sessions, engine
from nameplate.usecases.operations import installation, revisions, schema


def test_a_migrated_database_with_its_roles_is_fine(migrated_url: str) -> None:
    sessions = sessions_over(migrated_url)
    installation.check(sessions)
    sessions.dispose()


def test_a_role_that_sees_everything_may_do_all_of_it_alone(migrated_postgresql_url: str) -> None:
    system = engine(postgresql.role_url(migrated_postgresql_url, postgresql.SYSTEM))
    installation.check(Sessions(system))
    system.dispose()


@pytest.mark.parametrize(
    ("tenant", "system", "code"),
    [
        (postgresql.APP, None, "system_role_needed"),
        (postgresql.OWNER, None, "system_role_needed"),
        (postgresql.APP, postgresql.OWNER, "system_role_needed"),
        (postgresql.SYSTEM, postgresql.APP, "system_role_needed"),
        (postgresql.SYSTEM, postgresql.SYSTEM, "tenant_role_unbound"),
    ],
)
def test_roles_that_do_not_fit_are_refused(
    migrated_postgresql_url: str, tenant: str, system: str | None, code: str
) -> None:
    engines = [
        engine(postgresql.role_url(migrated_postgresql_url, one)) for one in (tenant, system) if one
    ]
    sessions = Sessions(*engines)
    with pytest.raises(NameplateError) as caught:
        installation.check(sessions)
    sessions.dispose()
    assert caught.value.code == code


def test_the_default_is_migrated_once(tmp_path: Path) -> None:
    path = tmp_path / "home" / "nameplate.db"
    sessions = Sessions(engine(f"sqlite:///{path}"))
    for _ in range(2):
        installation.migrate_default(sessions, path)
        installation.check(sessions)
    sessions.dispose()
    assert schema.current(f"sqlite:///{path}") == revisions.known()[-1]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "nameplate.db"
    sessions = Sessions(engine(f"sqlite:///{path}"))
    with pytest.raises(NameplateError) as caught:
        installation.migrate_default(sessions, path)
    assert caught.value.code == "database_folder_refused"
