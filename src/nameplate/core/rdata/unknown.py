r"""Rdata that nobody here reads, carried as it is: `\# length hexadecimal` (RFC 3597 section 5)."""

import re

_SHAPE = re.compile(r"\\#\s+(\d{1,5})((?:\s+[0-9a-fA-F]+)*)\s*")


def generic(octets: bytes) -> str:
    """Return the form that says nothing about what the octets mean."""
    return rf"\# {len(octets)} {octets.hex()}".rstrip()


def octets(text: str) -> bytes | None:
    """Return the octets of that form; None when `text` is not of it."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    digits = "".join(found[2].split())
    if len(digits) != 2 * int(found[1]):
        return None
    return bytes.fromhex(digits)
