"""Budgets at certificate authorities, exact over all workers: one row per bucket.

They restate the limits of the authority, so that a refusal by the authority means that somebody else
uses the account too. A part of the orders is left for renewals that cannot wait, and of an account
that several organizations share one of them gets half at most, unless the account says otherwise.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import authorities, issuance_limits
from nameplate.core.budget import Limit, spend
from nameplate.core.errors import RateLimited
from nameplate.core.issuance_limits import IssuanceLimits
from nameplate.models import Account, Budget
from nameplate.usecases.tenants import request_budgets

KEPT = 0.1
"""The part of an account's orders that is left for renewals that cannot wait."""
_LONGEST_NAME = 200
"""Longer ones are digested: a key has 255 characters."""


class BucketKind(StrEnum):
    """What a limit of an authority is on, as the keys of its buckets say it."""

    ORDERS = "orders"
    ORGANIZATION = "organization"
    DOMAIN = "domain"
    SET = "set"
    FAILED = "failed"
    ROW = "row"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit on what is asked of an authority."""

    key: str
    limit: Limit
    what: str
    """What is counted, as in "certificates for example.com"."""
    kept: float = 0.0

    def refusal(self, wait: timedelta, now: datetime) -> RateLimited:
        """Return the error that says when the next act is possible."""
        at = now + wait + timedelta(seconds=59)
        count, period = self.limit.count, _shown(self.limit.period)
        return RateLimited(
            "budget_spent",
            f"The authority's limit of {count} {self.what} in {period} is reached. The next is "
            f"possible at {at:%Y-%m-%d %H:%M} UTC.",
            wait,
        )


def limits(account: Account) -> IssuanceLimits:
    """Return the limits of the account: those of a well-known authority, and what it states itself."""
    config: dict[str, Any] = account.config
    known = issuance_limits.known(authorities.directory_url(account.provider, config))
    return issuance_limits.adjusted(known, **(config.get("limits") or {}))


def key(account: Account, kind: BucketKind, subject: object = None) -> str:
    """Return the key of an account's bucket: of all its orders, or of those of one subject."""
    ending = "" if subject is None else f":{subject}"
    return f"acme:{account.id}:{kind}{ending}"


LIMIT_NAMES: Mapping[BucketKind, str] = {
    BucketKind.ORDERS: "orders",
    BucketKind.ORGANIZATION: "orders_per_organization",
    BucketKind.DOMAIN: "certificates_per_domain",
    BucketKind.SET: "certificates_per_set",
    BucketKind.FAILED: "failures_per_name",
    BucketKind.ROW: "failures_in_a_row",
}
"""Kind of bucket -> what `config.limits` of an account calls its limit."""


def limit_of(account: Account, kind: BucketKind) -> Limit | None:
    """Return an account's limit of this kind; one organization gets half where nothing else is said."""
    said = limits(account)
    found: Limit | None = getattr(said, LIMIT_NAMES[kind])
    if kind is not BucketKind.ORGANIZATION:
        return found
    if said.orders is None or account.organization_id is not None:
        return None
    return found or Limit(ceil(said.orders.count / 2), said.orders.period)


@dataclass(frozen=True, slots=True)
class Ordering:
    """An order to be made, as far as limits count it."""

    organization_id: int
    bases: Sequence[str]
    """Registrable domains of the names."""
    hosts: Sequence[str]
    is_urgent: bool = False
    """A renewal that cannot wait: the last part of the limit is kept for it."""
    is_exempt: bool = False
    """It replaces a certificate as its authority suggests, which counts against no limit on orders."""


def of_account(account: Account, organization_id: int, *, urgent: bool = False) -> Iterator[Bucket]:
    """Return what every order takes from, in the order in which rows are locked."""
    kept = 0.0 if urgent else KEPT
    orders = limit_of(account, BucketKind.ORDERS)
    if orders is not None:
        yield Bucket(key(account, BucketKind.ORDERS), orders, "orders of the account", kept)
    own = limit_of(account, BucketKind.ORGANIZATION)
    if own is not None:
        where = key(account, BucketKind.ORGANIZATION, organization_id)
        yield Bucket(where, own, "orders of one organization", kept)


def of_names(account: Account, bases: Collection[str], hosts: Sequence[str]) -> Iterator[Bucket]:
    """Return what an order of these names takes from beside that, in the same order.

    It counts for each of their registrable domains.
    """
    per_domain = limit_of(account, BucketKind.DOMAIN)
    if per_domain is not None:
        for base in sorted(set(bases)):
            what = f"certificates for {base}"
            yield Bucket(key(account, BucketKind.DOMAIN, base), per_domain, what)
    per_set = limit_of(account, BucketKind.SET)
    if per_set is not None:
        exact = hashlib.sha256(",".join(sorted(hosts)).encode()).hexdigest()[:32]
        what = "certificates for exactly these names"
        yield Bucket(key(account, BucketKind.SET, exact), per_set, what)


def of_failures(account: Account, hosts: Collection[str]) -> Iterator[Bucket]:
    """Return what a failed proof of each of these names takes from."""
    per_name = limit_of(account, BucketKind.FAILED)
    in_a_row = limit_of(account, BucketKind.ROW)
    for name in sorted({host.removeprefix("*.") for host in hosts}):
        short = name if len(name) <= _LONGEST_NAME else hashlib.sha256(name.encode()).hexdigest()
        if per_name is not None:
            what = f"failed proofs of {name}"
            yield Bucket(key(account, BucketKind.FAILED, short), per_name, what)
        if in_a_row is not None:
            what = f"failed proofs of {name} in a row"
            yield Bucket(key(account, BucketKind.ROW, short), in_a_row, what)


def take_order(session: Session, account: Account, ordering: Ordering, now: datetime) -> None:
    """Spend what one order costs at the account's authority. Raises `RateLimited` `budget_spent`.

    Nothing is ordered either while one more failed proof of a name would be one too many.
    """
    if not ordering.is_exempt:
        urgent = ordering.is_urgent
        for bucket in of_account(account, ordering.organization_id, urgent=urgent):
            _take(session, bucket, now)
        for bucket in of_names(account, ordering.bases, ordering.hosts):
            _take(session, bucket, now)
    for bucket in of_failures(account, ordering.hosts):
        _look(session, bucket, now)


def give_back(session: Session, account: Account, ordering: Ordering) -> None:
    """Give back what an order cost that the authority did not make."""
    of_orders = of_account(account, ordering.organization_id)
    for bucket in (*of_orders, *of_names(account, ordering.bases, ordering.hosts)):
        row = session.get(Budget, bucket.key, with_for_update=True)
        if row is not None:
            row.arrival_at -= bucket.limit.interval


def count_failures(
    session: Session, account: Account, hosts: Collection[str], now: datetime
) -> None:
    """Count that the authority found no proof of these names."""
    for bucket in of_failures(account, hosts):
        row = request_budgets.bucket(session, bucket.key, now)
        row.arrival_at = max(row.arrival_at, now) + bucket.limit.interval


def forgive(session: Session, account: Account, hosts: Collection[str]) -> None:
    """Forget failures in a row: the names were proved."""
    ended = [bucket.key for bucket in of_failures(account, hosts) if ":row:" in bucket.key]
    if ended:
        session.execute(sa.delete(Budget).where(Budget.key.in_(ended)))


def forget_old(session: Session, now: datetime) -> None:
    """Drop buckets that are full again."""
    session.execute(sa.delete(Budget).where(Budget.arrival_at < now - timedelta(days=8)))


def _take(session: Session, bucket: Bucket, now: datetime) -> None:
    row = request_budgets.bucket(session, bucket.key, now)
    row.arrival_at, wait = spend(row.arrival_at, now, bucket.limit, bucket.kept)
    if wait > timedelta(0):
        raise bucket.refusal(wait, now)


def _look(session: Session, bucket: Bucket, now: datetime) -> None:
    row = session.get(Budget, bucket.key)
    if row is not None:
        _, wait = spend(row.arrival_at, now, bucket.limit)
        if wait > timedelta(0):
            raise bucket.refusal(wait, now)


def _shown(period: timedelta) -> str:
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour")):
        if period >= unit and period % unit == timedelta(0):
            count = period // unit
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{period // timedelta(minutes=1)} minutes"
