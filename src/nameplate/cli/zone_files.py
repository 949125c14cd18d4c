"""Zone files as the command line takes them, for plans and imports."""

from pathlib import Path
from typing import Annotated

import typer

from nameplate.cli import text_files

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
    return {"format": found, "content": text_files.read(file)}
