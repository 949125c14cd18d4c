"""What somebody else changed at a provider, as the domain keeps and shows it."""

from collections.abc import Sequence
from datetime import datetime

from nameplate.core.plan import Drift
from nameplate.models import ChangedRecords, Domain


def tell(domain: Domain, kept: Sequence[Drift], repaired: Sequence[Drift], now: datetime) -> None:
    """Keep on the domain what somebody else changed, or what was changed back."""
    before = domain.drift
    is_there = before is not None and before.repaired_at is None
    if kept:
        since = before.since if before is not None and is_there else now
        domain.drift = ChangedRecords.of(kept, since)
    elif repaired:
        domain.drift = ChangedRecords.of(repaired, now, repaired_at=now)
    elif is_there:
        domain.drift = None
