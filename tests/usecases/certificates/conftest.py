from collections.abc import Iterator

import pytest
from tests.databases import sessions_over

from nameplate.db import Sessions


@pytest.fixture
def migrated_sqlite_sessions(migrated_sqlite_url: str) -> Iterator[Sessions]:
    """Sessions over a migrated SQLite file, where the database makes no difference."""
    made = sessions_over(migrated_sqlite_url)
    yield made
    made.dispose()
