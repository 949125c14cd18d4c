"""What a command does when the work fails: one line on stderr, a documented exit code."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from nameplate.core.errors import (
    Conflict,
    Invalid,
    NameplateError,
    NotFound,
    NotPermitted,
    RateLimited,
)

EXIT_CODES: dict[type[NameplateError], int] = {
    Invalid: 2,
    NotFound: 3,
    Conflict: 5,
    NotPermitted: 7,
    RateLimited: 8,
    NameplateError: 1,
}
"""The first kind that fits counts."""


def exit_code(error: NameplateError) -> int:
    """Return the documented exit code of this failure."""
    return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))


@contextmanager
def reported(*, as_json: bool = False) -> Iterator[None]:
    """Report a failure on stderr, or as the one JSON document, and exit with its code."""
    try:
        yield
    except NameplateError as error:
        if as_json:
            document = {"error": {"code": error.code, "detail": error.detail}}
            sys.stdout.write(json.dumps(document) + "\n")
        typer.echo(f"nameplate: {error.detail} [{error.code}]", err=True)
        raise typer.Exit(exit_code(error)) from None
