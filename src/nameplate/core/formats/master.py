"""Master files entry by entry (RFC 1035 section 5.1): parentheses, quotes and comments resolved."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import ReadingBudget

_SPECIAL = re.compile(r'[();"\\]')
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[^"();\\]+|[();"\\]')
_TTL = re.compile(r"(?:\d{1,10}[smhdw])+|\d{1,10}", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_RANGE = re.compile(r"(\d{1,12})-(\d{1,12})(?:/(\d{1,12}))?")
_VARIABLE = re.compile(
    r"\\.|\$\$|\$(?:\{([+-]?\d{1,12})(?:,(\d{1,3})(?:,([doxXnN]))?)?\})?", re.DOTALL
)
_CHECKED = 64
"""Lines after which the time is looked at."""
_MAX_WIDTH = 127
"""Characters that a number of `$GENERATE` may be filled up to, as in BIND."""


class MasterEntry(NamedTuple):
    """One record or directive, on one line."""

    line: int
    """Where it begins, from 1."""
    text: str
    """Without comments and parentheses; blanks in front stand for the owner of the entry before."""
    comment: str
    fault: str
    """Why it cannot be read, as the end of a sentence; empty when it can."""


def entries(text: str, budget: ReadingBudget) -> Iterator[MasterEntry]:
    """Yield what is not blank. Raises `Invalid` when parentheses stay open to the end."""
    depth = start = length = 0
    parts: list[str] = []
    comment = fault = ""
    for number, raw in enumerate(_physical(text), 1):
        if not number % _CHECKED:
            budget.time(f"line {number}")
        length = length * bool(depth) + len(raw)
        budget.line(f"line {number}", length)
        if not depth:
            if not _SPECIAL.search(raw):
                if raw and not raw.isspace():
                    yield MasterEntry(number, raw, "", "")
                continue
            start, parts, comment, fault = number, [], "", ""
        depth, said, wrong = _resolve(raw, depth, parts)
        comment, fault = comment + said, fault or wrong
        if depth:
            parts += [" "] if parts else []
        elif (whole := "".join(parts)).strip() or fault:
            yield MasterEntry(start, whole or " ", comment, fault)
    if depth:
        detail = "The parentheses of this entry are not closed."
        raise Invalid(
            "file_invalid", f"line {start}: {detail}", [Problem(f"line {start}", "syntax", detail)]
        )


def _physical(text: str) -> Iterator[str]:
    """Yield the lines of a text, of which there may be a million: a list of them would be large."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield text[at:end]
        at = end + 1


def _resolve(raw: str, depth: int, parts: list[str]) -> tuple[int, str, str]:
    """Add what a line says to `parts`; return how many parentheses are open, comment and fault."""
    for found in _PIECE.finditer(raw):
        piece = found[0]
        if piece == ";":
            return depth, raw[found.end() :], ""
        if piece in {'"', "\\"}:
            return depth, "", "a double quote is not closed" if piece == '"' else "it ends in `\\`"
        if piece not in {"(", ")"}:
            parts.append(piece if parts or not depth else piece.lstrip())
            continue
        depth += 1 if piece == "(" else -1
        if depth < 0:
            return 0, "", "a `)` has no `(`"
        if parts:
            parts.append(" ")
    return depth, "", ""


def seconds(text: str) -> int | None:
    """Return the TTL in `300` or `1h30m`; None for what is none."""
    if not _TTL.fullmatch(text):
        return None
    if text.isdigit():
        return int(text)
    return sum(int(n) * _SECONDS[unit] for n, unit in re.findall(r"(\d+)([a-z])", text.lower()))


def count(text: str) -> range | None:
    """Return the numbers of a range of `$GENERATE`, such as `1-10/2`; None for what is none."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    start, stop, step = int(found[1]), int(found[2]), int(found[3] or 1)
    return range(start, stop + 1, step) if step and start <= stop else None


def generated(template: str, number: int) -> str:
    """Return what a template of `$GENERATE` says for a number. Raises `ValueError`."""

    def one(found: re.Match[str]) -> str:
        whole = found[0]
        if whole[0] == "\\":
            return whole
        if whole == "$$":
            return "$"
        if whole == "$" and template.startswith("{", found.end()):
            raise ValueError("the modifier of `$` cannot be read")
        value, width = number + int(found[1] or 0), int(found[2] or 0)
        base = found[3] or "d"
        if width > _MAX_WIDTH or (value < 0 and base in "nN"):
            raise ValueError("the modifier of `$` makes no number")
        if base in "nN":
            return _nibbles(value, width, base)
        return format(value, base).zfill(width)

    return _VARIABLE.sub(one, template)


def _nibbles(value: int, width: int, base: str) -> str:
    """Return hexadecimal digits, the last one first, with dots between, as names in ip6.arpa."""
    digits = format(value, "x" if base == "n" else "X")[::-1]
    return ".".join(digits.ljust((width + 1) // 2, "0"))
