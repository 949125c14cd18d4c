"""How much of an authority's limits is taken, for those whose orders wait for them.

The operator sees every account; an organization the accounts that issue for it, and of the limits of a
shared one its own share and those on its own names. The limit on exactly the same names is not listed:
its bucket does not know the names, and a schedule tells it for each certificate.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.budget import Limit, free_at, spent
from nameplate.core.errors import Refused
from nameplate.db import Sessions, database_now
from nameplate.models import Account, AccountKind, Budget, CertificateName, Domain
from nameplate.usecases.certificates import budgets
from nameplate.usecases.certificates.budgets import BucketKind
from nameplate.usecases.tenants import ca_accounts, organizations

FULLEST = 20
"""How many buckets of a kind are listed for an account."""
_LISTED = tuple(kind for kind in BucketKind if kind is not BucketKind.SET)
_OF_ORDERS = (BucketKind.ORDERS, BucketKind.ORGANIZATION)


@dataclass(frozen=True, slots=True)
class BudgetLevel:
    """One limit of an account, and how much of it is taken."""

    account: Account
    kind: BucketKind
    subject: str | None
    """The registrable domain or name that it counts for; the number of an organization; None: all."""
    limit: Limit
    used: int
    next_at: datetime | None
    """When one more is possible, for what can wait; None: now."""
    full_at: datetime
    """When all of it is earned back."""


def levels(sessions: Sessions, actor: Actor, organization: str | None) -> Sequence[BudgetLevel]:
    """Return the limits of accounts and how much of each is taken, the fullest of many subjects.

    Raises `NotFound` `organization_not_found`.
    """
    owner = None
    if organization is not None or not actor.is_platform:
        with sessions.begin(actor, read_only=True) as session:
            owner = organizations.acting(session, actor, organization).id
    # What is taken is counted for all organizations together: only the platform reads it.
    with sessions.begin(PLATFORM, read_only=True) as session:
        now = database_now(session)
        return [
            level
            for account in _accounts(session, owner)
            for level in _Reading(session, account, owner, now).levels()
        ]


def _accounts(session: Session, owner: int | None) -> Sequence[Account]:
    if owner is None:
        all_of_them = Account.visible(PLATFORM).where(Account.kind == AccountKind.CA)
        return session.scalars(all_of_them.order_by(Account.id)).all()
    try:
        return ca_accounts.authority_accounts(session, owner)
    except Refused:
        return ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the buckets of one account, for one organization or for the platform."""

    session: Session
    account: Account
    owner: int | None
    now: datetime

    def levels(self) -> Iterator[BudgetLevel]:
        """Return each limit that the account has."""
        for kind in _LISTED:
            limit = budgets.limit_of(self.account, kind)
            if limit is not None:
                for subject, arrival_at in self._arrivals(kind):
                    yield self._level(kind, subject, limit, max(arrival_at, self.now))

    def _arrivals(self, kind: BucketKind) -> Sequence[tuple[str | None, datetime]]:
        """Return whose buckets of this kind concern the reader, and what they hold."""
        if kind is BucketKind.ORDERS:
            is_whole = self.owner in {None, self.account.organization_id}
            return [(None, self._arrival(kind, None))] if is_whole else ()
        if kind is BucketKind.ORGANIZATION and self.owner is not None:
            return [(str(self.owner), self._arrival(kind, self.owner))]
        return self._fullest(kind)

    def _arrival(self, kind: BucketKind, subject: int | None) -> datetime:
        row = self.session.get(Budget, budgets.key(self.account, kind, subject))
        return self.now if row is None else row.arrival_at

    def _fullest(self, kind: BucketKind) -> Sequence[tuple[str, datetime]]:
        prefix = budgets.key(self.account, kind, "")
        query = (
            sa.select(Budget.key, Budget.arrival_at)
            .where(Budget.key.startswith(prefix, autoescape=True), Budget.arrival_at > self.now)
            .order_by(Budget.arrival_at.desc(), Budget.key)
            .limit(FULLEST)
        )
        if self.owner is not None:
            query = query.where(Budget.key.in_(_own_keys(Actor(self.owner), kind, prefix)))
        return [(key.removeprefix(prefix), at) for key, at in self.session.execute(query)]

    def _level(
        self, kind: BucketKind, subject: str | None, limit: Limit, level: datetime
    ) -> BudgetLevel:
        kept = budgets.KEPT if kind in _OF_ORDERS else 0.0
        free = free_at(level, limit, kept)
        used = spent(level, self.now, limit)
        next_at = free if free > self.now else None
        return BudgetLevel(self.account, kind, subject, limit, used, next_at, full_at=level)


def _own_keys(actor: Actor, kind: BucketKind, prefix: str) -> sa.Select[tuple[str]]:
    """Select the keys that an organization's own names have: held ones, as anybody may claim below another's."""
    if kind is BucketKind.DOMAIN:
        names = Domain.visible(actor).with_only_columns(Domain.domain_name)
    else:
        bare = sa.func.replace(CertificateName.hostname, "*.", "")
        names = (
            CertificateName.visible(actor)
            .join(Domain, Domain.id == CertificateName.organization_domain_id)
            .with_only_columns(bare)
        )
    own = names.where(Domain.is_live).distinct().subquery("own").c[0]
    return sa.select(sa.literal(prefix, sa.String()).concat(own))
