"""Names from the API, offered by the shell when Tab is pressed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nameplate.cli.client import Client
from nameplate.cli.transport import ContextFactory
from nameplate.core.errors import NameplateError

MAX_OFFERED = 300
"""Objects of a list that are looked through: a shell is kept waiting meanwhile."""
_NAMES: Mapping[str, Sequence[str]] = {
    "domains": ("name",),
    "bindings": ("hostname",),
    "applications": ("name",),
    "servers": ("name",),
    "server-groups": ("name",),
    "accounts": ("name",),
    "organizations": ("slug",),
    "tokens": (),
    "record-templates": ("name",),
}
"""What the objects of a list are called by; the others by their ids."""

_connect: list[ContextFactory] = []


def provide(connect: ContextFactory) -> None:
    """Say how to reach the API; done once, at the start."""
    _connect[:] = [connect]


def names(plural: str) -> Callable[[str], list[str]]:
    """Return what completes the names, or else the ids, of the objects of a list.

    Offers nothing when the API cannot be used: a shell has no place for errors.
    """

    def offer(incomplete: str) -> list[str]:
        keys = _NAMES.get(plural, ())
        if not _connect:
            return []
        try:
            return _matching(Client(_connect[0]), plural, keys, incomplete)
        except (NameplateError, OSError):
            return []

    return offer


def _matching(api: Client, plural: str, keys: Sequence[str], incomplete: str) -> list[str]:
    wanted = [*keys, "id"] if not keys or _is_id(incomplete) else keys
    rows: Sequence[dict[str, Any]] = list(api.pages(f"/v1/{plural}", limit=MAX_OFFERED))
    called = (str(row[key]) for row in rows for key in wanted if row.get(key))
    return [one for one in dict.fromkeys(called) if one.startswith(incomplete)]


def _is_id(text: str) -> bool:
    """Tell whether somebody has begun to type an id, such as `dom_`."""
    return text.partition("_")[1] == "_" and text[:3].isalpha()
