"""What a failure of the database means, in one sentence that says what to do.

The driver's own text is never passed on: it can contain the address, values and statements.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from nameplate.core.errors import (
    Conflict,
    Invalid,
    NameplateError,
    NotFound,
    NotPermitted,
    Refused,
    Unavailable,
)

_LOGIN = "The database rejects this user or password. Check the address of the database."
_RIGHTS = (
    "The database user lacks the permission. Migrate as the owner of the database, and grant its "
    "tables to the other roles."
)
_ABSENT = "The database does not exist. Create it first."
_AWAY = (
    "The database cannot be reached. Check that it is running, and the host and port in its "
    "address."
)
_BUSY = "Another program has locked the tables. Try again when it has finished."
_READ_ONLY = "The database file is read-only. Change its permissions or choose another file."
_NO_FILE = "The database file cannot be opened. Check that its folder exists and is writable."
_NO_DATABASE = "The file is not an SQLite database. Choose another file."
_OTHER_SCHEMA = (
    "The database schema does not match this version of Nameplate. Run `nameplate db upgrade`."
)

_MARIADB_CODES: Mapping[int, NameplateError] = {
    1044: NotPermitted("database_refuses", _RIGHTS),
    1045: NotPermitted("database_login_refused", _LOGIN),
    1049: NotFound("database_absent", _ABSENT),
    1054: Unavailable("schema_not_current", _OTHER_SCHEMA),
    1142: NotPermitted("database_refuses", _RIGHTS),
    1146: Unavailable("schema_not_current", _OTHER_SCHEMA),
    1205: Conflict("database_busy", _BUSY),
    1698: NotPermitted("database_login_refused", _LOGIN),
    **dict.fromkeys((2002, 2003, 2005, 2006, 2013), Unavailable("database_unavailable", _AWAY)),
}
_POSTGRESQL_STATES: Mapping[str, NameplateError] = {
    "28000": NotPermitted("database_login_refused", _LOGIN),
    "28P01": NotPermitted("database_login_refused", _LOGIN),
    "3D000": NotFound("database_absent", _ABSENT),
    "42501": NotPermitted("database_refuses", _RIGHTS),
    "42703": Unavailable("schema_not_current", _OTHER_SCHEMA),
    "42P01": Unavailable("schema_not_current", _OTHER_SCHEMA),
    "55P03": Conflict("database_busy", _BUSY),
}
_WORDS: Mapping[str, NameplateError] = {
    # SQLite has few codes, and psycopg gives none while it connects: their words must do.
    "attempt to write a readonly database": Refused("database_read_only", _READ_ONLY),
    "unable to open database file": Refused("database_file_refused", _NO_FILE),
    "not a database": Invalid("database_file_invalid", _NO_DATABASE),
    "malformed": Invalid("database_file_invalid", _NO_DATABASE),
    "database is locked": Conflict("database_busy", _BUSY),
    "no such table": Unavailable("schema_not_current", _OTHER_SCHEMA),
    "no such column": Unavailable("schema_not_current", _OTHER_SCHEMA),
    "has no column named": Unavailable("schema_not_current", _OTHER_SCHEMA),
    "the database system is": Unavailable("database_unavailable", _AWAY),
    "pg_hba.conf": NotPermitted("database_login_refused", _LOGIN),
    "authentication failed": NotPermitted("database_login_refused", _LOGIN),
    "no password supplied": NotPermitted("database_login_refused", _LOGIN),
    'role "': NotPermitted("database_login_refused", _LOGIN),
    'database "': NotFound("database_absent", _ABSENT),
    "connection": Unavailable("database_unavailable", _AWAY),
}


_LASTING = frozenset(
    {"database_absent", "database_login_refused", "database_refuses", "schema_not_current"}
)


def lasting(error: sa.exc.DBAPIError) -> Unavailable | None:
    """Return what to answer to a request whose failure lasts until an operator acts, else None."""
    found = explain(error)
    return Unavailable(found.code, found.detail) if found.code in _LASTING else None


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the drivers raise into what it means."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise explain(error) from None


def explain(error: sa.exc.DBAPIError) -> NameplateError:
    """Return what a failure of the database means for the person at the keyboard."""
    cause = error.orig
    state = getattr(cause, "sqlstate", None)
    code = cause.args[0] if cause is not None and cause.args else None
    if isinstance(state, str) and state in _POSTGRESQL_STATES:
        return _POSTGRESQL_STATES[state]
    if isinstance(code, int) and code in _MARIADB_CODES:
        return _MARIADB_CODES[code]
    if state is None and not isinstance(code, int):
        for words, meaning in _WORDS.items():
            if words in str(cause):
                return meaning
    return Refused(
        "database_failed", f"The database failed: {type(cause).__name__} {state or code}."
    )
