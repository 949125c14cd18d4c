"""How nginx finds an upstream by its name: name servers, and the names of this machine itself.

nginx's own resolver reads neither resolv.conf nor the hosts file, so both are read here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

_NAME_SERVERS = Path("/etc/resolv.conf")
_HOSTS = Path("/etc/hosts")
_LOCAL = "127.0.0.1"  # what resolv.conf(5) says of a file without name servers


@dataclass(frozen=True)
class Names:
    """Where nginx looks names up."""

    servers: tuple[str, ...] = (_LOCAL,)
    """Addresses of name servers as nginx's `resolver` takes them."""
    local: Mapping[str, str] = field(default_factory=dict)
    """Names that have an address without any name server."""


def of_machine(resolver: Sequence[str] | None = None) -> Names:
    """Return the names of this machine, with the operator's name servers or those of resolv.conf."""
    found = tuple(resolver) if resolver is not None else tuple(_name_servers())
    return Names(found or (_LOCAL,), dict(_hosts()))


def _name_servers() -> Iterator[str]:
    for words in _lines(_NAME_SERVERS):
        if words[0] == "nameserver" and len(words) > 1 and _is_address(words[1]):
            yield f"[{words[1]}]" if ":" in words[1] else words[1]


def _hosts() -> Iterator[tuple[str, str]]:
    """Yield names with their address; of several addresses of a name that of IPv4 comes last."""
    lines = [words for words in _lines(_HOSTS) if _is_address(words[0])]
    for address, *names in sorted(lines, key=lambda words: ":" not in words[0]):
        for name in names:
            yield name.lower(), address


def _lines(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield words


def _is_address(text: str) -> bool:
    try:
        return getattr(ip_address(text), "scope_id", None) is None
    except ValueError:
        return False
