"""The primary binding of an application: there is exactly one while the application has bindings."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.redirection import RedirectKind
from nameplate.models import Application, Binding
from nameplate.usecases.serving import redirects


def claim(session: Session, row: Binding, *, wanted: bool | None) -> None:
    """Decide whether a new binding is the primary of its application: the first is, whatever is wanted."""
    row.is_primary = False
    if not wanted and not _is_first(session, row):
        return
    _lock(session, row)
    if wanted or _is_first(session, row):  # of several that come at the same time one is
        _appoint(session, row)


def _is_first(session: Session, row: Binding) -> bool:
    query = Binding.visible(PLATFORM).where(
        Binding.application_id == row.application_id, Binding.is_primary.is_(True)
    )
    with session.no_autoflush:
        return session.scalars(query.with_only_columns(Binding.id).limit(1)).first() is None


def _lock(session: Session, row: Binding) -> None:
    """Let nobody else choose the primary of the application until the end of the transaction."""
    query = Application.visible(PLATFORM).where(Application.id == row.application_id)
    with session.no_autoflush:
        session.execute(
            query.with_only_columns(Application.id).with_for_update(key_share=True)
        ).all()


def move(session: Session, row: Binding, now: datetime) -> None:
    """Make a binding the primary; what redirects to the primary follows, and it serves itself.

    Raises Conflict `redirect_chained`, `redirect_unserved`, Invalid `redirect_invalid`.
    """
    if row.is_primary:
        return
    if row.redirect in {RedirectKind.WWW, RedirectKind.APEX}:
        raise Conflict("redirect_chained", f"{row.hostname} redirects to {row.redirect_to} itself.")
    row.redirect, row.redirect_to = RedirectKind.NONE, None
    _lock(session, row)
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
