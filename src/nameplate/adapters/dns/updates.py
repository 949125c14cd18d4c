"""Messages of RFC 2136, and record sets as dnspython has them."""

from collections.abc import Iterable

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.update

from nameplate.adapters.dns.batch import length
from nameplate.core.rdata import presentation
from nameplate.core.records import Action, Change, RRset
from nameplate.ports.dns import Zone

LIMIT = 48_000  # octets of text; a message over TCP has 65,535 on the wire
_UNKNOWN_HERE = frozenset({"ALIAS", "ANAME"})


class Impossible(Exception):
    """The change cannot be said in this protocol."""


def read(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> RRset:
    """Return the canonical record set of what a server sent."""
    rdtype = dns.rdatatype.to_text(rdataset.rdtype)
    values = tuple(sorted({presentation(rdata, rdtype) for rdata in rdataset}))
    owner = name.canonicalize().to_text(omit_final_dot=True)
    return RRset(owner, rdtype, rdataset.ttl, values)


def _rdataset(rrset: RRset, ttl: int = 0) -> dns.rdataset.Rdataset:
    """Return what dnspython sends; a prerequisite has TTL 0 (RFC 2136 section 2.4.2)."""
    if rrset.type in _UNKNOWN_HERE:
        raise Impossible(f"{rrset.type} is a type of some providers, not of this one.")
    if rrset.proxied:
        raise Impossible("This provider has no proxy of its own.")
    try:
        return dns.rdataset.from_text(dns.rdataclass.IN, rrset.type, ttl, *rrset.values)
    except dns.exception.DNSException as error:
        raise Impossible(f"{rrset.name} {rrset.type} cannot be encoded: {error}") from None


def is_large(change: Change) -> bool:
    """Tell whether one message cannot hold both the old values and the new ones."""
    return change.action is Action.UPDATE and length(change) > LIMIT


def update(zone: Zone, changes: Iterable[Change]) -> dns.update.UpdateMessage:
    """Return one message: everything as it was seen, deletions, then additions."""
    message = dns.update.UpdateMessage(zone.name)
    changes = sorted(changes, key=lambda change: change.action is not Action.DELETE)
    for change in changes:
        owner = dns.name.from_text(change.key[0])
        rdtype = change.key[1]
        before = _rdataset(change.before) if change.before else None
        after = _rdataset(change.after, change.after.ttl) if change.after else None
        if before is None:
            message.absent(owner, rdtype)
        elif is_large(change):
            message.present(owner, rdtype)
        else:
            message.present(owner, before)
        if change.key == (zone.name, "NS") and before is not None and after is not None:
            # Servers ignore the deletion of all NS at the apex (RFC 2136 section 3.4.2.3).
            message.add(owner, after)
            for rdata in set(before) - set(after):
                message.delete(owner, rdata)
            continue
        if before is not None:
            message.delete(owner, rdtype)
        if after is not None:
            message.add(owner, after)
    return message


def probe(zone: Zone, changes: Iterable[Change]) -> dns.update.UpdateMessage:
    """Return a message of prerequisites alone, which says whether the changes took effect.

    What was not there and is there now is ours, whatever its values; that a server exchanges values
    of a record set half-way is not allowed to it, but at the apex NS (RFC 2136 section 3.4.2).
    """
    message = dns.update.UpdateMessage(zone.name)
    for change in changes:
        owner = dns.name.from_text(change.key[0])
        if change.after is None:
            message.absent(owner, change.key[1])
        elif change.key == (zone.name, "NS"):
            message.present(owner, _rdataset(change.after))
        elif change.action is Action.CREATE:
            message.present(owner, change.key[1])
    return message
