"""Everything that the conditions of domains are worked out from, read for many at a time.

The number of statements does not depend on how many domains are asked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.holdings import Holding
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, RecordStatus, VerificationStatus
from nameplate.core.pointing import Obstacle
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    CertificateName,
    Domain,
    HostedZone,
    NameHolding,
    Record,
    Server,
    Verification,
)
from nameplate.models.orm import among
from nameplate.usecases import holders, lookup, placements
from nameplate.usecases.claims import unreached_hosts
from nameplate.usecases.claims.unreached_hosts import HostAdvice
from nameplate.usecases.dns import pointing, proofs
from nameplate.usecases.placements import MemberServer
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
    every: list[Record] | None = field(default=None, compare=False)
    """All of them, where they were read: of one domain that has few."""

    @property
    def at_hand(self) -> Sequence[Record] | None:
        """All of them, None when they must be asked for."""
        return self.every if self.total else ()

    @classmethod
    def of(cls, every: list[Record]) -> Self:
        """Return what there is to know of all records of a domain."""
        waiting = [row for row in every if not _is_settled(row)]
        return cls(
            total=len(every),
            below=sum(row.name != "@" for row in every),
            waiting=len(waiting),
            seen=sum(row.propagated for row in every),
            rows=sorted(
                (row for row in every if not (_is_settled(row) and row.propagated)),
                key=lambda row: (_is_settled(row), row.status is not RecordStatus.ERROR, row.id),
            ),
            every=every,
        )


@dataclass(slots=True)
class DomainFacts:
    """What is known of one domain at one moment."""

    domain: Domain
    now: datetime
    holding: Holding | None = None
    held: Sequence[Holding] | None = field(default=None, compare=False)
    """All holdings of its name and of what is above it, where they were read with it."""
    verification: Verification | None = None
    """The one whose token the domain waits for or was proved by."""
    others: list[Verification] = field(default_factory=list)
    """Other verifications that may prove it yet."""
    lost: Verification | None = None
    """What proved it, and is lost."""
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
    placed: Mapping[int, Sequence[MemberServer]] = field(default_factory=dict)
    """The servers of the groups that bindings are on, by the bindings' ids."""
    left: Mapping[int, Sequence[MemberServer]] = field(default_factory=dict)
    """The servers that bindings move away from and that serve them on, by the bindings' ids."""
    may_lead: bool = field(default=True, compare=False)
    """A server may have a name in the domain, as far as was asked; false: none has."""
    exposed: list[tuple[str, Server]] = field(default_factory=list)
    """Hosts and paths that a server still serves although it must not."""


@dataclass(frozen=True, slots=True)
class There:
    """What there is of some domains: the rest need not be asked for."""

    records: bool
    certificates: bool
    bindings: bool
    exposed: bool


NEW = There(records=False, certificates=False, bindings=False, exposed=False)
"""That of a claim that rests on no holding yet, in the transaction that makes it."""


def is_settled() -> sa.ColumnElement[bool]:
    """Return which records nothing is to be done about."""
    seen = sa.and_(Record.status == RecordStatus.ACTIVE, Record.propagated)
    return sa.or_(Record.status == RecordStatus.DISABLED, seen)


def _is_settled(row: Record) -> bool:
    seen = row.status is RecordStatus.ACTIVE and row.propagated
    return row.status is RecordStatus.DISABLED or seen


def of_one(session: Session, actor: Actor, reference: str, now: datetime) -> DomainFacts:
    """Return the facts of the domain with that id or name. Raises what `lookup.domain` raises."""
    given = lookup.id_of_domain(actor, reference)
    if given is None:
        row = lookup.domain(session, actor, reference)
        return read(session, [row], now)[row.id]
    found = session.execute(_ANY if actor.is_platform else _OWN, given).all()
    if not found:
        raise lookup.missing(Prefix.DOMAIN)
    row, *flags = found[0][: 1 + len(_FLAGS)]
    held = holders.read_beside(session, row, found)
    known = read(session, [row], now, There(*flags), held=held)[row.id]
    known.held = held
    return known


def read(
    session: Session,
    domains: Iterable[Domain],
    now: datetime,
    there: There | None = None,
    verifications: Sequence[Verification] | None = None,
    *,
    held: Sequence[Holding] | None = None,
) -> dict[int, DomainFacts]:
    """Return the facts of each domain, by its id.

    `there` says what there is, `verifications` are all of theirs, and `held` the holdings of their names
    and of what is above them, where that is known.
    """
    found = {row.id: DomainFacts(row, now) for row in domains}
    if not found:
        return found
    resting = [facts.domain for facts in found.values() if facts.domain.holding_name is not None]
    used = holders.holdings(session, resting, held) if resting else {}
    led = pointing.obstacles(session, [facts.domain for facts in found.values()])
    for facts in found.values():
        facts.holding = used.get(facts.domain.id)
        facts.obstacles = led.get(facts.domain.id, ())
    _proofs(session, found, verifications)
    _accounts(session, found)
    _zones(session, found)
    there = _records(session, found, there)
    if there.certificates:
        _certificates(session, found)
    if there.bindings:
        _bindings(session, found)
    if there.exposed:
        _exposed(session, found)
    return found


def of_claims(
    session: Session, domains: Iterable[Domain], now: datetime, *, exposed: bool
) -> dict[int, DomainFacts]:
    """Return what is known of claims that rest on no holding: their proofs, and what is `exposed`.

    Without `exposed` it is known that none of their hosts is.
    """
    found = {row.id: DomainFacts(row, now) for row in domains}
    if found:
        _proofs(session, found)
    if found and exposed:
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


def _proofs(
    session: Session,
    found: dict[int, DomainFacts],
    known: Sequence[Verification] | None = None,
) -> None:
    tokens = [facts.domain.verification_token for facts in found.values()]
    given: dict[str, list[Any]] = {
        "ids": list(found), "tokens": [token for token in tokens if token],
    }  # fmt: skip
    if not given["tokens"]:
        return
    for row in session.scalars(_PROOFS, given) if known is None else known:
        facts = found[row.organization_domain_id]
        if row.lost_reason is not None and row.status is VerificationStatus.VERIFIED:
            facts.lost = row
            if row.lost_reason.needs_new_token:
                continue
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


def _records(session: Session, found: dict[int, DomainFacts], there: There | None) -> There:
    """Read the records: of one domain all, of many how many there are and those that wait.

    Return what else there is.
    """
    given: dict[str, Any] = {"ids": list(found), "most": MAX_RECORDS + 1}
    if len(found) > 1:
        return _counted(session, found)
    if there is None:
        flags: Sequence[bool] = session.execute(_THERE, given).one()
        there = There(*flags)
    if not there.records:
        return there
    every = list(session.scalars(_RECORDS, given))
    if len(every) > MAX_RECORDS:
        return _counted(session, found)
    found[given["ids"][0]].records = RecordFacts.of(every)
    return there


def _counted(session: Session, found: dict[int, DomainFacts]) -> There:
    """Count the records, and read those that wait or were not seen: of each domain as many."""
    rows = session.execute(_COUNTED, {"ids": list(found)}).all()
    for row in rows:
        found[row.id].records = RecordFacts(row.total, row.below, row.waiting, row.seen)
    if any(row.waiting or row.seen != row.total for row in rows):
        given = {"ids": list(found), "most": MAX_RECORDS * len(found)}
        for row in session.scalars(_UNSETTLED, given):
            found[row.organization_domain_id].records.rows.append(row)
    kinds = ("records", "certificates", "bindings", "exposed")
    return There(*(any(getattr(row, kind) for row in rows) for kind in kinds))


def _certificates(session: Session, found: dict[int, DomainFacts]) -> None:
    for row, domain in session.execute(_CERTIFICATES, {"ids": list(found)}):
        facts = found[domain]
        facts.certificates.append(row)
        advice = unreached_hosts.advice(session, facts.domain, row) if len(found) == 1 else None
        if advice is not None:
            facts.advice[row.id] = advice


def _bindings(session: Session, found: dict[int, DomainFacts]) -> None:
    given = {"ids": list(found)}
    moving: list[int] = []
    if len(found) > 1:
        for row, server, moves in session.execute(_BINDINGS, given):
            found[row.organization_domain_id].bindings.append((row, server))
            moving += [row.id] if moves else []
    else:
        for row, server, moves, may_lead in session.execute(_BINDINGS_OF_ONE, given):
            facts = found[row.organization_domain_id]
            facts.bindings.append((row, server))
            facts.may_lead = may_lead
            moving += [row.id] if moves else []
    bound = [row for facts in found.values() for row, _ in facts.bindings]
    left = placements.of_moving(session, moving) if moving else {}
    for facts in found.values() if left else ():
        facts.left = left
    placed = placements.of_groups(session, bound)
    for facts in found.values() if placed else ():
        facts.placed = placed


def _exposed(session: Session, found: dict[int, DomainFacts]) -> None:
    rows = [one for query in _EXPOSED for one in session.execute(query, {"ids": list(found)})]
    for domain_id, hostname, path, server in rows:
        host = routes.shown(hostname, path)
        if host in (server.still_served or ()):
            found[domain_id].exposed.append((host, server))


# The statements are made once: every look at a domain asks them.
_PROOFS = (
    Verification.visible(PLATFORM)
    .where(
        among(Verification.organization_domain_id, "ids"),
        sa.or_(
            among(Verification.verification_token, "tokens"),
            Verification.status.in_([VerificationStatus.PENDING, VerificationStatus.VERIFYING]),
            sa.and_(
                Verification.status == VerificationStatus.VERIFIED,
                Verification.lost_at.is_not(None),
            ),
        ),
    )
    .order_by(Verification.id)
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
        among(Record.organization_domain_id, "ids"),
        sa.or_(sa.not_(is_settled()), Record.propagated.is_(False)),
    )
    .order_by(_PLACE, Record.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_BEFORE = aliased(CertificateName)
_CERTIFICATES = (
    Certificate.visible(PLATFORM)
    .add_columns(CertificateName.organization_domain_id)
    .join(CertificateName, CertificateName.ssl_certificate_id == Certificate.id)
    .where(
        among(CertificateName.organization_domain_id, "ids"),
        sa.not_(  # of its names of one domain the first stands for all
            sa.exists().where(
                _BEFORE.ssl_certificate_id == CertificateName.ssl_certificate_id,
                _BEFORE.organization_domain_id == CertificateName.organization_domain_id,
                _BEFORE.hostname < CertificateName.hostname,
            )
        ),
        Certificate.is_wanted(),
    )
    .order_by(Certificate.id)
)
_BINDINGS = (
    Binding.visible(PLATFORM)
    .add_columns(Server, placements.is_moving())
    .outerjoin(Server, Server.id == Binding.server_id)
    .where(among(Binding.organization_domain_id, "ids"), Binding.status != BindingStatus.DISABLED)
    .order_by(sa.case((Binding.status == BindingStatus.ACTIVE, 1), else_=0), Binding.id)
)
_NAMED = aliased(Server)
_BINDINGS_OF_ONE = _BINDINGS.add_columns(
    sa.exists()
    .where(
        _NAMED.deleted_at.is_(None),
        sa.or_(_NAMED.organization_id == Binding.organization_id, _NAMED.organization_id.is_(None)),
        Domain.id == Binding.organization_domain_id,
        sa.func.lower(_NAMED.address).like(
            "%" + sa.func.replace(Domain.full_domain, "*.", "", type_=sa.String()) + "%"
        ),
    )
    .correlate(Binding)
    .label("may_lead")
)
"""With whether a server may have its name in the domain: servers whose address has the domain's name
in it are those, and some more."""
_EXPOSED = tuple(
    query.where(
        among(Binding.organization_domain_id, "ids"), Server.trouble_code.is_not(None)
    ).order_by(Binding.id)
    for query in placements.served(
        Binding.organization_domain_id, Binding.hostname, Binding.path, Server
    )
)


def is_exposed(domain: Any) -> sa.ColumnElement[bool]:  # noqa: ANN401 - a column with a domain's id
    """Return whether a server may still serve a host of a domain, a removed one too, and must not."""
    return sa.or_(
        *(
            query.where(
                Server.trouble_code.is_not(None), Binding.organization_domain_id == domain
            ).exists()
            for query in placements.served(Binding.id)
        )
    )


_FLAGS = [
    Record.visible(PLATFORM)
    .where(Record.organization_domain_id == Domain.id)
    .exists()
    .label("records"),
    Certificate.visible(PLATFORM)
    .join(CertificateName, CertificateName.ssl_certificate_id == Certificate.id)
    .where(CertificateName.organization_domain_id == Domain.id, Certificate.is_wanted())
    .exists()
    .label("certificates"),
    Binding.visible(PLATFORM)
    .where(Binding.organization_domain_id == Domain.id)
    .exists()
    .label("bindings"),
    is_exposed(Domain.id).label("exposed"),
]
_THERE = sa.select(*_FLAGS).where(among(Domain.id, "ids"))
_ANY, _OWN = (
    query.add_columns(*_FLAGS, *holders.COLUMNS).outerjoin(NameHolding, holders.beside())
    for query in lookup.DOMAIN_BY_ID
)
"""One domain, what there is of it, and the holdings of its name: a row for each of those."""
_RECORDS = (
    Record.visible(PLATFORM)
    .where(among(Record.organization_domain_id, "ids"))
    .order_by(Record.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_COUNTED = (
    sa.select(
        Domain.id,
        sa.func.count(Record.id).label("total"),
        sa.func.count(sa.case((Record.name != "@", 1))).label("below"),
        sa.func.count(sa.case((sa.not_(is_settled()), 1))).label("waiting"),
        sa.func.count(sa.case((Record.propagated, 1))).label("seen"),
        (sa.func.count(Record.id) > 0).label("records"),
        *_FLAGS[1:],
    )
    .outerjoin(
        Record, sa.and_(Record.organization_domain_id == Domain.id, Record.deleted_at.is_(None))
    )
    .where(among(Domain.id, "ids"))
    .group_by(Domain.id)
)
