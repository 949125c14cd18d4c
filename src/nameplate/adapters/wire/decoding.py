"""DNS messages as a server sends them (RFC 1035 section 4), read straight to canonical text.

dnspython makes half a dozen objects of each record, which is most of the time that a transfer
takes. The types that zones are made of are read here, all others by dnspython.
"""

import re
import socket
import struct
from collections.abc import Callable, Iterator, Sequence

import dns.exception
import dns.ipv6
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from nameplate.core.rdata import generic, presentation
from nameplate.core.rdata.text import quoted

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_NUMBERS_3 = struct.Struct("!HHH")
_PLAIN_LABEL = re.compile(rb"[a-z0-9_*-]+")
_PLAIN_TAG = re.compile(rb"[A-Za-z0-9]+")
_POINTER, _MAX_LABEL, _MAX_NAME = 0xC0, 63, 254
_MAX_POINTERS = 127  # a name has no more labels than that
_CAA_HEAD = 2  # flags and the length of the tag
_QUESTION = 4  # octets after the name: type and class
_MAX_TTL = 0x7FFFFFFF  # RFC 2181 section 8: more means 0
_TSIG = dns.rdatatype.TSIG
_EMBEDDED = bytes(8)  # what may be shown as an IPv4 address in an IPv6 one begins so


Answer = tuple[str, int, int, str]
"""Owner without final dot, number of the type, TTL in seconds, canonical value."""


class Message:
    """One message. Whatever is wrong with it raises `dns.exception.DNSException`."""

    def __init__(self, wire: bytes, *, text: Callable[[Sequence[bytes]], str] = quoted) -> None:
        """Read the header and step over the question; `text` makes a value of a TXT's strings."""
        self.wire = wire
        self._text_of = text
        self._names: dict[int, str] = {}
        """Lower-case names with final dot (root: empty), by the offset at which they begin."""
        try:
            self.id, _, questions, self._answers, *others = _HEADER.unpack_from(wire)
            self._others = sum(others)
            self._at = _HEADER.size
            for _ in range(questions):
                self._at = self._name(self._at)[1] + _QUESTION
        except (IndexError, struct.error) as error:
            raise malformed(error) from None

    def answers(self) -> Iterator[Answer]:
        """Yield the answers, once."""
        try:
            for _ in range(self._answers):
                owner, at = self._owner(self._at)
                rdtype, rdclass, ttl, length = _FIXED.unpack_from(self.wire, at)
                at += _FIXED.size
                self._at = end = at + length
                if rdclass != dns.rdataclass.IN or end > len(self.wire):
                    raise malformed(f"a record of class {rdclass}, {length} octets")
                value = self._value(owner, rdtype, at, end)
                yield owner[:-1] or ".", rdtype, ttl if ttl <= _MAX_TTL else 0, value
        except (IndexError, ValueError, struct.error, OSError) as error:
            raise malformed(error) from None

    def _value(self, owner: str, rdtype: int, at: int, end: int) -> str:
        """Return a value; what is wrong with it is told with its record."""
        reader = _READERS.get(rdtype)
        try:
            return reader(self, at, end) if reader else self._by_dnspython(rdtype, at, end - at)
        except (IndexError, ValueError, struct.error, OSError, dns.exception.DNSException) as error:
            kind = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rdtype))
            raise malformed(f"{owner[:-1]} {kind}: {error}") from None

    def signature(self) -> tuple[int, dns.name.Name, dns.rdata.Rdata] | None:
        """Return where the TSIG begins, its key's name and the TSIG, after the answers were read."""
        found = None
        try:
            for left in range(self._others, 0, -1):
                start = self._at
                at = self._owner(start)[1]
                rdtype, _, _, length = _FIXED.unpack_from(self.wire, at)
                at += _FIXED.size
                self._at = at + length
                if rdtype == _TSIG:
                    if left > 1:
                        raise malformed("a signature that is not at the end")
                    name, _ = dns.name.from_wire(self.wire, start)
                    any_class = dns.rdataclass.ANY
                    found = (
                        start,
                        name,
                        dns.rdata.from_wire(any_class, _TSIG, self.wire, at, length),
                    )
        except (IndexError, struct.error) as error:
            raise malformed(error) from None
        if self._at != len(self.wire):
            raise malformed("something after its end")
        return found

    def _owner(self, at: int) -> tuple[str, int]:
        """Return what `_name` does, which most owners do not need: the root, or a name that was read."""
        first = self.wire[at]
        if not first:
            return "", at + 1
        if first >= _POINTER:
            text = self._names.get(self._target(at, at))
            if text is not None:
                return text, at + 2
        return self._name(at)

    def _name(self, at: int) -> tuple[str, int]:
        """Return the name at an offset, as `_names` has them, and the offset of what follows it.

        A pointer leads to a name that stands wholly before it (RFC 1035 section 4.1.4). Whatever is
        too long is refused before it is kept: every label is kept with all that follows it.
        """
        wire, names = self.wire, self._names
        labels: list[tuple[int, str]] = []
        end, segment, limit, octets, pointers = -1, at, len(wire), 0, 0
        while True:
            length = wire[at]
            if length > _MAX_LABEL:
                target = self._target(at, segment)
                end = at + 2 if end < 0 else end
                text = names.get(target)
                if text is not None:
                    break
                pointers += 1
                if pointers > _MAX_POINTERS:
                    raise malformed("a name of too many pointers")
                limit, at, segment = segment, target, target
            elif length:
                octets += length + 1
                if octets > _MAX_NAME:
                    raise malformed("a name longer than 255 octets")
                if at + length >= limit:
                    raise malformed("a name that runs into its pointer")
                label = wire[at + 1 : at + 1 + length].lower()
                plain = _PLAIN_LABEL.fullmatch(label)
                labels.append((at, label.decode() if plain else dns.name.Name([label]).to_text()))
                at += 1 + length
            else:
                text = ""
                end = at + 1 if end < 0 else end
                break
        for start, label_text in reversed(labels):
            text = f"{label_text}.{text}"
            names[start] = text
        if len(text) > _MAX_NAME:  # that of a pointer counts, too
            dns.name.from_text(text)  # raises when it is too long, escapes not counted
        return text, end

    def _target(self, at: int, segment: int) -> int:
        """Return where a pointer leads from a part of a name: backwards, so that there are no loops."""
        first, second = self.wire[at], self.wire[at + 1]
        target = (first & ~_POINTER) << 8 | second
        if first < _POINTER or target >= segment:
            raise malformed("a name that points forward")
        return target

    def _a(self, at: int, end: int) -> str:
        return socket.inet_ntoa(self.wire[at:end])

    def _aaaa(self, at: int, end: int) -> str:
        octets = self.wire[at:end]
        if octets.startswith(_EMBEDDED):
            return dns.ipv6.inet_ntoa(octets)
        return socket.inet_ntop(socket.AF_INET6, octets)

    def _host(self, at: int, end: int) -> str:
        name, after = self._name(at)
        if after != end:
            raise malformed("a name that is not all of its record")
        return name or "."

    def _mx(self, at: int, end: int) -> str:
        return f"{int.from_bytes(self.wire[at : at + 2])} {self._host(at + 2, end)}"

    def _srv(self, at: int, end: int) -> str:
        priority, weight, port = _NUMBERS_3.unpack_from(self.wire, at)
        return f"{priority} {weight} {port} {self._host(at + 6, end)}"

    def _txt(self, at: int, end: int) -> str:
        strings = []
        while at < end:
            after = at + 1 + self.wire[at]
            strings.append(self.wire[at + 1 : after])
            at = after
        if at != end or not strings:
            raise malformed("a text that is not all of its record")
        return self._text_of(strings)

    def _caa(self, at: int, end: int) -> str:
        if end - at < _CAA_HEAD:
            return self._by_dnspython(dns.rdatatype.CAA, at, end - at)
        value = at + 2 + self.wire[at + 1]
        tag = self.wire[at + 2 : value]
        if value > end or not _PLAIN_TAG.fullmatch(tag):
            return self._by_dnspython(dns.rdatatype.CAA, at, end - at)
        return f"{self.wire[at]} {tag.decode()} {quoted([self.wire[value:end]])}"

    def _by_dnspython(self, rdtype: int, at: int, length: int) -> str:
        """Read what zones rarely hold; what dnspython refuses is carried as it is."""
        kind = dns.rdatatype.RdataType.make(rdtype)
        try:
            rdata = dns.rdata.from_wire(dns.rdataclass.IN, kind, self.wire, at, length)
            return presentation(rdata, dns.rdatatype.to_text(kind))
        except Exception as error:  # noqa: BLE001 - eighty classes, none may stop a whole zone
            # Servers serve what dnspython refuses: that is not ours to judge. But what a zone
            # cannot be without must be read.
            if rdtype == dns.rdatatype.SOA:
                raise malformed(error) from None
            return generic(self.wire[at : at + length])


_READERS: dict[int, Callable[[Message, int, int], str]] = {
    dns.rdatatype.A: Message._a,  # noqa: SLF001  # a table of methods
    dns.rdatatype.AAAA: Message._aaaa,  # noqa: SLF001  # the same
    dns.rdatatype.CAA: Message._caa,  # noqa: SLF001  # the same
    dns.rdatatype.CNAME: Message._host,  # noqa: SLF001  # the same
    dns.rdatatype.DNAME: Message._host,  # noqa: SLF001  # the same
    dns.rdatatype.MX: Message._mx,  # noqa: SLF001  # the same
    dns.rdatatype.NS: Message._host,  # noqa: SLF001  # the same
    dns.rdatatype.PTR: Message._host,  # noqa: SLF001  # the same
    dns.rdatatype.SRV: Message._srv,  # noqa: SLF001  # the same
    dns.rdatatype.TXT: Message._txt,  # noqa: SLF001  # the same
}


def joined(strings: Sequence[bytes]) -> str:
    """Return a TXT's strings as the one text that they are, escaping bytes that are not UTF-8."""
    return b"".join(strings).decode("utf-8", "backslashreplace")


def malformed(why: object) -> dns.exception.FormError:
    """Return the error for a message that is none."""
    return dns.exception.FormError(str(why))  # type: ignore[no-untyped-call]  # dnspython has no types here
