"""What the log says of a step that did not go as usual: which object, why, whose turn, since when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.errors import NotFound
from nameplate.core.ids import Prefix
from nameplate.db import database_now
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    NameChallenge,
    NameGrant,
    QuarantinedName,
    Record,
    RegisteredName,
    Server,
    Verification,
)
from nameplate.models.orm import Work

_PREFIXES: Mapping[type[Work], Prefix] = {
    Binding: Prefix.BINDING,
    Certificate: Prefix.CERTIFICATE,
    Domain: Prefix.DOMAIN,
    NameChallenge: Prefix.CHALLENGE,
    NameGrant: Prefix.GRANT,
    QuarantinedName: Prefix.QUARANTINED_NAME,
    Record: Prefix.RECORD,
    RegisteredName: Prefix.REGISTRATION,
    Server: Prefix.SERVER,
    Verification: Prefix.VERIFICATION,
}
_SINCE = ("trouble_since", "drifted_at", "lost_at", "last_renewal_error_at", "suspended_at")
_CAUSES = ("trouble_message", "renewal_error_message", "error_message")


def described(session: Session, kind: type[Work], row_id: int, code: str) -> dict[str, Any]:
    """Return what to log of the outcome `code` of a step on one row; no value of it is secret.

    `failing_for` is in seconds.
    """
    prefix = _PREFIXES.get(kind)
    found: dict[str, Any] = {
        "kind": kind.__name__.lower(),
        "object": row_id if prefix is None else ids.show(prefix, row_id),
        "code": code,
        "turn": turn(code),
    }
    row: Any = session.get(kind, row_id)
    if row is None:
        return found
    domain = _domain(session, row)
    if domain is not None:
        found["domain"] = domain.full_domain
    if row.organization_id is not None:
        found["organization"] = ids.show(Prefix.ORGANIZATION, row.organization_id)
    causes = (getattr(row, name, None) for name in _CAUSES)
    moments = (getattr(row, name, None) for name in _SINCE)
    since: datetime | None = next((one for one in moments if one is not None), None)
    found["cause"] = next((one for one in causes if one), None)
    found["since"] = since
    if since is not None:
        found["failing_for"] = max(0, int((database_now(session) - since).total_seconds()))
    return found


def _domain(session: Session, row: Any) -> Domain | None:  # noqa: ANN401 - any row of work
    if isinstance(row, Domain):
        return row
    domain_id = getattr(row, "organization_domain_id", None)
    return None if domain_id is None else session.get(Domain, domain_id)


def turn(code: str) -> str | None:
    """Return who acts next after an error, None when the catalogue does not say."""
    from nameplate.core import error_catalogue  # noqa: PLC0415 - read when something goes wrong

    try:
        return error_catalogue.explain(code).turn.value
    except NotFound:
        return None
