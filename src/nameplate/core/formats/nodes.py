"""JSON whose objects and lists know their lines; no key is written twice."""

import json
import json.decoder
import json.scanner
import re
from collections.abc import Callable
from typing import Any

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import MAX_RECORDS, ReadingBudget

_MAX_CONTAINERS = 2 * MAX_RECORDS + 1
_MAX_COMMAS = 10 * MAX_RECORDS
_Parse = Callable[..., tuple[Any, int]]


class Object(dict[str, Any]):
    """A JSON object."""

    __slots__ = ("line",)
    line: int


class _Decoder(json.JSONDecoder):
    """Python's own decoder, told of the line at which each object begins."""

    def __init__(self, text: str, budget: ReadingBudget) -> None:
        super().__init__()
        self._text = text
        self._budget = budget
        self._at = 0
        self._line = 1
        make: Any = json.scanner
        inner: _Parse = json.decoder.JSONObject  # type: ignore[attr-defined]  # not in its stub
        self.object_pairs_hook = Object
        self.parse_object: Any = lambda *given: self._object(inner, *given)
        self.scan_once = make.py_make_scanner(self)

    def _object(
        self,
        inner: _Parse,
        start: tuple[str, int],
        *settings: Any,  # noqa: ANN401 - of Python's own decoder: strict, scan, two hooks, memo
    ) -> tuple[Any, int]:
        strict, scan, _, _, memo = settings
        line = self._line_of(start[1])
        self._budget.time(f"line {line}")
        pairs: list[tuple[str, Any]] = []

        def keep(found: list[tuple[str, Any]]) -> Object:
            pairs.extend(found)
            return Object(found)

        made, end = inner(start, strict, scan, None, keep, memo)
        if len(made) != len(pairs):
            self._refuse_twice(pairs, start[1], end)
        if isinstance(made, Object):
            made.line = line
        return made, end

    def _line_of(self, at: int) -> int:
        """Return the line of a place; objects begin one after the other, however deep they lie."""
        self._line += self._text.count("\n", self._at, at)
        self._at = at
        return self._line

    def _refuse_twice(self, pairs: list[tuple[str, Any]], start: int, end: int) -> None:
        seen: set[str] = set()
        key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # None goes on
        found = list(re.finditer(re.escape(json.dumps(key)) + r"\s*:", self._text[start:end]))
        line = self._text.count("\n", 0, start + (found[-1].start() if found else 0)) + 1
        raise twice(f"line {line}", key)


def twice(place: str, key: str) -> Invalid:
    """Return the refusal of a file in which a key of one object is written twice."""
    detail = f"The key `{key[:80]}` is written twice. Keep one, or put both values into one list."
    return Invalid("file_invalid", f"{place}: {detail}", [Problem(place, "key_twice", detail)])


def load(text: str, budget: ReadingBudget) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the document, with its objects as `Object`. Raises `Invalid`."""
    if text.count("{") + text.count("[") > _MAX_CONTAINERS or text.count(",") > _MAX_COMMAS:
        raise Invalid("file_too_large", "The file has too many objects. Split the file.")
    try:
        return _Decoder(text, budget).decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}"
        detail = f"Not valid JSON: {error.msg}."
        raise Invalid(
            "file_invalid", f"{place}: {detail}", [Problem(place, "syntax", detail)]
        ) from None
    except (ValueError, RecursionError) as error:
        raise Invalid("file_invalid", f"Not valid JSON: {error}.") from None
