"""Where a host may send its visitors in place of serving them."""

from enum import StrEnum


class RedirectKind(StrEnum):
    """Which host of the same organization a host redirects to."""

    NONE = "none"
    TO_PRIMARY = "to_primary"
    WWW = "www"
    APEX = "apex"


STATUSES = (301, 308)
"""Permanent redirects: RFC 9110 sections 15.4.2 and 15.4.9."""
