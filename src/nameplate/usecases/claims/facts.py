"""Everything that the conditions of domains are worked out from, read for many at a time.

The number of statements does not depend on how many domains are asked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.holdings import Holding
from nameplate.core.lifecycle import BindingStatus, RecordStatus, VerificationStatus
from nameplate.core.pointing import Obstacle
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    Domain,
    HostedZone,
    Record,
    Server,
    Verification,
)
from nameplate.usecases import holders
from nameplate.usecases.claims import unreached_hosts
from nameplate.usecases.claims.unreached_hosts import HostAdvice
from nameplate.usecases.dns import pointing, proofs
from nameplate.usecases.serving import routes

MAX_RECORDS = 50
"""Records of each domain that are looked at one by one; all are counted."""


@dataclass(slots=True)
class RecordFacts:
    """The records of a domain: how many, and those that are not settled."""

    total: int = 0
    below: int = 0
    """Not at the domain's own name."""
    waiting: int = 0
    """Not confirmed by the provider, or not seen everywhere."""
    seen: int = 0
    """The authoritative servers have them."""
    rows: list[Record] = field(default_factory=list)
    """Those that wait, in error first, and then those that were not seen."""


@dataclass(slots=True)
class DomainFacts:
    """What is known of one domain at one moment."""

    domain: Domain
    now: datetime
    holding: Holding | None = None
    verification: Verification | None = None
    """The one whose token the domain waits for or was proved by."""
    others: list[Verification] = field(default_factory=list)
    """Other verifications that may prove it yet."""
    writes_proof: bool = False
    """Its account can publish the proof."""
    zone: HostedZone | None = None
    records: RecordFacts = field(default_factory=RecordFacts)
    obstacles: Sequence[Obstacle] = ()
    certificates: list[Certificate] = field(default_factory=list)
    """Those that something uses, or that were asked for."""
    advice: dict[int, HostAdvice] = field(default_factory=dict)
    """What to do about hosts that do not lead here, by the certificate that waits for them; read
    only where one domain alone is asked for."""
    bindings: list[tuple[Binding, Server | None]] = field(default_factory=list)
    exposed: list[tuple[str, Server]] = field(default_factory=list)
    """Hosts and paths that a server still serves although it must not."""


def is_settled() -> sa.ColumnElement[bool]:
    """Return which records nothing is to be done about."""
    seen = sa.and_(Record.status == RecordStatus.ACTIVE, Record.propagated)
    return sa.or_(Record.status == RecordStatus.DISABLED, seen)


def read(session: Session, domains: Iterable[Domain], now: datetime) -> dict[int, DomainFacts]:
    """Return the facts of each domain, by its id."""
    found = {row.id: DomainFacts(row, now) for row in domains}
    if not found:
        return found
    held = holders.holdings(session, [facts.domain for facts in found.values()])
    led = pointing.obstacles(session, [facts.domain for facts in found.values()])
    for facts in found.values():
        facts.holding = held[facts.domain.id]
        facts.obstacles = led.get(facts.domain.id, ())
    _proofs(session, found)
    _accounts(session, found)
    _zones(session, found)
    _count_records(session, found)
    _records(session, found)
    _certificates(session, found)
    _bindings(session, found)
    _exposed(session, found)
    return found


def read_proofs(session: Session, domain: Domain) -> DomainFacts:
    """Return of the facts of a domain only its verifications."""
    found = DomainFacts(domain, domain.updated_at)
    _proofs(session, {domain.id: found})
    return found


def _accounts(session: Session, found: dict[int, DomainFacts]) -> None:
    """Find out which unproved domains have an account that can publish their proof."""
    unproved = [one for one in found.values() if not one.domain.is_live]
    numbers = {one.domain.dns_account_id for one in unproved} - {None}
    if not numbers:
        return
    query = Account.visible(PLATFORM).where(Account.id.in_(numbers))
    known: dict[int | None, Account] = {row.id: row for row in session.scalars(query)}
    for one in unproved:
        account = known.get(one.domain.dns_account_id)
        one.writes_proof = proofs.can_write(account, one.domain)


def _proofs(session: Session, found: dict[int, DomainFacts]) -> None:
    tokens = [facts.domain.verification_token for facts in found.values()]
    given = {"ids": list(found), "tokens": [token for token in tokens if token]}
    for row in session.scalars(_PROOFS, given):
        facts = found[row.organization_domain_id]
        if row.verification_token == facts.domain.verification_token:
            facts.verification = row
        else:
            facts.others.append(row)
    for facts in found.values():
        newest = facts.verification.verification_method if facts.verification else None
        facts.others = [one for one in facts.others if one.verification_method is not newest]


def _zones(session: Session, found: dict[int, DomainFacts]) -> None:
    hosted = [facts for facts in found.values() if facts.domain.dns.hosted]
    if not hosted:
        return
    query = HostedZone.visible(PLATFORM).where(
        HostedZone.account_id.in_({facts.domain.dns_account_id for facts in hosted}),
        HostedZone.name.in_({facts.domain.dns.zone for facts in hosted}),
    )
    zones = {(row.organization_id, row.account_id, row.name): row for row in session.scalars(query)}
    for facts in hosted:
        row = facts.domain
        facts.zone = zones.get((row.organization_id, row.dns_account_id, row.dns.zone))


def _count_records(session: Session, found: dict[int, DomainFacts]) -> None:
    counted = session.execute(_COUNTED, {"ids": list(found)})
    for domain_id, total, below, waiting, seen in counted:
        found[domain_id].records = RecordFacts(total, below, waiting, seen)


def _records(session: Session, found: dict[int, DomainFacts]) -> None:
    """Read the records that wait or were not seen: of each domain as many, in error first."""
    counted = [facts.records for facts in found.values()]
    if all(one.waiting == 0 and one.seen == one.total for one in counted):
        return
    given = {"ids": list(found), "most": MAX_RECORDS * len(found)}
    for row in session.scalars(_UNSETTLED, given):
        found[row.organization_domain_id].records.rows.append(row)


def _certificates(session: Session, found: dict[int, DomainFacts]) -> None:
    for row in session.scalars(_CERTIFICATES, {"ids": list(found)}):
        facts = found[row.organization_domain_id]
        facts.certificates.append(row)
        advice = unreached_hosts.advice(session, facts.domain, row) if len(found) == 1 else None
        if advice is not None:
            facts.advice[row.id] = advice


def _bindings(session: Session, found: dict[int, DomainFacts]) -> None:
    for row, server in session.execute(_BINDINGS, {"ids": list(found)}):
        found[row.organization_domain_id].bindings.append((row, server))


def _exposed(session: Session, found: dict[int, DomainFacts]) -> None:
    rows = session.execute(
        sa.select(Binding.organization_domain_id, Binding.hostname, Binding.path, Server)
        .join(Server, Server.id == Binding.served_server_id)
        .where(Binding.organization_domain_id.in_(found), Server.trouble_code.is_not(None))
        .order_by(Binding.id)
    )
    for domain_id, hostname, path, server in rows:
        host = routes.shown(hostname, path)
        if host in (server.still_served or ()):
            found[domain_id].exposed.append((host, server))


_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
"""The statements are made once: every look at a domain asks them."""
_PROOFS = (
    Verification.visible(PLATFORM)
    .where(
        Verification.organization_domain_id.in_(_IDS),
        sa.or_(
            Verification.verification_token.in_(sa.bindparam("tokens", expanding=True)),
            Verification.status.in_([VerificationStatus.PENDING, VerificationStatus.VERIFYING]),
        ),
    )
    .order_by(Verification.id)
)
_COUNTED = (
    Record.visible(PLATFORM)
    .with_only_columns(
        Record.organization_domain_id,
        sa.func.count(Record.id),
        sa.func.count(sa.case((Record.name != "@", 1))),
        sa.func.count(sa.case((sa.not_(is_settled()), 1))),
        sa.func.count(sa.case((Record.propagated, 1))),
    )
    .where(Record.organization_domain_id.in_(_IDS))
    .group_by(Record.organization_domain_id)
)
_PLACE = sa.func.row_number().over(
    partition_by=Record.organization_domain_id,
    order_by=(
        sa.case((is_settled(), 1), else_=0),
        sa.case((Record.status == RecordStatus.ERROR, 0), else_=1),
        Record.id,
    ),
)
_UNSETTLED = (
    Record.visible(PLATFORM)
    .where(
        Record.organization_domain_id.in_(_IDS),
        sa.or_(sa.not_(is_settled()), Record.propagated.is_(False)),
    )
    .order_by(_PLACE, Record.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_CERTIFICATES = (
    Certificate.visible(PLATFORM)
    .where(Certificate.organization_domain_id.in_(_IDS), Certificate.is_wanted())
    .order_by(Certificate.id)
)
_BINDINGS = (
    Binding.visible(PLATFORM)
    .add_columns(Server)
    .outerjoin(Server, Server.id == Binding.server_id)
    .where(Binding.organization_domain_id.in_(_IDS), Binding.status != BindingStatus.DISABLED)
    .order_by(sa.case((Binding.status == BindingStatus.ACTIVE, 1), else_=0), Binding.id)
)
