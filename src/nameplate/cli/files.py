"""Files that commands are given: read whole, with a limit, and passwords from files only."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

MAX_FILE = 256 * 1024
"""Bytes: whatever is longer is no certificate."""

PasswordFile = Annotated[
    str | None,
    typer.Option(
        "--password-file",
        metavar="FILE",
        help="File whose first line is the password of the key, or - for standard input.",
    ),
]


def content(file: str) -> bytes:
    """Return the content of a file, of standard input for `-`. Raises `Invalid` `file_unreadable`."""
    try:
        if file == "-":
            found = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with Path(file).open("rb") as stream:
                found = stream.read(MAX_FILE + 1)
    except OSError as error:
        raise Invalid("file_unreadable", f"{file} cannot be read: {error.strerror}.") from None
    if len(found) > MAX_FILE:
        raise Invalid("file_unreadable", f"{file} is too large. Expected at most 256 KiB.")
    return found


def password(file: str | None) -> Secret | None:
    """Return the first line of a file, None without one."""
    if file is None:
        return None
    return Secret(content(file).decode("utf-8", "replace").split("\n")[0].rstrip("\r"))
