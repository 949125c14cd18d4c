"""What one authoritative server's message means for one question."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

from nameplate.adapters.resolver.query import NameServer
from nameplate.adapters.wire.decoding import Message, joined
from nameplate.core.rdata import presentation
from nameplate.ports.resolver import Answer, AnswerKind

_FLAGS = slice(2, 4)
_RCODE = 0xF
_AA = int(dns.flags.AA)
_REFUSED, _NOERROR, _NXDOMAIN = (
    int(one) for one in (dns.rcode.REFUSED, dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
)


@dataclass(frozen=True, slots=True)
class Alias:
    """The name is another name for `target` (RFC 1034 section 3.6.2)."""

    target: dns.name.Name


@dataclass(frozen=True, slots=True)
class Referral:
    """The name is in a zone further down (RFC 1034 section 4.3.2)."""

    zone: dns.name.Name
    servers: tuple[str, ...]
    glue: tuple[tuple[str, str], ...]
    """NameServer name and address, for servers inside the zone they serve."""


class ServerReply(NamedTuple):
    """A server's message, as far as it is judged."""

    rcode: int
    authoritative: bool
    answers: Sequence[tuple[str, int, int, str]]
    """Canonical owner without final dot, number of the type, TTL, value as in `Answer.values`."""
    whole: Callable[[], dns.message.Message]
    """Returns all of it; raises `dns.exception.DNSException` when it cannot be read."""

    @classmethod
    def of(cls, message: dns.message.Message) -> Self:
        """Take a message that dnspython has read."""
        answers = [
            (_text(rrset.name), _type(rrset), rrset.ttl, value)
            for rrset in message.answer
            for value in values(rrset)
        ]
        is_authority = bool(message.flags & dns.flags.AA)
        return cls(int(message.rcode()), is_authority, answers, lambda: message)

    @classmethod
    def of_wire(cls, wire: bytes) -> Self:
        """Read a message as it came; `dns.exception.DNSException` when it is none.

        dnspython takes several times as long, most of it for sections that are not judged.
        """
        flags = int.from_bytes(wire[_FLAGS])
        message = Message(wire, text=joined)
        answers = tuple(message.answers())
        message.signature()  # walks to the end
        is_authority = bool(flags & _AA)
        return cls(flags & _RCODE, is_authority, answers, lambda: dns.message.from_wire(wire))

    def data(self, name: str, rdtype: str) -> tuple[tuple[str, ...], int]:
        """Return the values of one record set, sorted, and its TTL; no values where there is none."""
        kind = dns.rdatatype.from_text(rdtype)
        found = [
            (value, ttl) for owner, of, ttl, value in self.answers if of == kind and owner == name
        ]
        if not found:
            return (), 0
        return tuple(sorted({value for value, _ in found})), min(ttl for _, ttl in found)


def read(
    reply: ServerReply, name: dns.name.Name, rdtype: str, zone: dns.name.Name, by: NameServer
) -> Answer | Alias | Referral:
    """Classify the answer of a server of `zone`."""
    server = str(by)
    failure = _failure(reply, name, zone, server)
    if failure is not None:
        return failure
    if reply.answers:
        owner = _text(name)
        found, ttl = reply.data(owner, rdtype)
        if found:
            return Answer(AnswerKind.DATA, server, found, ttl)
        target, _ = ((), 0) if rdtype == "CNAME" else reply.data(owner, "CNAME")
        if target:
            return Alias(dns.name.from_text(target[0]).canonicalize())
        return Answer(AnswerKind.SERVFAIL, server, detail="answers another question")
    if reply.rcode == _NXDOMAIN:
        return Answer(AnswerKind.NXDOMAIN, server, detail="the name does not exist")
    return Answer(AnswerKind.NODATA, server, detail=f"the name has no {rdtype}")


def _failure(
    reply: ServerReply, name: dns.name.Name, zone: dns.name.Name, server: str
) -> Answer | Referral | None:
    rcode = reply.rcode
    if rcode == _REFUSED:
        return Answer(AnswerKind.REFUSED, server, detail="refuses to answer")
    if rcode not in {_NOERROR, _NXDOMAIN}:
        said = dns.rcode.to_text(dns.rcode.Rcode.make(rcode))
        return Answer(AnswerKind.SERVFAIL, server, detail=f"answers {said}")
    if reply.authoritative:
        return None
    lame = Answer(AnswerKind.REFUSED, server, detail="is not authoritative (lame)")
    return _referral(reply.whole(), name, zone) or lame


def _type(rrset: dns.rrset.RRset) -> int:
    """Return the number of a type; 0, which no type has, for what is of another class."""
    return int(rrset.rdtype) if rrset.rdclass == dns.rdataclass.IN else 0


def values(rrset: dns.rrset.RRset) -> tuple[str, ...]:
    """Return the record set's values as `Answer.values` defines them."""
    return tuple(sorted({_value(rdata) for rdata in rrset}))


def _value(rdata: dns.rdata.Rdata) -> str:
    if isinstance(rdata, TXT):
        return joined(rdata.strings)
    return presentation(rdata, dns.rdatatype.to_text(rdata.rdtype))


def _referral(
    message: dns.message.Message, name: dns.name.Name, zone: dns.name.Name
) -> Referral | None:
    for rrset in message.authority:
        below = rrset.name.is_subdomain(zone) and rrset.name != zone
        if rrset.rdtype == dns.rdatatype.NS and below and name.is_subdomain(rrset.name):
            names = {rdata.target.canonicalize() for rdata in rrset}
            glue = {
                (_text(extra.name), rdata.address)
                for extra in message.additional
                if extra.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}
                and extra.name in names
                and extra.name.is_subdomain(rrset.name)
                for rdata in extra
            }
            servers = tuple(sorted(_text(server) for server in names))
            return Referral(rrset.name.canonicalize(), servers, tuple(sorted(glue)))
    return None


def _text(name: dns.name.Name) -> str:
    return name.canonicalize().to_text(omit_final_dot=True)
