"""Why a name does not work: claimed or not, each finding with what to do and who must do it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names, registration
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.dangling.found import as_finding
from nameplate.core.diagnosis import checks as judging
from nameplate.core.diagnosis.finding import DiagnosisFinding
from nameplate.core.diagnosis.observed import Expected, Observed, Target
from nameplate.core.errors import NotFound
from nameplate.core.ids import Prefix
from nameplate.core.instructions import Instruction, Kind
from nameplate.core.registration import RegistrationProblem
from nameplate.db import Sessions, database_now
from nameplate.models import Domain, Verification
from nameplate.usecases import holders
from nameplate.usecases.claims import facts, gathering, instructions, routing
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.gathering import Page, Subject
from nameplate.usecases.propagation import dangling
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

Checks = Sequence[Callable[[Observed], Iterator[DiagnosisFinding]]]
NOBODY = 0
"""No organization has this id: only accounts of the platform are found for it."""
_MAX_OLD = 50
"""Earlier tokens of a domain that a value is compared with."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found for a name at one moment."""

    name: str
    domain_id: int | None
    """None: whoever asks has not claimed the name."""
    zone: str
    findings: tuple[DiagnosisFinding, ...]
    at: datetime
    next_check_at: datetime | None
    """When Nameplate looks at the proof again by itself."""

    @property
    def must_act(self) -> bool:
        """Whether somebody has to do something."""
        return any(one.must_act for one in self.findings)

    def looks_again(self, finding: DiagnosisFinding) -> datetime | None:
        """Return when a finding may look different: an answer runs out, or Nameplate looks again."""
        if finding.wait is not None:
            return self.at + timedelta(seconds=finding.wait)
        return self.next_check_at


@dataclass(frozen=True, slots=True)
class _DiagnosisQuestion:
    subject: Subject
    name: str
    domain_id: int | None
    organization_id: int
    """Whose certificates are meant."""
    at: datetime
    next_check_at: datetime | None = None
    dangling: tuple[DiagnosisFinding, ...] = ()
    """What the daily look found at the names of the domain."""


def diagnose(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    reference: str,
    checks: Checks = judging.CHECKS,
) -> Diagnosis:
    """Look at a domain of the actor's, or at any public name, and return what is wrong with it.

    Of other organizations nothing is read: their domain is a name like any other. Raises `NotFound`
    for an id that is not the actor's, `Conflict` as `lookup.domain`, `Invalid` for what is no name.
    """
    with sessions.begin(actor, read_only=True) as session:
        asked = _asked(session, tools, actor, reference)
    with sessions.look() as platform:
        authorities = ca_accounts.issuer_names(platform, asked.organization_id)
    seen = gathering.gather(tools, replace(asked.subject, authorities=authorities))
    found = judging.diagnose(seen, checks)
    known = {one.check for one in found}
    dangling_ = asked.dangling if checks is judging.CHECKS else ()
    found += [one for one in dangling_ if one.check not in known]
    return Diagnosis(
        asked.name,
        asked.domain_id,
        seen.zone,
        tuple(judging.ordered(found)),
        asked.at,
        asked.next_check_at,
    )


def _asked(session: Session, tools: Tools, actor: Actor, reference: str) -> _DiagnosisQuestion:
    """Return what is to be looked at, read before the network is asked."""
    now = database_now(session)
    try:
        known = facts.of_one(session, actor, reference, now)
    except NotFound:
        if reference.startswith(f"{Prefix.DOMAIN}_"):
            raise
        return _unclaimed(tools, actor, reference, now)
    domain, row = known.domain, known.verification
    return _DiagnosisQuestion(
        _claimed(session, tools, actor, known),
        domain.full_domain,
        domain.id,
        domain.organization_id,
        now,
        None if row is None else row.next_action_at,
        tuple(map(as_finding, dangling.of_domain(session, actor, domain.id))),
    )


def _unclaimed(tools: Tools, actor: Actor, reference: str, now: datetime) -> _DiagnosisQuestion:
    name = names.parse(reference, wildcard=True, private_suffix=True, special_use=tools.special_use)
    bare = names.without_wildcard(name.name)
    subject = Subject(
        bare, name.registrable, is_wildcard=name.wildcard, sees_private=actor.is_platform
    )
    owner = NOBODY if actor.organization_id is None else actor.organization_id
    return _DiagnosisQuestion(subject, name.name, None, owner, now)


def _claimed(session: Session, tools: Tools, actor: Actor, known: DomainFacts) -> Subject:
    domain = known.domain
    is_proved = known.holding is not None and domain.holding_name is not None
    expected = page = None
    if not is_proved or domain.holding_name == holders.held_name(domain):
        expected, page = _proofs(session, tools, known)
    return Subject(
        name=holders.held_name(domain),
        registrable=domain.domain_name,
        expected=expected,
        page=page,
        target=_target(session, known),
        is_proved=is_proved,
        is_wildcard=names.is_wildcard(domain.full_domain),
        is_proxied_here=any(one.proxy_enabled for one in known.records.every or known.records.rows),
        registration=_registration(domain),
        sees_private=actor.is_platform or is_proved,
    )


def _registration(domain: Domain) -> RegistrationProblem | None:
    known = domain.registration
    if known is None:
        return None
    is_gone = known.ended_at is not None
    return registration.problem(domain.domain_name, known.states, is_gone=is_gone)


def _proofs(
    session: Session, tools: Tools, known: DomainFacts
) -> tuple[Expected | None, Page | None]:
    """Return the record that proves the domain, or else the page: one of several ways is enough."""
    page: Page | None = None
    for row in (known.verification, *known.others):
        told = None if row is None else instructions.of_verification(tools, row, known.domain)
        if row is None or not isinstance(told, Instruction):
            continue
        if told.kind == Kind.DNS_RECORD:
            return _expected(session, tools, known.domain, row, told), None
        if told.kind in {Kind.FILE, Kind.TAG}:
            page = page or (row.verification_method, row.verification_token)
    return None, page


def _expected(
    session: Session, tools: Tools, domain: Domain, row: Verification, told: Instruction
) -> Expected:
    """Return the record that proves the domain, and the values that do not any more."""
    earlier = session.scalars(
        Verification.visible(PLATFORM)
        .where(
            Verification.organization_domain_id == domain.id,
            Verification.id != row.id,
            Verification.verification_method == row.verification_method,
        )
        .order_by(sa.desc(Verification.id))
        .limit(_MAX_OLD)
    )
    method = tools.methods[row.verification_method]
    name = holders.held_name(domain)
    old = {method.instruct(name, one.verification_token).expected for one in earlier}
    return Expected(
        told.get("type") or "TXT", told.get("name") or name, told.expected, frozenset(old)
    )


def _target(session: Session, known: DomainFacts) -> Target | None:
    """Return where the name's own host should lead; None when that is not known."""
    domain = known.domain
    if names.is_wildcard(domain.full_domain):
        return None
    for host in routing.of(session, domain, known=known).hosts:
        if host.host == domain.full_domain and host.targets:
            first = host.targets[0]
            addresses = frozenset(value for _, value in first.addresses)
            return Target(first.name.removesuffix("."), addresses)
    return None
