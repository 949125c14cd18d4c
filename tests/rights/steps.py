"""What the rules of the random programs are made of."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from nameplate.core import ids

METHODS = {True: "dns_txt", False: "file_upload"}
"""Whether it proves what is below, too."""

which = st.integers(0, 1000)
"""Chooses one of what there is."""


def now() -> datetime:
    """Return the time for what takes it."""
    return datetime.now(UTC)


def domain_reference(number: int) -> str:
    """Return how a claim is called from outside."""
    return ids.show("dom", number)
