"""Refuse every connection of the test process that would leave this machine."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest


class NetworkForbidden(Exception):
    """A test tried to leave the machine. Not an OSError: no code under test may take it for one."""


def is_loopback(host: str | None) -> bool:
    """Tell whether `host` is this machine without asking a resolver."""
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or mapped.is_unspecified


def stay_inside(patch: pytest.MonkeyPatch) -> None:
    """Patch the socket module so that only loopback and Unix sockets can be reached."""
    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        patch.setattr(socket.socket, name, _guarded(name))
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not is_loopback(name) and not _is_address(name):
            raise NetworkForbidden(f"a test asked the system's resolver for {name!r}")
        return look_up(host, *rest, **options)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _guarded(name: str) -> Callable[..., Any]:
    original = getattr(socket.socket, name)

    def method(self: socket.socket, *arguments: Any) -> Any:
        target = _target(name, arguments)
        inside = self.family not in {socket.AF_INET, socket.AF_INET6} or target is None
        if not inside and not is_loopback(target[0]):
            raise NetworkForbidden(
                f"a test tried to reach {target[0]} port {target[1]}: tests stay on loopback, "
                "start the server you need through tests/servers"
            )
        return original(self, *arguments)

    return method


def _target(name: str, arguments: tuple[Any, ...]) -> Any:
    """Return the address argument of a socket call, or None for a connected socket's."""
    if name == "sendmsg":
        return arguments[3] if len(arguments) > 3 else None
    return arguments[-1]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
