"""TXT: raw text from people, quoted strings on the wire."""

import re
from collections.abc import Iterable, Sequence

from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

_STRING = r'"(?:[^"\\]|\\.)*"'
_QUOTED = re.compile(rf"\s*{_STRING}(?:\s+{_STRING})*\s*", re.DOTALL)
_EACH = re.compile(_STRING, re.DOTALL)
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_NOTHING_TO_ESCAPE = re.compile(rb"[ !#-\[\]-~]*")
_MAX_STRING = 255
_MAX_RDATA = 65535


def parse_txt(given: Given) -> Rdata:
    """Read TXT (RFC 1035 section 3.3.14).

    Text that is not wholly in double quotes is one raw string, whatever is in it: spaces, `;`, `"`
    and backslashes included. Text that is, is presentation form: its strings stay apart.
    """
    if is_quoted(given.value):
        return _made([unescaped(found) for found in _EACH.findall(given.value)])
    if not given.value:
        raise wrong("/value", "value_required", 'A text is required. Write `""` for an empty one.')
    control = re.search(r"[\x00-\x1f\x7f]", given.value)
    if control:
        raise wrong(
            "/value",
            "control_character",
            "The text has a line break or control character at position "
            f"{control.start() + 1}. Remove it. If it is intended, quote the text and write "
            "the character as \\010.",
        )
    try:
        raw = given.value.encode()
    except UnicodeEncodeError:
        raise wrong("/value", "text_invalid", "The text is not valid Unicode.") from None
    return _made([raw])


def is_quoted(text: str) -> bool:
    """Tell whether a text is wholly in double quotes, and so is presentation form."""
    return _QUOTED.fullmatch(text) is not None


def joined(presentation: str) -> str:
    """Return the text that the strings of canonical TXT rdata make together, as SPF and DKIM read it."""
    octets = b"".join(unescaped(found) for found in _EACH.findall(presentation))
    return octets.decode("utf-8", "backslashreplace")


def rejoined(presentation: str) -> str:
    """Return canonical TXT rdata with its strings joined, and cut anew after each 255 octets.

    Two values with the same result are the same text (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
    """
    if '" "' not in presentation:
        return presentation
    return quoted(_split(b"".join(unescaped(found) for found in _EACH.findall(presentation))))


def text_length(presentation: str) -> int:
    """Return the octets of canonical TXT rdata on the wire."""
    return sum(len(unescaped(found)) + 1 for found in _EACH.findall(presentation))


def quoted(strings: Iterable[bytes]) -> str:
    r"""Return presentation form: each string in quotes, `"` and `\` escaped, the rest as \DDD."""
    return " ".join(f'"{_escaped(string)}"' for string in strings)


def _made(strings: Sequence[bytes]) -> Rdata:
    parts = [part for string in strings for part in _split(string)]
    length = sum(len(part) + 1 for part in parts)
    if length > _MAX_RDATA:
        raise wrong(
            "/value",
            "text_too_long",
            f"The text needs {length} octets, but DNS allows at most {_MAX_RDATA}. Shorten it.",
        )
    text = quoted(parts)
    return Rdata("TXT", text, Fields(text), length)


def _split(string: bytes) -> list[bytes]:
    return [string[at : at + _MAX_STRING] for at in range(0, len(string), _MAX_STRING)] or [b""]


def unescaped(string: str) -> bytes:
    """Return the octets of one quoted string (RFC 1035 section 5.1)."""

    def octet(found: re.Match[bytes]) -> bytes:
        code = found[1]
        if not code.isdigit():
            return code
        if len(code) == 1 or int(code) > _MAX_STRING:
            raise wrong(
                "/value",
                "escape_invalid",
                f"`\\{code.decode()}` is not an octet. Expected \\000 to \\255.",
            )
        return bytes([int(code)])

    try:
        raw = string[1:-1].encode()
    except UnicodeEncodeError:
        raise wrong("/value", "text_invalid", "The text is not valid Unicode.") from None
    return _ESCAPE.sub(octet, raw)


_OCTETS = [chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}" for octet in range(256)]  # noqa: PLR2004  # printable ASCII
_OCTETS[ord('"')] = '\\"'
_OCTETS[ord("\\")] = "\\\\"


def _escaped(string: bytes) -> str:
    if _NOTHING_TO_ESCAPE.fullmatch(string):
        return string.decode("ascii")
    return "".join(map(_OCTETS.__getitem__, string))
