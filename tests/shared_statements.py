"""Statements are compiled once for each kind of database in a process, not once for each database.

Every test has databases of its own. An engine compiles every statement that it has not seen, which took
half of the time of such tests; here all engines of a kind keep what they compiled in one place.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import LRUCache

MOST = 5000
"""Statements that are kept."""

_create_engine = sa.create_engine


class SharedStatements(LRUCache[Any, Any]):
    """A cache of compiled statements whose keys name the kind of database instead of the engine's dialect."""

    def get(self, key: Any, default: Any = None) -> Any:
        """Return what was compiled for the same statement and kind of database."""
        return super().get(_of_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Keep it."""
        super().__setitem__(_of_kind(key), value)


_statements = SharedStatements(MOST)


def pytest_configure() -> None:
    """Have engines made that share what they compile."""
    sa.create_engine = _sharing


def pytest_unconfigure() -> None:
    """Have them made as before."""
    sa.create_engine = _create_engine


def _of_kind(key: Any) -> Any:
    return (key[0].name, *key[1:])


def _sharing(url: sa.URL | str, **options: Any) -> sa.Engine:
    """Make an engine. Those of `nameplate.db`, which hide parameters, are all set up alike."""
    made = _create_engine(url, **options)
    if options.get("hide_parameters"):
        made._compiled_cache = _statements
    return made
