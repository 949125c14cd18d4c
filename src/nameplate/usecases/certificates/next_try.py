"""When a certificate that is stopped is tried next, and why then: worked out from its row alone."""

from dataclasses import dataclass
from datetime import datetime

from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate

_WATCHED = (
    "what stops it is looked at every few seconds, and it is tried immediately when that changes"
)
_PEER = (
    "of all certificates that wait for the same, one tries every few seconds and wakes the others"
)
_GROWS = "the wait grows with each failure"


@dataclass(frozen=True, slots=True)
class NextTry:
    """The next try of a certificate that does not come."""

    at: datetime | None
    """At the latest; None: not before something is changed."""
    because: str
    """A sentence without its beginning and its final period."""


def of(row: Certificate) -> NextTry | None:
    """Return when the certificate is tried next, None while nothing stops it."""
    if row.is_let_go or row.deleted_at is not None or row.status is CertificateStatus.REVOKED:
        return None
    if row.trouble_code is not None:
        return _stopped(row, row.trouble_code)
    if row.renewal_error_code is None:
        return None
    if row.renewal_error_code == "domain_not_proved":
        return NextTry(None, "the domain must be proved first (domain_not_proved)")
    if row.next_renewal_attempt_at is None:
        return NextTry(None, f"the failure stands until it is corrected ({row.renewal_error_code})")
    count = row.renewal_attempts
    failed = f"it has failed {count} {'time' if count == 1 else 'times'} in a row"
    more = f"; {_WATCHED}" if row.watch_key is not None else ""
    return NextTry(
        row.next_renewal_attempt_at,
        f"{failed} ({row.renewal_error_code}), and {_GROWS}{more}",
    )


def _stopped(row: Certificate, code: str) -> NextTry:
    if row.watch_key is not None:
        return NextTry(row.next_action_at, f"nothing was ordered ({code}); {_WATCHED}")
    if row.waits_for is not None:
        return NextTry(row.next_action_at, f"it waits for {row.waits_for} ({code}); {_PEER}")
    return NextTry(row.next_action_at, f"it is stopped ({code}), and {_GROWS}")
