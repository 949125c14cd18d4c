"""nginx's configuration language: directives as values, written with quoting and read again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nameplate.core.errors import Refused

_BARE = re.compile(r"[A-Za-z0-9_./:=*()$!~^@%,+-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}
_QUOTES = "\"'"


@dataclass(frozen=True, slots=True)
class Directive:
    """Words up to `;`, or up to a block in braces."""

    words: tuple[str, ...]
    block: "tuple[Directive, ...] | None" = None


def line(*words: str) -> Directive:
    """Return a simple directive."""
    return Directive(words)


def block(*words: str, of: Sequence[Directive]) -> Directive:
    """Return a directive with a block."""
    return Directive(words, tuple(of))


def emit(directives: Sequence[Directive], indent: str = "") -> str:
    """Write directives; raises ValueError for a word with anything but printable ASCII in it."""
    parts: list[str] = []
    for directive in directives:
        if not directive.words:
            raise ValueError("a directive without a name")
        words = " ".join(_quote(word) for word in directive.words)
        if directive.block is None:
            parts.append(f"{indent}{words};\n")
        else:
            inner = emit(directive.block, f"{indent}    ")
            parts.append(f"{indent}{words} {{\n{inner}{indent}}}\n")
    return "".join(parts)


def parse(text: str) -> tuple[Directive, ...]:
    """Read what nginx would read; raises ValueError where nginx would not."""
    tokens = _tokens(text)
    found = tuple(_directives(tokens, nested=False))
    if next(tokens, None) is not None:
        raise ValueError("text after the end")
    return found


def written(directives: tuple[Directive, ...]) -> bytes:
    """Write directives and read them again: what nginx reads must be what was meant.

    Raises Refused `fragment_unsafe`.
    """
    try:
        text = emit(directives)
        same = parse(text) == directives
    except ValueError:
        same = False
    if not same:
        raise Refused(
            "fragment_unsafe",
            "A generated nginx fragment does not parse back to what was intended, so it is not "
            "used.",
        )
    return text.encode()


def is_bare(word: str) -> bool:
    """Tell whether a word is written as it is, and read back as nothing else."""
    return _BARE.fullmatch(word) is not None


def _quote(word: str) -> str:
    if not _PRINTABLE.fullmatch(word):
        raise ValueError("a word with control characters or characters beyond ASCII")
    if _BARE.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _directives(tokens: Iterator[tuple[str, str]], *, nested: bool) -> Iterator[Directive]:
    words: list[str] = []
    for kind, text in tokens:
        if kind == "word":
            words.append(text)
        elif kind == "}":
            if words or not nested:
                raise ValueError('unexpected "}"')
            return
        elif not words:
            raise ValueError(f'unexpected "{kind}"')
        else:
            inside = tuple(_directives(tokens, nested=True)) if kind == "{" else None
            yield Directive(tuple(words), inside)
            words = []
    if words or nested:
        raise ValueError("unexpected end")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Split as `ngx_conf_read_token` does: kinds `word`, `;`, `{`, `}`."""
    at = 0
    while at < len(text):
        char = text[at]
        if char in " \t\r\n":
            at += 1
        elif char == "#":
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif char in ";{}":
            yield char, char
            at += 1
        elif char in _QUOTES:
            word, at = _quoted(text, at)
            if at < len(text) and text[at] not in " \t\r\n;{)":
                raise ValueError("text directly after a quoted word")
            yield "word", word
        else:
            word, at = _bare(text, at)
            yield "word", word


def _quoted(text: str, start: int) -> tuple[str, int]:
    letters: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == text[start]:
            return "".join(letters), at + 1
        letter, at = _letter(text, at)
        letters.append(letter)
    raise ValueError("a quoted word without its end")


def _bare(text: str, start: int) -> tuple[str, int]:
    letters: list[str] = []
    at = start
    while at < len(text) and text[at] not in " \t\r\n;":
        if text[at] == "{" and (at == start or text[at - 1] != "$"):
            break
        letter, at = _letter(text, at)
        letters.append(letter)
    return "".join(letters), at


def _letter(text: str, at: int) -> tuple[str, int]:
    """Return one letter and where the next begins; an unknown escape keeps its backslash."""
    if text[at] != "\\" or at + 1 >= len(text):
        return text[at], at + 1
    following = text[at + 1]
    return _ESCAPES.get(following, f"\\{following}"), at + 2
