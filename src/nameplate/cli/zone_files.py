"""Zone files as the command line takes them, for plans and imports."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from nameplate.core.errors import Invalid

_ENDINGS = {".csv": "csv", ".json": "json", ".yaml": "octodns", ".yml": "octodns"}
_FORMATS = (
    "Format: `bind`, `csv`, `json` or `octodns`. Default: by the file extension, else `bind`."
)

FileFormat = Annotated[str | None, typer.Option("--format", help=_FORMATS)]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse a file in which anything is wrong. Default: record sets with a problem are "
        "skipped and named with their line.",
    ),
]


def body(file: Path, form: str | None) -> dict[str, str]:
    """Return a file as a request has it. Raises `Invalid` when it cannot be read."""
    found = form or _ENDINGS.get(file.suffix.lower(), "bind")
    return {"format": found, "content": _text(file)}


def _text(file: Path) -> str:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise Invalid("file_unreadable", f"Cannot read `{file}`: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Invalid("file_unreadable", f"`{file}` is not valid UTF-8.") from None
