"""Asking the DNS, with the answer's origin kept."""

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

T = TypeVar("T")


class AnswerKind(StrEnum):
    """What one server said. Only DATA can prove; only NODATA and NXDOMAIN can disprove."""

    DATA = "data"
    NODATA = "nodata"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    """It failed, or what it sent cannot be read."""
    REFUSED = "refused"
    """It will not answer, is not authoritative (lame), or may not be asked by us."""
    TIMEOUT = "timeout"
    """It cannot be reached, or the budget of the look-up was used up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One server's answer to one question."""

    kind: AnswerKind
    server: str
    """Name and address of the server that was asked, e.g. `ns1.example.net (192.0.2.1)`."""
    values: tuple[str, ...] = ()
    """Canonical rdata, sorted, names absolute with trailing dot. A TXT record is its plain text: its
    strings joined (RFC 7208 section 3.3), without quotes, bytes that are not UTF-8 as `\\xNN`."""
    ttl: int = 0
    """Seconds. From a cache: what is left of them, also of the answer that there is nothing
    (RFC 2308 section 5)."""
    detail: str = ""
    """Why there is no data, in a few words of ours."""


@dataclass(frozen=True, slots=True)
class LookupResult:
    """What all authoritative servers of a name said."""

    zone: str
    """The zone cut above the name, canonical; empty when none could be found."""
    answers: tuple[Answer, ...]
    """One for each server, in a stable order. Where the name is an alias (CNAME), those of the
    servers of its last target."""

    @property
    def unanimous(self) -> bool:
        """All answers are of one kind and carry the same values, and there is at least one."""
        seen = {(answer.kind, answer.values) for answer in self.answers}
        return len(seen) == 1


@dataclass(frozen=True, slots=True)
class Delegation:
    """The zone that the Internet sees at a name, and who serves it."""

    zone: str
    """The zone cut at or above the name (RFC 9499), canonical; empty when none could be found."""
    parent: tuple[str, ...]
    """The name servers that the parent zone's servers give out, canonical, sorted. Empty when they
    could not be asked, or when the operator gave the zone's servers (a private zone)."""
    answers: tuple[Answer, ...]
    """What each of those servers says of the zone's NS: DATA with the child's own set, or why it is
    no authority for the zone (lame, RFC 9499)."""


class Resolver(Protocol):
    """Never raises for what the DNS says or fails to say: every outcome is an `Answer`.

    Methods may be called from several threads; each look-up is bounded in time and queries.
    """

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        """Ask every authoritative server of the name's zone directly, without a cache.

        These are the servers that the zone itself names; `delegated` adds those that only its parent
        gives out, which resolvers meet first.
        """
        ...

    def public(self, name: str, rdtype: str) -> tuple[Answer, ...]:
        """Ask the configured public resolvers, which cache: one answer for each, in their order.

        Empty when none is configured, and for names in private zones, which they cannot know.
        """
        ...

    def delegation(self, name: str) -> Delegation:
        """Find the zone at or above the name from its parent's side, without a cache."""
        ...

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return A and AAAA addresses by ordinary resolution, empty when there are none."""
        ...


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """One question to every authoritative server of a name."""

    name: str
    rdtype: str


Inquiry = Generator[Sequence[DnsQuestion], Sequence[LookupResult], T]
"""Yields questions that may be asked at once, is sent what was said to each, and returns what follows
from it: whoever drives it, one thread or an event loop, it is judged by the same lines."""

Ended = Callable[[int, T | Exception], None]
"""Told the place of an inquiry and what it returned or raised."""


@runtime_checkable
class WideResolver(Resolver, Protocol):
    """A resolver that carries on many inquiries without a thread for each."""

    def inquire(self, inquiries: Sequence[tuple[Inquiry[T], Hashable]], ended: Ended[T]) -> None:
        """Begin all of these and return; `ended` is called once for each, in some other thread.

        Each comes with the party that chose its servers: however many of them are dead, they take
        nothing from inquiries for others. An inquiry ends in time, as one look-up does. `ended` must
        not wait.
        """
        ...


def carry_out(inquiry: Inquiry[T], resolver: Resolver) -> T:
    """Carry on one inquiry in this thread."""
    found: list[LookupResult] | None = None
    try:
        while True:
            questions = next(inquiry) if found is None else inquiry.send(found)
            found = [resolver.authoritative(one.name, one.rdtype) for one in questions]
    except StopIteration as end:
        result: T = end.value
        return result


@dataclass(frozen=True, slots=True)
class Signatures:
    """How a zone is signed (DNSSEC), seen from its parent and from its own servers."""

    has_ds: bool
    """The parent zone has a DS record for the zone."""
    has_keys: bool
    """The zone has keys."""
    fault: str = ""
    """Why a validating resolver rejects the zone: `ds_mismatch`, `expired`, `not_yet_valid`,
    `unsigned` or `invalid`. Empty: nothing was found, or the zone is not signed."""
    evidence: tuple[str, ...] = ()
    """What was seen, one entry each."""


class SignatureChecker(Protocol):
    """Looks at the signatures of a zone. Every end is a value; nothing is raised."""

    def signatures(self, zone: str, name: str, rdtype: str) -> Signatures | None:
        """Check the zone's keys against its parent, and by them its SOA and one record set.

        None when the parent or the zone does not answer, or the zone has no parent that is known.
        """
        ...
