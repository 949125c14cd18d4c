"""Which names of a domain are looked at for dangling records, and with what they are compared."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.dangling.checks import Addresses
from nameplate.core.holdings import Holding, most_specific
from nameplate.core.names import is_wildcard
from nameplate.leases import Lease
from nameplate.models import DanglingRecord, DanglingScan, Domain, Record, RecordType, Server
from nameplate.usecases import holders
from nameplate.usecases.dns import records
from nameplate.usecases.propagation.dangling_looks import NameSubject
from nameplate.usecases.tools import Tools

AFTERWARDS = timedelta(days=90)
"""For how long names are looked at that were released, and records that were removed."""
MAX_NAMES = 50
"""Names of one domain in one step."""
_LEADING = (
    RecordType.A, RecordType.AAAA, RecordType.CNAME, RecordType.ALIAS, RecordType.ANAME,
    RecordType.NS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """What one step looks at."""

    lease: Lease
    subjects: tuple[NameSubject, ...] = ()
    until: str | None = None
    """The last of the names, where there are more; the next step goes on there."""
    is_watched: bool = True
    """False: the domain is not the organization's any more, or was released long ago."""


def plans(session: Session, tools: Tools, leases: Sequence[Lease]) -> list[ScanPlan]:
    """Return what is to be looked at for each lease. The session is the platform's."""
    if not leases:
        return []
    scans = session.scalars(
        DanglingScan.visible(PLATFORM).where(DanglingScan.id.in_([one.id for one in leases]))
    )
    by_id = {row.id: row for row in scans}
    ids = [row.organization_domain_id for row in by_id.values()]
    domains = {row.id: row for row in session.scalars(sa.select(Domain).where(Domain.id.in_(ids)))}
    known = _Known.of(session, list(domains.values()), leases[0].now())
    label = f"nameplate-{tools.random(5).hex()}"
    found = []
    for lease in leases:
        if lease.id in by_id:
            row = by_id[lease.id]
            found.append(_plan(lease, row, domains[row.organization_domain_id], known, label))
    return found


def _plan(lease: Lease, row: DanglingScan, domain: Domain, known: "_Known", label: str) -> ScanPlan:
    gone = domain.deleted_at is not None and domain.deleted_at < lease.now() - AFTERWARDS
    if gone or known.is_anothers(domain):
        return ScanPlan(lease, is_watched=False)
    own = holders.held_name(domain)
    there = sorted({own, *known.names.get(domain.id, ())})
    rest = [one for one in there if row.done_until is None or one > row.done_until]
    some = rest[:MAX_NAMES]
    cuts = known.cuts.get(domain.id, set())
    subjects = tuple(
        NameSubject(
            name,
            domain.domain_name,
            domain.organization_id,
            known.servers.get(domain.organization_id, Addresses()),
            is_delegated=name == own or name in cuts,
            probe="" if name != own or known.has_wildcard(domain) else f"{label}.{own}",
        )
        for name in some
    )
    return ScanPlan(lease, subjects, some[-1] if len(rest) > len(some) else None)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows say of all domains of a step."""

    names: Mapping[int, set[str]]
    """Names with records of ours, or that dangle, by domain."""
    cuts: Mapping[int, set[str]]
    """Those of them that we delegate."""
    held: Sequence[Holding]
    wildcards: Collection[tuple[int, str]]
    """Organization and name of every claim of a wildcard."""
    servers: Mapping[int, Addresses]

    @classmethod
    def of(cls, session: Session, domains: Sequence[Domain], now: datetime) -> "_Known":
        by_id = {row.id: row for row in domains}
        names, cuts = _names(session, by_id, now)
        owners = {row.organization_id for row in domains}
        return cls(
            names,
            cuts,
            holders.held(session, [row.full_domain for row in domains]),
            _wildcards(session, domains),
            _servers(session, owners),
        )

    def is_anothers(self, domain: Domain) -> bool:
        """Whether another organization holds the name by now."""
        found = most_specific(domain.full_domain, _above(domain, self.held))
        return found is not None and found.organization_id != domain.organization_id

    def has_wildcard(self, domain: Domain) -> bool:
        """Whether a wildcard right below the name is the organization's wish."""
        wild = f"*.{holders.held_name(domain)}"
        owner = domain.organization_id
        return (owner, wild) in self.wildcards or wild in self.names.get(domain.id, ())


def _above(domain: Domain, held: Iterable[Holding]) -> list[Holding]:
    name = holders.held_name(domain)
    return [one for one in held if name == one.name or name.endswith(f".{one.name}")]


def _names(
    session: Session, domains: Mapping[int, Domain], now: datetime
) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    found: dict[int, set[str]] = {}
    cuts: dict[int, set[str]] = {}
    ids = sorted(domains)
    kept = sa.or_(Record.deleted_at.is_(None), Record.deleted_at > now - AFTERWARDS)
    ours: Any = sa.select(Record).where(
        Record.organization_domain_id.in_(ids), Record.record_type.in_(_LEADING), kept
    )
    for row in session.scalars(ours):
        domain = domains[row.organization_domain_id]
        name = records.owner(row, domain)
        found.setdefault(domain.id, set()).add(name)
        if row.record_type is RecordType.NS and not is_wildcard(name):
            cuts.setdefault(domain.id, set()).add(name)
    dangling = DanglingRecord.visible(PLATFORM).where(
        DanglingRecord.organization_domain_id.in_(ids), DanglingRecord.ended_at.is_(None)
    )
    columns = (DanglingRecord.organization_domain_id, DanglingRecord.name)
    for domain_id, name in session.execute(dangling.with_only_columns(*columns)):
        found.setdefault(domain_id, set()).add(name)
    return found, cuts


def _wildcards(session: Session, domains: Sequence[Domain]) -> set[tuple[int, str]]:
    wild = sorted({f"*.{holders.held_name(row)}" for row in domains})
    query = Domain.visible(PLATFORM).where(Domain.full_domain.in_(wild))
    columns = (Domain.organization_id, Domain.full_domain)
    return {(owner, name) for owner, name in session.execute(query.with_only_columns(*columns))}


def _servers(session: Session, owners: Collection[int]) -> dict[int, Addresses]:
    """Return the addresses of the servers of each organization, shared ones included."""
    theirs = Server.organization_id.in_(sorted(owners))
    query = sa.select(Server).where(sa.or_(Server.organization_id.is_(None), theirs))
    current: dict[int | None, set[str]] = {}
    former: dict[int | None, set[str]] = {}
    for row in session.scalars(query):
        there = former if row.deleted_at is not None else current
        there.setdefault(row.organization_id, set()).update(row.current_addresses)
        former.setdefault(row.organization_id, set()).update(row.former_addresses or ())
    shared, past = current.get(None, set()), former.get(None, set())
    return {
        owner: Addresses(
            frozenset(current.get(owner, set()) | shared),
            frozenset(former.get(owner, set()) | past),
        )
        for owner in owners
    }
