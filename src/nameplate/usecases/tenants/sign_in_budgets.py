"""How often a sign-in may be tried: budgets of a browser, a network, an address, and both together."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy.orm import Session

from nameplate.core.budget import Limit, spend
from nameplate.core.errors import RateLimited
from nameplate.db import insert_missing
from nameplate.models import Budget

_QUARTER = timedelta(minutes=15)
_OF_DEVICE, OF_PAIR = Limit(10, _QUARTER), Limit(10, _QUARTER)
_OF_SOURCE, _OF_ACCOUNT = Limit(60, _QUARTER), Limit(100, timedelta(hours=1))


def buckets(address: str, source: str, device: int | None) -> Sequence[tuple[str, Limit]]:
    """Return what an attempt takes from: a known browser's own budget, or those of all others."""
    if device is not None:
        return ((f"sign_in:device:{device}", _OF_DEVICE),)
    network = _network(source)
    return (
        (f"sign_in:source:{_short(network)}", _OF_SOURCE),
        (f"sign_in:pair:{_short(f'{address} {network}')}", OF_PAIR),
        (f"sign_in:account:{_short(address)}", _OF_ACCOUNT),
    )


def _network(source: str) -> str:
    """Return who counts as one: an IPv4 address, or a network of IPv6 that one customer has."""
    try:
        found = ip_address(source)
    except ValueError:
        return source
    return str(int(found) >> 64) if isinstance(found, IPv6Address) else str(found)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def take(session: Session, buckets: Sequence[tuple[str, Limit]], now: datetime) -> None:
    """Take one attempt from every bucket, or nothing from any."""
    rows = [_locked(session, key, now) for key, _ in sorted(buckets)]
    spent = [
        spend(row.arrival_at, now, limit)
        for row, (_, limit) in zip(rows, sorted(buckets), strict=True)
    ]
    wait = max(one[1] for one in spent)
    if wait > timedelta(0):
        raise RateLimited(
            "sign_in_delayed",
            "Too many attempts failed. Wait a moment, or sign in where you have been before.",
            wait,
        )
    for row, (arrival_at, _) in zip(rows, spent, strict=True):
        row.arrival_at = arrival_at


def give_back(session: Session, buckets: Sequence[tuple[str, Limit]]) -> None:
    """Give back what a right password took."""
    for key, limit in sorted(buckets):
        row = session.get(Budget, key, with_for_update=True)
        if row is not None:
            row.arrival_at -= limit.interval


def _locked(session: Session, key: str, now: datetime) -> Budget:
    insert_missing(session, Budget, [{"key": key, "arrival_at": now}])
    return session.get_one(Budget, key, with_for_update=True)
