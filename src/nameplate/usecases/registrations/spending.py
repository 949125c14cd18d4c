"""What may be spent: a purchase over a limit waits for a person."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import purchases as rules
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import PurchaseStatus
from nameplate.core.money import Money
from nameplate.db import lock_name
from nameplate.models import Account, Purchase
from nameplate.usecases.tools import Tools

AUTO_RENEWAL = "auto-renewal"
"""By whom a renewal is confirmed that nobody asked for."""
_COUNTED = "purchases"
"""No domain has this name: its lock row is that of the limits."""


def over_limit(  # noqa: PLR0917 - what decides
    session: Session,
    tools: Tools,
    purchase: Purchase,
    price: Money,
    account: Account,
    now: datetime,
) -> str | None:
    """Return why a purchase waits for a person. Purchases are counted one after the other."""
    lock_name(session, _COUNTED)
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    shared = account.organization_id is None
    policy = purchase.confirmed_by == AUTO_RENEWAL
    if shared and tools.organization_limits.purchase is None and not policy:
        return "The platform has set no limit up to which organizations buy from its account."
    mine = Purchase.organization_id == purchase.organization_id
    because = rules.over_limit(
        tools.organization_limits, price, _spent(session, purchase, month, mine)
    )
    if because is None and shared:
        every = Purchase.account_id == account.id
        because = rules.over_limit(
            tools.platform_limits, price, _spent(session, purchase, month, every)
        )
    return because


def _spent(
    session: Session, purchase: Purchase, month: datetime, whose: sa.ColumnElement[bool]
) -> list[Money]:
    query = Purchase.visible(PLATFORM).where(
        whose,
        Purchase.id != purchase.id,
        Purchase.intended_at >= month,
        Purchase.status.not_in([PurchaseStatus.FAILED, PurchaseStatus.CANCELLED]),
    )
    return [one.agreed for one in session.scalars(query)]
