"""The platform's own names: no organization holds them, nor what is above or below (I7)."""

from collections.abc import Iterable

from nameplate.core.errors import Invalid
from nameplate.core.names import Hostname, canonical, is_within, parse, without_wildcard


def read(texts: Iterable[str]) -> tuple[str, ...]:
    """Return names that the operator wrote, in any spelling, as they are compared.

    What no name can be registered as, such as an address or `localhost`, needs no protection.
    """
    found = set()
    for text in texts:
        try:
            name = parse(text, wildcard=True, private_suffix=True, special_use=True).name
        except Invalid:
            continue
        found.add(without_wildcard(name))
    return tuple(sorted(found))


def refuse(host: Hostname, protected: Iterable[str]) -> None:
    """Raise Invalid `name_platform` for a name of the platform, above or below one."""
    name = without_wildcard(canonical(host.name))
    if any(is_within(name, own) or is_within(own, name) for own in protected):
        raise Invalid("name_platform", f"{host.name} belongs to this platform. Give another name.")
