"""Why a certificate is not ordered yet: where its host leads instead of here, or CAA, and who changes that."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core.pointing import PointingTarget
from nameplate.core.turns import Turn
from nameplate.models import Certificate, ChallengeProgress, Domain, RenewalRisk
from nameplate.usecases.certificates import coverage, notices
from nameplate.usecases.dns import pointing
from nameplate.usecases.dns.bound_hosts import BoundHost

_GOES_ON = "Nameplate checks again automatically, and then orders the certificate."
_HOSTS = frozenset({"host_points_elsewhere", "host_without_address"})
"""Codes whose fix is to point a host: which one, and whether its owner or somebody else does it, is seen."""


@dataclass(frozen=True, slots=True)
class HostAdvice:
    """What was seen, what would be right, and who has to do what."""

    observed: tuple[str, ...]
    expected: tuple[str, ...]
    fix: str
    turn: Turn | None = None
    """None: nothing is to be done."""


def advice(session: Session, domain: Domain, row: Certificate) -> HostAdvice | None:
    """Return what to do about hosts of a certificate that do not lead here, None when all do."""
    if row.trouble_code is None and row.renewal_error_code is None and row.rehearsal is not None:
        return of_risk(session, domain, row, row.rehearsal.risks[0])
    names = tuple(row.subject_alternative_names or ())
    code = row.trouble_code or ""
    known = row.acme_challenge_data or ChallengeProgress()
    if not (row.waits_for or "").startswith("domain:"):
        return None
    if code not in _HOSTS:
        fix, turn = notices.explained(code)
        expected = known.records or (() if code.startswith("caa_") else names)
        return HostAdvice(known.addresses, expected, _shown(fix, known.records), turn)
    home = session.get_one(Domain, int((row.waits_for or "").removeprefix("domain:")))
    hosts = [one for one in pointing.left_to_owner(session, home) if one.host in names]
    wanted = tuple(text for one in hosts for text in _wanted(one))
    return HostAdvice(known.addresses, wanted or names, *_fix(code, hosts, known.addresses))


def of_risk(session: Session, domain: Domain, row: Certificate, risk: RenewalRisk) -> HostAdvice:
    """Return what to do about a risk of the next order, as it is said when that order waits for it."""
    if risk.code not in _HOSTS:
        fix, turn = notices.explained(risk.code)
        return HostAdvice(risk.seen, risk.records, _shown(fix, risk.records), turn)
    waiting = Certificate(
        organization_id=row.organization_id,
        organization_domain_id=domain.id,
        subject_alternative_names=row.subject_alternative_names,
        trouble_code=risk.code,
        waits_for=f"domain:{coverage.home(session, row, risk.host)}",
        acme_challenge_data=ChallengeProgress(addresses=risk.seen, records=risk.records),
    )
    found = advice(session, domain, waiting)
    return found or HostAdvice(risk.seen, risk.records, *notices.explained(risk.code))


def _shown(fix: str, records: Sequence[str]) -> str:
    """Return what to do with the records to publish."""
    return f"{fix} To publish: {', '.join(records).removesuffix('.')}." if records else fix


def _wanted(host: BoundHost) -> tuple[str, ...]:
    target = host.targets[0]
    if target.name:
        return (f"{host.host} CNAME {target.name}",)
    return tuple(f"{host.host} {rdtype} {value}" for rdtype, value in target.addresses)


def _fix(code: str, hosts: Sequence[BoundHost], seen: Sequence[str]) -> tuple[str, Turn]:
    """Return what to do about a host that does not lead here, as its bindings and addresses show it."""
    fix, turn = notices.explained(code)
    if not hosts:
        return f"Bind an application to the host. {fix}", turn
    host = hosts[0]
    if seen and _is_server(host.targets, seen):
        return (
            f"The operator must check that port 80 of this server reaches Nameplate's proxy. {_GOES_ON}",
            Turn.OPERATOR,
        )
    if host.is_kept and not host.own:
        return f"Wait. Nameplate points {host.host} to its server. {_GOES_ON}", Turn.NAMEPLATE
    return _shown(fix, _wanted(host)), turn


def _is_server(targets: Sequence[PointingTarget], seen: Sequence[str]) -> bool:
    """Tell whether all addresses are those of a server, so that DNS is as it should be."""
    return set(seen) <= {value for target in targets for _, value in target.addresses}
