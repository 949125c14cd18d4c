"""Zones of one account below another: what stands at or below them in the parent, no resolver asks for."""

from collections.abc import Iterable, Sequence

from nameplate.core.names import is_within
from nameplate.core.plan import Key
from nameplate.core.records import Change


def unseen(nested: Sequence[str], changes: Iterable[Change]) -> dict[Key, tuple[str, str]]:
    """Return why record sets cannot be had in a zone with `nested` ones: code and sentence."""
    found: dict[Key, tuple[str, str]] = {}
    for change in changes if nested else ():
        name, rdtype = change.key
        zone = max((one for one in nested if is_within(name, one)), key=len, default=None)
        is_cut = name == zone and rdtype in {"DS", "NS"}  # the delegation stands above (RFC 4035)
        if zone is not None and change.after is not None and not is_cut:
            found[change.key] = (
                "zone_nested",
                f"{name} {rdtype} belongs in the zone {zone} of the same account. Put it there.",
            )
    return found
