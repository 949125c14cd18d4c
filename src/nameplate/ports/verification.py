"""Proof that somebody controls a name."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from nameplate.core.egress import Network
from nameplate.core.instructions import Instruction
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.mail import Delivery, Mailer
from nameplate.ports.plugins import Plugin
from nameplate.ports.resolver import Inquiry, LookupResult, Resolver


class ProofScope(StrEnum):
    """How far a proof reaches."""

    EXACT = "exact"
    """The name alone: who runs its web server need not run those below it."""
    SUBTREE = "subtree"
    """The name and everything below it, wildcards too."""


class Verdict(StrEnum):
    """What one look gave."""

    MATCH = "match"
    MISMATCH = "mismatch"
    """Something else is published there."""
    ABSENT = "absent"
    """Nothing is published there."""
    INCONCLUSIVE = "inconclusive"
    """Servers disagreed, failed or timed out: neither proves nor disproves."""

    @property
    def proves(self) -> bool:
        """Whether a claim is verified by it: a match alone does."""
        return self is Verdict.MATCH

    @property
    def disproves(self) -> bool:
        """Whether it counts towards the lapse of a proof: definite negatives alone do."""
        return self in {Verdict.MISMATCH, Verdict.ABSENT}


@dataclass(frozen=True, slots=True)
class ProofSurroundings:
    """What a look at a proof that was seen before saw beside it."""

    points_here: bool | None = None
    """Whether the name's addresses are servers of the platform; None: that is not known."""
    name_servers: tuple[str, ...] = ()
    """Those of the registrable domain, canonical, sorted. Empty: that is not known."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence of one look."""

    verdict: Verdict
    reason: str
    """Stable slug, e.g. `txt_absent`, `txt_mismatch`, `servers_disagree`, `file_not_found`."""
    message: str
    """One sentence for the person who must fix it."""
    observed: tuple[str, ...] = ()
    """What was seen and from which server, one entry each, safe to show to the tenant."""
    surroundings: ProofSurroundings | None = None
    """None: nobody looked."""
    servers: tuple[tuple[str, str], ...] = ()
    """Of a look at web servers: each host that was asked, and the address that answered."""


ANSWERED_BY_PLATFORM = (
    Verdict.INCONCLUSIVE,
    "answered_by_platform",
    "The name points to this platform, whose own answer proves nothing. Use the method dns_txt.",
)
"""What a look at web servers comes to that ended at our own proxies: verdict, reason, message."""


class VerificationMethod(Protocol):
    """One proof method. `check` looks once; "not yet" is a value, never an exception."""

    @property
    def scope(self) -> ProofScope:
        """How far a match reaches."""
        ...

    def instruct(self, name: str, token: str) -> Instruction:
        """Return what the owner of `name` (canonical, without `*.`) must publish. Pure."""
        ...

    def check(self, name: str, token: str) -> Proof:
        """Look once whether it is published."""
        ...


@runtime_checkable
class DnsMethod(VerificationMethod, Protocol):
    """A method that only asks the DNS. Workers look at many such proofs at once, in one event loop."""

    def inquire(self, name: str, token: str) -> Inquiry[Proof]:
        """Say what to ask, and judge what was said. `check` does the same in one thread."""
        ...


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """One DNS record: what an owner publishes, and what is asked for."""

    rdtype: str
    name: str
    """Absolute, without final dot."""
    value: str
    """Plain text of a TXT record; the target of a CNAME, without final dot."""


@runtime_checkable
class RecordProofMethod(VerificationMethod, Protocol):
    """A method whose proof is one record: whoever asks the servers need not be the method itself."""

    def record(self, name: str, token: str) -> ProofRecord:
        """Return what to ask the authoritative servers for. Pure."""
        ...

    def judge(self, name: str, token: str, finding: LookupResult) -> Proof:
        """Return what their answers come to. Pure."""
        ...


@dataclass(frozen=True, slots=True)
class Postbox:
    """Where the mail of a name's owner goes."""

    home: str
    """The name that its owner is asked about: mail is limited for it."""
    limited_as: str
    """The home again, or the one address that its zone names: mail is limited for it, too."""
    recipients: tuple[str, ...]
    asked: tuple[tuple[str, str], ...] = ()
    """Names and types of the records by whose answers they were chosen."""


@runtime_checkable
class MailedProofMethod(VerificationMethod, Protocol):
    """A method by a code that goes to the owner and comes back through the claimant's session."""

    def postbox(self, name: str) -> Postbox:
        """Return where the owner's mail goes now. Nobody but the owner has a say in it."""
        ...

    def send(self, postbox: Postbox, name: str, token: str, code: str, sender: str) -> Delivery:
        """Send the code. `sender` is the organization's name, of which only plain words are shown."""
        ...


@dataclass(frozen=True, slots=True)
class NoSettings:
    """The configuration of a method without settings."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a proof method may look through; each is made when it is first used."""

    resolver: Resolver
    fetcher: Fetcher
    edge: tuple[Network, ...] = ()
    """Networks in which the platform's own proxies answer: what they serve proves nothing."""
    mailer: Mailer | None = None
    """None: the operator has set up no mail server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofMethodPlugin(Plugin):
    """A proof method in the group `nameplate.proof_methods`, under its name in the specification."""

    configuration: type[Any] = NoSettings
    connect: Callable[[Any, Outside], VerificationMethod]
    """Takes an instance of `configuration` and what to look through; sends no request yet."""
    lacks: Callable[[Any, Outside], str | None] = lambda _config, _outside: None
    """Returns what the operator must do first, as in `set up a zone`; None: the method can be used."""
