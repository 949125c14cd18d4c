"""What a worker did to a zone after it had lost the domain: whoever has it now must know.

No provider can tell that an act is void. So the worker writes down what it did as an intent of which
nothing is known, and has the zone looked at.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import tokens
from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Domain, LedgerEntry, LedgerPurpose, LedgerState, Record, RecordType
from nameplate.models.records import digest
from nameplate.ports.dns import Outcome, Result, Zone
from nameplate.usecases.dns.wanted import Value, values
from nameplate.usecases.dns.writes import each

_CHALLENGE = "_acme-challenge"


def note(
    sessions: Sessions, lease: Lease, account_id: int, zone: Zone, outcomes: Sequence[Outcome]
) -> None:
    """Have the domain's zone looked at, in which values may have come or gone late."""
    acted = [o.change for o in outcomes if o.result in {Result.APPLIED, Result.UNKNOWN}]
    if not acted:
        return
    came: dict[Value, int] = {}
    went: set[Value] = set()
    for one in acted:
        before, after = set(values(one.before)), set(values(one.after))
        came |= dict.fromkeys(after - before, one.after.ttl if one.after else 0)
        went |= before - after

    def change(session: Session) -> None:
        domain = session.get(Domain, lease.id)
        if domain is None:
            return
        now = lease.now()
        known = {
            (entry.name, entry.record_type.value, entry.value): entry
            for entry in _entries(session, domain, account_id, {*came, *went})
        }
        for value in came.keys() - known.keys():
            session.add(_leaving(domain, account_id, zone, value, came[value]))
        gone = [known[value] for value in went & known.keys()]
        gone = [entry for entry in gone if entry.state is LedgerState.PRESENT]
        each(
            session,
            LedgerEntry.becoming(LedgerState.INTENDED),
            LedgerEntry.id,
            [entry.id for entry in gone],
        )
        ids = [entry.dns_record_id for entry in gone if entry.dns_record_id is not None]
        each(session, Record.syncing(), Record.id, ids)
        session.execute(
            Domain.waking(now).where(Domain.id == lease.id),
            execution_options={"synchronize_session": False},
        )

    sessions.run(PLATFORM, change)


def _entries(
    session: Session, domain: Domain, account_id: int, wanted: Iterable[Value]
) -> Sequence[LedgerEntry]:
    names = sorted({name for name, _, _ in wanted})
    query = LedgerEntry.visible(PLATFORM).where(
        LedgerEntry.account_id == account_id,
        LedgerEntry.organization_domain_id == domain.id,
        LedgerEntry.name.in_(names) if len(names) <= _MAX_NAMES else sa.true(),
    )
    return session.scalars(query).all()


_MAX_NAMES = 500
"""Names in one statement; above this all that the domain has is read."""


def _leaving(domain: Domain, account_id: int, zone: Zone, value: Value, ttl: int) -> LedgerEntry:
    name, rdtype, text = value
    label = name.partition(".")[0]
    is_challenge = label == _CHALLENGE or (rdtype == "TXT" and tokens.is_challenge_label(label))
    return LedgerEntry(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        account_id=account_id,
        zone=zone.name,
        name=name,
        record_type=RecordType(rdtype),
        value=text,
        value_digest=digest(text),
        ttl=ttl,
        purpose=LedgerPurpose.CHALLENGE if is_challenge else LedgerPurpose.RECORD,
        state=LedgerState.LEAVING,
    )
