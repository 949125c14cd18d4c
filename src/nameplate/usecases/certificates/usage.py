"""Whether anybody uses a certificate: what nothing uses is not renewed for ever.

What was made for a binding ends when no binding uses it. What was asked for is told of after a while
without a binding, and let go later. Whoever exports the key uses it elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Binding, Certificate
from nameplate.usecases.certificates import generations, notices
from nameplate.usecases.tools import Tools

TOLD_AFTER = timedelta(days=30)
"""How long nothing uses a certificate before that is told."""
_WANTED = (
    Certificate.visible(PLATFORM)
    .where(Certificate.id.in_(sa.bindparam("ids", expanding=True)), Certificate.is_wanted())
    .with_only_columns(Certificate.id)
)
"""Made once: every look at a certificate asks it."""


def is_wanted(session: Session, row: Certificate) -> bool:
    """Tell whether the certificate was asked for, or a binding uses it."""
    if not row.is_automatic:
        return True
    return bool(_wanted(session, [row.id]))


def all_wanted(session: Session, rows: Sequence[Certificate]) -> set[int]:
    """Return the ids of those that are wanted, in one statement at most."""
    asked = [row.id for row in rows if row.is_automatic]
    found = {row.id for row in rows if not row.is_automatic}
    if asked:
        found.update(_wanted(session, asked))
    return found


def _wanted(session: Session, ids: Sequence[int]) -> Sequence[int]:
    return session.scalars(_WANTED, {"ids": ids}).all()


def settle(session: Session, row: Certificate, tools: Tools, now: datetime) -> None:
    """Let a certificate go that nobody wants any more, and take up one that is wanted again.

    What is being obtained is forgotten; what there is stays until it expires.
    """
    if row.is_automatic:
        is_over = not is_wanted(session, row)
    else:
        note(session, row, now)
        is_over = is_left(row, tools, now)
    if is_over:
        generations.forget(session, row, now)
        row.let_go()
    elif row.is_let_go:
        row.take_up(generations.planned(row, tools.jitter()))


def is_left(row: Certificate, tools: Tools, now: datetime) -> bool:
    """Tell whether nothing has used a certificate that was asked for so long that it is not renewed."""
    limit, since = tools.unused_kept, row.unused_since
    is_long = since is not None and limit is not None and now - since >= limit
    return is_long and not row.is_automatic


def note(session: Session, row: Certificate, now: datetime) -> None:
    """Note since when nothing uses a certificate that is there, and tell of it after a month."""
    if row.certificate is None or row.deleted_at is not None:
        return
    if row.key_exported_at is not None or _is_bound(session, row):
        row.unused_since = row.unused_told_at = None
        return
    row.unused_since = row.unused_since or now
    if row.unused_told_at is None and now - row.unused_since >= TOLD_AFTER:
        row.unused_told_at = now
        notices.tell(
            session, "certificate.unused", row, whose_turn="you",
            reason=f"No binding has used it since {row.unused_since:%Y-%m-%d}.",
            fix="Bind an application to one of its names, or remove it with "
            "`nameplate certificate remove`.",
        )  # fmt: skip


def _is_bound(session: Session, row: Certificate) -> bool:
    query = Binding.visible(PLATFORM).where(
        Binding.ssl_certificate_id == row.id,
        Binding.ssl_enabled,
        Binding.status != BindingStatus.DISABLED,
    )
    return session.execute(query.with_only_columns(sa.literal(1)).limit(1)).first() is not None
