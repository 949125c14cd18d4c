"""Certificates whose names belong to a domain that comes or goes: they are woken, and stay with another.

A certificate goes with its domain, unless it names hosts of another one: it stays with that.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.models import Certificate, CertificateName, Domain
from nameplate.models.orm import among
from nameplate.usecases import holders
from nameplate.usecases.certificates import coverage


def wake(
    session: Session, domain_ids: Sequence[int], now: datetime, *, urgent: bool = False
) -> None:
    """Wake the certificates of other domains that name hosts of these."""
    numbers = sorted(session.scalars(_ELSEWHERE, {"domains": sorted(domain_ids)}))
    if numbers:
        session.execute(
            Certificate.waking(now, urgent=urgent).where(
                Certificate.id.in_(numbers), Certificate.deleted_at.is_(None)
            ),
            execution_options={"synchronize_session": False},
        )


def adopt(session: Session, claims: Sequence[Domain]) -> None:
    """Let names whose domain was removed belong to a domain that is proved for them now."""
    given = {
        "organizations": sorted({claim.organization_id for claim in claims}),
        "bases": sorted({claim.domain_name for claim in claims}),
    }
    orphans = session.execute(_ORPHANS, given).all()
    for claim in claims if orphans else ():
        bare = holders.held_name(claim)
        fitting = [
            row
            for row in orphans
            if row.organization_id == claim.organization_id and coverage.is_at(row.hostname, bare)
        ]
        if fitting:
            of_these = CertificateName.ssl_certificate_id.in_({one[1] for one in fitting})
            former = sorted({row.organization_domain_id for row in fitting})
            hosts = sorted({row.hostname for row in fitting})
            _move(session, of_these, former, hosts, claim.id)


def leave(session: Session, domain: Domain, now: datetime) -> None:
    """Prepare the certificates of a domain that goes: one that names hosts of others stays with those.

    Its names for which another domain of the organization stands belong to that one from now on.
    """
    there: dict[int, set[str]] = {}
    goes = set()
    for number, main, host in session.execute(_OF_DOMAIN, {"domain": domain.id}):
        there.setdefault(number, set()).add(host)
        if main == domain.id:
            goes.add(number)
    staying = _rehomed(session, domain, goes, now)
    kept = sorted(there.keys() - goes | staying)
    if not kept:
        return
    hosts = set().union(*(there[number] for number in kept))
    others: dict[int, list[str]] = {}
    for host, claim in coverage.closest(
        session, domain.organization_id, hosts, but=domain.id
    ).items():
        others.setdefault(claim.id, []).append(host)
    for home, moved in others.items():
        _move(session, CertificateName.ssl_certificate_id.in_(kept), [domain.id], moved, home)
    wake(session, [domain.id, *others], now, urgent=True)


def _rehomed(session: Session, domain: Domain, goes: Collection[int], now: datetime) -> set[int]:
    """Keep certificates under another domain of their names; return which there is one for."""
    live = Domain.visible(Actor(domain.organization_id)).with_only_columns(Domain.id)
    query = (
        CertificateName.visible(PLATFORM)
        .with_only_columns(
            CertificateName.ssl_certificate_id, CertificateName.organization_domain_id
        )
        .where(
            CertificateName.ssl_certificate_id.in_(sorted(goes)),
            CertificateName.organization_domain_id != domain.id,
            CertificateName.organization_domain_id.in_(live),
        )
        .order_by(CertificateName.organization_domain_id.desc())
    )
    found = {number: home for number, home in session.execute(query)} if goes else {}  # noqa: C416 - rows are no pairs to mypy
    for number, home in found.items():
        row = session.get_one(Certificate, number)
        row.organization_domain_id = home
        row.wake(now)
    session.flush()
    return set(found)


def _move(
    session: Session,
    which: sa.ColumnElement[bool],
    former: Sequence[int],
    hosts: Sequence[str],
    home: int,
) -> None:
    session.execute(
        CertificateName.moving(home).where(
            CertificateName.organization_domain_id.in_(former),
            CertificateName.hostname.in_(hosts),
            which,
        ),
        execution_options={"synchronize_session": False},
    )


# Made once: every proof of a domain needs them.
_ORPHANS = (
    CertificateName.visible(PLATFORM)
    .with_only_columns(
        CertificateName.organization_id,
        CertificateName.ssl_certificate_id,
        CertificateName.hostname,
        CertificateName.organization_domain_id,
    )
    .join(Domain, Domain.id == CertificateName.organization_domain_id)
    .join(Certificate, Certificate.id == CertificateName.ssl_certificate_id)
    .where(
        among(Domain.organization_id, "organizations"),
        among(Domain.domain_name, "bases"),
        Domain.deleted_at.is_not(None),
        Certificate.deleted_at.is_(None),
    )
)
_OF_DOMAIN = (
    Certificate.visible(PLATFORM)
    .join(CertificateName, CertificateName.ssl_certificate_id == Certificate.id)
    .where(CertificateName.organization_domain_id == sa.bindparam("domain"))
    .with_only_columns(Certificate.id, Certificate.organization_domain_id, CertificateName.hostname)
)
_ELSEWHERE = (
    CertificateName.visible(PLATFORM)
    .with_only_columns(CertificateName.ssl_certificate_id)
    .join(Certificate, Certificate.id == CertificateName.ssl_certificate_id)
    .where(
        among(CertificateName.organization_domain_id, "domains"),
        Certificate.organization_domain_id != CertificateName.organization_domain_id,
    )
    .distinct()
)
