"""Any octets and any values: what is read and written is what dnspython reads and writes.

The short form is part of every run; the long form, ten thousands of examples each, of `make torture`.
"""

import struct
import time
from collections.abc import Callable

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.renderer
import dns.rrset
import dns.wire
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nameplate.adapters.wire import encoding
from nameplate.adapters.wire.decoding import Answer, Message
from nameplate.adapters.wire.encoding import Impossible
from nameplate.adapters.wire.updates import Update
from nameplate.core.rdata import TYPES, generic, presentation
from nameplate.core.records import RRset

STRICTER = (
    "a record of class",  # zones of other classes are not managed
    "a name that runs into its pointer",  # RFC 1035 section 4.1.4: a prior occurrence
    "a name of too many pointers",  # more than a name has labels; dnspython counts since 2.9
)
"""Why a message is refused that dnspython reads."""
LAXER = "compression pointer chain"
"""Names of `ip6.arpa` have 34 labels, and a server may put a pointer behind each; dnspython reads 16."""

SHORT = settings(max_examples=200)
LONG = settings(max_examples=30_000)
IN = dns.rdataclass.IN

octets = st.binary(max_size=40)
numbers = st.integers(0, 0xFFFF)
plain_labels = st.text("abcxyzABC0189-_*", min_size=1, max_size=12).map(str.encode)
labels = st.one_of(plain_labels, plain_labels, plain_labels, st.binary(min_size=1, max_size=63))
suffixes = st.sampled_from(["example.test.", "EXAMPLE.net.", "a.b.example.test.", "."])


@st.composite
def names(draw: st.DrawFn) -> dns.name.Name:
    """Draw an absolute name, the odd and the longest ones among them."""
    try:
        end = dns.name.from_text(draw(suffixes))
        return dns.name.Name([*draw(st.lists(labels, max_size=4)), *end.labels])
    except dns.name.NameTooLong:
        return dns.name.from_text("too.long.test.")


hosts = names().map(lambda name: name.to_wire() or b"")
strings = st.binary(max_size=255).map(lambda text: bytes([len(text)]) + text)
tags = st.sampled_from([b"issue", b"issuewild", b"iodef", b"ISSUE", b"x1", b"-", b""])
groups = st.sampled_from([b"\0\0", b"\0\0", b"\0\0", b"\xff\xff", b"\0\1", b"\x20\1", b"\xab\xcd"])
addresses = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.lists(groups, min_size=8, max_size=8).map(b"".join),
)


def packed(layout: str, *fields: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    return st.tuples(*fields).map(lambda given: struct.pack(layout, *given))


def joined(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


small = st.integers(0, 4)
parameters = st.lists(
    joined(packed("!H", st.integers(0, 9)), packed("!H", small), octets), max_size=2
)
services = joined(packed("!H", small), hosts, parameters.map(b"".join))
digests = joined(packed("!BB", small, small), st.binary(min_size=0, max_size=48))
VALUES: dict[str, st.SearchStrategy[bytes]] = {
    "A": st.binary(min_size=4, max_size=4),
    "AAAA": addresses,
    "CAA": st.tuples(st.integers(0, 255), tags, octets).map(
        lambda given: bytes([given[0], len(given[1])]) + given[1] + given[2]
    ),
    "CNAME": hosts,
    "DNAME": hosts,
    "DS": joined(packed("!H", numbers), digests),
    "HINFO": joined(strings, strings),
    "HTTPS": services,
    "MX": joined(packed("!H", numbers), hosts),
    "NAPTR": joined(packed("!HH", numbers, numbers), strings, strings, strings, hosts),
    "NS": hosts,
    "NSEC": joined(hosts, octets),
    "PTR": hosts,
    "RP": joined(hosts, hosts),
    "SOA": joined(hosts, hosts, st.binary(min_size=20, max_size=20)),
    "SRV": joined(packed("!HHH", numbers, numbers, numbers), hosts),
    "SSHFP": digests,
    "SVCB": services,
    "TLSA": joined(packed("!B", small), digests),
    "TXT": st.lists(strings, max_size=4).map(b"".join),
    "TYPE65280": octets,
}
ttls = st.one_of(st.sampled_from([0, 300, 2**31 - 1, 2**31]), st.integers(0, 2**32 - 1))


@st.composite
def records(draw: st.DrawFn) -> tuple[dns.name.Name, dns.rdata.Rdata, int]:
    """Draw owner, value and TTL of one record that dnspython can send."""
    rdtype = draw(st.sampled_from(sorted(VALUES)))
    kind = dns.rdatatype.from_text(rdtype)
    wire = draw(VALUES[rdtype])
    try:
        rdata = dns.rdata.from_wire(IN, kind, wire, 0, len(wire))
    except dns.exception.DNSException:
        assume(False)  # as the library has it
    return draw(names()), rdata, draw(ttls)


def answer(found: list[tuple[dns.name.Name, dns.rdata.Rdata, int]]) -> bytes:
    """Return a message as a server compresses it."""
    renderer = dns.renderer.Renderer(id=7, flags=dns.flags.QR)
    renderer.add_question(dns.name.from_text("example.test."), dns.rdatatype.AXFR)
    for owner, rdata, ttl in found:
        renderer.add_rdataset(dns.renderer.ANSWER, owner, dns.rdataset.from_rdata(ttl, rdata))
    renderer.write_header()
    wire: bytes = renderer.get_wire()
    return wire


messages = st.lists(records(), max_size=8).map(answer)
pointers = st.integers(0, 90).map(lambda target: (0xC000 | target).to_bytes(2))
kinds = st.sampled_from([1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 43, 64, 65, 250, 257, 65280])
fixed = packed("!HHIH", kinds, st.sampled_from([1, 1, 1, 3, 255]), ttls, st.integers(0, 30))
pieces = st.one_of(
    octets, pointers, fixed, joined(pointers, fixed), labels.map(lambda one: bytes([len(one)]) + one),
    st.just(b"\0"),
)  # fmt: skip
headers = packed("!HHHHHH", numbers, numbers, small, st.integers(0, 8), small, small)
nonsense = joined(headers, st.lists(pieces, max_size=12).map(b"".join))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw a real answer in which a few places are overwritten, cut out, filled or pointed elsewhere."""
    wire = bytearray(draw(messages))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(4, max(4, len(wire) - 1)))
        how = draw(st.sampled_from(["octet", "pointer", "cut", "fill", "end"]))
        if how == "octet":
            wire[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif how == "pointer":
            wire[at : at + 2] = (0xC000 | draw(st.integers(0, len(wire)))).to_bytes(2)
        elif how == "cut":
            del wire[at : at + draw(st.integers(1, 8))]
        elif how == "fill":
            wire[at:at] = draw(octets)
        else:
            del wire[at:]
    return bytes(wire)


READ = frozenset(
    map(dns.rdatatype.from_text, ("A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"))
)
"""What must be readable; everything else is carried as it is when dnspython refuses it."""


def ours(wire: bytes) -> list[Answer]:
    message = Message(wire)
    found = list(message.answers())
    message.signature()
    return found


def theirs(wire: bytes) -> list[Answer]:
    """Return the answers as dnspython reads each; of what follows them only a signature is read."""
    parser = dns.wire.Parser(wire)
    _, _, questions, answers, *others = parser.get_struct("!HHHHHH")
    for _ in range(questions):
        dns.name.from_wire_parser(parser)
        parser.get_struct("!HH")
    found = []
    for number in range(answers + sum(others)):
        owner = dns.name.from_wire_parser(parser)
        rdtype, rdclass, ttl, length = parser.get_struct("!HHIH")
        kind = dns.rdatatype.RdataType.make(rdtype)
        is_answer, is_last = number < answers, number == answers + sum(others) - 1
        if not is_answer and kind != dns.rdatatype.TSIG:
            parser.get_bytes(length)
            continue
        if not is_answer and not is_last:
            raise dns.message.BadTSIG
        group = dns.rdataclass.RdataClass.make(rdclass) if is_answer else dns.rdataclass.ANY
        start = parser.current
        octets_read = wire[start : start + length]
        try:
            with parser.restrict_to(length):
                rdata = dns.rdata.from_wire_parser(group, kind, parser)
            value = presentation(rdata, dns.rdatatype.to_text(kind)) if is_answer else ""
        except Exception:
            is_carried = is_answer and kind not in READ and group == dns.rdataclass.IN
            if not is_carried or len(octets_read) < length:
                raise
            parser.seek(start + length)
            value = generic(octets_read)
        if not is_answer:
            continue
        name = owner.canonicalize().to_text(omit_final_dot=True)
        ttl = ttl if ttl < 2**31 else 0  # RFC 2181 section 8
        found.append((name, rdtype, ttl, value))
    if parser.remaining():
        raise dns.message.TrailingJunk
    return found


def read_alike(wire: bytes) -> None:
    """Read a message with both: equal, or refused by both, or by us for a reason of the list."""
    try:
        mine = ours(wire)
    except dns.exception.DNSException as error:
        if any(reason in str(error) for reason in STRICTER):
            return
        with pytest.raises((dns.exception.DNSException, ValueError)):
            theirs(wire)
        return
    try:
        judge = theirs(wire)
    except dns.exception.FormError as error:
        if LAXER in str(error):
            return
        raise
    assert mine == judge


def real_is_read(wire: bytes) -> None:
    """Read a message of dnspython's own making with its whole reader as the judge."""
    parsed = dns.message.from_wire(wire, one_rr_per_rrset=True)
    assert ours(wire) == theirs(wire)
    assert [(one[1], one[2]) for one in ours(wire)] == [
        (int(rrset.rdtype), rrset.ttl) for rrset in parsed.answer
    ]


def written_alike(record: tuple[dns.name.Name, dns.rdata.Rdata, int]) -> None:
    """Write the canonical text of a value: dnspython reads the value out of it again."""
    owner, rdata, _ = record
    rdtype = dns.rdatatype.to_text(rdata.rdtype)
    text = presentation(rdata, rdtype)
    try:
        judge = dns.rdata.from_text(IN, rdtype, text, dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError):
        return  # dnspython shows what it does not read itself
    wire = encoding.rdata(rdtype, text)
    assert wire == judge.to_wire()
    assert presentation(dns.rdata.from_wire(IN, rdata.rdtype, wire, 0, len(wire)), rdtype) == text
    canonical = owner.canonicalize()
    assert encoding.name(canonical.to_text()) == canonical.to_wire()


def text_alike(rdtype: str, text: str) -> None:
    """Write any text: as dnspython does, or not at all."""
    try:
        mine = encoding.rdata(rdtype, text)
    except Impossible:
        return
    assert mine == (dns.rdata.from_text(IN, rdtype, text).to_wire() or b"")


def update_alike(found: list[tuple[dns.name.Name, dns.rdata.Rdata, int]], how: list[str]) -> None:
    """Write a dynamic update: dnspython reads every part of it as it was meant."""
    message, meant = Update("example.test"), []
    parts = zip(found, how, strict=False)
    for (owner, rdata, ttl), verb in sorted(parts, key=lambda part: part[1] not in DEMANDS):
        rdtype = dns.rdatatype.to_text(rdata.rdtype)
        name = owner.canonicalize().to_text(omit_final_dot=True)
        text = presentation(rdata, rdtype)
        rrset = RRset(name, rdtype, ttl % 2**31, (text,))
        try:
            encoding.rdata(rdtype, text)
        except Impossible:
            continue
        if name == ".":
            continue  # the root is nobody's zone
        if verb in {"add", "present"}:
            getattr(message, verb)(rrset)
        elif verb == "delete_value":
            message.delete_value(name, rdtype, text)
        else:
            getattr(message, verb)(name, rdtype)
        is_whole = verb in {"absent", "exists", "delete"}
        lasting = ttl % 2**31 if verb == "add" else 0
        meant.append(
            (verb in DEMANDS, name, rdtype, CLASSES[verb], lasting, "" if is_whole else text)
        )
    wire, _ = message.to_wire(None)
    parsed = dns.message.from_wire(wire, one_rr_per_rrset=True)
    assert [
        (
            section is parsed.sections[1],
            rrset.name.canonicalize().to_text(omit_final_dot=True),
            dns.rdatatype.to_text(rrset.rdtype),
            rrset.deleting or rrset.rdclass,
            rrset.ttl,
            presentation(rrset[0], dns.rdatatype.to_text(rrset.rdtype)) if len(rrset) else "",
        )
        for section in parsed.sections[1:3]
        for rrset in section
    ] == meant


DEMANDS = ("absent", "exists", "present")
CLASSES = {
    "absent": dns.rdataclass.NONE, "exists": dns.rdataclass.ANY, "present": IN,
    "add": IN, "delete": dns.rdataclass.ANY, "delete_value": dns.rdataclass.NONE,
}  # fmt: skip
numerals = st.sampled_from(["0", "10", "65535", "65536", "1_0", "+1", "٣", "007", " 1", "-0", ""])
words = st.one_of(
    numerals,
    names().map(lambda name: name.to_text()),
    st.sampled_from(
        ["a", "a.b", ".", "@", "ü.test.", "a\\.", "1.2.3.4", "01.2.3.4", "::1", "issue"]
    ),
    octets.map(lambda text: f'"{text.decode("latin-1")}"'),
    st.text(max_size=8),
)
texts = st.lists(words, min_size=1, max_size=5).map(" ".join)
on_the_wire = st.sampled_from(sorted(TYPES - {"ALIAS", "ANAME"}))
verbs = st.lists(st.sampled_from(sorted(CLASSES)), min_size=8, max_size=8)
FUZZ: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy[object], ...]]] = {
    "messages of dnspython": (real_is_read, (messages,)),
    "broken messages": (read_alike, (mutated(),)),
    "nonsense": (read_alike, (st.one_of(nonsense, st.binary(max_size=200)),)),
    "values": (written_alike, (records(),)),
    "texts": (text_alike, (on_the_wire, texts)),
    "updates": (update_alike, (st.lists(records(), max_size=8), verbs)),
}


@pytest.mark.parametrize("what", FUZZ)
def test_dnspython_agrees(what: str) -> None:
    check, drawn = FUZZ[what]
    SHORT(given(*drawn)(check))()


@pytest.mark.torture
@pytest.mark.parametrize("what", FUZZ)
def test_dnspython_agrees_for_long(what: str) -> None:
    check, drawn = FUZZ[what]
    LONG(given(*drawn)(check))()


def test_a_name_of_thousands_of_labels_is_refused_at_once() -> None:
    """Each label kept with all that follows it would be a gigabyte."""
    wire = struct.pack("!HHHHHH", 7, 0x8000, 1, 0, 0, 0) + b"\1a" * 32_000 + bytes(5)
    started = time.process_time()
    with pytest.raises(dns.exception.FormError):
        Message(wire)
    assert time.process_time() - started < 0.2


def test_pointers_to_pointers_end() -> None:
    """A chain of them, walked for each record, would take minutes."""
    question = b"\0" + bytes(4)
    chain = b"".join((0xC000 | at).to_bytes(2) for at in (12, *range(28, 15_000, 2)))
    record = b"\0" + struct.pack("!HHIH", 65280, 1, 300, len(chain)) + chain
    last = (0xC000 | 15_000).to_bytes(2) + struct.pack("!HHIH", 65280, 1, 300, 0)
    wire = struct.pack("!HHHHHH", 7, 0x8000, 1, 2, 0, 0) + question + record + last
    with pytest.raises(dns.exception.FormError, match="too many pointers"):
        ours(wire)


def test_a_name_with_a_pointer_behind_each_label_is_read() -> None:
    owners = [b"\1a\0"]
    place = 12
    for _ in range(33):
        owners.append(b"\1b" + (0xC000 | place).to_bytes(2))
        place += len(owners[-2]) + 10
    wire = struct.pack("!HHHHHH", 7, 0x8000, 0, len(owners), 0, 0) + b"".join(
        owner + struct.pack("!HHIH", 65280, 1, 300, 0) for owner in owners
    )
    assert ours(wire)[-1][0] == "b." * 33 + "a"
