"""What one account at an authority may ask for in a period, known before the authority is asked."""

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlsplit

from nameplate.core.budget import Limit

_RATE = re.compile(r"([1-9][0-9]{0,7})/([1-9][0-9]{0,4})?(m|h|d)")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class IssuanceLimits:
    """Limits of one account; None where the authority has none."""

    orders: Limit | None = None
    """Orders of the account."""
    orders_per_organization: Limit | None = None
    """Of these, the orders of one organization where several share the account. None: half."""
    certificates_per_domain: Limit | None = None
    """Certificates with names below one registrable domain."""
    certificates_per_set: Limit | None = None
    """Certificates with exactly the same names."""
    failures_per_name: Limit | None = None
    """Proofs of one name that fail."""
    failures_in_a_row: Limit | None = None
    """Proofs of one name that fail with no success between them; then the authority pauses it."""

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return self != _NONE


_NONE = IssuanceLimits()
_KNOWN = {
    "acme-v02.api.letsencrypt.org": IssuanceLimits(
        orders=Limit(300, timedelta(hours=3)),
        certificates_per_domain=Limit(50, timedelta(days=7)),
        certificates_per_set=Limit(5, timedelta(days=7)),
        failures_per_name=Limit(5, timedelta(hours=1)),
        failures_in_a_row=Limit(1152, timedelta(days=1152)),
    ),
    "acme-staging-v02.api.letsencrypt.org": IssuanceLimits(
        orders=Limit(1500, timedelta(hours=3)),
        certificates_per_domain=Limit(30_000, timedelta(days=7)),
        certificates_per_set=Limit(30_000, timedelta(days=7)),
        failures_per_name=Limit(200, timedelta(hours=1)),
        failures_in_a_row=Limit(3600, timedelta(days=3600)),
    ),
}
"""By the host of the directory, as https://letsencrypt.org/docs/rate-limits/ and staging-environment/
state them."""


def known(directory_url: str) -> IssuanceLimits:
    """Return the limits of a well-known authority, no limits of another."""
    return _KNOWN.get(urlsplit(directory_url).hostname or "", _NONE)


def adjusted(limits: IssuanceLimits, **rates: str | None) -> IssuanceLimits:
    """Return the limits with those replaced that an account states itself, as in `orders="300/3h"`."""
    return replace(limits, **{name: rate(text) for name, text in rates.items() if text})


def rate(text: str) -> Limit:
    """Return the limit that a text such as `300/3h`, `50/7d` or `5/h` means. Raises ValueError."""
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError("no rate")
    count, periods, unit = found.groups()
    return Limit(int(count), int(periods or 1) * _UNITS[unit])


def is_rate(text: str) -> bool:
    """Tell whether a text is a rate."""
    return _RATE.fullmatch(text) is not None
