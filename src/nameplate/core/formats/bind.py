"""BIND master files (RFC 1035 section 5), without `$INCLUDE`: each entry is read by itself."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.nsbase

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats import master
from nameplate.core.formats.entries import MAX_RECORDS, Entries, Reading, ReadingBudget, flat
from nameplate.core.formats.master import MasterEntry
from nameplate.core.provider_limits import AUTOMATIC_TTL
from nameplate.core.rdata import octets, presentation
from nameplate.core.rdata.text import is_quoted
from nameplate.core.rdata.value import wrong
from nameplate.core.records import RRset

_SIGNED = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY"})
"""What a signer makes anew: left out."""
_WORD = re.compile(r"[ \t]*((?:[^ \t\"\\]|\\.)+)")
_CLASSES = frozenset({"CH", "CHAOS", "CS", "HS", "HESIOD", "ANY", "NONE"})
_TEXTS = frozenset({"CAA", "HINFO", "NAPTR", "SPF", "TXT", "URI"})
"""Types whose value may have characters beyond ASCII; in names they would mean another thing."""
_NAMELESS = frozenset({"LOC", "OPENPGPKEY"})
"""Types whose value has no names: `rdata.parse` reads it, and rounds and drops nothing."""
_FROM_CLOUDFLARE = re.compile(r"cf_tags=|^;; Exported:", re.MULTILINE)
_TAGS = re.compile(r"cf_tags=(\S+)")
_PROXIED = "cf-proxied:true"
_NUMBER = r"(?:0|[1-9]\d{0,3})[ \t]+"
_NAME = r"(?P<name>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|@)"
_PLAIN = {
    "A": re.compile(r"[ \t]*(?P<before>(?:\d{1,3}\.){3}\d{1,3})(?P<name>)[ \t]*"),
    "MX": re.compile(rf"[ \t]*(?P<before>{_NUMBER}){_NAME}[ \t]*"),
    "SRV": re.compile(rf"[ \t]*(?P<before>(?:{_NUMBER}){{3}}){_NAME}[ \t]*"),
    **{
        rdtype: re.compile(rf"[ \t]*(?P<before>){_NAME}[ \t]*")
        for rdtype in ("ALIAS", "ANAME", "CNAME", "DNAME", "NS", "PTR")
    },
}
"""Data that needs no reader: numbers, and a name."""
_PRIVATE = {65401: "ALIAS", 65305: "ANAME"}
"""What providers write into master files though no RFC has it; ALIAS by PowerDNS's number."""
for _number, _text in _PRIVATE.items():
    dns.rdata.register_type(type(_text, (dns.rdtypes.nsbase.NSBase,), {}), _number, _text)


class _Head(NamedTuple):
    """What an entry says before its data."""

    type: str
    ttl: int | None
    data: str


class _Reader:
    """The state that one entry of a master file leaves to the next."""

    def __init__(self, zone: str, entries: Entries, *, is_cloudflare: bool) -> None:
        self._zone = zone
        self._entries = entries
        self._is_cloudflare = is_cloudflare
        self._origin = f"{zone}."
        self._owner: str | None = None
        self._default: int | None = None
        """The TTL of `$TTL`, which holds for all that state none (RFC 2308 section 4)."""
        self._stated: int | None = None
        """The TTL that was stated last: where there is no `$TTL` it goes on (RFC 1035 section 5.1)."""

    def entry(self, entry: MasterEntry, budget: ReadingBudget) -> None:
        """Read one entry. Raises `Invalid` where nothing after it could be understood."""
        if entry.text[0] == "$":
            self._directive(entry, budget)
            return
        text = entry.text
        if text[0] not in " \t":
            found = _WORD.match(text)
            word = found[1] if found else ""
            self._owner = self._absolute(word) if word else None
            text = text[found.end() :] if found else text
        budget.record(f"line {entry.line}")
        self._record(entry, text)

    def _record(self, entry: MasterEntry, text: str) -> None:
        """Read what follows the owner, and add the record."""
        place = f"line {entry.line}"
        entries = self._entries
        try:
            head = self._head(text)
        except Invalid as error:
            entries.refuse_all(place, error, None)
            return
        ttl = self._ttl(head.ttl)
        if head.type in _SIGNED:
            entries.note(
                "Records of DNSSEC were left out, because whoever signs the zone makes them", place
            )
            return
        if self._owner is None:
            entries.refuse(place, "syntax", "The line cannot be read: it has no owner name.")
            return
        if head.type == "SOA" and self._owner.lower() == f"{self._zone}.{self._zone}.":
            self._owner = f"{self._zone}."  # some exports leave out the final dot of this one name
        owner = entries.owner(place, self._owner)
        if owner is None:
            return
        try:
            if entry.fault:
                raise _syntax(entry.fault)
            value = self._value(head)
        except Invalid as error:
            entries.refuse_all(place, error, (owner, head.type))
            return
        if head.type == "SOA" and owner == self._zone:
            entries.default_ttl = int(value.rpartition(" ")[2])
        proxied = self._tags(entry, place)
        entries.at(place, owner, head.type, ttl, value, proxied=proxied)

    def _head(self, text: str) -> _Head:
        """Read TTL, class and type; the first two in either order, or left out."""
        ttl: int | None = None
        has_class = False
        at = 0
        while found := _WORD.match(text, at):
            word, at = found[1].upper(), found.end()
            if word[0].isdigit() and ttl is None:
                ttl = master.seconds(word)
                if ttl is None:
                    raise _syntax(f"{word[:80]} is not a TTL")
            elif word in {"IN", "CLASS1"} and not has_class:
                has_class = True
            elif word in _CLASSES or re.fullmatch(r"CLASS\d+", word):
                raise _syntax(f"the class is {word[:80]}, and only IN is read")
            else:
                return _Head(_type(word), ttl, text[at:])
        raise _syntax("it has no type")

    def _value(self, head: _Head) -> str:
        """Return the data of a record in presentation form, with the names in it completed."""
        plain = _PLAIN.get(head.type)
        if plain and (found := plain.fullmatch(head.data)):  # most of a zone, and much faster
            name = found["name"] or ""
            return f"{found['before'] or ''}{self._absolute(name) if name else ''}"
        if not head.data.isascii() and head.type not in _TEXTS:
            raise _syntax("a name has characters beyond ASCII, write it with xn--")
        if head.type == "TXT" and is_quoted(head.data):  # strings over 255 octets are cut
            return head.data.strip()
        if head.type in _NAMELESS and octets(head.data.strip()) is None:
            return head.data
        try:
            rdata = dns.rdata.from_text(
                dns.rdataclass.IN, head.type, head.data, _name(self._origin), relativize=False
            )
            return presentation(rdata, head.type)
        except (dns.exception.DNSException, ValueError, OverflowError, RecursionError) as error:
            raise _syntax(str(error).strip().rstrip(".") or "syntax error") from None

    def _ttl(self, stated: int | None) -> int | None:
        """Return the TTL of a record; None where only the SOA can tell."""
        if stated is not None:
            self._stated = stated
            return AUTOMATIC_TTL if stated == 1 and self._is_cloudflare else stated
        return self._stated if self._default is None else self._default

    def _tags(self, entry: MasterEntry, place: str) -> bool:
        """Return whether the comment says that Cloudflare answers itself; note its other tags."""
        found = _TAGS.search(entry.comment) if entry.comment else None
        tags = found[1].split(",") if found else []
        for tag in tags:
            if not tag.startswith("cf-proxied:"):
                self._entries.note(f"The tag {tag[:80]} was left out", place)
        return _PROXIED in tags

    def _absolute(self, word: str) -> str:
        if word == "@":
            return self._origin
        return word if re.search(r"(?<!\\)\.$", word) else f"{word}.{self._origin}"

    def _directive(self, entry: MasterEntry, budget: ReadingBudget) -> None:
        name, *words = entry.text.split()
        name = name.upper()
        if name == "$INCLUDE":
            detail = "$INCLUDE is not supported. Paste the file's content."
            raise _refused(entry, "include_refused", detail)
        if name == "$GENERATE":
            self._generate(entry, words, budget)
        elif name == "$ORIGIN" and len(words) == 1 and not entry.fault:
            self._origin = self._absolute(words[0])
        elif name == "$TTL" and len(words) == 1 and not entry.fault:
            self._default = master.seconds(words[0])
            if self._default is None:
                raise _refused(entry, "syntax", f"{words[0][:80]} is not a TTL.")
        else:
            raise _refused(entry, "syntax", f"The directive {name[:80]} cannot be read.")

    def _generate(self, entry: MasterEntry, words: list[str], budget: ReadingBudget) -> None:
        """Add the records of `$GENERATE range owner [ttl] [class] type data`."""
        place = f"line {entry.line}"
        numbers = master.count(words[0]) if len(words) > 2 and not entry.fault else None  # noqa: PLR2004 - range, owner, record
        if numbers is None:
            self._entries.refuse(place, "syntax", "The range of $GENERATE cannot be read.")
            return
        if len(numbers) > MAX_RECORDS:
            detail = "$GENERATE makes too many records. Use a smaller range."
            raise _refused(entry, "generate_too_large", detail)
        for number in numbers:
            budget.record(place)
            try:
                owner, *rest = (master.generated(word, number) for word in words[1:])
            except ValueError as error:
                self._entries.refuse(place, "syntax", f"The line cannot be read: {error}.")
                break
            self._owner = self._absolute(owner)
            self._record(entry, " ".join(rest))
        self._owner = None


def _type(word: str) -> str:
    try:
        number = dns.rdatatype.from_text(word)
    except (dns.exception.DNSException, ValueError):
        number = dns.rdatatype.NONE
    if number == dns.rdatatype.NONE or dns.rdatatype.is_metatype(number):
        raise wrong("", "type_unknown", f"`{word[:80]}` is not a type of record.")
    return _PRIVATE.get(number) or dns.rdatatype.to_text(number)


def _syntax(reason: str) -> Invalid:
    return wrong("", "syntax", f"The line cannot be read: {reason}.")


@lru_cache(maxsize=16)
def _name(text: str) -> dns.name.Name:
    return dns.name.from_text(text)


def read(text: str, zone: str, budget: ReadingBudget) -> Reading:
    """Return what a master file says. Raises `Invalid` where the rest of it cannot be understood."""
    entries = Entries(zone, budget, has_fields=False)
    is_cloudflare = _FROM_CLOUDFLARE.search(text) is not None
    reader = _Reader(zone, entries, is_cloudflare=is_cloudflare)
    for entry in master.entries(text, budget):
        reader.entry(entry, budget)
    return entries.reading()


def _refused(entry: MasterEntry, code: str, detail: str) -> Invalid:
    place = f"line {entry.line}"
    return Invalid("file_invalid", f"{place}: {detail}", [Problem(place, code, detail)])


def write(rrsets: Sequence[RRset], zone: str) -> str:
    """Return a master file with absolute names: one line a record, SOA first."""
    ordered = sorted(rrsets, key=lambda rrset: (rrset.type != "SOA", rrset))
    lines = [f"$ORIGIN {zone}."]
    lines += [
        f"{rrset.name}.\t{rrset.ttl}\tIN\t{rrset.type}\t{value}"
        + (f" ; cf_tags={_PROXIED}" if rrset.proxied else "")
        for rrset, value in flat(ordered)
    ]
    return "\n".join(lines) + "\n"
