"""What the databases themselves refuse."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session


def refused(session: Session, act: Callable[[], object]) -> None:
    """Run `act` in a savepoint and expect the database to refuse it."""
    with pytest.raises(sa.exc.DBAPIError) as caught, session.begin_nested():
        act()
    # MariaDB reports a failed CHECK as an operational error; what matters is that it is no lost one.
    assert isinstance(caught.value, sa.exc.IntegrityError | sa.exc.OperationalError)
    assert not caught.value.connection_invalidated
