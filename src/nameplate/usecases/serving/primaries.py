"""The primary binding of an application: there is exactly one while the application has bindings."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.redirection import RedirectKind
from nameplate.models import Binding
from nameplate.usecases.serving import redirects


def claim(session: Session, row: Binding, *, wanted: bool | None) -> None:
    """Decide whether a new binding is the primary of its application: the first is, whatever is wanted."""
    query = Binding.visible(PLATFORM).where(
        Binding.application_id == row.application_id, Binding.is_primary.is_(True)
    )
    with session.no_autoflush:
        is_first = session.scalars(query.limit(1)).first() is None
    row.is_primary = False
    if is_first or wanted:
        _appoint(session, row)


def move(session: Session, row: Binding, now: datetime) -> None:
    """Make a binding the primary; what redirects to the primary follows, and it serves itself.

    Raises Conflict `redirect_chained`, `redirect_unserved`, Invalid `redirect_invalid`.
    """
    if row.is_primary:
        return
    if row.redirect in {RedirectKind.WWW, RedirectKind.APEX}:
        raise Conflict("redirect_chained", f"{row.hostname} redirects to {row.redirect_to} itself.")
    row.redirect, row.redirect_to = RedirectKind.NONE, None
    _appoint(session, row)
    session.flush()
    for one in _following(session, row):
        one.redirect_to = None
        redirects.settle(session, one)
        one.wake(now)


def refuse_none(row: Binding) -> None:
    """Refuse that a primary binding is none any more. Raises Conflict `primary_needed`."""
    if row.is_primary:
        raise Conflict("primary_needed", f"{row.hostname} is the primary of its application.")


def settle(session: Session, applications: Iterable[int], now: datetime) -> None:
    """Give each application a primary that has lost it, and still has bindings: its oldest.

    One that serves comes before one that is disabled or redirects; what redirects to the primary follows
    where it can, and waits where it cannot.
    """
    session.flush()
    for application in sorted(set(applications)):
        query = Binding.visible(PLATFORM).where(Binding.application_id == application)
        live = list(session.scalars(query.order_by(Binding.id)))
        if not live or any(one.is_primary for one in live):
            continue
        heir = min(live, key=_later)
        heir.redirect, heir.redirect_to = RedirectKind.NONE, None
        _appoint(session, heir)
        heir.wake(now)
        for one in _following(session, heir):
            if one.hostname != heir.hostname:
                one.redirect_to = heir.hostname
            one.wake(now)
        session.flush()


def _later(row: Binding) -> tuple[bool, bool, int]:
    off = row.status is BindingStatus.DISABLED
    return off, row.redirect is not RedirectKind.NONE, row.id


def _appoint(session: Session, row: Binding) -> None:
    """Make one binding the primary and no other, those that were removed counted."""
    former = Binding.application_id == row.application_id, Binding.is_primary.is_(True)
    with session.no_autoflush:
        for query in (Binding.visible(PLATFORM), Binding.removed(PLATFORM)):
            for one in session.scalars(query.where(*former)):
                one.is_primary = False
    session.flush()  # the database keeps one at every moment
    row.is_primary = True


def _following(session: Session, row: Binding) -> list[Binding]:
    query = Binding.visible(PLATFORM).where(
        Binding.application_id == row.application_id,
        Binding.redirect == RedirectKind.TO_PRIMARY,
    )
    return [one for one in session.scalars(query.order_by(Binding.id)) if one is not row]
