"""What every transaction on PostgreSQL asks, sent by its driver itself.

SQLAlchemy needs three times as long for it as for sending it and reading the answer.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

EACH = "nameplate_each"
"""Option of a connection on which each statement is a transaction of its own."""
TOLD = "nameplate_told"
"""Option of a connection whose transaction is begun by `tell`: one trip to the server for both."""
_BEGIN = "BEGIN"
_TELL = "SELECT set_config('nameplate.organization_id', '{}', true), now()"
_NOTIFY = "SELECT pg_notify(%(channel)s, '')"


def begin(connection: sa.Connection) -> None:
    """Begin a transaction, unless each statement is to be one: the driver begins none by itself."""
    options = connection.get_execution_options()
    if not options.get(EACH) and not options.get(TOLD):
        _sent(connection, _BEGIN)


def tell(connection: sa.Connection, organization: int) -> Any:  # noqa: ANN401 - an aware datetime
    """Tell row-level security for whom the transaction is, and return the database's clock."""
    text = _TELL.format(int(organization))
    if not connection.get_execution_options().get(TOLD):
        return _sent(connection, text).fetchone()[1]
    both = _sent(connection, f"{_BEGIN}; {text}")
    both.nextset()
    return both.fetchone()[1]


def notify(connection: sa.Connection, channel: str) -> None:
    """Notify whoever listens on a channel, once the transaction commits."""
    _sent(connection, _NOTIFY, {"channel": channel})


def _sent(connection: sa.Connection, text: str, given: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - a cursor of the driver
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(text, given)
    except connection.dialect.loaded_dbapi.Error:
        connection.exec_driver_sql(text, given)  # fails again: SQLAlchemy gives up what is broken
        raise
