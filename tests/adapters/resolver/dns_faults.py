"""What name servers do wrong, as a table: each fault spoils an answer, whatever it says."""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Reply = dns.message.Message | bytes | None
Spoil = Callable[[dns.message.Message, dns.message.Message], Reply]
"""Takes the query and an honest answer to it."""
OTHER = dns.name.from_text("other.example.test")


@dataclass(frozen=True)
class Fault:
    """One fault, and the kind that an answer with it has."""

    name: str
    spoil: Spoil
    kind: str
    by_tcp: Spoil | None = None
    """What happens by TCP; None: the same."""


def _silent(_query: dns.message.Message, _reply: dns.message.Message) -> Reply:
    return None


def _late(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    time.sleep(0.5)
    return reply


def _wrong_id(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    reply.id ^= 1
    return reply


def _flag(on: int = 0, off: int = 0) -> Spoil:
    def spoil(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
        reply.flags = (reply.flags | on) & ~off
        return reply

    return spoil


def _opcode(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    wire = bytearray(reply.to_wire())
    wire[2] |= dns.opcode.NOTIFY << 3
    return bytes(wire)


def _rcode(code: int) -> Spoil:
    def spoil(query: dns.message.Message, _reply: dns.message.Message) -> Reply:
        failed = dns.message.make_response(query)
        failed.set_rcode(dns.rcode.Rcode.make(code))
        return failed

    return spoil


def _authoritative_rcode(code: int) -> Spoil:
    def spoil(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
        reply.set_rcode(dns.rcode.Rcode.make(code))
        return reply

    return spoil


def _question(
    name: dns.name.Name | None = None, kind: str | None = None, rdclass: str = "IN"
) -> Spoil:
    def spoil(query: dns.message.Message, reply: dns.message.Message) -> Reply:
        asked = query.question[0]
        rdtype = asked.rdtype if kind is None else dns.rdatatype.from_text(kind)
        of = dns.rdataclass.from_text(rdclass)
        reply.question = [dns.rrset.RRset(asked.name if name is None else name, of, rdtype)]
        return reply

    return spoil


def _two_questions(query: dns.message.Message, reply: dns.message.Message) -> Reply:
    asked = query.question[0]
    reply.question = [asked, dns.rrset.RRset(OTHER, asked.rdclass, asked.rdtype)]
    return reply


def _no_question(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    reply.question = []
    return reply


def _lower_case(query: dns.message.Message, reply: dns.message.Message) -> Reply:
    return _question(query.question[0].name.canonicalize())(query, reply)


def _wire(change: Callable[[bytearray], bytearray | bytes]) -> Spoil:
    def spoil(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
        return bytes(change(bytearray(reply.to_wire(max_size=65535))))

    return spoil


def _raw_answer(record: bytes) -> Spoil:
    """Answer with one record whose octets after its owner are these."""

    def spoil(query: dns.message.Message, _reply: dns.message.Message) -> Reply:
        empty = dns.message.make_response(query)
        empty.use_edns(False)
        empty.flags |= dns.flags.AA
        wire = bytearray(empty.to_wire())
        wire[6:8] = b"\0\1"
        return bytes(wire) + record

    return spoil


def _counted(place: int, number: int) -> Spoil:
    def change(wire: bytearray) -> bytearray:
        wire[place : place + 2] = number.to_bytes(2)
        return wire

    return _wire(change)


def _referral(zone: str, *servers: str) -> Spoil:
    def spoil(query: dns.message.Message, _reply: dns.message.Message) -> Reply:
        referred = dns.message.make_response(query)
        referred.authority = [dns.rrset.from_text(zone, 60, "IN", "NS", *servers)]
        return referred

    return spoil


def _alias(next_: Callable[[dns.name.Name], str]) -> Spoil:
    def spoil(query: dns.message.Message, _reply: dns.message.Message) -> Reply:
        name = query.question[0].name
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        reply.answer = [dns.rrset.from_text(name, 60, "IN", "CNAME", next_(name.canonicalize()))]
        return reply

    return spoil


def _longer(name: dns.name.Name) -> str:
    return f"a.{name.to_text()}" if len(name.to_text()) < 200 else "end.example.test."


def _answered(*rrsets: tuple[str, str, str]) -> Spoil:
    """Answer with these record sets (name, type, value) instead; `@` is the name that was asked for."""

    def spoil(query: dns.message.Message, reply: dns.message.Message) -> Reply:
        asked = query.question[0].name
        reply.answer = [
            dns.rrset.from_text(asked if name == "@" else name, 60, "IN", kind, value)
            for name, kind, value in rrsets
        ]
        return reply

    return spoil


def _of_class(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    """Say the same in another class."""
    for one in reply.answer or [dns.rrset.from_text(reply.question[0].name, 60, "CH", "TXT", "x")]:
        one.rdclass = dns.rdataclass.CH
        reply.answer = [one]
    return reply


def _edns(version: int = 0, ednsflags: int = 0, *options: dns.edns.Option) -> Spoil:
    def spoil(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
        reply.use_edns(version, ednsflags | version << 16, 1232, options=list(options))
        return reply

    return spoil


def _ede(code: int) -> Spoil:
    def spoil(query: dns.message.Message, _reply: dns.message.Message) -> Reply:
        failed = dns.message.make_response(query)
        failed.set_rcode(dns.rcode.SERVFAIL)
        failed.use_edns(
            0, 0, 1232, options=[dns.edns.EDEOption(dns.edns.EDECode.make(code), "told")]
        )
        return failed

    return spoil


_TXT = struct.pack("!HHIH", 16, 1, 60, 0)
_OWNER = b"\xc0\x0c"

FAULTS = (
    Fault("silence", _silent, "timeout"),
    Fault("a late answer", _late, "timeout"),
    Fault("a wrong id", _wrong_id, "timeout"),
    Fault("a query instead of an answer", _flag(off=dns.flags.QR), "timeout"),
    Fault("another opcode", _opcode, "timeout"),
    Fault("another question", _question(OTHER), "timeout"),
    Fault("another type in the question", _question(kind="A"), "timeout"),
    Fault("another class in the question", _question(rdclass="CH"), "timeout"),
    Fault("two questions", _two_questions, "timeout"),
    Fault("no question", _no_question, "timeout"),
    Fault("letters changed, and no TCP", _lower_case, "timeout", by_tcp=_silent),
    Fault("truncated, and no TCP", _flag(on=dns.flags.TC), "timeout", by_tcp=_silent),
    Fault("truncated by TCP as well", _flag(on=dns.flags.TC), "servfail"),
    Fault("truncated, and another id by TCP", _flag(on=dns.flags.TC), "servfail", by_tcp=_wrong_id),
    Fault("truncated, and SERVFAIL by TCP", _flag(on=dns.flags.TC), "servfail", by_tcp=_rcode(2)),
    Fault("truncated, and REFUSED by TCP", _flag(on=dns.flags.TC), "refused", by_tcp=_rcode(5)),
    Fault(
        "truncated, and another question by TCP",
        _flag(on=dns.flags.TC),
        "servfail",
        by_tcp=_question(OTHER),
    ),
    Fault("FORMERR", _rcode(1), "servfail"),
    Fault("SERVFAIL", _rcode(2), "servfail"),
    Fault("NOTIMP", _rcode(4), "servfail"),
    Fault("REFUSED", _rcode(5), "refused"),
    Fault("YXDOMAIN", _rcode(6), "servfail"),
    Fault("NOTAUTH", _rcode(9), "servfail"),
    Fault("NOTZONE", _rcode(10), "servfail"),
    Fault("a reserved code", _rcode(15), "servfail"),
    Fault("BADVERS", _rcode(16), "refused"),
    Fault("BADCOOKIE", _rcode(23), "servfail"),
    Fault("SERVFAIL with the answer", _authoritative_rcode(2), "servfail"),
    Fault("REFUSED with the answer", _authoritative_rcode(5), "refused"),
    Fault("lame: not authoritative", _flag(off=dns.flags.AA), "refused"),
    Fault("lame: from a cache", _flag(on=dns.flags.RA, off=dns.flags.AA), "refused"),
    Fault("lame: refers to the root", _referral(".", "a.root-servers.net."), "refused"),
    Fault("lame: refers to itself", _referral("example.test.", "ns1.example.test."), "refused"),
    Fault("lame: refers aside", _referral("elsewhere.test.", "ns1.elsewhere.test."), "refused"),
    Fault(
        "a delegation to nobody", _referral("shop.example.test.", "ns1.nowhere.invalid."), "refused"
    ),
    Fault("an alias of itself", _alias(dns.name.Name.to_text), "servfail"),
    Fault("a chain of aliases without end", _alias(_longer), "servfail"),
    Fault("an answer for another name", _answered(("other.example.test.", "TXT", "x")), "servfail"),
    Fault("an answer of another type", _answered(("@", "A", "192.0.2.1")), "servfail"),
    Fault("a refusal of ANY", _answered(("@", "HINFO", '"RFC8482" ""')), "servfail"),
    Fault(
        "a DNAME without its alias",
        _answered(("example.test.", "DNAME", "example.org.")),
        "servfail",
    ),
    Fault(
        "an alias of another name",
        _answered(("other.example.test.", "CNAME", "end.example.test.")),
        "servfail",
    ),
    Fault("an answer of another class", _of_class, "timeout"),
    Fault(
        "octets that are no message",
        lambda q, _: q.to_wire()[:2] + b"\x84\0" + b"\xff" * 40,
        "timeout",
    ),
    Fault("an empty datagram", lambda _q, _r: b"", "timeout"),
    Fault("a header cut off", _wire(lambda wire: wire[:8]), "timeout"),
    Fault("a header alone", _wire(lambda wire: wire[:4] + bytes(8)), "timeout"),
    Fault("cut off in the middle", _wire(lambda wire: wire[: len(wire) // 2]), "timeout"),
    Fault("more answers counted than there are", _counted(6, 9), "timeout"),
    Fault("65,535 answers counted", _counted(6, 65_535), "timeout"),
    Fault("more in the authority than there is", _counted(8, 3), "timeout"),
    Fault("more beside it than there is", _counted(10, 7), "timeout"),
    Fault("a name that points to itself", _raw_answer(b"\xc0" + bytes([59]) + _TXT), "timeout"),
    Fault("a name that points ahead", _raw_answer(b"\xff\xff" + _TXT), "timeout"),
    Fault("a label of a reserved kind", _raw_answer(b"\x80x\0" + _TXT), "timeout"),
    Fault("a label beyond the end", _raw_answer(b"\x3fabc"), "timeout"),
    Fault("a record beyond the end", _raw_answer(_OWNER + _TXT[:-2] + b"\x40\0abc"), "timeout"),
    Fault("a text beyond its record", _raw_answer(_OWNER + _TXT[:-2] + b"\0\2\x20a"), "timeout"),
    Fault("a text without strings", _raw_answer(_OWNER + _TXT), "timeout"),
    Fault("a record without an end", _raw_answer(_OWNER + _TXT[:6]), "timeout"),
    Fault("octets after the message", _wire(lambda wire: wire + b"junk"), "timeout"),
    Fault("SERVFAIL that says why: bogus", _ede(6), "servfail"),
    Fault("SERVFAIL that says why: no reachable authority", _ede(22), "servfail"),
    Fault("SERVFAIL that says why: not ready", _ede(14), "servfail"),
)
