"""What somebody else changed at a provider, as the domain keeps and shows it."""

from collections.abc import Sequence
from datetime import datetime

from nameplate.core.plan import Drift
from nameplate.core.records import RRset
from nameplate.models import Domain


def tell(domain: Domain, kept: Sequence[Drift], repaired: Sequence[Drift], now: datetime) -> None:
    """Keep on the domain what somebody else changed, or what was changed back."""
    before = domain.drift or {}
    if kept:
        since = before.get("since") if not before.get("repaired_at") else None
        domain.drift = {"since": since or now.isoformat(), "records": [_shown(d) for d in kept]}
    elif repaired:
        domain.drift = {
            "since": now.isoformat(),
            "repaired_at": now.isoformat(),
            "records": [_shown(d) for d in repaired],
        }
    elif before and not before.get("repaired_at"):
        domain.drift = None


def _shown(found: Drift) -> dict[str, object]:
    def side(rrset: RRset | None) -> dict[str, object] | None:
        return None if rrset is None else {"ttl": rrset.ttl, "values": list(rrset.values)}

    name, rdtype = found.key
    sides = {"expected": side(found.expected), "observed": side(found.observed)}
    return {"name": name, "type": rdtype, **sides}
