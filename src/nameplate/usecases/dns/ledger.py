"""The ledger: which values in a zone are ours, written before and settled after each act.

Everything here is set-based: a zone of ten thousand records takes a handful of statements.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.lifecycle import RecordStatus
from nameplate.core.plan import Drift, Key, Plan
from nameplate.core.records import RRset
from nameplate.models import (
    Domain,
    LedgerEntry,
    LedgerState,
    Record,
    RecordType,
)
from nameplate.models.records import digest
from nameplate.ports.dns import Outcome, Result, Zone
from nameplate.usecases.dns.wanted import OwnedValue, Value, Want, WantedRecord, Wants, values
from nameplate.usecases.dns.writes import Writes, bulk_insert, each

SETTLING = timedelta(minutes=5)
"""How long the readings of a provider may lag behind its writings."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is at the provider now, as far as it said, and why something is not."""

    state: Mapping[Key, RRset]
    removed: frozenset[Value]
    """Values that the provider took away in this very act: no reading has to confirm it."""
    unknown: frozenset[Key]
    """Record sets whose state has to be read again."""
    refused: Mapping[Key, str]
    reasons: Mapping[Key, str]
    """Why record sets are not as wanted: refused, or blocked before."""
    external_ids: Mapping[Value, str]
    outcomes: Sequence[Outcome]
    waits: bool = False
    """Something is held back until readings can be trusted."""

    @property
    def is_complete(self) -> bool:
        """Everything that was asked for was done."""
        return not self.unknown and not self.refused

    def shows(self, value: Value) -> bool:
        """Tell whether the provider has a value."""
        rrset = self.state.get(value[:2])
        return rrset is not None and value[2] in rrset.values

    def has(self, line: WantedRecord) -> bool:
        """Tell whether the provider has a record as it is wanted."""
        key, text = line.value[:2], line.value[2]
        rrset = self.state.get(key)
        if rrset is None or text not in rrset.values:
            return False
        as_wanted = rrset.ttl == line.ttl and rrset.proxied == line.proxied
        return as_wanted or key not in self.reasons

    @classmethod
    def of(cls, todo: Plan, live: Sequence[RRset], outcomes: Sequence[Outcome]) -> "Report":
        """Fold the outcomes into what was read before."""
        state = {rrset.key: rrset for rrset in live}
        removed: set[Value] = set()
        unknown: set[Key] = set()
        refused: dict[Key, str] = {}
        external: dict[Value, str] = {}
        for outcome in outcomes:
            change, key = outcome.change, outcome.change.key
            if outcome.result is Result.APPLIED:
                state.pop(key, None)
                if change.after is not None:
                    state[key] = change.after
                removed |= set(values(change.before)) - set(values(change.after))
            elif outcome.result is Result.REFUSED:
                refused[key] = outcome.detail
            else:
                unknown.add(key)
            if outcome.external_ids:
                external |= {(*key, value): id_ for value, id_ in outcome.external_ids.items()}
        return cls(
            state=state,
            removed=frozenset(removed),
            unknown=frozenset(unknown),
            refused=refused,
            reasons={(b.name, b.type): b.detail for b in todo.blocked if b.code != "unseen"}
            | refused,
            external_ids=external,
            outcomes=outcomes,
            waits=any(blocked.code == "unseen" for blocked in todo.blocked),
        )


def intend(
    writes: Writes,
    domain: Domain,
    account_id: int,
    zone: Zone,
    *,
    todo: Plan,
    wants: Wants,
    entries: Mapping[Value, OwnedValue],
) -> None:
    """Write down every value about to appear or to leave, before the provider hears of it."""
    leaving: list[int] = []
    coming: list[Want | WantedRecord] = []
    for change in todo.changes:
        before, after = set(values(change.before)), set(values(change.after))
        leaving += [entries[value].id for value in before - after if value in entries]
        coming += [wants[value] for value in after - before if value not in entries]
    writes.insert(_row(domain, account_id, zone, want, LedgerState.INTENDED) for want in coming)
    writes.change(LedgerEntry.becoming, LedgerState.LEAVING, of=domain.id, ids=leaving)
    touched = todo.keys
    ids = [want.record_id for value, want in wants.items() if value[:2] in touched]
    records = [id_ for id_ in ids if id_ is not None]
    writes.change(Record.syncing, of=domain.id, ids=records)


def adopt(
    session: Session,
    domain: Domain,
    account_id: int,
    zone: Zone,
    wants: Iterable[Want],
) -> None:
    """Take values of others that are in the zone, and wanted, as ours from now on."""
    rows = (_row(domain, account_id, zone, want, LedgerState.PRESENT) for want in wants)
    bulk_insert(session, LedgerEntry, rows)


def disown(session: Session, ids: Sequence[int]) -> None:
    """Forget values that stay in the zone and are ours no more."""
    each(session, LedgerEntry.forgetting(), LedgerEntry.id, ids)


def _row(
    domain: Domain, account_id: int, zone: Zone, want: Want | WantedRecord, state: LedgerState
) -> dict[str, Any]:
    name, rdtype, value = want.value
    return {
        "organization_id": domain.organization_id,
        "account_id": account_id,
        "organization_domain_id": domain.id,
        "zone": zone.name,
        "name": name,
        "record_type": RecordType(rdtype),
        "value": value,
        "value_digest": digest(value),
        "ttl": want.ttl,
        "purpose": want.purpose,
        "state": state,
        "dns_record_id": want.record_id,
        "ssl_certificate_id": want.certificate_id,
    }


def settle(
    writes: Writes,
    domain: Domain,
    wanted: frozenset[Value],
    entries: Mapping[Value, OwnedValue],
    report: Report,
    *,
    now: datetime,
    settling: timedelta,
    overrun: bool = False,
) -> bool:
    """Note where every value of ours stands; tell whether one that left has to be looked for again.

    A value is forgotten when its removal was confirmed, or when readings have lacked it for longer
    than they can lag: one that is forgotten too early would stay in the zone as nobody's. After an
    `overrun` a confirmation is not enough: an older worker may write the value once more.
    """
    states: dict[LedgerState, list[int]] = {state: [] for state in LedgerState}
    gone: list[int] = []
    missing: list[int] = []
    for value, entry in entries.items():
        if value[:2] in report.unknown:
            continue
        if report.shows(value):
            leaving = entry.state is LedgerState.LEAVING and value not in wanted
            state = LedgerState.LEAVING if leaving else LedgerState.PRESENT
            if entry.state is not state or entry.absent_at is not None:
                states[state].append(entry.id)
        elif value in wanted:
            if value[:2] in report.refused and entry.state is LedgerState.INTENDED:
                gone.append(entry.id)
        elif _is_gone(entry, report, now, settling, overrun=overrun):
            gone.append(entry.id)
        else:
            missing.append(entry.id)
    for state, ids in states.items():
        writes.change(LedgerEntry.becoming, state, of=domain.id, ids=ids)
    writes.change(LedgerEntry.missing, now, of=domain.id, ids=missing)
    writes.change(LedgerEntry.forgetting, of=domain.id, ids=gone)
    return bool(missing)


def lingers(entries: Mapping[Value, OwnedValue], report: Report) -> bool:
    """Tell whether a value that was to come before has not: it is held back, or wanted no more."""
    return any(
        entry.state is LedgerState.INTENDED and not report.shows(value)
        for value, entry in entries.items()
    )


def arrived(writes: Writes, domain: Domain) -> None:
    """Note that every value of a domain that was to come is there: nothing lingers, all was done."""
    column = LedgerEntry.organization_domain_id
    writes.change(_arriving, of=domain.id, ids=[domain.id], column=column)


def _arriving() -> sa.Update:
    intended = LedgerEntry.state == LedgerState.INTENDED
    return LedgerEntry.becoming(LedgerState.PRESENT).where(intended)


def _is_gone(
    entry: OwnedValue, report: Report, now: datetime, settling: timedelta, *, overrun: bool
) -> bool:
    if entry.value in report.removed and not overrun:
        return True
    return entry.absent_at is not None and now - entry.absent_at >= settling


def confirm(
    writes: Writes,
    domain: Domain,
    lines: Sequence[WantedRecord],
    report: Report,
    now: datetime,
) -> None:
    """Note on the records what the provider has, or why it has not."""
    fresh: list[int] = []
    same: list[int] = []
    look: list[int] = []
    failed: dict[str, list[int]] = {}
    for line in lines:
        key = line.value[:2]
        if key in report.unknown:
            continue
        if report.has(line):
            if line.status is not RecordStatus.ACTIVE:
                fresh.append(line.id)
                continue
            same.append(line.id)
            if not line.propagated:
                look.append(line.id)
        elif key in report.reasons and domain.is_live and not line.is_drifted:
            failed.setdefault(report.reasons[key], []).append(line.id)
    writes.change(Record.confirming, now, of=domain.id, ids=fresh)
    if same and len(same) == sum(line.status is RecordStatus.ACTIVE for line in lines):
        column = Record.organization_domain_id
        writes.change(_seeing_all, now, of=domain.id, ids=[domain.id], column=column)
    else:
        writes.change(Record.seeing, now, of=domain.id, ids=same)
    writes.change(_looking, now, of=domain.id, ids=look, column=Record.id)
    for reason, ids in failed.items():
        writes.change(Record.failing, reason, of=domain.id, ids=ids)
    _number(writes.session, lines, report)


def _seeing_all(now: datetime) -> sa.Update:
    return Record.seeing(now).where(Record.deleted_at.is_(None))


def _looking(now: datetime) -> sa.Update:
    later = sa.or_(Record.next_action_at.is_(None), Record.next_action_at > now)
    return Record.waking(now).where(later)


def refuse(session: Session, lines: Sequence[WantedRecord], reason: str) -> None:
    """Note on every record that waits why the provider will not even be asked."""
    waiting = [line.id for line in lines if line.status is not RecordStatus.ACTIVE]
    each(session, Record.failing(reason), Record.id, waiting)


def note_drift(
    writes: Writes, lines: Sequence[WantedRecord], drifts: Sequence[Drift], now: datetime
) -> None:
    """Note on the records that somebody changed them at the provider."""
    if not drifts:
        return
    writes.write()
    reasons = {drift.key: str(drift) for drift in drifts}
    found: dict[str, list[int]] = {}
    for line in lines:
        key = line.value[:2]
        if key in reasons:
            found.setdefault(reasons[key], []).append(line.id)
    for reason, ids in found.items():
        each(writes.session, Record.drifting(now, reason), Record.id, ids)


def _number(session: Session, lines: Sequence[WantedRecord], report: Report) -> None:
    """Note the provider's own ids, where they are new."""
    new = [
        {"record_id": line.id, "external_id": report.external_ids[line.value]}
        for line in lines
        if report.external_ids.get(line.value, line.external_id) != line.external_id
    ]
    if new:
        session.connection().execute(Record.numbering(), new)
