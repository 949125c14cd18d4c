"""When to renew a certificate, and when to try again after a failure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORT_LIFETIME = timedelta(days=10)
"""Certificates that live shorter are renewed at half of their life, others at two thirds."""
SETTLE = timedelta(hours=6)
"""A fresh certificate is left alone this long, whatever the authority says."""
BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(minutes=100),
    timedelta(days=1),
)
"""Waiting times after the first, second, third and every later failure."""
CUT_OFF = timedelta(seconds=8)
"""The first of them where only a connection failed: a proxy may have loaded something just then."""

Window = tuple[datetime, datetime]

ASK_AGAIN = timedelta(hours=6)
"""When the authority is asked for its suggestion again where it does not say (RFC 9773 section 4.3)."""
ASK_AFTER_FAILURE = timedelta(hours=1)
"""The same when it could not be asked."""
SOONEST, LATEST = timedelta(minutes=1), timedelta(days=1)
"""Bounds on when it says it wants to be asked again (RFC 9773 section 4.3)."""


@dataclass(frozen=True, slots=True)
class RenewalInfo:
    """What an authority says of the replacement of one certificate (RFC 9773 section 4.2)."""

    window: Window
    explanation_url: str | None = None
    """A page that says why, where that is out of the ordinary."""
    retry_after: timedelta | None = None
    """When it wants to be asked again."""

    @property
    def ask_again(self) -> timedelta:
        """When it is asked again."""
        if self.retry_after is None:
            return ASK_AGAIN
        return min(max(self.retry_after, SOONEST), LATEST)


def renew_at(
    not_before: datetime,
    not_after: datetime,
    days_before_expiry: int = 30,
    window: Window | None = None,
    jitter: float = 0.0,
) -> datetime:
    """Return the moment to replace a certificate.

    It is the earliest of three: a moment in the authority's suggested `window` (RFC 9773); one
    third of the real lifetime left, half for lifetimes below ten days; and `days_before_expiry`,
    where the lifetime allows it: a setting longer than half of the lifetime does not count.
    `jitter` (0 to 1, constant for one certificate) spreads certificates over the window, or over
    the two percent of the lifetime before the moment. A window that ends before it begins is as
    good as none, and one in the past means now, yet never before the certificate has settled.
    """
    lifetime = max(not_after - not_before, timedelta(0))
    left = lifetime / (2 if lifetime < SHORT_LIFETIME else 3)
    setting = timedelta(days=min(max(days_before_expiry, 0), 36500))
    if setting <= lifetime / 2:
        left = max(left, setting)
    spread = min(max(jitter, 0.0), 1.0)
    moment = not_before + lifetime - left - lifetime * (0.02 * spread)
    if window is not None and window[0] < window[1]:
        start, end = window
        moment = min(moment, start + (end - start) * spread)
    return max(moment, not_before + min(SETTLE, lifetime / 20))


def rehearse_at(not_before: datetime, planned: datetime) -> datetime:
    """Return when to look at what the renewal planned for then would fail on.

    Two thirds of the way there: about three weeks before it for certificates of 90 days, ten days for
    45, a day for six. The planned moment is spread already, and so is this one.
    """
    return not_before + max(planned - not_before, timedelta(0)) * (2 / 3)


def is_urgent(not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Tell whether less than a sixth of the lifetime is left: half of what renewal begins with."""
    return not_after - now < (not_after - not_before) / 6


def is_emergency(not_before: datetime, not_after: datetime, now: datetime) -> bool:
    """Tell whether less than a tenth of the lifetime is left: 9 days of 90, 14 hours of 6 days."""
    return not_after - now < (not_after - not_before) / 10


def retry_at(
    attempts: int,
    now: datetime,
    jitter: float = 0.0,
    not_after: datetime | None = None,
    *,
    is_cut_off: bool = False,
) -> datetime:
    """Return when to try again after `attempts` failures in a row: 1, 10, 100 minutes, then daily.

    Where only the authority's connection `is_cut_off`, it is tried eight seconds later before all that.
    A certificate that ends at `not_after` is tried at least eight times more before, at most every
    ten minutes. `jitter` (0 to 1) makes the wait up to a quarter longer, so that failures of one cause
    part.
    """
    waits = (CUT_OFF, *BACK_OFF) if is_cut_off else BACK_OFF
    wait = waits[min(max(attempts, 1), len(waits)) - 1]
    if not_after is not None and not_after > now:
        wait = min(wait, max((not_after - now) / 8, BACK_OFF[1]))
    return now + wait * (1 + 0.25 * min(max(jitter, 0.0), 1.0))


def is_early(not_before: datetime, not_after: datetime, window: Window) -> bool:
    """Tell whether a window ends much sooner than a renewal would be due anyway."""
    return window[1] < not_before + (not_after - not_before) * 0.4
