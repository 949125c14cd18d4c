"""`nameplate names`: check domain names without a database."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

app = typer.Typer(help="Check domain names.", no_args_is_help=True)

_MAX_LINE = 4200
"""Bytes of a line that are read; the rest is skipped."""
_MAX_TEXT = 4096
"""Bytes. Whatever is longer has more characters than any spelling of a name."""
_USAGE = 2


@dataclass(frozen=True, slots=True)
class NameVerdict:
    """What came of one line: a name, or why not."""

    input: str
    ok: bool
    name: str | None = None
    unicode: str | None = None
    registrable: str | None = None
    code: str | None = None
    detail: str | None = None


@app.callback()
def names() -> None:
    """Check domain names."""


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(help="File with one name per line, or - for standard input.")
    ] = "-",
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line.")
    ] = False,
    allow_wildcard: Annotated[
        bool, typer.Option("--allow-wildcard", help="Accept wildcards such as *.example.com.")
    ] = False,
    allow_underscore: Annotated[
        bool,
        typer.Option("--allow-underscore", help="Accept underscores, as in _dmarc.example.com."),
    ] = False,
    allow_private_suffix: Annotated[
        bool,
        typer.Option("--allow-private-suffix", help="Accept private suffixes such as github.io."),
    ] = False,
) -> None:
    """Check whether each line is a name that can be claimed, and print why if not.

    Exit code 0 when all names are valid, 1 when some are not, 2 when the file cannot be read.
    """
    flags = {
        "wildcard": allow_wildcard,
        "underscore": allow_underscore,
        "private_suffix": allow_private_suffix,
    }
    refused = total = 0
    try:
        with _opened(file) as stream:
            for verdict in verdicts(stream, flags):
                line = _as_json(verdict) if as_json else _as_text(verdict)
                sys.stdout.buffer.write(line.encode())  # UTF-8 in every locale
                total += 1
                refused += not verdict.ok
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. Python's own flush at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"Cannot read {_printable(file)}: {error.strerror}.", err=True)
        raise typer.Exit(_USAGE) from None
    if refused:
        typer.echo(f"{refused} of {total} names were rejected.", err=True)
        raise typer.Exit(1)


def verdicts(stream: BinaryIO, flags: dict[str, bool]) -> Iterator[NameVerdict]:
    """Yield a verdict for each line, holding one line at a time. `flags` are those of `parse`."""
    for number, line in enumerate(_lines(stream)):
        content = line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
        yield _verdict(content.removesuffix(b"\n").removesuffix(b"\r"), flags)


def _verdict(line: bytes, flags: dict[str, bool]) -> NameVerdict:
    from nameplate.core.errors import Invalid
    from nameplate.core.names import parse

    try:
        text = line.decode("utf-8", "strict" if len(line) <= _MAX_TEXT else "replace")
    except UnicodeDecodeError as error:
        detail = f"Byte {error.start + 1} is not valid UTF-8."
        return NameVerdict(
            line.decode("utf-8", "backslashreplace"), ok=False, code="name_not_utf8", detail=detail
        )
    try:
        host = parse(text, **flags)
    except Invalid as error:
        return NameVerdict(text, ok=False, code=error.code, detail=error.detail)
    return NameVerdict(
        text, ok=True, name=host.name, unicode=host.unicode, registrable=host.registrable
    )


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines of bounded length: of a longer one its beginning, once."""
    while line := stream.readline(_MAX_LINE):
        yield line
        while len(line) == _MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(_MAX_LINE)


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """Open the file, or standard input, which stays open."""
    if file == "-":
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as stream:
        yield stream


def _as_json(verdict: NameVerdict) -> str:
    found: dict[str, Any] = {field: getattr(verdict, field) for field in NameVerdict.__slots__}
    return json.dumps(found) + "\n"


def _as_text(verdict: NameVerdict) -> str:
    if not verdict.ok:
        return f"no  {_printable(verdict.input)}  {verdict.detail} [{verdict.code}]\n"
    shown = "" if verdict.unicode == verdict.name else f"  ({verdict.unicode})"
    return f"ok  {verdict.name}{shown}\n"


def _printable(text: str) -> str:
    """Return `text` with everything escaped that could move the cursor or hide."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text[:300]
    )
