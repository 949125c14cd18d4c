"""Claims that are not proved yet: how many of them an organization may have."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import DomainStatus
from nameplate.models import Domain


def refuse_more(session: Session, organization_id: int, most: int) -> None:
    """Raise Conflict `too_many_unproved` when one more would be too many."""
    refuse(session.execute(COUNT, {"owner": organization_id}).scalar_one(), most)


def refuse(count: int, most: int) -> None:
    """Raise the same by a count that was read before."""
    if count >= most:
        raise Conflict(
            "too_many_unproved",
            f"{count} domains of the organization are not proved yet, and {most} is the limit. Prove or "
            "remove some of them, or wait: they expire after seven days.",
        )


COUNT = (
    Domain.visible(PLATFORM)
    .where(
        Domain.organization_id == sa.bindparam("owner"),
        Domain.status == DomainStatus.PENDING_VERIFICATION,
    )
    .with_only_columns(sa.func.count(Domain.id))
)
"""How many an organization has; made once, for every claim asks it."""
