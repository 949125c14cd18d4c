"""JSON to an instance of a schema, and every wrong place in it named. No value is ever repeated."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from nameplate.core.configuration.forms import has_user_info
from nameplate.core.configuration.schema import (
    annotations,
    describe,
    is_list,
    is_mapping,
    item_of,
    name_of,
)
from nameplate.core.errors import Invalid, Problem, Refused

C = TypeVar("C")
_UNKNOWN = "setting_unknown"
_EMPTY: tuple[Any, ...] = ("", [], ())


def parse(schema: type[C], given: Mapping[str, Any], pointer: str = "/config") -> C:
    """Return the configuration that `given` describes.

    Raises Invalid with a problem for each wrong place: `setting_unknown`, `setting_missing`,
    `setting_invalid`, `config_holds_secret` for a URL with a password.
    """
    found, problems = _object(schema, given, pointer)
    if problems:
        raise Invalid(problems[0].code, " ".join(one.detail for one in problems), problems)
    return found


def load(schema: type[C], stored: Mapping[str, Any]) -> C:
    """Return a stored configuration; what a newer or older version knew beside it is left alone.

    Raises Refused `setting_missing` or `setting_invalid`, which names the setting.
    """
    found, problems = _object(schema, stored, "")
    for one in problems:
        if one.code != _UNKNOWN:
            code = one.code if one.code == "setting_missing" else "setting_invalid"
            raise Refused(code, f"The configuration cannot be used. {one.detail}")
    return found


def misplaced(schema: type[Any], given: Mapping[str, Any]) -> list[str]:
    """Return the names of the given settings that only the platform may set."""
    return [one.name for one in describe(schema) if one.is_platform_only and one.name in given]


def _object(schema: type[C], given: Mapping[str, Any], pointer: str) -> tuple[C, list[Problem]]:
    described = {one.name: one for one in describe(schema)}
    problems = list(_unknown(given, described, pointer))
    values: dict[str, Any] = {}
    kinds = annotations(schema)
    for name, one in described.items():
        place = f"{pointer}/{name}"
        value = given.get(name)
        if value is not None and not (one.is_required and value in _EMPTY):
            values[name], more = _value(kinds[name], value, place)
            problems += more
        elif one.is_required:
            detail = f"The setting `{_dotted(place)}` is required: {one.description}"
            problems.append(Problem(place, "setting_missing", detail))
            values[name] = None
    return schema(**values), problems


def _unknown(
    given: Mapping[str, Any], described: Collection[str], pointer: str
) -> Iterator[Problem]:
    known = ", ".join(sorted(described)) or "none"
    for name in given:
        if name not in described:
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            detail = f"Unknown setting `{_dotted(place)}`. Known settings: {known}."
            yield Problem(place, _UNKNOWN, detail)


def _value(kind: Any, value: Any, place: str) -> tuple[Any, list[Problem]]:  # noqa: ANN401 - JSON
    """Return the value as its type has it, and what is wrong with it."""
    if is_list(kind):
        if not isinstance(value, list | tuple):
            return (), [_wrong(place, "a list")]
        read = [_value(item_of(kind), one, f"{place}/{at}") for at, one in enumerate(value)]
        return tuple(one for one, _ in read), [problem for _, more in read for problem in more]
    if is_dataclass(kind) or is_mapping(kind):
        if not isinstance(value, Mapping):
            return None, [_wrong(place, "an object")]
        if isinstance(kind, type):
            return _object(kind, value, place)
        named = {key: _value(item_of(kind), one, f"{place}/{key}") for key, one in value.items()}
        found = {key: one for key, (one, _) in named.items()}
        return found, [problem for _, more in named.values() for problem in more]
    return value, _misfits(kind, value, place)


def _misfits(kind: Any, value: Any, place: str) -> list[Problem]:  # noqa: ANN401 - JSON
    if isinstance(value, str) and has_user_info(value):
        detail = (
            f"`{_dotted(place)}` has a URL with a user or password, which everyone with access "
            "to the account can read. Remove them."
        )
        return [Problem(place, "config_holds_secret", detail)]
    if get_origin(kind) is Literal:
        allowed = get_args(kind)
        is_one = isinstance(value, str | int) and value in allowed
        return [] if is_one else [_wrong(place, f"one of {', '.join(map(str, allowed))}")]
    if get_origin(kind) is Annotated:
        base, form = get_args(kind)[:2]
        return [] if _is_a(base, value) and form.accepts(value) else [_wrong(place, form.expected)]
    expected = {
        "string": "a string",
        "integer": "a whole number",
        "boolean": "true or false",
        "object": "an object",
    }
    return [] if _is_a(kind, value) else [_wrong(place, expected[name_of(kind)])]


def _is_a(kind: type, value: object) -> bool:
    return isinstance(value, get_origin(kind) or kind) and isinstance(value, bool) == (kind is bool)


def _wrong(place: str, expected: str) -> Problem:
    detail = f"Expected {expected} in `{_dotted(place)}`."
    return Problem(place, "setting_invalid", detail)


def _dotted(place: str) -> str:
    return place.strip("/").replace("/", ".")
