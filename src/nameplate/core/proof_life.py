"""How long a proof counts, and what happens when it is gone: the periods, without the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

DAILY = timedelta(days=1)
"""Between two looks whether a proof is still there."""
NOTICES = (timedelta(0), timedelta(days=3), timedelta(days=6))
"""When somebody is told after a proof was lost."""
AFTER_NOTICE = timedelta(days=1)
"""How long after the last notice a name stays in service, whatever the clock says."""


class ReuseRule(NamedTuple):
    """How long a certificate authority may rely on one proof of a name."""

    since: datetime
    limit: timedelta


_REUSE: Sequence[ReuseRule] = (
    ReuseRule(datetime(2026, 3, 15, tzinfo=UTC), timedelta(days=200)),
    ReuseRule(datetime(2027, 3, 15, tzinfo=UTC), timedelta(days=100)),
    ReuseRule(datetime(2029, 3, 15, tzinfo=UTC), timedelta(days=10)),
)
"""CA/Browser Forum, Baseline Requirements for TLS server certificates, section 4.2.1, as changed by
ballot SC-081v3 of 2025-04-11: for how long the proof of a domain name may be used again."""
_BEFORE = timedelta(days=398)


def longest_reuse(at: datetime) -> timedelta:
    """Return how long a proof may be used again under the rules in force at that moment."""
    return next((rule.limit for rule in reversed(_REUSE) if rule.since <= at), _BEFORE)


@dataclass(frozen=True, slots=True)
class ProofLife:
    """The periods that an operator may set."""

    reproof: timedelta = timedelta(days=30)
    """How long a proof counts before it must be seen in full again."""
    grace: timedelta = timedelta(days=7)
    """How long a lost proof may stay lost before the name is out of service."""
    kept: timedelta = timedelta(days=30)
    """How long a name out of service is kept for its holder."""
    quarantine: timedelta = timedelta(days=3)
    """How long the DNS of a released name must not have pointed here."""

    def reproof_at(self, at: datetime) -> timedelta:
        """Return how long a proof counts: as set, and no longer than an authority may use it."""
        return min(self.reproof, longest_reuse(at))

    def until(self, proved_at: datetime) -> datetime:
        """Return until when a proof of that moment counts, its grace included."""
        return proved_at + self.reproof_at(proved_at) + self.grace

    def out_of_service_at(self, lost_at: datetime) -> datetime:
        """Return when a name whose proof was lost at that moment goes out of service."""
        return lost_at + self.grace

    def released_at(self, lapsed_at: datetime) -> datetime:
        """Return when a name that went out of service at that moment is given up."""
        return lapsed_at + self.kept

    @property
    def notices(self) -> Sequence[timedelta]:
        """When somebody is told, as far as that is within the grace."""
        return [lead for lead in NOTICES if lead < self.grace]

    def notices_due(self, lost_at: datetime, now: datetime) -> int:
        """Return how many notices there should have been by now."""
        return sum(now - lost_at >= lead for lead in self.notices)

    def is_over(
        self, lost_at: datetime, noticed: tuple[int, datetime | None], now: datetime
    ) -> bool:
        """Tell whether the grace has ended: every notice was given, the last one a day ago.

        A worker that was away for a week, or a clock that jumped, shortens nobody's grace to nothing.
        """
        count, last = noticed
        told = count >= len(self.notices) and last is not None and now - last >= AFTER_NOTICE
        return told and now - lost_at >= self.grace
