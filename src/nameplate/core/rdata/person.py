"""RP: who is responsible for a host (RFC 1183 section 2.2)."""

import dns.exception
import dns.name

from nameplate.core.rdata.forms import misshapen
from nameplate.core.rdata.hosts import name_length, target
from nameplate.core.rdata.value import Fields, Given, Rdata

_WORDS = 2


def parse_rp(given: Given) -> Rdata:
    r"""Read RP: the mailbox as a name (`alice.example.com`), and where TXT says more, or `.`.

    A dot before the `@` of the address is written `\.`, as in SOA (RFC 1035 section 8).
    """
    words = given.value.split()
    if len(words) != _WORDS:
        raise misshapen(given)
    mailbox = _escaped(words[0], given) if "\\" in words[0] else target(words[0], given)
    texts = target(words[1], given)
    text = f"{mailbox} {texts}"
    length = len(dns.name.from_text(mailbox).to_wire() or b"") + name_length(texts)
    return Rdata("RP", text, Fields(text), length)


def _escaped(word: str, given: Given) -> str:
    """Return a mailbox whose first label has escapes, as an absolute name."""
    try:
        name = dns.name.from_text(word, None)
        if not name.is_absolute():
            suffix = dns.name.from_text(given.origin) if len(name) == 1 else dns.name.root
            name = name.concatenate(suffix)
    except (dns.exception.DNSException, ValueError) as error:
        raise misshapen(given, str(error)) from None
    return name.canonicalize().to_text()
