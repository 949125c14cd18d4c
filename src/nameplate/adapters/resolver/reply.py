"""What one authoritative server's message means for one question."""

from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

from nameplate.adapters.resolver.query import NameServer
from nameplate.core.rdata import presentation
from nameplate.ports.resolver import Answer, AnswerKind


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


def read(
    message: dns.message.Message,
    name: dns.name.Name,
    rdtype: str,
    zone: dns.name.Name,
    by: NameServer,
) -> Answer | Alias | Referral:
    """Classify the answer of a server of `zone`."""
    failure = _failure(message, name, zone, str(by))
    if failure is not None:
        return failure
    data = _rrset(message, name, rdtype)
    if data is not None:
        return Answer(AnswerKind.DATA, str(by), values(data), data.ttl)
    alias = None if rdtype == "CNAME" else _rrset(message, name, "CNAME")
    if alias is not None:
        return Alias(alias[0].target.canonicalize())
    if message.rcode() == dns.rcode.NXDOMAIN:
        return Answer(AnswerKind.NXDOMAIN, str(by), detail="the name does not exist")
    return Answer(AnswerKind.NODATA, str(by), detail=f"the name has no {rdtype}")


def _failure(
    message: dns.message.Message, name: dns.name.Name, zone: dns.name.Name, server: str
) -> Answer | Referral | None:
    rcode = message.rcode()
    if rcode == dns.rcode.REFUSED:
        return Answer(AnswerKind.REFUSED, server, detail="refuses to answer")
    if rcode not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Answer(AnswerKind.SERVFAIL, server, detail=f"answers {dns.rcode.to_text(rcode)}")
    if message.flags & dns.flags.AA:
        return None
    lame = Answer(AnswerKind.REFUSED, server, detail="is not authoritative (lame)")
    return _referral(message, name, zone) or lame


def values(rrset: dns.rrset.RRset) -> tuple[str, ...]:
    """Return the record set's values as `Answer.values` defines them."""
    return tuple(sorted({_value(rdata) for rdata in rrset}))


def _value(rdata: dns.rdata.Rdata) -> str:
    if isinstance(rdata, TXT):
        return b"".join(rdata.strings).decode("utf-8", "backslashreplace")
    return presentation(rdata, dns.rdatatype.to_text(rdata.rdtype))


def _rrset(
    message: dns.message.Message, name: dns.name.Name, rdtype: str
) -> dns.rrset.RRset | None:
    return message.get_rrset(
        message.answer, name, dns.rdataclass.IN, dns.rdatatype.from_text(rdtype)
    )


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
