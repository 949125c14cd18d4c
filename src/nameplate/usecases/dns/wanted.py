"""What a domain wants at its DNS provider, read as plain values: ten thousand records at a time."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from sys import intern
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.names import relative, self_and_ancestors
from nameplate.core.records import RRset
from nameplate.models import (
    Domain,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    Record,
    RecordType,
)
from nameplate.models.records import AUTOMATIC
from nameplate.usecases import holders

_MAX_GONE = 1000
"""Removed records that are looked up; what lies beyond is held back with the rest, if it is much."""
_PART = 500
"""Rows that are taken from the database at once."""
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
    session.flush()
    origin = holders.held_name(domain)
    query = (
        Record.visible(Actor(domain.organization_id))
        .where(Record.organization_domain_id == domain.id)
        .order_by(Record.id)
        .with_only_columns(
            Record.id, _plain(Record.record_type), Record.name, Record.value, Record.priority,
            Record.weight, Record.port, Record.ttl, Record.proxy_enabled, _plain(Record.status),
            Record.propagated, Record.drifted_at.is_not(None), _settled(since),
            Record.external_record_id, _plain(Record.recordable_type),
        )
    )  # fmt: skip
    return [
        WantedRecord(
            id_,
            (
                origin if name == "@" else f"{name}.{origin}",  # `absolute`, for ten thousand rows
                intern(rdtype),
                value if priority is None else text(value, priority, weight, port),
            ),
            origin, ttl, proxied, _STATUSES[status], propagated, drifted, settled, external, made in _MADE,
        )
        for (
            id_, rdtype, name, value, priority, weight, port, ttl, proxied, status, propagated,
            drifted, settled, external, made,
        ) in _each(session, query)
    ]  # fmt: skip


def _settled(since: datetime | None) -> sa.ColumnElement[bool]:
    """Return whether a record is settled, worked out by the database: a time costs more to read."""
    if since is None:
        return sa.false()
    known = sa.and_(Record.status == RecordStatus.ACTIVE, Record.last_synced_at <= since)
    return sa.or_(Record.drifted_at.is_not(None), sa.func.coalesce(known, sa.false()))


def _each(session: Session, query: sa.Executable) -> Iterator[Any]:
    """Yield the rows of a query, some hundred at a time."""
    return chain.from_iterable(session.connection().execute(query).partitions(_PART))


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
    session.flush()
    query = (
        LedgerEntry.visible(Actor(domain.organization_id))
        .where(LedgerEntry.organization_domain_id == domain.id)
        .with_only_columns(
            LedgerEntry.id, LedgerEntry.name, _plain(LedgerEntry.record_type), LedgerEntry.value,
            LedgerEntry.ttl, _plain(LedgerEntry.purpose), _plain(LedgerEntry.state),
            LedgerEntry.absent_at, LedgerEntry.dns_record_id, LedgerEntry.ssl_certificate_id,
        )
    )  # fmt: skip
    known = {line.value: line for line in lines}
    entries: dict[Value, OwnedValue] = {}
    for id_, name, rdtype, data, ttl, purpose, state, absent, record, certificate in _each(
        session, query
    ):
        line = known.get((name, rdtype, data))
        value = (name, rdtype, data) if line is None else line.value
        by = line.id if line is not None and line.id == record else record
        entries[value] = OwnedValue(
            id_, value, ttl, _PURPOSES[purpose], _STATES[state], absent, by, certificate
        )
    return entries


def others(session: Session, account_id: int, domain: Domain) -> frozenset[Value]:
    """Return the values that other domains have, through the same account, at and below the name.

    They are theirs to write and to take away, though this domain may want the same.
    """
    origin = holders.held_name(domain)
    query = (
        LedgerEntry.visible(PLATFORM)
        .where(
            LedgerEntry.account_id == account_id,
            LedgerEntry.zone.in_(self_and_ancestors(origin)),
            LedgerEntry.organization_domain_id != domain.id,
            sa.or_(
                LedgerEntry.name == origin,
                LedgerEntry.name.endswith(f".{origin}", autoescape=True),
            ),
        )
        .with_only_columns(LedgerEntry.name, _plain(LedgerEntry.record_type), LedgerEntry.value)
    )
    return frozenset((name, kind, value) for name, kind, value in _each(session, query))


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
