"""What a command needs that works through the API of a Nameplate elsewhere, and nothing besides."""

from datetime import UTC, datetime

from nameplate.adapters.http.client import Api


def api(url: str) -> Api:
    """Connect to the API of a Nameplate elsewhere."""
    return Api(url)


def clock() -> datetime:
    """Return the wall clock: the one place in Nameplate that asks it."""
    return datetime.now(UTC)
