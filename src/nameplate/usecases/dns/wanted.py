"""What a domain wants at its DNS provider, read as plain values: ten thousand records at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from sys import intern
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.names import is_within, relative, self_and_ancestors
from nameplate.core.records import RRset
from nameplate.models import (
    Domain,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    Record,
    RecordType,
)
from nameplate.models.orm import UtcDateTime, among
from nameplate.models.records import AUTOMATIC
from nameplate.usecases import holders

_MAX_GONE = 1000
"""Removed records that are looked up; what lies beyond is held back with the rest, if it is much."""
_PART = 500
"""Rows that are taken from the database at once."""
_TOGETHER = 12
"""Names below which values of others are looked for in one statement."""
_STATUSES = {one.value: one for one in RecordStatus}
_PURPOSES = {one.value: one for one in LedgerPurpose}
_STATES = {one.value: one for one in LedgerState}
_MADE = frozenset(one.value for one in AUTOMATIC)

Value = tuple[str, str, str]
"""Absolute owner name, type, whole canonical rdata."""


class WantedRecord(NamedTuple):
    """One record of a domain."""

    id: int
    value: Value
    """What should be in the zone."""
    origin: str
    """The domain's name; for thousands of records one text instead of a relative name each."""
    ttl: int
    proxied: bool
    status: RecordStatus
    propagated: bool
    is_drifted: bool
    is_settled: bool
    """The provider had it long enough for every reading to show it."""
    external_id: str | None
    is_made: bool
    """Made for a binding, a server ..., whose changes it follows."""

    @property
    def name(self) -> str:
        """Owner name relative to the domain: `www`, `@`."""
        return relative(self.value[0], self.origin)

    @property
    def owner(self) -> str:
        """Absolute owner name."""
        return self.value[0]

    @property
    def type(self) -> str:
        """Record type."""
        return self.value[1]

    @property
    def text(self) -> str:
        """Whole canonical rdata, the numbers of MX and SRV included."""
        return self.value[2]

    @property
    def is_wanted(self) -> bool:
        """Whether it should be at the provider at all."""
        return self.status is not RecordStatus.DISABLED

    @property
    def record_id(self) -> int:
        """Its own id: what wants the value is the record itself."""
        return self.id

    @property
    def certificate_id(self) -> None:
        """No certificate wants it."""

    @property
    def purpose(self) -> LedgerPurpose:
        """A record's."""
        return LedgerPurpose.RECORD

    def rrset(self) -> RRset:
        """Return the record as a set of its own."""
        return RRset(self.owner, self.type, self.ttl, (self.text,), self.proxied)


class Want(NamedTuple):
    """One value that should be in the zone although no live record says so.

    A challenge, a marker, or what stays of a domain whose proof has lapsed.
    """

    value: Value
    ttl: int
    purpose: LedgerPurpose
    record_id: int | None = None
    certificate_id: int | None = None
    proxied: bool = False
    is_settled: bool = False
    is_drifted: bool = False

    def rrset(self) -> RRset:
        """Return it as a record set of its own; the plan merges them."""
        name, rdtype, value = self.value
        return RRset(name, rdtype, self.ttl, (value,), self.proxied)


Wants = Mapping[Value, Want | WantedRecord]
"""Everything that should be in the zone, by value; records stand for themselves."""


def lines(session: Session, domain: Domain, since: datetime | None = None) -> list[WantedRecord]:
    """Return every live record of a domain, in order of their ids.

    What the provider has had as it is wanted since `since` or before, and what somebody else
    changed there, is settled.
    """
    return lines_of(session, [domain], since)[domain.id]


def lines_of(
    session: Session, domains: Sequence[Domain], since: datetime | None = None
) -> dict[int, list[WantedRecord]]:
    """Return the same of several domains, by the domain's id."""
    session.flush()
    found: dict[int, list[WantedRecord]] = {domain.id: [] for domain in domains}
    origins = {domain.id: holders.held_name(domain) for domain in domains}
    given = {"domains": list(found), "since": since}
    for (
        id_, domain_id, rdtype, name, value, priority, weight, port, ttl, proxied, status,
        propagated, drifted, settled, external, made,
    ) in _each(session, _lines(knows_settled=since is not None), given):  # fmt: skip
        origin = origins[domain_id]
        whole = (
            origin if name == "@" else f"{name}.{origin}",  # `absolute`, for ten thousand rows
            intern(rdtype),
            value if priority is None else text(value, priority, weight, port),
        )
        found[domain_id].append(
            WantedRecord(
                id_, whole, origin, ttl, proxied, _STATUSES[status], propagated, drifted, settled,
                external, made in _MADE,
            )
        )  # fmt: skip
    return found


@cache
def _lines(*, knows_settled: bool) -> sa.Executable:
    return (
        Record.visible(PLATFORM)
        .where(among(Record.organization_domain_id, "domains"))
        .order_by(Record.id)
        .with_only_columns(
            Record.id, Record.organization_domain_id, _plain(Record.record_type), Record.name,
            Record.value, Record.priority, Record.weight, Record.port, Record.ttl,
            Record.proxy_enabled, _plain(Record.status), Record.propagated,
            Record.drifted_at.is_not(None), _settled() if knows_settled else sa.false(),
            Record.external_record_id, _plain(Record.recordable_type),
        )
    )  # fmt: skip


def _settled() -> sa.ColumnElement[bool]:
    """Return whether a record is settled, worked out by the database: a time costs more to read."""
    since = sa.bindparam("since", type_=UtcDateTime)
    known = sa.and_(Record.status == RecordStatus.ACTIVE, Record.last_synced_at <= since)
    return sa.or_(Record.drifted_at.is_not(None), sa.func.coalesce(known, sa.false()))


def _each(session: Session, query: sa.Executable, given: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the rows of a query, some hundred at a time."""
    return chain.from_iterable(session.connection().execute(query, given).partitions(_PART))


def _plain(column: Any) -> sa.ColumnElement[str]:  # noqa: ANN401 - a mapped column
    """Return a column of words without the making of a member for each row."""
    return sa.type_coerce(column, sa.String)


def text(value: str, priority: int | None, weight: int | None, port: int | None) -> str:
    """Return the whole rdata in presentation form from a record's columns."""
    if priority is None:
        return value
    return " ".join([*(str(one) for one in (priority, weight, port) if one is not None), value])


class OwnedValue(NamedTuple):
    """One value that we put, or are about to put, into the zone."""

    id: int
    value: Value
    ttl: int
    purpose: LedgerPurpose
    state: LedgerState
    absent_at: datetime | None
    record_id: int | None
    certificate_id: int | None


def ledger(
    session: Session, domain: Domain, lines: Iterable[WantedRecord] = ()
) -> Mapping[Value, OwnedValue]:
    """Return what the ledger says of a domain, by value; those of `lines` are not kept twice."""
    return ledgers(session, {domain.id: lines})[domain.id]


def ledgers(
    session: Session, lines: Mapping[int, Iterable[WantedRecord]]
) -> dict[int, dict[Value, OwnedValue]]:
    """Return the same of several domains, by the domain's id; `lines` are those of each."""
    session.flush()
    known = {(id_, line.value): line for id_, of_domain in lines.items() for line in of_domain}
    found: dict[int, dict[Value, OwnedValue]] = {id_: {} for id_ in lines}
    for (
        id_, domain_id, name, rdtype, data, ttl, purpose, state, absent, record, certificate
    ) in _each(session, _LEDGER, {"domains": list(found)}):  # fmt: skip
        line = known.get((domain_id, (name, rdtype, data)))
        value = (name, rdtype, data) if line is None else line.value
        by = line.id if line is not None and line.id == record else record
        found[domain_id][value] = OwnedValue(
            id_, value, ttl, _PURPOSES[purpose], _STATES[state], absent, by, certificate
        )
    return found


_LEDGER = (
    LedgerEntry.visible(PLATFORM)
    .where(among(LedgerEntry.organization_domain_id, "domains"))
    .with_only_columns(
        LedgerEntry.id, LedgerEntry.organization_domain_id, LedgerEntry.name,
        _plain(LedgerEntry.record_type), LedgerEntry.value, LedgerEntry.ttl,
        _plain(LedgerEntry.purpose), _plain(LedgerEntry.state), LedgerEntry.absent_at,
        LedgerEntry.dns_record_id, LedgerEntry.ssl_certificate_id,
    )
)  # fmt: skip


def others(
    session: Session, account_id: int, domains: Sequence[Domain]
) -> dict[int, frozenset[Value]]:
    """Return the values that other domains have, through the same account, at and below each name.

    They are theirs to write and to take away, though the domain may want the same.
    """
    found: dict[int, set[Value]] = {domain.id: set() for domain in domains}
    for start in range(0, len(domains), _TOGETHER):
        some = domains[start : start + _TOGETHER]
        origins = {domain.id: holders.held_name(domain) for domain in some}
        zones = {zone for origin in origins.values() for zone in self_and_ancestors(origin)}
        given = {"account": account_id, "zones": sorted(zones), "own": some[0].id}
        below = list(origins.values())
        if len(below) > 1:  # two statements in all, each made and planned once
            below += below[:1] * (_TOGETHER - len(below))
        given |= {"names": below}
        given |= {f"below{place}": f"%.{_escaped(one)}" for place, one in enumerate(below)}
        for domain_id, name, kind, value in _each(session, _others(len(below)), given):
            for own, origin in origins.items():
                if own != domain_id and is_within(name, origin):
                    found[own].add((name, kind, value))
    return {domain_id: frozenset(values) for domain_id, values in found.items()}


def _escaped(name: str) -> str:
    return name.replace("!", "!!").replace("_", "!_").replace("%", "!%")


@cache
def _others(count: int) -> sa.Executable:
    """Return the statement for so many names: one, or as many as are looked for together."""
    below = [
        LedgerEntry.name.like(sa.bindparam(f"below{place}", type_=sa.String()), escape="!")
        for place in range(count)
    ]
    return (
        LedgerEntry.visible(PLATFORM)
        .where(
            LedgerEntry.account_id == sa.bindparam("account"),
            among(LedgerEntry.zone, "zones"),
            sa.or_(among(LedgerEntry.name, "names"), *below),
            *([LedgerEntry.organization_domain_id != sa.bindparam("own")] if count == 1 else []),
        )
        .with_only_columns(
            LedgerEntry.organization_domain_id, LedgerEntry.name,
            _plain(LedgerEntry.record_type), LedgerEntry.value,
        )
    )  # fmt: skip


def automatic(
    session: Session, lines: Iterable[WantedRecord], entries: Iterable[OwnedValue]
) -> frozenset[int]:
    """Return the ids of the records that follow a binding or a server, removed ones included."""
    made = {line.id for line in lines if line.is_made}
    gone = {e.record_id for e in entries if e.record_id is not None} - {line.id for line in lines}
    if gone:
        query = Record.removed(PLATFORM).where(Record.recordable_type.in_(AUTOMATIC))
        few = sorted(gone)[:_MAX_GONE]
        made |= set(session.scalars(query.where(Record.id.in_(few)).with_only_columns(Record.id)))
    return frozenset(made)


def values(rrset: RRset | None) -> Iterable[Value]:
    """Yield each value of a record set, none for None."""
    return () if rrset is None else ((rrset.name, rrset.type, value) for value in rrset.values)


def known_type(rdtype: str) -> bool:
    """Tell whether records of this type can be managed: all that we can name, but SOA."""
    return rdtype in set(RecordType) and rdtype != RecordType.SOA
