"""What columns make of the values that a database returns."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite

from nameplate.models import Domain
from nameplate.models.dns_settings import DnsSettings
from nameplate.models.orm import UtcDateTime

HERE = timezone(timedelta(hours=2))


@pytest.mark.parametrize("zone", [UTC, HERE], ids=["utc", "elsewhere"])
def test_a_time_of_a_session_in_any_zone_is_read_in_utc(zone: timezone) -> None:
    """A pooler between may set the zone of a session otherwise."""
    read: Any = UtcDateTime.result_processor(postgresql.dialect(), None)
    said = datetime(2026, 12, 8, 10, tzinfo=zone)
    assert read(said) == said
    assert read(said).tzinfo is UTC
    assert read(None) is None


@pytest.mark.parametrize("dialect", [sqlite, mysql, postgresql])
def test_a_document_that_is_not_there_is_as_usual(dialect: Any) -> None:
    column = Domain.__table__.c.dns_config.type
    read: Any = column.result_processor(dialect.dialect(), None)
    assert read(None) == DnsSettings()
