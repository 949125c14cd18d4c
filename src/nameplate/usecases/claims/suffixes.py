"""Public suffixes of companies, as `github.io`: held alone, and only when the operator approves.

Others have names below them, so the right one asks rarely and a wrong one does much harm. Each
decision is written to the log.
"""

import logging
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict
from nameplate.core.ids import Prefix
from nameplate.db import lock_name
from nameplate.leases import lock_above
from nameplate.models import Domain
from nameplate.usecases import lookup
from nameplate.usecases.claims import verifications
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)


def announce(row: Domain) -> None:
    """Tell the operator that a claim waits for their decision."""
    log.warning("domain_waits_for_approval", extra=_logged(row))


def approve(session: Session, tools: Tools, actor: Actor, reference: str, now: datetime) -> Domain:
    """Let the organization hold a private suffix, by the proof that it still has to show.

    Raises NotPermitted `platform_only`, Conflict `approval_not_needed`.
    """
    row = _suffix(session, actor, reference, "approve a public suffix")
    was_denied = row.suffix_denial is not None
    row.approve()
    if was_denied:
        verifications.renew(session, tools, row)
    verifications.resume(session, row, now)
    row.wake(now)
    log.warning("domain_approved", extra=_logged(row))
    return row


def deny(
    session: Session, tools: Tools, actor: Actor, reference: str, now: datetime, *, reason: str
) -> Domain:
    """Do not let the organization hold a private suffix; what it had by an approval ends.

    Raises NotPermitted `platform_only`, Conflict `approval_not_needed`.
    """
    row = _suffix(session, actor, reference, "deny a public suffix")
    lock_name(session, row.domain_name)  # the locks in their order
    lock_above(session, Domain, row.id)
    session.refresh(row, with_for_update=True)
    if row.holding_name is not None:
        verifications.release(session, tools, row, now)
        row.lapse(reason)
    verifications.end(session, row, "The operator denied the name.")
    row.deny(reason)
    session.flush()
    log.warning("domain_denied", extra={**_logged(row), "reason": reason})
    return row


def _suffix(session: Session, actor: Actor, reference: str, act: str) -> Domain:
    organizations.only_platform(actor, act)
    row = lookup.domain(session, actor, reference)
    if not row.is_suffix:
        raise Conflict(
            "approval_not_needed",
            f"{row.full_domain} is not a public suffix. It needs no approval.",
        )
    return row


def _logged(row: Domain) -> dict[str, str]:
    return {
        "domain": row.full_domain,
        "id": ids.show(Prefix.DOMAIN, row.id),
        "organization": ids.show(Prefix.ORGANIZATION, row.organization_id),
    }
