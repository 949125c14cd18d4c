"""A worker's step with one registration: the open purchase first, then everything else."""

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import PurchaseStatus
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease
from nameplate.models import Account, Organization, Purchase, RegisteredName
from nameplate.usecases import work
from nameplate.usecases.registrations import registrars, upkeep
from nameplate.usecases.registrations.purchasing import Buyer, Case
from nameplate.usecases.tools import Tools


def peer(row: RegisteredName | DueRow, _authority: work.Authority) -> str | None:
    """Return the account at the registrar that a step waits for."""
    if isinstance(row, DueRow):
        return row.waits_for
    return None if row.account_id is None else f"account:{row.account_id}"


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> work.StepOutcome | None:
    """Bring one registration forward. Raises as registrars do."""
    case = work.read(sessions, RegisteredName, lease, _load)
    if case.row.is_over or (case.purchase is None and not case.is_wanted):
        work.record(sessions, RegisteredName, lease, _rest, release=True)
        return None
    connected = registrars.connect(tools, case.account)
    purchase = case.purchase
    if purchase is not None and purchase.status is not PurchaseStatus.WAITING:
        return Buyer(sessions, tools, lease, case, purchase, connected).step()
    if case.row.registered_at is None and case.row.seen_at is None and purchase is not None:
        work.record(sessions, RegisteredName, lease, _rest, release=True)
        return None
    return upkeep.look(sessions, tools, lease, case, connected)


def _load(session: Session, row: RegisteredName) -> Case:
    query = Purchase.visible(PLATFORM).where(Purchase.open_of(row.id))
    owner = session.get_one(Organization, row.organization_id)
    is_wanted = row.deleted_at is None and owner.deleted_at is None and owner.is_active
    account = None if row.account_id is None else session.get(Account, row.account_id)
    return Case(row, account, session.scalars(query).one_or_none(), is_wanted)


def _rest(_session: Session, row: RegisteredName) -> None:
    row.next_action_at = None
