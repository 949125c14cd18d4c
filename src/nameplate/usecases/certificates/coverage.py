"""Which names a certificate is to cover, to which domain each belongs, and which it may cover now.

`certificate_names` has them, one row for each name, whatever domains of its organization they belong
to: written here and nowhere else. A name that is lost stays there. The certificate is ordered again
without it, and with it once the organization holds the name again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import insert_missing
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


def home(session: Session, row: Certificate, place: str) -> int:
    """Return the domain that a name belongs to at which something is found for a certificate."""
    if not is_wide(row):
        return row.organization_domain_id
    there = session.execute(_NAMES, {"certificate": row.id})
    return home_at(row, {one.hostname: one.organization_domain_id for one in there}, place)


def home_at(row: Certificate, homes: Mapping[str, int], place: str) -> int:
    """Return the same where the domains of all names are known.

    The place may be above the names, as CAA records are, or at the label of a challenge.
    """
    bare = place.removeprefix("_acme-challenge.")
    fitting = [host for host in homes if bare and is_at(host, bare)]
    return homes[min(fitting, key=len)] if fitting else row.organization_domain_id


def name(
    session: Session, row: Certificate, homes: Mapping[str, int], *, anew: bool = False
) -> None:
    """Have a certificate cover these names, each of a domain; `anew`: in place of those before."""
    row.subject_alternative_names = list(homes)
    row.lose(())
    session.flush()
    if anew:
        session.connection().execute(_FORGETTING, {"certificate": row.id})
    rows = [
        {
            "organization_id": row.organization_id,
            "ssl_certificate_id": row.id,
            "hostname": host,
            "organization_domain_id": home,
        }
        for host, home in homes.items()
    ]
    insert_missing(session, CertificateName, rows)


def homes(session: Session, main: Domain, hosts: Iterable[str]) -> dict[str, int]:
    """Return the domain that each host belongs to: `main` where it can, else the closest live one.

    Hosts of no domain of the organization are left out.
    """
    bare = holders.held_name(main)
    found = {host: is_at(host, bare) for host in hosts}
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
    return sorted({row.organization_domain_id, *session.scalars(DOMAINS_OF, given)})


def is_at(host: str, bare: str) -> bool:
    """Tell whether a host (`*.` allowed) is a name or below it."""
    return names.is_within(names.without_wildcard(host), bare)


def _above(host: str) -> list[str]:
    return list(names.self_and_ancestors(names.without_wildcard(host), least=2))


# Made once: every certificate and every binding needs them.
_FORGETTING = CertificateName.forgetting(sa.bindparam("certificate"))
_NAMES = (
    CertificateName.visible(PLATFORM)
    .with_only_columns(
        CertificateName.hostname,
        CertificateName.organization_domain_id,
        sa.and_(Domain.is_live, Organization.is_active, Organization.deleted_at.is_(None)),
    )
    .join(Domain, Domain.id == CertificateName.organization_domain_id)
    .join(Organization, Organization.id == CertificateName.organization_id)
    .where(CertificateName.ssl_certificate_id == sa.bindparam("certificate"))
)
DOMAINS_OF = (
    CertificateName.visible(PLATFORM)
    .with_only_columns(CertificateName.organization_domain_id)
    .where(CertificateName.ssl_certificate_id == sa.bindparam("certificate"))
    .distinct()
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
