"""Which names a certificate is to cover, to which domain each belongs, and which it may cover now.

`certificate_names` has them, one row for each name, whatever domains of its organization they belong
to: written here and nowhere else. A name that is lost stays there. The certificate is ordered again
without it, and with it once the organization holds the name again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Binding, Certificate, CertificateName, Domain, Organization
from nameplate.models.orm import among
from nameplate.usecases import holders


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a certificate may cover at this moment."""

    hosts: tuple[str, ...] = ()
    """The names to order; empty while there is nothing that may be secured."""
    lost: tuple[str, ...] = ()
    """Names that it is to cover and does not."""
    homes: Mapping[str, int] = field(default_factory=dict)
    """The domain that each name belongs to, where there are several names."""

    def differs(self, row: Certificate) -> bool:
        """Tell whether the row says something else of its lost names, or orders one of them."""
        return self.is_strayed(row) or set(self.lost) != set(row.lost)

    def is_strayed(self, row: Certificate) -> bool:
        """Tell whether the order under way names what may not be ordered any more."""
        return bool(self.hosts) and not set(ordered_names(row)) <= set(self.hosts)

    def is_outdated(self, row: Certificate) -> bool:
        """Tell whether what is served should be replaced at once, as it covers other names."""
        settled = row.certificate is not None and row.renewal_error_code is None
        managed = row.auto_renew and not row.is_uploaded
        return settled and managed and set(self.hosts) != set(row.subject_alternative_names or ())


def ordered_names(row: Certificate) -> Sequence[str]:
    """Return what the order under way is for, nothing when there is none."""
    if row.pending_private_key is None or row.acme_order_url is None:
        return ()
    known = row.acme_challenge_data
    return (known.names if known is not None else ()) or row.subject_alternative_names or ()


def is_wide(row: Certificate) -> bool:
    """Tell whether it is to cover several names, of which one can be lost alone."""
    return len(row.wanted_names) > 1


def read(session: Session, row: Certificate) -> Coverage:
    """Return what a certificate may cover now: every right is asked of the holdings."""
    wanted = row.wanted_names
    if not is_wide(row):
        main = row.organization_domain_id
        owned = holders.holds(session, row.organization_id, *wanted, live=main)
        return Coverage(wanted if owned else (), row.lost)
    homes, live = {}, set()
    for name, home, is_live in session.execute(_NAMES, {"certificate": row.id}):
        homes[name] = home
        if is_live:
            live.add(name)
    held = holders.kept(session, row.organization_id, live)
    hosts = tuple(name for name in wanted if name in held)
    own = {name for name, home in homes.items() if home == row.organization_domain_id}
    if not hosts or (row.certificate is None and not own <= held):
        return Coverage((), row.lost, homes)  # the first one waits for the proof of its domain
    covered = held.intersection(row.subject_alternative_names or ())
    return Coverage(hosts, tuple(name for name in wanted if name not in covered), homes)


def name(
    session: Session, row: Certificate, homes: Mapping[str, int], *, anew: bool = False
) -> None:
    """Have a certificate cover these names, each of a domain; `anew`: in place of those before."""
    row.subject_alternative_names = list(homes)
    row.lose(())
    session.flush()
    connection = session.connection()
    if anew:
        connection.execute(_FORGETTING, {"certificate": row.id})
    connection.execute(
        _ENTERING,
        [
            {
                "organization_id": row.organization_id,
                "ssl_certificate_id": row.id,
                "hostname": host,
                "organization_domain_id": home,
            }
            for host, home in homes.items()
        ],
    )


def homes(session: Session, main: Domain, hosts: Iterable[str]) -> dict[str, int]:
    """Return the domain that each host belongs to: `main` where it can, else the closest live one.

    Hosts of no domain of the organization are left out.
    """
    bare = holders.held_name(main)
    found = {host: _is_at(host, bare) for host in hosts}
    others = [host for host, is_own in found.items() if not is_own]
    claims = closest(session, main.organization_id, others) if others else {}
    return {
        host: main.id if is_own else claims[host].id
        for host, is_own in found.items()
        if is_own or host in claims
    }


def closest(
    session: Session, organization_id: int, hosts: Collection[str], *, but: int | None = None
) -> dict[str, Domain]:
    """Return the live domain of the organization that is closest above each host; not that one."""
    above = {host: _above(host) for host in hosts}
    every = {one for found in above.values() for one in found}
    query = Domain.visible(Actor(organization_id)).where(
        Domain.full_domain.in_(sorted(every | {f"*.{one}" for one in every}))
    )
    claims: dict[str, Domain] = {}
    for row in session.scalars(query.order_by(Domain.id.desc())):
        if row.is_live and row.id != but:
            claims[holders.held_name(row)] = row
    return {
        host: claims[place]
        for host, found in above.items()
        if (place := next((one for one in found if one in claims), None)) is not None
    }


def of_bindings(session: Session, rows: Iterable[Binding]) -> dict[int, list[Certificate]]:
    """Return the certificates that name the hosts of bindings, by the domain of both.

    None that is revoked.
    """
    found: dict[int, dict[int, Certificate]] = {}
    wanted: set[str] = set()
    for row in rows:
        found[row.organization_domain_id] = {}
        wanted |= {row.hostname, f"*.{names.parent(row.hostname)}"}
    given = {"domains": sorted(found), "hosts": sorted(wanted)}
    for row, domain in session.execute(_OF_HOSTS, given) if found else ():
        found[domain][row.id] = row
    return {domain: [there[number] for number in sorted(there)] for domain, there in found.items()}


def domains(session: Session, row: Certificate) -> list[int]:
    """Return the ids of the domains that the names of a certificate belong to."""
    if not is_wide(row):
        return [row.organization_domain_id]
    given = {"certificate": row.id}
    return sorted({row.organization_domain_id, *session.scalars(_DOMAINS, given)})


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
            if row.organization_id == claim.organization_id and _is_at(row.hostname, bare)
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
    for host, claim in closest(session, domain.organization_id, hosts, but=domain.id).items():
        others.setdefault(claim.id, []).append(host)
    for home, moved in others.items():
        _move(session, CertificateName.ssl_certificate_id.in_(kept), [domain.id], moved, home)
    wake(session, [domain.id, *others], now, urgent=True)


def _rehomed(session: Session, domain: Domain, goes: Collection[int], now: datetime) -> set[int]:
    """Keep certificates under another domain of their names; return which there is one for."""
    live = Domain.visible(Actor(domain.organization_id)).with_only_columns(Domain.id)
    query = (
        sa.select(CertificateName.ssl_certificate_id, CertificateName.organization_domain_id)
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
        sa.update(CertificateName)
        .where(
            CertificateName.organization_domain_id.in_(former),
            CertificateName.hostname.in_(hosts),
            which,
        )
        .values(organization_domain_id=home),
        execution_options={"synchronize_session": False},
    )


def _is_at(host: str, bare: str) -> bool:
    return names.is_within(names.without_wildcard(host), bare)


def _above(host: str) -> list[str]:
    return list(names.self_and_ancestors(names.without_wildcard(host), least=2))


# Made once: every certificate and every binding needs them.
_ENTERING = sa.insert(CertificateName.__table__)  # type: ignore[arg-type]  # a table
_FORGETTING = sa.delete(CertificateName.__table__).where(  # type: ignore[arg-type]  # a table
    CertificateName.ssl_certificate_id == sa.bindparam("certificate")
)
_NAMES = (
    sa.select(
        CertificateName.hostname,
        CertificateName.organization_domain_id,
        sa.and_(Domain.is_live, Organization.is_active, Organization.deleted_at.is_(None)),
    )
    .join(Domain, Domain.id == CertificateName.organization_domain_id)
    .join(Organization, Organization.id == CertificateName.organization_id)
    .where(CertificateName.ssl_certificate_id == sa.bindparam("certificate"))
)
_DOMAINS = (
    sa.select(CertificateName.organization_domain_id)
    .where(CertificateName.ssl_certificate_id == sa.bindparam("certificate"))
    .distinct()
)
_ORPHANS = (
    sa.select(
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
_OF_HOSTS = (
    Certificate.visible(PLATFORM)
    .add_columns(CertificateName.organization_domain_id)
    .join(CertificateName, CertificateName.ssl_certificate_id == Certificate.id)
    .where(
        among(CertificateName.organization_domain_id, "domains"),
        among(CertificateName.hostname, "hosts"),
        Certificate.status != CertificateStatus.REVOKED,
    )
)
_ELSEWHERE = (
    sa.select(CertificateName.ssl_certificate_id)
    .join(Certificate, Certificate.id == CertificateName.ssl_certificate_id)
    .where(
        among(CertificateName.organization_domain_id, "domains"),
        Certificate.organization_domain_id != CertificateName.organization_domain_id,
    )
    .distinct()
)
