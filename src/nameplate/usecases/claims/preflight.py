"""Whether a certificate would be obtained now: a look at everything that an order depends on.

Nothing is ordered, and nothing is stored but what was seen of a certificate that there is. Findings are
those of a diagnosis; what keeps an order from being made is said with the same code and the same words
as by a certificate that waits for it.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import Actor
from nameplate.core.diagnosis import checks as judging
from nameplate.core.diagnosis.finding import DiagnosisFinding, RecordFix, Weight, add
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions, database_now
from nameplate.models import Certificate, Domain, Rehearsal, RenewalRisk
from nameplate.usecases import lookup
from nameplate.usecases.certificates import rehearsals, requests
from nameplate.usecases.certificates.rehearsals import RehearsalLook
from nameplate.usecases.claims import diagnosis, unreached_hosts
from nameplate.usecases.tools import Tools

_DIAGNOSED = 3
"""Names of a certificate that are diagnosed, beside the looks that every name gets."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found for one certificate at one moment."""

    names: tuple[str, ...]
    challenge: str
    domain_id: int
    certificate_id: int | None
    """None: there is none yet."""
    at: datetime
    next_check_at: datetime | None
    """When a worker looks by itself; None: it does not."""
    findings: tuple[DiagnosisFinding, ...]

    @property
    def is_clear(self) -> bool:
        """Whether nothing keeps the certificate from being ordered."""
        return all(one.weight is not Weight.BLOCKS for one in self.findings)


@dataclass(frozen=True, slots=True)
class _LookedAt:
    """What is to be looked at."""

    row: Certificate
    domain_id: int
    look: RehearsalLook
    at: datetime


def of_certificate(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> Preflight:
    """Look at what the next order of a certificate depends on, and note what was seen.

    Raises `NotFound`, `Conflict` for one that is never ordered, and `RateLimited` `checks_spent`.
    """
    with sessions.begin(actor) as session:
        row = requests.get(session, actor, reference)
        if row.is_uploaded or row.status is CertificateStatus.REVOKED:
            raise Conflict(
                "certificate_never_ordered",
                "An uploaded or revoked certificate is not ordered: there is nothing to look at.",
            )
        row_id, now = row.id, database_now(session)
        session.get_one(Domain, row.organization_domain_id).ask_for_check(now)
    with sessions.look() as session:
        row = session.get_one(Certificate, row_id)
        look = rehearsals.of(session, tools, row, now)
        asked = _LookedAt(row, row.organization_domain_id, look, now)
    risks = look.risks(tools)
    _note(sessions, actor, asked, risks)
    return _concluded(sessions, tools, actor, asked, risks)


def of_host(
    sessions: Sessions, tools: Tools, actor: Actor, host: str, challenge: str | None = None
) -> Preflight:
    """Look at what a certificate for a host of a claimed domain would depend on; nothing is stored.

    Raises `NotFound` without such a domain, `Invalid` as a request for it, `RateLimited`.
    """
    with sessions.begin(actor) as session:
        domain = _closest(session, actor, tools, host)
        domain_id, now = domain.id, database_now(session)
        requests.proposed(session, tools, domain, host, challenge)
        domain.ask_for_check(now)
    with sessions.look() as session:
        domain = session.get_one(Domain, domain_id)
        row = requests.proposed(session, tools, domain, host, challenge)
        asked = _LookedAt(row, domain_id, rehearsals.of(session, tools, row, now), now)
    return _concluded(sessions, tools, actor, asked, asked.look.risks(tools))


def _closest(session: Session, actor: Actor, tools: Tools, host: str) -> Domain:
    """Return the claim of the actor's that a host is at or below, the closest one."""
    name = names.parse(host, wildcard=True, private_suffix=True, special_use=tools.special_use)
    bare = names.without_wildcard(name.name)
    for above in dict.fromkeys([name.name, *names.self_and_ancestors(bare)]):
        with suppress(NotFound):
            return lookup.domain(session, actor, above)
    raise lookup.missing(Prefix.DOMAIN)


def _note(sessions: Sessions, actor: Actor, asked: _LookedAt, risks: Sequence[RenewalRisk]) -> None:
    """Keep what was seen of a certificate that serves and that no renewal of which fails."""
    with sessions.begin(actor) as session:
        row = session.get(Certificate, asked.row.id)
        if row is None or row.certificate is None or row.certificate != asked.row.certificate:
            return
        if row.trouble_code is None and row.renewal_error_code is None:
            row.note_rehearsal(Rehearsal(tuple(risks)) if risks else None, asked.at)


def _concluded(
    sessions: Sessions, tools: Tools, actor: Actor, asked: _LookedAt, risks: Sequence[RenewalRisk]
) -> Preflight:
    row = asked.row
    request = asked.look.request
    hosts = tuple((row.subject_alternative_names or ()) if request is None else request.hosts)
    with sessions.look() as session:
        domain = session.get_one(Domain, asked.domain_id)
        found = [finding(session, domain, row, one) for one in risks]
    found += _left(tools, asked.look)
    known = {one.check for one in found}
    found += [
        one for one in _diagnosed(sessions, tools, actor, row, hosts) if one.check not in known
    ]
    return Preflight(
        hosts,
        row.acme_challenge_type or "http-01",
        asked.domain_id,
        row.id or None,
        asked.at,
        row.next_action_at,
        tuple(judging.ordered(found)),
    )


def finding(
    session: Session, domain: Domain, row: Certificate, risk: RenewalRisk
) -> DiagnosisFinding:
    """Return a risk as a finding: with who must act, and the record that ends it."""
    told = unreached_hosts.of_risk(session, domain, row, risk)
    return DiagnosisFinding(
        risk.code,
        risk.message,
        told.fix,
        turn=told.turn,
        evidence=told.observed,
        records=tuple(_records(told.expected)),
    )


def _records(expected: Sequence[str]) -> Iterator[RecordFix]:
    for text in expected:
        name, _, rest = text.partition(" ")
        rdtype, _, value = rest.partition(" ")
        if value:
            yield add(rdtype, name, value)


def _left(tools: Tools, look: RehearsalLook) -> Iterator[DiagnosisFinding]:
    """Say what is at the names of the challenges already."""
    left = {} if look.request is None else rehearsals.leftovers(tools, look.request)
    for owner, values in left.items():
        yield DiagnosisFinding(
            "challenge_leftover",
            f"There are TXT records at {owner} already: another client proves the name there, or left "
            "them behind. Many of them make the authority's look fail.",
            "Remove them, unless another client needs them now.",
            weight=Weight.RISK,
            evidence=tuple(ascii(value[:120]) for value in values[:_SHOWN]),
        )


def _diagnosed(
    sessions: Sessions, tools: Tools, actor: Actor, row: Certificate, hosts: Sequence[str]
) -> Iterator[DiagnosisFinding]:
    """Look at the zones of the names, and where the authority asks the hosts also at their addresses."""
    checks = judging.CERTIFICATE_CHECKS if rehearsals.is_dns(row) else judging.HOST_CHECKS
    bare = list(dict.fromkeys(map(names.without_wildcard, hosts)))[:_DIAGNOSED]
    seen: set[tuple[str, str]] = set()
    with ThreadPoolExecutor(_DIAGNOSED, thread_name_prefix="nameplate-preflight") as pool:
        looks = [
            pool.submit(diagnosis.diagnose, sessions, tools, actor, one, checks) for one in bare
        ]
        for look in looks:
            for one in look.result().findings:
                if (one.check, one.message) not in seen:
                    seen.add((one.check, one.message))
                    yield one
