"""Asking the DNS, with the answer's origin kept."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
    """Seconds."""
    detail: str = ""
    """Why there is no data, in a few words of ours."""


@dataclass(frozen=True, slots=True)
class Finding:
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


class Resolver(Protocol):
    """Never raises for what the DNS says or fails to say: every outcome is an `Answer`."""

    def authoritative(self, name: str, rdtype: str) -> Finding:
        """Ask every authoritative server of the name's zone directly, without a cache."""
        ...

    def addresses(self, name: str) -> tuple[str, ...]:
        """Return A and AAAA addresses by ordinary resolution, empty when there are none."""
        ...
