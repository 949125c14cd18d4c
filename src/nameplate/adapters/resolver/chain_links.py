"""Whether one record set is signed by one of a zone's keys, and why not."""

from collections.abc import Sequence
from typing import NamedTuple

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.RRSIG import RRSIG

MAX_SET = 16
"""Keys, DS records or signatures of one set that are looked at."""
_MAX_PAIRS = 4
"""Keys of one tag that one signature is tried with: each may cost a check (CVE-2023-50387)."""
_ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
"""Those that resolvers validate by (RFC 8624)."""
_DIGESTS = frozenset({1, 2, 4})
_SHA1 = 1


class Bogus(Exception):
    """A validating resolver rejects the answer; carries the fault and what was found where."""

    def __init__(self, fault: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


class Keys(NamedTuple):
    """The keys of a zone that are trusted."""

    zone: dns.name.Name
    rrset: dns.rrset.RRset


def shown(name: dns.name.Name) -> str:
    """Return a name for people: whatever letters it came in."""
    return name.canonicalize().to_text(omit_final_dot=True) or "."


def rrset_of(
    section: Sequence[dns.rrset.RRset], name: dns.name.Name, kind: dns.rdatatype.RdataType
) -> dns.rrset.RRset | None:
    """Return one record set of a section of a message."""
    for one in section:
        if one.name == name and one.rdtype == kind and one.rdclass == dns.rdataclass.IN:
            return one
    return None


def check(
    section: Sequence[dns.rrset.RRset], rrset: dns.rrset.RRset, keys: Keys, now: float
) -> int:
    """Return how many labels of the owner were signed: fewer than it has where a wildcard answered.

    Raises `Bogus` when no signature beside the record set holds.
    """
    covering = [
        rdata
        for one in section
        if one.name == rrset.name and one.rdtype == dns.rdatatype.RRSIG
        for rdata in one
        if isinstance(rdata, RRSIG) and rdata.type_covered == rrset.rdtype
    ]
    told = f"{dns.rdatatype.to_text(rrset.rdtype)} of {shown(rrset.name)}"
    if not covering:
        raise Bogus("unsigned", f"{told} has no signature")
    ours = [one for one in covering if one.signer == keys.zone and _candidates(one, keys)]
    if not ours:
        tags = ", ".join(sorted({str(one.key_tag) for one in covering}))
        raise Bogus(
            "wrong_key", f"{told} is signed by {tags}, which is no key of {shown(keys.zone)}"
        )
    for one in ours[:MAX_SET]:
        if one.labels <= len(rrset.name.labels) - 1 and _holds(rrset, one, keys, now):
            return one.labels
    if all(one.expiration < now for one in ours):
        raise Bogus("expired", f"the signature of {told} has expired")
    if all(one.inception > now for one in ours):
        raise Bogus("not_yet_valid", f"the signature of {told} is not valid yet")
    raise Bogus("invalid", f"the signature of {told} does not match it")


def _candidates(signature: RRSIG, keys: Keys) -> list[dns.rdata.Rdata]:
    return [
        key
        for key in keys.rrset
        if isinstance(key, DNSKEY)
        and key.algorithm == signature.algorithm
        and dns.dnssec.key_id(key) == signature.key_tag
    ]


def _holds(rrset: dns.rrset.RRset, signature: RRSIG, keys: Keys, now: float) -> bool:
    tried = dns.rrset.from_rdata_list(keys.zone, 0, _candidates(signature, keys)[:_MAX_PAIRS])
    try:
        dns.dnssec.validate_rrsig(rrset, signature, {keys.zone: tried}, now=now)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def is_supported(ds: dns.rrset.RRset) -> bool:
    """Tell whether any of these records can be used: else the zone is as one that is not signed."""
    return bool(_usable(ds))


def _usable(ds: dns.rrset.RRset) -> list[DS]:
    """Return the records to trust; those by SHA-1 only where there are no others (RFC 4509)."""
    found = [
        one
        for one in ds
        if isinstance(one, DS) and one.algorithm in _ALGORITHMS and one.digest_type in _DIGESTS
    ]
    return [one for one in found if one.digest_type != _SHA1] or found


def trusted_keys(ds: dns.rrset.RRset, answered: dns.message.Message, now: float) -> Keys:
    """Return the zone's keys, signed by one that a DS record names. Raises `Bogus`."""
    zone = ds.name
    keys = rrset_of(answered.answer, zone, dns.rdatatype.DNSKEY)
    if keys is None:
        raise Bogus("no_keys", f"{shown(zone)} has a DS record at its parent and no keys")
    if max(len(keys), len(ds)) > MAX_SET:
        raise Bogus("invalid", f"{shown(zone)} has more than {MAX_SET} keys or DS records")
    usable = _usable(ds)
    named = [key for key in keys if isinstance(key, DNSKEY) and _is_named(key, zone, usable)]
    if not named:
        tags = ", ".join(str(one.key_tag) for one in usable)
        raise Bogus("ds_mismatch", f"no key of {shown(zone)} is the one of its DS records ({tags})")
    anchor = Keys(zone, dns.rrset.from_rdata_list(zone, keys.ttl, named))
    check(answered.answer, keys, anchor, now)
    return Keys(zone, keys)


def _is_named(key: DNSKEY, zone: dns.name.Name, usable: Sequence[DS]) -> bool:
    tag = dns.dnssec.key_id(key)
    for one in usable:
        if (one.key_tag, one.algorithm) != (tag, key.algorithm):
            continue
        try:
            if dns.dnssec.make_ds(zone, key, one.digest_type, validating=True) == one:
                return True
        except (dns.exception.DNSException, ValueError):
            continue
    return False
