"""Telling a name from an IP address in any spelling that some program still understands."""

import ipaddress
import re
import unicodedata

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_FIRST_OF_ADDRESS = re.compile(r"\[?[0-9a-f:]")


def is_address(text: str) -> bool:
    """Tell whether `text` is an IPv4 or IPv6 address, bracketed, with zone or prefix length.

    Everything that `getaddrinfo` takes for IPv4 counts: `127.1`, `0x7f000001`, `2130706433`,
    `0177.0.0.1`, and digits in circles, full width or another script, which compatibility mapping
    turns into ASCII ones.
    """
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(char, char)) for char in text)
        text = unicodedata.normalize("NFKC", text).replace("。", ".")
    text = text.lower()
    if not _FIRST_OF_ADDRESS.match(text):
        return False
    if ":" in text:
        return _is_ipv6(text)
    host = text.partition("/")[0].strip("[]").removesuffix(".")
    return all(_NUMBER.fullmatch(part) for part in host.split("."))


def is_number(label: str) -> bool:
    """Tell whether a lower-case ASCII `label` reads as a number: as last label it means IPv4."""
    return _NUMBER.fullmatch(label) is not None


def _is_ipv6(text: str) -> bool:
    """Tell whether `text` is IPv6, or IPv4 with a port."""
    bare = text.partition("/")[0].removeprefix("[").partition("]")[0].partition("%")[0]
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        head = bare.partition(":")[0]
        return bool(head) and "." in head and is_address(head)
    return True
