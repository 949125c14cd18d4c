"""Frozen dataclasses as JSON and back, by their own fields: what travels between two versions.

A field that has its default is left out, so that a newer version says nothing to an older one of what it
does not use. What comes is read strictly: an unknown field, a missing one or another type is refused,
and no value is ever repeated.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from nameplate.core.secret import Secret

T = TypeVar("T")
_MAX_DEPTH = 16
_SCALARS: Mapping[Any, type[Any] | tuple[type[Any], ...]] = {
    str: str,
    bool: bool,
    int: int,
    float: (int, float),
}


class Unreadable(Exception):
    """What came is not what its type says; `detail` is a sentence about it."""

    def __init__(self, place: str, expected: str) -> None:
        """Name the place, as in `routes.0.hostname`, and what was expected there."""
        self.place = place
        self.detail = f"Expected {expected} in `{place or 'the document'}`."
        super().__init__(self.detail)


def encoded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the JSON of a value; a secret in it is revealed."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {
            one.name: encoded(found)
            for one in fields(value)
            if not _is_default(one, found := getattr(value, one.name))
        }
    if isinstance(value, Mapping):
        return {str(key): encoded(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [encoded(one) for one in value]
    return value


def decoded(kind: type[T], document: Any, place: str = "") -> T:  # noqa: ANN401 - JSON
    """Return the value of a type that a document describes. Raises `Unreadable`."""
    found: T = _read(kind, document, place, 0)
    return found


def check(kind: Any) -> None:  # noqa: ANN401 - types are values here
    """Raise TypeError for a type of which some value could not be read again."""
    _reader(kind)
    for one in get_args(kind):
        if isinstance(one, type) or get_origin(one) is not None:
            check(one)
    if isinstance(kind, type) and is_dataclass(kind):
        for hint in _hints(kind).values():
            check(hint)


def _is_default(one: Field[Any], value: Any) -> bool:  # noqa: ANN401 - of any type
    if one.default is not MISSING:
        return type(value) is type(one.default) and bool(value == one.default)
    if one.default_factory is not MISSING:
        return bool(value == one.default_factory())
    return False


@cache
def _hints(kind: Any) -> Mapping[str, Any]:  # noqa: ANN401 - types are values here
    return get_type_hints(kind)


def _read(kind: Any, value: Any, place: str, depth: int) -> Any:  # noqa: ANN401 - JSON
    if depth > _MAX_DEPTH:
        raise Unreadable(place, "less nesting")
    return _reader(kind)(kind, value, place, depth + 1)


_Reader = Callable[[Any, Any, str, int], Any]


@cache
def _reader(kind: Any) -> _Reader:  # noqa: ANN401 - types are values here
    origin = get_origin(kind)
    readers: Mapping[Any, _Reader] = {
        Annotated: lambda kind, *rest: _read(get_args(kind)[0], *rest),
        Literal: _literal,
        Union: _union,
        types.UnionType: _union,
        tuple: _sequence,
        Sequence: _sequence,
        list: _sequence,
        Mapping: _mapping,
        dict: _mapping,
    }
    plain: Mapping[Any, _Reader] = {
        **dict.fromkeys(_SCALARS, _scalar),
        Any: lambda _kind, value, _place, _depth: value,
        Secret: lambda _kind, value, place, depth: Secret(_scalar(str, value, place, depth)),
        type(None): _nothing,
    }
    found = readers.get(origin) or plain.get(kind)
    if found is not None:
        return found
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum
    if is_dataclass(kind):
        return _object
    raise TypeError(f"{kind!r} cannot travel")


def _scalar(kind: Any, value: Any, place: str, _depth: int) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, _SCALARS[kind]):
        raise Unreadable(place, f"a value of type {kind.__name__}")
    return value


def _nothing(_kind: Any, value: Any, place: str, _depth: int) -> None:  # noqa: ANN401 - JSON
    if value is not None:
        raise Unreadable(place, "null")


def _literal(kind: Any, value: Any, place: str, _depth: int) -> Any:  # noqa: ANN401 - JSON
    for one in get_args(kind):
        if type(one) is type(value) and one == value:
            return value
    raise Unreadable(place, f"one of {', '.join(map(str, get_args(kind)))}")


def _enum(kind: Any, value: Any, place: str, _depth: int) -> Any:  # noqa: ANN401 - JSON
    try:
        return kind(value)
    except ValueError:
        raise Unreadable(place, f"one of {', '.join(str(one.value) for one in kind)}") from None


def _union(kind: Any, value: Any, place: str, depth: int) -> Any:  # noqa: ANN401 - JSON
    failures: list[Unreadable] = []
    if value is None and type(None) in get_args(kind):
        return None
    for one in get_args(kind):
        if one is type(None):
            continue
        try:
            return _read(one, value, place, depth)
        except Unreadable as error:
            failures.append(error)
    raise failures[0] if len(failures) == 1 else Unreadable(place, "a value of one of its types")


def _sequence(kind: Any, value: Any, place: str, depth: int) -> tuple[Any, ...]:  # noqa: ANN401 - JSON
    if not isinstance(value, list):
        raise Unreadable(place, "a list")
    kinds = get_args(kind)
    if get_origin(kind) is tuple and kinds[1:] != (Ellipsis,):
        if len(value) != len(kinds):
            raise Unreadable(place, f"{len(kinds)} entries")
    else:
        kinds = (kinds[0],) * len(value)
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_read(of, one, _at(place, number), depth) for number, (of, one) in pairs)


def _mapping(kind: Any, value: Any, place: str, depth: int) -> dict[str, Any]:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        raise Unreadable(place, "an object")
    of = get_args(kind)[1]
    return {key: _read(of, one, _at(place, key), depth) for key, one in value.items()}


def _object(kind: Any, value: Any, place: str, depth: int) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        raise Unreadable(place, "an object")
    known = {one.name: one for one in fields(kind)}
    unknown = sorted(map(str, value.keys() - known.keys()))
    if unknown:
        raise Unreadable(place, f"a {kind.__name__} without the unknown field `{unknown[0][:64]}`")
    hints = _hints(kind)
    given = {}
    for name, one in known.items():
        if name in value:
            given[name] = _read(hints[name], value[name], _at(place, name), depth)
        elif one.default is MISSING and one.default_factory is MISSING:
            raise Unreadable(_at(place, name), "a value")
    try:
        return kind(**given)
    except (ValueError, TypeError):
        raise Unreadable(place, f"a {kind.__name__}") from None


def _at(place: str, name: object) -> str:
    return f"{place}.{name}" if place else str(name)[:64]
