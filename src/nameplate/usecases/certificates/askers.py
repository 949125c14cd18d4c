"""Who asks an authority that refuses to begin orders, of all certificates that it stops.

One every few seconds, each organization in turn: what is refused to one certificate alone keeps no
other from learning that the authority begins orders again.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.models import Certificate
from nameplate.usecases import work

EVERY = timedelta(seconds=12)
"""How often one of those that wait for an authority asks it. A refused order counts nowhere."""
_ASKED_AT = sa.func.coalesce(Certificate.last_renewal_error_at, Certificate.trouble_since)


def next_due(session: Session, row: Certificate, due: datetime, now: datetime) -> datetime:
    """Return when a certificate is due that was just refused: soon only when it is its turn to ask.

    When no other is about to ask, the one is planned that has waited longest for its turn.
    """
    if row.waits_for is None or work.is_watched(session, Certificate, row, now + EVERY):
        return due
    other = _longest_unasked(session, row)
    if other is None:
        return min(due, now + EVERY)
    session.execute(
        Certificate.waking(now + EVERY).where(Certificate.id == other),
        execution_options={"synchronize_session": False},
    )
    return due


def _longest_unasked(session: Session, row: Certificate) -> int | None:
    """Return the certificate whose turn it is after this one, None when that waits alone."""
    waiting = Certificate.visible(PLATFORM).where(Certificate.waits_for == row.waits_for)
    owner = Certificate.organization_id
    turns = waiting.with_only_columns(owner).group_by(owner)
    first = session.scalars(turns.order_by(sa.func.max(_ASKED_AT), owner).limit(1)).first()
    mine = waiting.with_only_columns(Certificate.id).where(owner == first, Certificate.id != row.id)
    mine = mine.order_by(_ASKED_AT, Certificate.id).limit(1)
    return session.scalars(mine.with_for_update(skip_locked=True, key_share=True)).first()
