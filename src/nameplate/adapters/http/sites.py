"""Whether two hosts belong to one registrant, as far as public knowledge goes."""

from nameplate.core.errors import Invalid
from nameplate.core.names import parse, relative


def same_site(one: str, other: str) -> bool:
    """Tell whether both hosts are below one registrable domain, private suffixes counted.

    `alice.github.io` and `bob.github.io` are two sites. What is no proper host name is none.
    """
    if one == other:
        return True
    try:
        return _site(one) == _site(other)
    except Invalid:
        return False


def _site(host: str) -> str:
    name = parse(host, special_use=True, private_suffix=True)
    suffix = name.private_suffix
    if suffix is None or name.name == suffix:
        return suffix or name.registrable
    below = relative(name.name, suffix).rpartition(".")[2]
    return f"{below}.{suffix}"
