"""Whether anybody wants a certificate: what was made for a binding ends when no binding uses it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.models import Certificate
from nameplate.usecases.certificates import generations


def is_wanted(session: Session, row: Certificate) -> bool:
    """Tell whether the certificate was asked for, or a binding uses it."""
    if not row.is_automatic:
        return True
    query = Certificate.visible(PLATFORM).where(Certificate.id == row.id, Certificate.is_wanted())
    return session.scalars(query).first() is not None


def all_wanted(session: Session, rows: Sequence[Certificate]) -> set[int]:
    """Return the ids of those that are wanted, in one statement at most."""
    asked = [row.id for row in rows if row.is_automatic]
    found = {row.id for row in rows if not row.is_automatic}
    if asked:
        query = Certificate.visible(PLATFORM).where(
            Certificate.id.in_(asked), Certificate.is_wanted()
        )
        found.update(session.scalars(query.with_only_columns(Certificate.id)))
    return found


def settle(session: Session, row: Certificate, jitter: float, now: datetime) -> None:
    """Let a certificate go that nobody wants any more, and take up one that is wanted again.

    What is being obtained is forgotten; what there is stays until it expires.
    """
    if not is_wanted(session, row):
        generations.forget(session, row, now)
        row.let_go()
    elif row.is_let_go:
        row.take_up(generations.planned(row, jitter))
