"""The keys of the DNS root that are trusted, from a file of DS records."""

from importlib.resources import files
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
import dns.zonefile

from nameplate.core.errors import Invalid

_SHIPPED = "root-anchors.txt"


def read(path: Path | None = None) -> dns.rrset.RRset:
    """Return the DS records of the root in a file, or those that are shipped.

    Raises `Invalid` `setting_invalid` when the file has none or has anything else.
    """
    try:
        text = (
            files(__package__).joinpath(_SHIPPED).read_text(encoding="ascii")
            if path is None
            else path.read_text(encoding="ascii")
        )
        found = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0)
    except (OSError, UnicodeError, dns.exception.DNSException) as error:
        raise Invalid("setting_invalid", f"The trust anchors cannot be read: {error}") from None
    if [(one.name, one.rdtype) for one in found] != [(dns.name.root, dns.rdatatype.DS)]:
        raise Invalid(
            "setting_invalid", f"{path} must have DS records of the root and nothing else."
        )
    return found[0]
