"""Which authorities a zone lets issue certificates (CAA, RFC 8659)."""

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from nameplate.core.caa_policy import properties
from nameplate.core.names import is_within, self_and_ancestors
from nameplate.core.records import RRset

_IDENTITIES = {
    "letsencrypt.org": ("letsencrypt.org",),
    "zerossl.com": ("sectigo.com", "zerossl.com"),
    "pki.goog": ("pki.goog",),
    "ssl.com": ("ssl.com",),
    "buypass.com": ("buypass.com",),
    "digicert.com": ("digicert.com",),
    "actalis.com": ("actalis.it",),
}
"""Issuer domain names by the end of an ACME directory's host, as the authorities publish them."""


def identities(directory_url: str) -> tuple[str, ...]:
    """Return the issuer domain names of a well-known ACME authority, none for another."""
    host = urlsplit(directory_url).hostname or ""
    for end, issuers in _IDENTITIES.items():
        if is_within(host, end):
            return issuers
    return ()


def warnings(rrsets: Iterable[RRset], name: str, authorities: Collection[str]) -> list[str]:
    """Say for `name` and its wildcard when CAA would lock out every authority in use.

    `rrsets` are the zone's CAA sets. The set of the closest name upwards counts (RFC 8659 section
    3). `authorities` are issuer domain names; no warning when none is known.
    """
    sets = {rrset.name: rrset for rrset in rrsets if rrset.type == "CAA"}
    found = next((sets[one] for one in self_and_ancestors(name) if one in sets), None)
    if found is None or not authorities:
        return []
    allowed = _allowed(found, "issue")
    wild = _allowed(found, "issuewild")
    said = []
    if allowed is not None and not allowed & set(authorities):
        said.append(_told(found, name, "issue", authorities))
    if wild is not None and not wild & set(authorities):
        said.append(_told(found, f"*.{name}", "issuewild", authorities))
    return said


def excluding(rrset: RRset, authorities: Collection[str], *, wildcard: bool) -> str | None:
    """Return the tag by which the CAA set of a name excludes every authority in use; None: it does not.

    For a wildcard `issuewild` counts instead of `issue` where it occurs (RFC 8659 section 4.3).
    """
    tag, allowed = "issue", _allowed(rrset, "issue")
    if wildcard and (wild := _allowed(rrset, "issuewild")) is not None:
        tag, allowed = "issuewild", wild
    if not authorities or allowed is None or allowed & set(authorities):
        return None
    return tag


def _allowed(rrset: RRset, tag: str) -> set[str] | None:
    """Return the issuer domain names that a tag names, None when the tag does not occur."""
    found = [one for one in properties(rrset.values) if one.tag == tag]
    return {one.issuer for one in found} if found else None


def _told(rrset: RRset, name: str, tag: str, authorities: Collection[str]) -> str:
    wanted = " or ".join(f'0 {tag} "{one}"' for one in sorted(authorities))
    return (
        f"The CAA record at {rrset.name} does not allow the certificate authority to issue for "
        f"{name}. Add {wanted}."
    )
