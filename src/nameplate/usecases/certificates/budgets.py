"""Budgets of the outside world, exact over all workers: one row per bucket."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.budget import Limit, spend
from nameplate.core.errors import RateLimited
from nameplate.models import Account, Budget

LETS_ENCRYPT = "letsencrypt.org"
ORDERS = Limit(300, timedelta(hours=3))
PER_REGISTERED_DOMAIN = Limit(50, timedelta(days=7))
PER_EXACT_SET = Limit(5, timedelta(days=7))


def take(session: Session, key: str, limit: Limit, now: datetime) -> None:
    """Spend one act of the bucket `key`, or raise `RateLimited` with the time to wait.

    The bucket's row is locked for the transaction: all workers together stay within the limit.
    """
    row = session.get(Budget, key, with_for_update=True)
    if row is None:
        row = Budget(key=key, arrival_at=now)
        session.add(row)
    arrival_at, wait = spend(row.arrival_at, now, limit)
    if wait > timedelta(0):
        raise RateLimited(
            "budget_spent",
            f"The budget {key} is spent. The next request is possible in {wait}.",
            wait,
        )
    row.arrival_at = arrival_at
    session.flush()


def counts_orders(account: Account) -> bool:
    """Tell whether the account's authority publishes limits: other than Let's Encrypt none does."""
    return LETS_ENCRYPT in str(account.config.get("directory_url", ""))


def take_order(
    session: Session, account: Account, base: str, hosts: Sequence[str], now: datetime
) -> None:
    """Spend what one order costs at the account's authority. Raises `RateLimited`.

    Let's Encrypt counts orders by account, and certificates by registered domain and by exact set
    of names.
    """
    if not counts_orders(account):
        return
    exact = hashlib.sha256(",".join(sorted(hosts)).encode()).hexdigest()[:32]
    take(session, f"acme:{account.id}:orders", ORDERS, now)
    take(session, f"acme:{account.id}:domain:{base}", PER_REGISTERED_DOMAIN, now)
    take(session, f"acme:{account.id}:set:{exact}", PER_EXACT_SET, now)


def forget_old(session: Session, now: datetime) -> None:
    """Drop buckets that are full again."""
    session.execute(sa.delete(Budget).where(Budget.arrival_at < now - timedelta(days=8)))
