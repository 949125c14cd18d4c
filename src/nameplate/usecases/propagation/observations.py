"""What servers answered for one record, whether that shows it, and what a person should know of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from nameplate.core import names
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult

MIN_INTERVAL = 5.0
"""Seconds until the second look."""
MAX_INTERVAL = timedelta(hours=1)
"""Between two looks at a record that is not seen everywhere."""
SETTLED = timedelta(days=1)
"""Between two looks at a record that is."""
DOUBTS = 5
"""Looks in a row at which a seen record may meet silent servers before that counts."""
_MAX_VALUES = 10
_MAX_TEXT = 255
_ADDRESSES = frozenset({"ALIAS", "ANAME"})
_TELLS = frozenset({AnswerKind.DATA, AnswerKind.NODATA, AnswerKind.NXDOMAIN})


@dataclass(frozen=True, slots=True, order=True)
class ObservedRecord:
    """What to ask for a record, and what shows it."""

    name: str
    type: str
    any_address: bool = False
    """Every address shows it: the provider answers with addresses of its own choice."""


def target(owner: str, rdtype: str, *, proxied: bool, label: str) -> ObservedRecord:
    """Return what to ask for a record.

    A wildcard is asked for by `label` below it (RFC 4592: the name `*` itself proves nothing). What
    the provider's edge answers, and an alias that the provider resolves, is asked for as an address.
    """
    name = f"{label}.{names.parent(owner)}" if names.is_wildcard(owner) else owner
    edge = proxied and rdtype in {"A", "AAAA", "CNAME"}
    if edge or rdtype in _ADDRESSES:
        return ObservedRecord(name, rdtype if rdtype == "AAAA" else "A", any_address=True)
    return ObservedRecord(name, rdtype)


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """One server's answer, and whether it shows the record."""

    answer: Answer
    public: bool
    """A public resolver, which caches; otherwise an authoritative server."""
    seen: bool

    @property
    def denies(self) -> bool:
        """Whether the server answered, with something else or with nothing."""
        return not self.seen and self.answer.kind in _TELLS


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one record."""

    target: ObservedRecord
    zone: str
    """The zone in which the Internet finds the name."""
    at: datetime
    sightings: tuple[ServerAnswer, ...]

    @property
    def authoritative(self) -> Sequence[ServerAnswer]:
        """Those of the authoritative servers, which decide."""
        return [one for one in self.sightings if not one.public]

    @property
    def public(self) -> Sequence[ServerAnswer]:
        """Those of the public resolvers, which inform."""
        return [one for one in self.sightings if one.public]

    @property
    def everywhere(self) -> bool:
        """Whether there are authoritative servers, and each shows the record."""
        return bool(self.authoritative) and all(one.seen for one in self.authoritative)

    @property
    def old(self) -> Sequence[ServerAnswer]:
        """The public resolvers that still have something else."""
        return [one for one in self.public if one.denies]

    def confirms(self, *, before: bool, doubts: int) -> bool:
        """Whether the record counts as seen everywhere after this look.

        Silence neither proves nor disproves: a record that was seen before stays so for a few looks
        as long as no server denies it.
        """
        if self.everywhere or not before or doubts >= DOUBTS:
            return self.everywhere
        return not any(one.denies for one in self.authoritative)

    @property
    def denied(self) -> bool:
        """Whether every authoritative server answered, and none shows the record."""
        return bool(self.authoritative) and all(one.denies for one in self.authoritative)

    def wait(self, *, attempts: int) -> timedelta:
        """Return how long the next look may wait: until an old answer ends, else a back-off."""
        slow = timedelta(seconds=MIN_INTERVAL * 1.5 ** min(attempts, 40))
        if not self.everywhere:
            return min(slow, MAX_INTERVAL)
        if not self.old:
            return SETTLED
        soonest = timedelta(seconds=min(one.answer.ttl for one in self.old) + 1)
        return min(max(soonest, min(slow, MAX_INTERVAL)), SETTLED)

    def ttl_left(self, one: ServerAnswer, now: datetime) -> int:
        """Return for how many seconds a cached answer stays; an authority's does not count down."""
        passed = int((now - self.at).total_seconds()) if one.public else 0
        return max(0, one.answer.ttl - passed)

    def sentence(self, now: datetime) -> str:
        """Return who sees the record and who does not, for a person."""
        found = self.authoritative
        if not found:
            return "No authoritative server of the name could be found."
        seen = sum(one.seen for one in found)
        others = "; ".join(_told(one.answer) for one in found if not one.seen)
        text = f"Seen by {seen} of {len(found)} authoritative servers"
        text += f": {others}." if others else "."
        for one in self.old:
            left = self.ttl_left(one, now)
            if left:
                what = "an old answer" if one.answer.values else "the answer that there is nothing"
                text += f" {one.answer.server} has {what} for {left} s more."
        return text + self.note

    @property
    def observed(self) -> tuple[str, ...]:
        """Return what every server said, one line for each."""
        return tuple(_told(one.answer) for one in self.sightings)

    @property
    def note(self) -> str:
        """Why any address counts, with a space in front; empty when the value itself counts."""
        if not self.target.any_address:
            return ""
        return (
            " The provider answers for this record with addresses of its own: any address counts."
        )

    def document(self) -> dict[str, Any]:
        """Return the look as JSON, long answers cut."""
        return {
            "name": self.target.name,
            "type": self.target.type,
            "any_address": self.target.any_address,
            "zone": self.zone,
            "at": self.at.isoformat(),
            "answers": [_document(one) for one in self.sightings],
        }


def read(document: Mapping[str, Any] | None) -> Observation | None:
    """Return the look that `Look.document` wrote."""
    if not document:
        return None
    return Observation(
        ObservedRecord(document["name"], document["type"], document["any_address"]),
        document["zone"],
        datetime.fromisoformat(document["at"]),
        tuple(_sighting(one) for one in document["answers"]),
    )


def judge(
    target: ObservedRecord,
    value: str,
    finding: LookupResult,
    public: Sequence[Answer],
    at: datetime,
) -> Observation:
    """Return what the answers say of a record with this rdata."""
    wanted = "" if target.any_address else as_answered(target.type, value)
    found = finding.answers if finding.zone else ()  # without a zone no server was asked

    def sees(answer: Answer) -> bool:
        there = bool(answer.values) if target.any_address else wanted in answer.values
        return answer.kind is AnswerKind.DATA and there

    return Observation(
        target,
        finding.zone,
        at,
        (
            *(ServerAnswer(one, public=False, seen=sees(one)) for one in found),
            *(ServerAnswer(one, public=True, seen=sees(one)) for one in public),
        ),
    )


def seen_by_all(finding: LookupResult, rdtype: str, value: str) -> bool:
    """Whether every authoritative server answered, and answered with `value` among others."""
    wanted = as_answered(rdtype, value)
    return bool(finding.answers) and all(
        answer.kind is AnswerKind.DATA and wanted in answer.values for answer in finding.answers
    )


def as_answered(rdtype: str, value: str) -> str:
    """Return rdata in the form in which a resolver reports it: TXT strings joined, unquoted."""
    if rdtype != "TXT":
        return value
    parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, value)
    if not isinstance(parsed, TXT):
        raise TypeError("TXT rdata expected")
    return b"".join(parsed.strings).decode("utf-8", "backslashreplace")


def _told(answer: Answer) -> str:
    said = ", ".join(answer.values)[:200] or answer.detail or answer.kind.value
    says = " says" if answer.server and answer.kind in _TELLS else ""
    return f"{answer.server}{says} {said}".strip()


def _document(one: ServerAnswer) -> dict[str, Any]:
    answer = one.answer
    return {
        "server": answer.server[:_MAX_TEXT],
        "kind": "public" if one.public else "authoritative",
        "answer": answer.kind.value,
        "values": [value[:_MAX_TEXT] for value in answer.values[:_MAX_VALUES]],
        "ttl": answer.ttl,
        "detail": answer.detail[:_MAX_TEXT],
        "seen": one.seen,
    }


def _sighting(document: Mapping[str, Any]) -> ServerAnswer:
    answer = Answer(
        AnswerKind(document["answer"]),
        document["server"],
        tuple(document["values"]),
        document["ttl"],
        document["detail"],
    )
    return ServerAnswer(answer, public=document["kind"] == "public", seen=document["seen"])
