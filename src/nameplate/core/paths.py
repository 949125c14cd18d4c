"""Path prefixes of bindings: one grammar at the door, in the unique index and in the proxies."""

import re

from nameplate.core.errors import Invalid, Problem

MAX_LENGTH = 255
"""Characters, as the column has them."""
_SEGMENTS = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")


def parse(text: str, pointer: str = "/path") -> str:
    """Return the canonical path prefix: `/`, or segments without a slash at the end.

    `/shop` covers `/shop` and everything below `/shop/`, so that `/shop/` is the same prefix. The
    letters are the unreserved ones of RFC 3986 section 2.3, which every proxy reads alike; `.` and
    `..` would be resolved by some. Raises Invalid `path_invalid` with `pointer`.
    """
    path = text.removesuffix("/") or "/"
    if path == "/" and text == "/":
        return path
    if is_canonical(path) and path != "/":
        return path
    detail = (
        "Expected a path that begins with `/` and whose parts consist of letters, digits, "
        "and - . _ ~ only. `.` and `..` are not allowed as parts."
    )
    raise Invalid("path_invalid", detail, [Problem(pointer, "path_invalid", detail)])


def is_canonical(path: str) -> bool:
    """Tell whether `path` is a prefix in the form that `parse` returns."""
    if path == "/":
        return True
    if len(path) > MAX_LENGTH or not _SEGMENTS.fullmatch(path):
        return False
    return not {".", ".."} & set(path.split("/"))
