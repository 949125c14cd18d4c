"""What was seen of a name, gathered once: every check judges this and asks nothing itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nameplate.core.registration import RegistrationProblem

_ABSENT = frozenset({"nodata", "nxdomain"})
_SHOWN = 3
_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Said:
    """What one server answered."""

    server: str
    kind: str
    """`data`, `nodata`, `nxdomain`, `servfail`, `refused` or `timeout`."""
    values: tuple[str, ...] = ()
    ttl: int = 0
    detail: str = ""

    @property
    def name(self) -> str:
        """The server's name without its address."""
        return self.server.partition(" ")[0]

    @property
    def is_absent(self) -> bool:
        """Whether it said that there is nothing."""
        return self.kind in _ABSENT

    @property
    def is_answer(self) -> bool:
        """Whether it said anything definite."""
        return self.kind == "data" or self.is_absent


@dataclass(frozen=True, slots=True)
class DnsLook:
    """The answers of all authoritative servers to one question."""

    name: str
    type: str
    answers: tuple[Said, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Every value that some server has, each once."""
        return tuple(dict.fromkeys(value for one in self.answers for value in one.values))

    @property
    def answered(self) -> tuple[Said, ...]:
        """Servers that said something definite."""
        return tuple(one for one in self.answers if one.is_answer)

    @property
    def evidence(self) -> tuple[str, ...]:
        """One line for each server."""
        return shown(self.type, self.answers)


def shown(rdtype: str, answers: Sequence[Said]) -> tuple[str, ...]:
    """Return what each server said, for a person: values are cut and escaped."""
    lines = []
    for one in answers:
        server = one.server or "no server"
        if one.kind != "data":
            lines.append(f"{server}: {one.detail or one.kind}")
            continue
        values = [ascii(value[:_CHARACTERS]) for value in one.values[:_SHOWN]]
        if rdtype != "TXT":
            values = [value.strip("'") for value in values]
        more = len(one.values) - len(values)
        lines.append(f"{server}: {rdtype} {', '.join(values)}" + (f" and {more} more" * bool(more)))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class Expected:
    """The record that proves the name."""

    type: str
    name: str
    value: str
    old: frozenset[str] = frozenset()
    """Values that proved it once, or would have, and do not any more."""

    def matches(self, value: str) -> bool:
        """Tell whether a value in DNS is the expected one."""
        return value == self.value or (self.type == "CNAME" and value == f"{self.value}.")


@dataclass(frozen=True, slots=True)
class Signing:
    """How a zone is signed (DNSSEC)."""

    has_ds: bool
    """The parent zone says that the zone is signed."""
    has_keys: bool
    fault: str = ""
    """`no_keys`, `ds_mismatch`, `expired`, `not_yet_valid`, `unsigned` or `invalid`; empty: none."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageSeen:
    """What came of looking for a proof on the web server."""

    reason: str
    """Slug of the proof method."""
    message: str
    evidence: tuple[str, ...] = ()
    catches_all: bool = False
    """The server answers a path that cannot exist with a page as well."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a host should lead."""

    name: str = ""
    """Host name of the server, without final dot; empty: it has none."""
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that was seen of a name."""

    name: str
    """Canonical, without `*.`."""
    registrable: str
    zone: str
    """The zone that answers for the name; empty: none was found."""
    parent: tuple[str, ...] = ()
    """Name servers that the parent zone gives out; empty: not known, or a private zone."""
    listed: tuple[Said, ...] = ()
    """What each of them says of the zone's own NS."""
    expected: Expected | None = None
    """None: nothing is to be proved by a DNS record."""
    proof: DnsLook | None = None
    proof_alias: DnsLook | None = None
    """CNAME at the name of the proof."""
    public: tuple[Said, ...] = ()
    """What public resolvers say of the proof."""
    places: tuple[DnsLook, ...] = ()
    """Where the proof is put by mistake."""
    probe: DnsLook | None = None
    """The proof's type at a label beside it that nobody can have published."""
    probe_alias: DnsLook | None = None
    is_hidden: bool = False
    """The zone is a private one, and whoever asks may not see what it holds."""
    hosts: tuple[DnsLook, ...] = ()
    """A, AAAA and CNAME of the name."""
    target: Target | None = None
    """None: it is not known where the host should lead."""
    is_wild: bool = False
    """Any label in the zone has an address."""
    caa: tuple[DnsLook, ...] = ()
    """From the name upwards."""
    authorities: frozenset[str] = frozenset()
    """Issuer domain names of the authority in use; empty: not known."""
    negative_ttl: int | None = None
    """Seconds for which resolvers remember that something does not exist."""
    signing: Signing | None = None
    page: PageSeen | None = None
    registration: RegistrationProblem | None = None
    """Why the registry keeps the name from being used; None: it names no reason, or was not asked."""
    is_proved: bool = False
    """The name is held already: a proof that is gone has time."""
    is_wildcard: bool = False
    """The names below are meant, not the name itself."""
    is_proxied_here: bool = False
    """Nameplate itself turned the proxy of the DNS provider on."""
    alone: frozenset[str] = field(default_factory=frozenset)
    """Name servers that only the zone or only its parent names."""

    def host(self, rdtype: str) -> DnsLook:
        """Return the look at the name with that type."""
        empty = DnsLook(self.name, rdtype)
        return next((one for one in self.hosts if one.type == rdtype), empty)
