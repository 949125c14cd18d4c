"""PEM files as people have them (RFC 7468): their blocks, each with its place for messages.

Between blocks only what means nothing is let through: blank lines, comments, and what `openssl` writes
there. Whatever else stands there may be a block that was cut, so it is refused.
"""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

from nameplate.core.errors import Invalid

MAX_FILE = 64 * 1024
"""Bytes of a file; a usual one has 4,000 to 12,000."""
MAX_BLOCKS = 12
"""Ten certificates, a key, and one more than there may be."""
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
)  # fmt: skip
_BOUNDARY = re.compile(r"-----(BEGIN|END) ([A-Z0-9](?:[A-Z0-9 ]{0,38}[A-Z0-9])?)-----")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_HEADER = re.compile(r"(Proc-Type: 4,ENCRYPTED|DEK-Info: [A-Z0-9-]{1,40},[0-9A-Fa-f]{1,64})")
_MEANINGLESS = re.compile(
    r"#.*|Bag Attributes.*|Key Attributes.*|[ \t]+[\w .()-]+: .*|(subject|issuer) ?=.*"
)
"""A comment, and what `openssl pkcs12` and `openssl s_client` write between blocks."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a file."""

    number: int
    """From 1."""
    label: str
    """Such as `CERTIFICATE`."""
    der: bytes
    headers: tuple[str, ...] = ()
    """Of a key that is encrypted in the old way (RFC 1421)."""

    @property
    def place(self) -> str:
        """Return what a message calls it, such as `the second block`."""
        return f"the {_ORDINALS[self.number - 1]} block"

    def text(self) -> bytes:
        """Return it as PEM again."""
        encoded = binascii.b2a_base64(self.der, newline=False).decode()
        lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
        head = [*self.headers, ""] if self.headers else []
        ends = f"-----BEGIN {self.label}-----", f"-----END {self.label}-----"
        return "\n".join([ends[0], *head, *lines, ends[1], ""]).encode()

    def __repr__(self) -> str:
        """Return its place only: it may be a key."""
        return f"Block({self.number}, {self.label})"


def blocks(file: bytes) -> list[Block]:
    """Return the blocks of a PEM file.

    Raises `Invalid` with `bundle_too_large` or `bundle_malformed`, which says where.
    """
    if len(file) > MAX_FILE:
        raise Invalid("bundle_too_large", f"A file has at most {MAX_FILE // 1024} KiB.")
    if file[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"\0" in file:
        raise _malformed("The file is not text. Save it as UTF-8, or give a PKCS #12 file as such.")
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _malformed("The file is not text. Expected PEM.") from None
    found: list[Block] = []
    for one in _blocks(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
        found.append(one)
        if len(found) == MAX_BLOCKS:
            raise Invalid("bundle_too_large", "A file has at most ten certificates and one key.")
    if not found:
        raise _malformed("The file has no PEM block. Expected `-----BEGIN CERTIFICATE-----`.")
    return found


def _blocks(lines: list[str]) -> Iterator[Block]:
    rest = enumerate(lines, 1)
    count = 0
    for number, line in rest:
        boundary = _BOUNDARY.fullmatch(line.strip())
        if boundary is not None and boundary[1] == "BEGIN":
            count += 1
            yield _block(count, boundary[2], rest)
        elif line.strip() and not _MEANINGLESS.fullmatch(line):
            raise _malformed(
                f"Line {number} belongs to no block. Expected PEM blocks with nothing but comments "
                "between them."
            )


def _block(number: int, label: str, rest: Iterator[tuple[int, str]]) -> Block:
    """Read the lines of one block up to its end."""
    place = f"The {_ORDINALS[min(number, MAX_BLOCKS) - 1]} block ({label})"
    headers: list[str] = []
    content: list[str] = []
    for at, raw in rest:
        line = raw.strip()
        boundary = _BOUNDARY.fullmatch(line)
        if boundary is not None and boundary.groups() == ("END", label):
            try:
                der = b64decode("".join(content), validate=True)
            except ValueError:
                raise _malformed(f"{place} is damaged: its base64 is not whole.") from None
            return Block(number, label, der, tuple(headers))
        if boundary is not None:
            raise _malformed(f"{place} has no END line before line {at}.")
        if _HEADER.fullmatch(line) and not content:
            headers.append(line)
        elif _BASE64.fullmatch(line):
            content.append(line)
        elif line:
            raise _malformed(f"{place} is damaged in line {at}, which is not base64.")
    raise _malformed(f"{place} is cut off: it has no END line.")


def _malformed(detail: str) -> Invalid:
    return Invalid("bundle_malformed", detail)
