"""Authorities that fail by their own fault are left alone for a growing time, where another may issue.

`work.watched` has one of the rows that wait for an authority try it again; here is kept how often that
failed. While an account is left alone new generations go to the next one in the order of preference.
When the time is over one certificate tries it, counted as failed until its certificate is there.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError
from nameplate.db import Sessions
from nameplate.models import Account
from nameplate.models.accounts import LEFT_ALONE
from nameplate.usecases import work

FAILURES = LEFT_ALONE
"""Failures in a row, each counted after the last one's pause, from which on an account is left alone."""
_FIRST, _LONGEST = timedelta(seconds=30), timedelta(hours=1)
_FAULTS = frozenset({
    "acme_bad_nonce",
    "acme_external_account_required",
    "acme_unauthorized",
    "acme_unavailable",
    "acme_user_action_required",
    "ca_answer_malformed",
    "ca_unreachable",
    "ca_untrusted",
})  # fmt: skip
"""What says of an authority that no certificate comes from it with this account now."""


def is_fault(error: NameplateError) -> bool:
    """Tell whether an error says something about the authority, not about one certificate."""
    return error.code in _FAULTS


def pause(failures: int) -> timedelta:
    """Return how long after that many failures the next one counts: 30 s x 2^n, at most an hour."""
    if failures < FAILURES:
        return work.WATCH
    doubled: int = 2 ** min(failures - FAILURES, 10)
    return min(_FIRST * doubled, _LONGEST)


def is_away(account: Account, now: datetime) -> bool:
    """Tell whether the account is left alone now."""
    until = account.outage_until
    return account.outage_failures >= FAILURES and until is not None and until > now


def may_try(sessions: Sessions, account: Account, now: datetime) -> bool:
    """Tell whether a certificate may be ordered with the account; of one that was away, one alone may."""
    if is_away(account, now):
        return False
    return account.outage_failures < FAILURES or _count(sessions, account, now)


def count(sessions: Sessions, account: Account, now: datetime) -> None:
    """Count a failure; who waits for an account that is left alone from now on is woken."""
    if _count(sessions, account, now) and account.outage_failures + 1 >= FAILURES:
        sessions.run(
            PLATFORM, lambda session: work.wake_waiting(session, f"account:{account.id}", now)
        )


def note(sessions: Sessions, account: Account, now: datetime) -> None:
    """Count a failure of the only authority: it is shown, and no certificate can go elsewhere."""
    _count(sessions, account, now)


def end(sessions: Sessions, account: Account) -> None:
    """Forget the failures of an account with which a certificate was issued."""
    if account.outage_failures:
        sessions.run(PLATFORM, lambda session: _forget(session, account.id))


def _count(sessions: Sessions, account: Account, now: datetime) -> bool:
    """Count a failure, unless another worker has just counted one; tell whether it was counted."""
    failures = account.outage_failures + 1
    statement = Account.failing(account.id, failures, now + pause(failures), now)

    def change(session: Session) -> bool:
        return bool(session.connection().execute(statement).rowcount)

    return sessions.run(PLATFORM, change)


def _forget(session: Session, account_id: int) -> None:
    session.connection().execute(Account.answering(account_id))
