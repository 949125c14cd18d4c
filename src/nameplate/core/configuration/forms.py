"""What a text or a number of a configuration must look like, as types for a schema's fields."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from nameplate.core.issuance_limits import is_rate

MAX_PORT = 65_535
_MAX_NAME = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_/-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_USER_INFO = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]*@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Form:
    """A rule for values beyond their type: `Annotated[str, Form(...)]`."""

    name: str
    """How the type is shown, e.g. `url`."""
    expected: str
    """What would be right, after "Expected"."""
    accepts: Callable[[Any], bool]
    leads: bool = False
    """It says where the server connects or what it reads: the platform's unless a field differs."""


def between(least: int, most: int) -> Form:
    """Return the form of a number with bounds."""
    return Form("integer", f"a number from {least} to {most}", lambda one: least <= one <= most)


def has_user_info(text: str) -> bool:
    """Tell whether there is a URL with a user or a password in a text."""
    return _USER_INFO.search(text) is not None


def host_and_port(text: str) -> tuple[str, int]:
    """Split `host:port`, the host without brackets. Raises ValueError when it is none."""
    host, _, port = text.rpartition(":")
    is_number = port.isascii() and port.isdigit() and len(port) <= len(str(MAX_PORT))
    if not is_number or not 1 <= int(port) <= MAX_PORT:
        raise ValueError("no port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        ipaddress.IPv6Address(host)
    elif not _is_host(host):
        raise ValueError("no host")
    return host, int(port)


def _is_host_and_port(text: str) -> bool:
    try:
        host_and_port(text)
    except ValueError:
        return False
    return True


def _is_url(text: str) -> bool:
    if _CONTROL.search(text) or has_user_info(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or parts.username is not None or port == 0:
        return False
    return _is_ip(host) if ":" in host else _is_host(host)


def _is_host(text: str) -> bool:
    name = text.lower().removesuffix(".")
    if name.replace(".", "").isdigit():
        return _is_ip(name)
    return _is_name(name)


def is_host(text: str) -> bool:
    """Tell whether a text is a host name of several labels, in lower case."""
    return "." in text and _is_name(text) and not text.replace(".", "").isdigit()


def _is_name(text: str) -> bool:
    return len(text) <= _MAX_NAME and _NAME.fullmatch(text) is not None


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_email(text: str) -> bool:
    """Tell whether a text is an e-mail address."""
    local, _, host = text.rpartition("@")
    return bool(local) and not _CONTROL.search(text) and "." in host and _is_name(host.lower())


def _is_file(text: str) -> bool:
    return bool(text) and "\x00" not in text


Url = Annotated[
    str,
    Form(
        "url",
        "an absolute URL without a user or password, as in https://api.example.com",
        _is_url,
        leads=True,
    ),
]
HostPort = Annotated[
    str, Form("host:port", "a host and a port, as in 10.0.0.53:53", _is_host_and_port, leads=True)
]
FilePath = Annotated[str, Form("file", "the path of a file", _is_file, leads=True)]
IpAddress = Annotated[str, Form("ip address", "an IP address, as in 192.0.2.1", _is_ip)]
Port = Annotated[int, between(1, MAX_PORT)]
DomainName = Annotated[
    str,
    Form("domain name", "a name in lower case without final dot, as in example.com", _is_name),
]
HostName = Annotated[str, Form("host name", "a host's name, as in ns1.example.com", _is_host)]
Rate = Annotated[str, Form("rate", "a count and a period, as in 300/3h or 50/7d", is_rate)]
Email = Annotated[str, Form("email", "an e-mail address, as in ops@example.com", is_email)]
