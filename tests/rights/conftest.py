"""Databases for the tests of rights."""

from collections.abc import Iterator

import pytest

from nameplate.db import Sessions
from tests.databases import sessions_over


@pytest.fixture
def migrated_sqlite_sessions(migrated_sqlite_url: str) -> Iterator[Sessions]:
    """Sessions over a migrated SQLite file."""
    made = sessions_over(migrated_sqlite_url)
    yield made
    made.dispose()
