"""How long to wait before looking again."""

from datetime import datetime, timedelta

CAP = timedelta(hours=4)
LIFETIME = timedelta(days=7)
"""How long a verification token can prove."""
_AT_ONCE = (2, 3, 5, 8, 13, 21)
"""Seconds between the first looks: somebody is at the provider's page, publishing."""
_EAGER = 10
_UNABLE = timedelta(seconds=30)


def next_look(attempts: int, now: datetime, *, unable: bool = False) -> datetime:
    """Return when to look for a proof again after `attempts` looks.

    Six looks in the first minute; then 60 s x 1.05^n for ten more, and 60 s x 1.15^n after that, at
    most 4 h: 81 looks in 7 days. While the platform itself is `unable` to look, at most 30 s: nothing
    tells of its repair, and the owner has done everything.
    """
    if attempts < len(_AT_ONCE):
        return now + timedelta(seconds=_AT_ONCE[attempts])
    later = attempts - len(_AT_ONCE)
    growth = 1.05 if later < _EAGER else 1.15
    seconds = min(60 * growth ** min(later, 200), CAP.total_seconds())
    return now + min(timedelta(seconds=seconds), _UNABLE if unable else CAP)


def next_visit(attempts: int, since: datetime, now: datetime) -> datetime:
    """Return when to look again at a host that has not pointed to the platform since `since`.

    2^n seconds, at most a minute; a twentieth of the time that it takes already when that is longer,
    at most an hour.
    """
    quick = min(2.0 ** min(max(attempts - 1, 0), 12), 60.0)
    patient = min((now - since).total_seconds() / 20, 3600.0)
    return now + timedelta(seconds=max(quick, patient))


def next_rehearsal(since: datetime, now: datetime, *, is_watched: bool = False) -> datetime:
    """Return when to look again at a renewal that has been at risk since then.

    A tenth of that time later, a minute at least: two minutes at most, an hour where what is wrong
    `is_watched` and wakes it.
    """
    most = 3600.0 if is_watched else 120.0
    patient = min(max((now - since).total_seconds() / 10, 60.0), most)
    return now + timedelta(seconds=patient)


def after_failure(attempts: int, now: datetime, jitter: float) -> datetime:
    """Return when to try again after `attempts` failures in a row: 2^n seconds, at most an hour.

    `jitter` between 0 and 1 adds up to half again, so that many rows do not come back at once.
    """
    seconds = min(2.0 ** min(attempts, 12), 3600.0)
    return now + timedelta(seconds=seconds * (1 + jitter / 2))
