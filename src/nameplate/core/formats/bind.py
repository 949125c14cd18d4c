"""BIND master files (RFC 1035 section 5): read by dnspython, without `$INCLUDE`, within bounds."""

import re
from collections.abc import Sequence
from typing import Any

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.nsbase
import dns.tokenizer
import dns.zonefile

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import MAX_RECORDS, Entries, ReadingBudget, flat
from nameplate.core.rdata import TYPES, canonical, presentation
from nameplate.core.records import RRset

DEFAULT_TTL = 3600
"""Seconds, where a file says nothing."""
_DIRECTIVES = ("$ORIGIN", "$TTL", "$GENERATE")
# Blanks, not white space: lines without a word would each be looked at from every one before.
_GENERATE = re.compile(
    r"^[ \t]*\$GENERATE[ \t]+(\d+)-(\d+)(?:/(\d+))?", re.MULTILINE | re.IGNORECASE
)
_INCLUDE = re.compile(r"^[ \t]*\$INCLUDE\b", re.MULTILINE | re.IGNORECASE)
_SIGNED = frozenset({"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY"})
"""What a signer makes anew: left out."""
_PLACE = re.compile(r"^[^:]*:\d+: ?")
_PRIVATE = {65401: "ALIAS", 65305: "ANAME"}
"""What providers write into master files though no RFC has it; ALIAS by PowerDNS's number."""
for _number, _text in _PRIVATE.items():
    dns.rdata.register_type(type(_text, (dns.rdtypes.nsbase.NSBase,), {}), _number, _text)


class _Tokens(dns.tokenizer.Tokenizer):
    """Knows the line of the last word: dnspython's own count is past the line's end by then."""

    line = 1

    def __init__(self, text: str, budget: ReadingBudget) -> None:
        super().__init__(text, "zone")
        self._budget = budget

    def get(self, *wanted: bool, **kinds: bool) -> dns.tokenizer.Token:
        token = super().get(*wanted, **kinds)
        self._budget.time(f"line {self.line}")
        if not token.is_eol_or_eof():
            self.line = self.where()[1] - (self.ungotten_char == "\n")
        return token


class _RecordReader:
    """What dnspython's reader hands its records to."""

    def __init__(
        self, origin: dns.name.Name, entries: Entries, tokens: _Tokens, budget: ReadingBudget
    ) -> None:
        self.manager = self
        self._budget = budget
        self._tokens = tokens
        self._origin = origin
        self._entries = entries

    def origin_information(self) -> tuple[dns.name.Name, bool, dns.name.Name]:
        return self._origin, False, self._origin

    def check_put_rdataset(self, _check: Any) -> None:  # noqa: ANN401 - dnspython's hook
        """Let CNAME rules be judged by the plan, which names both sides."""

    def add_unicode(self, _option: str) -> None:
        """Ignore `$UNICODE`, which is not among the directives that are read."""

    def _set_origin(self, _origin: dns.name.Name) -> None:
        """Know the zone: `$ORIGIN` only completes names."""

    def add(self, name: dns.name.Name, ttl: int, rdata: Any) -> None:  # noqa: ANN401 - dnspython's
        place = f"line {self._tokens.line}"
        self._budget.record(place)
        rdtype = _PRIVATE.get(rdata.rdtype) or dns.rdatatype.to_text(rdata.rdtype)
        if rdtype in _SIGNED:
            return
        if rdtype not in TYPES:
            self._entries.refuse(
                place, "type_unknown", f"{rdtype} is not a type that Nameplate manages."
            )
            return
        if not name.is_subdomain(self._origin):
            self._entries.refuse(place, "out_of_zone", f"{name} is not in the zone {self._origin}.")
            return
        owner = name.canonicalize().to_text(omit_final_dot=True)
        private = rdtype in _PRIVATE.values()
        value = canonical(rdtype, rdata.to_text()) if private else presentation(rdata, rdtype)
        self._entries.put(place, RRset(owner, rdtype, ttl, (value,)))


def read(text: str, zone: str, budget: ReadingBudget) -> list[RRset]:
    """Return the record sets of a master file. Raises `Invalid` with line and reason."""
    found = _INCLUDE.search(text)
    if found:
        raise _refused(
            text, found, "include_refused", "$INCLUDE is not supported. Paste the file's content."
        )
    generated = 0
    for found in _GENERATE.finditer(text):
        start, stop, step = (int(part[:12]) if part else 1 for part in found.groups())
        generated += max(0, stop - start) // max(step, 1) + 1
        if generated > MAX_RECORDS:
            raise _refused(
                text,
                found,
                "generate_too_large",
                "$GENERATE makes too many records. Use a smaller range.",
            )
    origin = dns.name.from_text(zone)
    entries = Entries(zone, budget)
    tokens = _Tokens(text, budget)
    records = _RecordReader(origin, entries, tokens, budget)
    reader = dns.zonefile.Reader(
        tokens,
        dns.rdataclass.IN,
        records,  # type: ignore[arg-type]  # the part of a transaction that the reader uses
        allow_directives=_DIRECTIVES,
        default_ttl=DEFAULT_TTL,
    )
    # With the zone as its origin the reader would drop what lies outside without a word.
    reader.zone_origin = dns.name.root
    try:
        reader.read()
    except (dns.exception.DNSException, ValueError, OverflowError, RecursionError) as error:
        budget.time(f"line {tokens.line}")  # dnspython takes what the budget raises for a word
        reason = _PLACE.sub("", str(error)).strip().rstrip(".") or "syntax error"
        entries.refuse(f"line {tokens.line}", "syntax", f"The line cannot be read: {reason}.")
    return entries.rrsets()


def _refused(text: str, found: re.Match[str], code: str, detail: str) -> Invalid:
    line = text.count("\n", 0, found.end()) + 1
    return Invalid(
        "file_invalid", f"line {line}: {detail}", [Problem(f"line {line}", code, detail)]
    )


def write(rrsets: Sequence[RRset], zone: str) -> str:
    """Return a master file with absolute names: one line a record, SOA first."""
    ordered = sorted(rrsets, key=lambda rrset: (rrset.type != "SOA", rrset))
    lines = [f"$ORIGIN {zone}."]
    lines += [
        f"{rrset.name}.\t{rrset.ttl}\tIN\t{rrset.type}\t{value}" for rrset, value in flat(ordered)
    ]
    return "\n".join(lines) + "\n"
