"""The CAA records that are relevant for the names of a certificate, looked at before it is ordered.

Nothing is kept between two looks: an authority may not rely on an answer for longer than its TTL or
8 hours (RFC 8659 section 3), and whoever repairs a record wants to see it count. What fails, or fails
validation, is no permission.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nameplate.core import names
from nameplate.core.caa_policy import Applicant, CaaVerdict, deciding_tag, properties, verdict
from nameplate.ports.resolver import AnswerKind
from nameplate.ports.validation import Security
from nameplate.usecases.tools import Tools

_ABSENT = frozenset({AnswerKind.NODATA, AnswerKind.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class CaaObstacle:
    """Why no authority may issue as CAA is seen, and what would change that."""

    code: str
    message: str
    addresses: tuple[str, ...] = ()
    """The records that forbid it."""
    records: tuple[str, ...] = ()
    """The records that would allow it."""
    name: str = ""
    """Where the records are, or where nobody answers."""
    versions: tuple[tuple[str, ...], ...] = ()
    """What was seen there."""


class CaaUnanswered(Exception):
    """CAA of a name cannot be known now."""

    def __init__(self, obstacle: CaaObstacle) -> None:
        super().__init__(obstacle.message)
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True)
class RelevantSet:
    """The record set that counts for a name (RFC 8659 section 3), as its servers have it."""

    name: str
    """Where it was found; empty when there is none."""
    versions: tuple[tuple[str, ...], ...] = ()
    """Different values where the servers disagree: each must permit."""


SeenCaa = dict[str, tuple[tuple[str, ...], ...]]
"""The different CAA sets that the servers of names have, by name, for a few seconds."""


@dataclass
class CaaLook:
    """Looks at each name once, for all authorities that could be asked."""

    tools: Tools
    hosts: Sequence[str]
    seen: SeenCaa = field(default_factory=dict)
    """What is known by name; a step with several certificates looks at what is above them once."""

    def obstacle(self, applicant: Applicant, title: str) -> CaaObstacle | None:
        """Tell what keeps an authority from issuing for all hosts, None when nothing does.

        Raises `CaaUnanswered` when that cannot be known.
        """
        for host in self.hosts:
            bare = names.without_wildcard(host)
            found = self._relevant(bare)
            wildcard = names.is_wildcard(host)
            for values in found.versions:
                said = verdict(values, applicant, wildcard=wildcard)
                if said is not CaaVerdict.PERMITTED:
                    obstacle = _forbidden(host, found.name, values, said, (applicant, title))
                    return replace(obstacle, name=found.name, versions=found.versions)
        return None

    def _relevant(self, name: str) -> RelevantSet:
        for above in names.self_and_ancestors(name):
            if above not in self.seen:
                self.seen[above] = _ask(self.tools, above)
            if self.seen[above]:
                return RelevantSet(above, self.seen[above])
        return RelevantSet("")


def look_at(tools: Tools, name: str) -> RelevantSet | CaaObstacle:
    """Return the CAA records at one name, or why they cannot be known."""
    try:
        return RelevantSet(name, _ask(tools, name))
    except CaaUnanswered as error:
        return error.obstacle


def _ask(tools: Tools, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the different CAA sets that a name's servers have, through its alias; none when none.

    Raises `CaaUnanswered` when no server answers, or the answer fails validation.
    """
    answers = tools.resolver.authoritative(name, "CAA").answers
    found = {one.values for one in answers if one.kind is AnswerKind.DATA}
    if not found and not any(one.kind in _ABSENT for one in answers):
        why = next((one.detail or one.kind.value for one in answers), "there are none")
        raise CaaUnanswered(
            CaaObstacle(
                "caa_not_answered",
                f"The name servers do not answer for CAA records of {name}: {why}. No authority may "
                "issue without an answer.",
                name=name,
            )
        )
    if signed := _signed(tools, name):
        found.add(signed)
    return tuple(sorted(found))


def _signed(tools: Tools, name: str) -> tuple[str, ...]:
    """Return the values that are signed, none where nothing is; raises `CaaUnanswered`."""
    if tools.validator is None:
        return ()
    found = tools.validator.validate(name, "CAA")
    if found.security is Security.BOGUS:
        raise CaaUnanswered(
            CaaObstacle(
                "caa_bogus",
                f"The answer for CAA records of {name} fails DNSSEC validation: {found.detail}. "
                "No authority may issue on it.",
                name=name,
            )
        )
    if found.security is Security.UNKNOWN:
        raise CaaUnanswered(
            CaaObstacle(
                "caa_not_answered",
                f"DNSSEC of CAA records of {name} cannot be checked: {found.detail}.",
                name=name,
            )
        )
    return found.values


def _forbidden(
    host: str, name: str, values: Sequence[str], said: CaaVerdict, asked: tuple[Applicant, str]
) -> CaaObstacle:
    applicant, title = asked
    seen = tuple(f"{name} CAA {value}" for value in values)
    if said is CaaVerdict.CRITICAL:
        return CaaObstacle(
            "caa_critical",
            f"A CAA record at {name} has an unknown tag that is marked critical, so no authority may "
            f"issue for {host}.",
            seen,
        )
    what = {
        CaaVerdict.ACCOUNT: "only for another account (`accounturi`)",
        CaaVerdict.METHOD: f"not after a proof by {applicant.method} (`validationmethods`)",
    }.get(said)
    tag = deciding_tag(properties(values), wildcard=names.is_wildcard(host))
    records = tuple(f'{name} CAA 0 {tag} "{issuer}"' for issuer in sorted(applicant.issuers))
    lets = f"lets {title} issue {what}" if what else f"does not let {title} issue"
    return CaaObstacle(
        "caa_excludes",
        f"CAA at {name} {lets}, as {host} needs it. Add the record {' or '.join(records[:1])}.",
        seen,
        records[:1],
    )
