"""Request bodies read strictly: what two parsers could read differently is refused."""

import json
import math
import re
from typing import Any, NoReturn

from nameplate.core.errors import Invalid

MAX_BYTES = 1024 * 1024
MAX_ZONE_BYTES = 16 * 1024 * 1024
"""For the one request that carries a whole zone: a hundred thousand records."""
MAX_DEPTH = 32
MAX_CONTAINERS = 250_000
"""Objects and arrays of one body: each takes a hundred times its two brackets of memory."""
MAX_TOKENS = 4_000_000
"""Strings, brackets and commas of one body."""

# Possessive throughout, and a string that nobody ends goes to the end: no octet is looked at twice.
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)


def read(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of `body`, which must be one JSON value with one meaning (RFC 8259).

    Raises Invalid `body_malformed`. Time and memory are linear in the size of the body.
    """
    _check_shape(body)
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise _malformed("The body is not valid UTF-8.") from None
    except json.JSONDecodeError as error:
        raise _malformed(
            f"The body is not valid JSON: {error.msg} at position {error.pos}."
        ) from None
    except ValueError:
        raise _malformed("A number in the body has too many digits.") from None
    if b"\\u" in body or b"\x00" in body:
        _check_texts(value)
    return value


def _check_shape(body: bytes) -> None:
    """Bound nesting, containers and tokens before a parser makes objects of them."""
    if len(body) <= MAX_BYTES and body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    depth = containers = 0
    for tokens, found in enumerate(_TOKENS.finditer(body)):
        first = body[found.start()]
        if first in b"[{":
            depth += 1
            containers += 1
        elif first in b"]}":
            depth -= 1
        if depth > MAX_DEPTH:
            raise _malformed(f"The body is nested too deeply. Use at most {MAX_DEPTH} levels.")
        if containers > MAX_CONTAINERS or tokens > MAX_TOKENS:
            raise _malformed(
                f"The body has too many parts. Send at most {MAX_CONTAINERS} objects and arrays."
            )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("An object in the body has a duplicate field.")
    return found


def _no_constant(_text: str) -> NoReturn:
    raise _malformed("NaN and Infinity are not valid JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _malformed("A number in the body is too large.")
    return number


def _check_texts(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Refuse texts that a database cannot keep: half surrogate pairs and NUL."""
    if isinstance(value, dict):
        for name, member in value.items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in value:
            _check_texts(member)
    elif isinstance(value, str) and any(
        char == "\x00" or "\ud800" <= char <= "\udfff" for char in value
    ):
        raise _malformed("A string in the body contains NUL or an unpaired surrogate.")


def _malformed(detail: str) -> Invalid:
    return Invalid("body_malformed", detail)
