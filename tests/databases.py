"""Migrated databases for tests: each kind is migrated once for a test process, then copied.

A test asks for `migrated_url` (SQLite, PostgreSQL and MariaDB in turn) or for `sessions` over it.
On PostgreSQL and MariaDB the copies are lent: emptied after a test, and used by the next one.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from nameplate.db import Sessions, engine
from nameplate.usecases.operations import schema
from tests import emptying
from tests.servers import mariadb, postgresql


class Templates:
    """The migrated database of each kind that the databases of tests are made from."""

    def __init__(self, folder: Path) -> None:
        """Keep the SQLite template in `folder`."""
        self.folder = folder
        self._made: dict[str, str] = {}
        self._open = contextlib.ExitStack()
        self._free: list[tuple[contextlib.ExitStack, str]] = []
        self._schema = ""

    def close(self) -> None:
        """Drop the templates."""
        for copy, _ in self._free:
            copy.close()
        self._open.close()

    def url(self, kind: str, port: int = 0) -> str:
        """Return the URL of the template itself: for tests that roll back what they do."""
        if kind not in self._made:
            if kind == "sqlite":
                url = f"sqlite:///{self.folder}/template.db"
            else:
                fresh = {"postgresql": postgresql, "mariadb": mariadb}[kind].fresh_database
                url = self._open.enter_context(fresh(port))
            schema.upgrade(url)
            self._made[kind] = url
        return self._made[kind]

    @contextlib.contextmanager
    def sqlite(self, path: Path) -> Iterator[str]:
        """Yield the URL of a copy of the template."""
        template = sa.make_url(self.url("sqlite")).database
        assert template
        shutil.copyfile(template, path)
        yield f"sqlite:///{path}"

    @contextlib.contextmanager
    def postgresql(self, port: int) -> Iterator[str]:
        """Yield the URL, as its owner, of a database like the template."""
        template = _name(self.url("postgresql", port))
        if not self._schema:
            self._schema = emptying.schema_of(port, template)
        if self._free:
            copy, url = self._free.pop()
        else:
            copy = contextlib.ExitStack()
            url = copy.enter_context(postgresql.fresh_database(port, template))
        try:
            yield url
        finally:
            if emptying.postgresql(port, _name(url), self._schema):
                self._free.append((copy, url))
            else:
                copy.close()

    @contextlib.contextmanager
    def mariadb(self, port: int) -> Iterator[str]:
        """Yield the URL of the one migrated database, and empty it: copying one is slow there."""
        url = self.url("mariadb", port)
        try:
            yield url
        finally:
            emptying.mariadb(port, _name(url))


def sessions_over(url: str) -> Sessions:
    """Return sessions as they are run with: on PostgreSQL neither role is the owner."""
    if not url.startswith("postgresql"):
        return Sessions(engine(url))
    return Sessions(
        engine(postgresql.role_url(url, postgresql.APP)),
        engine(postgresql.role_url(url, postgresql.SYSTEM)),
    )


def _name(url: str) -> str:
    return str(sa.make_url(url).database)
