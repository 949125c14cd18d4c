"""TXT and CAA between presentation form and the raw text that some providers keep instead."""

from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype

from nameplate.core.rdata.text import quoted

_MAX_STRING = 255


def raw(value: str) -> str | None:
    """Return the text of a canonical TXT value in one piece, None when it is not UTF-8."""
    rdata: Any = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, value)
    try:
        return b"".join(rdata.strings).decode()
    except UnicodeDecodeError:
        return None


def from_raw(text: str) -> str:
    """Return the canonical TXT value of a raw text: strings of at most 255 octets."""
    octets = text.encode()
    cuts = range(0, len(octets), _MAX_STRING)
    return quoted([octets[cut : cut + _MAX_STRING] for cut in cuts] or [b""])


def is_one_piece(value: str) -> bool:
    """Tell whether a provider that keeps raw text gives this value back as it was."""
    text = raw(value)
    return text is not None and from_raw(text) == value


def caa(value: str) -> tuple[int, str, str]:
    """Return flags, tag and the unquoted value of a canonical CAA value."""
    rdata: Any = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.CAA, value)
    return rdata.flags, rdata.tag.decode(), rdata.value.decode()


def from_caa(flags: int, tag: str, value: str) -> str:
    """Return the CAA value in presentation form."""
    return f"{flags} {tag} {quoted([value.encode()])}"


def is_presentation(text: str) -> bool:
    """Tell whether a provider's text is in quotes, as in a zone file."""
    return len(text) > 1 and text[0] == text[-1] == '"'
