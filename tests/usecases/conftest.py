"""A transaction for tests of rules that are the same on every database."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session
from tests.databases import Templates, sessions_over

from nameplate.core.actor import PLATFORM


@pytest.fixture
def lite(templates: Templates) -> Iterator[Session]:
    """Transaction of the platform on SQLite; it is rolled back afterwards."""
    made = sessions_over(templates.url("sqlite"))
    with made.begin(PLATFORM) as session:
        yield session
        session.rollback()
    made.dispose()
