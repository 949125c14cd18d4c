"""Why a certificate is not ordered yet: where its host leads instead of here, or CAA, and who changes that."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core.pointing import PointingTarget
from nameplate.models import Certificate, ChallengeProgress, Domain, RenewalRisk
from nameplate.usecases.certificates import coverage, delegations
from nameplate.usecases.dns import pointing
from nameplate.usecases.dns.bound_hosts import BoundHost

_GOES_ON = "Nameplate checks again automatically, and then orders the certificate."
_ZONE = (
    "The operator must check the domain of `NAMEPLATE_CHALLENGE_ZONE`, which must be proved, and its "
    "DNS account."
)


@dataclass(frozen=True, slots=True)
class HostAdvice:
    """What was seen, what would be right, and who has to do what."""

    observed: tuple[str, ...]
    expected: tuple[str, ...]
    fix: str


_OTHERS = {
    "authority_away": "Wait. Nameplate tries the authority again automatically.",
    "server_stopped": "The operator must check the server. Nameplate continues as soon as it can be "
    "configured.",
    "ca_account_missing": "The operator must add an account at a certificate authority.",
    "domain_not_proved": "Prove ownership of the domain: `nameplate domain instructions` shows how.",
    "challenge_name_is_alias": "Remove the CNAME record, or remove the DNS account of the domain and "
    "delegate the challenges.",
    "dnssec_bogus": "Have the zone signed again, or correct its DS record at the registrar.",
}
"""What to do about what the owner of the name is not told a record for."""


def advice(session: Session, domain: Domain, row: Certificate) -> HostAdvice | None:
    """Return what to do about hosts of a certificate that do not lead here, None when all do."""
    if row.trouble_code is None and row.renewal_error_code is None and row.rehearsal is not None:
        return of_risk(session, domain, row, row.rehearsal.risks[0])
    names = row.subject_alternative_names or ()
    if row.trouble_code in delegations.OF_OPERATOR:
        return HostAdvice((), tuple(names), f"{_ZONE} {_GOES_ON}")
    if not (row.waits_for or "").startswith("domain:"):
        return None
    if (row.trouble_code or "").startswith("caa_"):
        return _of_caa(row)
    known = row.acme_challenge_data or ChallengeProgress()
    if known.records:
        return HostAdvice(known.addresses, known.records, _publish(row, known.records))
    home = session.get_one(Domain, int((row.waits_for or "").removeprefix("domain:")))
    hosts = [one for one in pointing.left_to_owner(session, home) if one.host in names]
    seen = known.addresses
    wanted = tuple(text for one in hosts for text in _wanted(one))
    return HostAdvice(seen, wanted or tuple(names), _fix(row, hosts, seen))


def of_risk(session: Session, domain: Domain, row: Certificate, risk: RenewalRisk) -> HostAdvice:
    """Return what to do about a risk of the next order, as it is said when that order waits for it."""
    if risk.code in _OTHERS and not risk.records:
        return HostAdvice(risk.seen, (), _OTHERS[risk.code])
    waiting = Certificate(
        organization_id=row.organization_id,
        organization_domain_id=domain.id,
        subject_alternative_names=row.subject_alternative_names,
        trouble_code=risk.code,
        waits_for=f"domain:{coverage.home(session, row, risk.host)}",
        acme_challenge_data=ChallengeProgress(addresses=risk.seen, records=risk.records),
    )
    found = advice(session, domain, waiting)
    return found or HostAdvice(risk.seen, risk.records, "")


def _publish(row: Certificate, records: Sequence[str]) -> str:
    """Say what to do about challenges that are not delegated to the platform."""
    if row.trouble_code == "challenge_name_not_resolved":
        return f"Check the name servers of the domain. {_GOES_ON}"
    if row.trouble_code == "dnssec_bogus":
        return f"Have the zone signed again, or correct its DS record at the registrar. {_GOES_ON}"
    told = [delegations.instruction(owner, there) for owner, _, there in map(str.split, records)]
    return f"{' '.join(one.sentence for one in told)} {_GOES_ON}"


def _of_caa(row: Certificate) -> HostAdvice:
    """Return what to do about CAA records that forbid a certificate, or cannot be known."""
    seen = row.acme_challenge_data or ChallengeProgress()
    fix = {
        "caa_bogus": "Repair the signatures of the zone, or remove its DS record.",
        "caa_critical": "Remove the CAA record with the unknown critical tag.",
        "caa_excludes": f"Add the record {' or '.join(seen.records)}, or remove the CAA records.",
    }.get(row.trouble_code or "", "Ask your DNS host to answer questions for CAA records.")
    return HostAdvice(seen.addresses, seen.records, f"{fix} {_GOES_ON}")


def _wanted(host: BoundHost) -> tuple[str, ...]:
    target = host.targets[0]
    if target.name:
        return (f"{host.host} CNAME {target.name}",)
    return tuple(f"{host.host} {rdtype} {value}" for rdtype, value in target.addresses)


def _fix(row: Certificate, hosts: Sequence[BoundHost], seen: Sequence[str]) -> str:
    if row.trouble_code == "host_not_resolved":
        return f"Check the name servers of the domain. {_GOES_ON}"
    if row.trouble_code == "host_not_checkable":
        return (
            "The operator must give the workers a route to this address, or set "
            f"`NAMEPLATE_CHALLENGE_CHECK_VIA`. {_GOES_ON}"
        )
    if not hosts:
        return f"Bind an application to the host, and point it to its server. {_GOES_ON}"
    host = hosts[0]
    if seen and _is_server(host.targets, seen):
        return (
            "The operator must check that port 80 of this server reaches Nameplate's proxy. "
            f"{_GOES_ON}"
        )
    if host.is_kept and not host.own:
        return f"Wait. Nameplate points {host.host} to its server. {_GOES_ON}"
    return f"Point the host to its server: {', '.join(_wanted(host)) or 'its server'}. {_GOES_ON}"


def _is_server(targets: Sequence[PointingTarget], seen: Sequence[str]) -> bool:
    """Tell whether all addresses are those of a server, so that DNS is as it should be."""
    return set(seen) <= {value for target in targets for _, value in target.addresses}
