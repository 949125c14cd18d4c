"""The schema of a plug-in's configuration: a frozen dataclass, each field with its description."""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from nameplate.core.configuration.forms import Form
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret

Credentials = Mapping[str, Secret]
"""Opened credentials by name, as `connect` of a plug-in takes them."""

_DESCRIPTION, _PLATFORM_ONLY = "description", "platform_only"
_SCALARS: Mapping[Any, str] = {
    str: "string",
    int: "integer",
    bool: "boolean",
    dict[str, Any]: "object",  # any JSON, for a document that belongs to somebody else
}


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret that a plug-in takes beside its configuration."""

    name: str
    description: str
    is_required: bool = True
    needed_with: str | None = None
    """The setting that makes it required when given."""
    is_platform_only: bool = False
    generate: Callable[[], Secret] | None = None
    """Makes one where none is given."""


@dataclass(frozen=True, slots=True)
class Described:
    """One field of a schema, as it is listed."""

    name: str
    type: str
    is_required: bool
    default: Any
    """As in JSON; None when there is none."""
    description: str
    is_platform_only: bool
    """A tenant may not set it."""
    fields: tuple["Described", ...] = ()
    """What an object holds."""


def setting(
    description: str,
    *,
    default: Any = MISSING,  # noqa: ANN401 - of the field's type
    platform_only: bool | None = None,
) -> Any:  # noqa: ANN401 - a field, as `dataclasses.field`
    """Return a field of a configuration; without `default` it is required.

    `platform_only` is true by itself where the type leads somewhere: a URL, a server, a file.
    """
    metadata = {_DESCRIPTION: description, _PLATFORM_ONLY: platform_only}
    return field(default=default, metadata=metadata)


def credential(credentials: Credentials, name: str) -> Secret:
    """Return one credential. Raises Refused `credential_missing`."""
    if not credentials.get(name):
        raise Refused("credential_missing", f"The account lacks the credential `{name}`.")
    return credentials[name]


def describe(schema: type[Any]) -> tuple[Described, ...]:
    """Describe every field of a schema in order. Raises TypeError when it is no schema."""
    return _fields_of(schema)  # type: ignore[arg-type]  # a class is hashable


@cache  # looked into once: a server's schema is asked for at every look at a host
def _fields_of(schema: type[Any]) -> tuple[Described, ...]:
    if not is_dataclass(schema):
        raise TypeError(f"{schema!r} is not a dataclass")
    kinds = annotations(schema)
    return tuple(_described(one, kinds[one.name]) for one in fields(schema))


def annotations(schema: type[Any]) -> Mapping[str, Any]:
    """Return the type of each field, without `| None`."""
    return _types_of(schema)  # type: ignore[arg-type]  # as above


@cache
def _types_of(schema: type[Any]) -> Mapping[str, Any]:
    hints = get_type_hints(schema, include_extras=True)
    return types.MappingProxyType({one.name: _present(hints[one.name]) for one in fields(schema)})


def item_of(kind: Any) -> Any:  # noqa: ANN401 - types are values here
    """Return the type of the entries of a `tuple[X, ...]` or a `Mapping[str, X]`."""
    return get_args(kind)[1 if get_origin(kind) is not tuple else 0]


def is_list(kind: Any) -> bool:  # noqa: ANN401 - types are values here
    """Tell whether a type is `tuple[X, ...]`."""
    return get_origin(kind) is tuple and get_args(kind)[1:] == (Ellipsis,)


def is_mapping(kind: Any) -> bool:  # noqa: ANN401 - types are values here
    """Tell whether a type is `Mapping[str, X]`."""
    return get_origin(kind) is Mapping and get_args(kind)[0] is str


def name_of(kind: Any) -> str:  # noqa: ANN401 - types are values here
    """Return how a type is shown. Raises TypeError for one that JSON cannot be read as."""
    if get_origin(kind) is Annotated:
        base, form = get_args(kind)[:2]
        if base not in _SCALARS or not isinstance(form, Form):
            raise TypeError(f"{kind!r} has no form")
        return form.name
    if get_origin(kind) is Literal:
        return " | ".join(map(str, get_args(kind)))
    if is_list(kind):
        return f"list of {name_of(item_of(kind))}"
    if is_mapping(kind):
        return f"object of {name_of(item_of(kind))}"
    if is_dataclass(kind):
        return "object"
    try:
        return _SCALARS[kind]
    except (KeyError, TypeError):
        raise TypeError(f"{kind!r} cannot be the type of a setting") from None


def _described(one: Field[Any], kind: Any) -> Described:  # noqa: ANN401 - types are values here
    is_required = one.default is MISSING and one.default_factory is MISSING
    default = None if one.default is MISSING else one.default
    asked = one.metadata.get(_PLATFORM_ONLY)
    return Described(
        name=one.name,
        type=name_of(kind),
        is_required=is_required,
        default=list(default) if isinstance(default, tuple) else default,
        description=one.metadata.get(_DESCRIPTION, ""),
        is_platform_only=_leads(kind) if asked is None else asked,
        fields=describe(kind) if is_dataclass(kind) and isinstance(kind, type) else (),
    )


def _leads(kind: Any) -> bool:  # noqa: ANN401 - types are values here
    if get_origin(kind) is Annotated:
        return bool(get_args(kind)[1].leads)
    if is_list(kind) or is_mapping(kind):
        return _leads(item_of(kind))
    if is_dataclass(kind) and isinstance(kind, type):
        return any(one.is_platform_only for one in describe(kind))
    return False


def _present(kind: Any) -> Any:  # noqa: ANN401 - types are values here
    if get_origin(kind) in {Union, types.UnionType}:
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    return kind
