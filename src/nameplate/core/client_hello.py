"""The first message of a TLS connection (RFC 8446 section 4.1.2): which name it asks for, and to speak what."""

import struct
from dataclasses import dataclass

HEAD = 5
"""Bytes of a record before its content."""
MAX_RECORD = 16 * 1024
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ALPN = 0, 16


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What is read of it."""

    name: str
    """Of the server, canonical (RFC 6066 section 3); empty where none is given."""
    protocols: tuple[str, ...]
    """As ALPN lists them (RFC 7301)."""


def record_length(head: bytes) -> int:
    """Return how many bytes follow the `HEAD` bytes of a first record.

    Raises ValueError where that is no handshake, or longer than a record may be.
    """
    kind, major, _minor, length = struct.unpack("!BBBH", head)
    if kind != _HANDSHAKE or major != 3 or not 4 <= length <= MAX_RECORD:  # noqa: PLR2004 - TLS
        raise ValueError("not the beginning of a TLS handshake")
    return int(length)


def parse(record: bytes) -> ClientHello:
    """Read the content of the first record, which must hold the message whole. Raises ValueError."""
    try:
        return _parse(record)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise ValueError("not a whole ClientHello") from None


def _parse(record: bytes) -> ClientHello:
    if record[0] != _CLIENT_HELLO or int.from_bytes(record[1:4]) != len(record) - 4:
        raise ValueError("not a whole ClientHello")
    rest = record[4 + 2 + 32 :]
    for size in (1, 2, 1):  # session, cipher suites, compression methods
        _, rest = _vector(rest, size)
    extensions, _ = _vector(rest, 2)
    name = ""
    protocols: tuple[str, ...] = ()
    while extensions:
        (kind,) = struct.unpack("!H", extensions[:2])
        content, extensions = _vector(extensions[2:], 2)
        if kind == _SERVER_NAME:
            name = _name(content)
        elif kind == _ALPN:
            protocols = _protocols(content)
    return ClientHello(name, protocols)


def _name(content: bytes) -> str:
    names, _ = _vector(content, 2)
    if names[0] != 0:
        raise ValueError("not a host name")
    return _vector(names[1:], 2)[0].decode("ascii").lower()


def _protocols(content: bytes) -> tuple[str, ...]:
    left, _ = _vector(content, 2)
    found = []
    while left:
        one, left = _vector(left, 1)
        found.append(one.decode("ascii"))
    return tuple(found)


def _vector(data: bytes, size: int) -> tuple[bytes, bytes]:
    """Return a vector whose length stands in the first `size` bytes, and what follows it."""
    if len(data) < size:
        raise ValueError("not a whole ClientHello")
    length = int.from_bytes(data[:size])
    content = data[size : size + length]
    if len(content) != length:
        raise ValueError("not a whole ClientHello")
    return content, data[size + length :]
