"""Which servers of a group DNS leads a host to: not to one that does not answer, unless it is the last.

What looks saw is on the placements already. Here, in one transaction, the decision and the records.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.models import Binding, BindingPlacement, Domain, Server
from nameplate.usecases import placements
from nameplate.usecases.dns import pointing
from nameplate.usecases.placements import MAX_FAILURES, MemberServer

NEW = "Its proxy has not taken the host yet."
"""What is wrong at a server that was told nothing so far."""


def changes(
    places: Sequence[MemberServer],
) -> tuple[list[BindingPlacement], list[BindingPlacement]]:
    """Return where DNS is to lead no more, and where it is to lead again. Pure.

    Where all that it leads to would leave at once, none does: then the application is down, or we are
    blind, and an answer that may be wrong is better than none.
    """
    known = [one.at for one in places if one.at is not None]
    back = [at for at in known if at.withheld_at is not None and at.failures == 0 and at.is_told]
    out = [at for at in known if at.withheld_at is None and at.failures >= MAX_FAILURES]
    open_ = [one for one in places if not one.is_withheld]
    return (out if len(out) < len(open_) + len(back) else []), back


def is_due(places: Sequence[MemberServer]) -> bool:
    """Tell whether anything is to change."""
    return any(changes(places))


def withhold(session: Session, row: Server, bound: Sequence[Binding], now: datetime) -> None:
    """Keep DNS away from a server until it was seen to serve what others serve already."""
    query = BindingPlacement.visible(PLATFORM).where(BindingPlacement.server_id == row.id)
    known = {one.binding_id: one for one in session.scalars(query)}
    for binding in bound:
        if binding.activated_at is None:
            continue
        at = known.get(binding.id)
        if at is None:
            at = BindingPlacement(
                organization_id=binding.organization_id, binding_id=binding.id, server_id=row.id,
                failures=0,
            )  # fmt: skip
            session.add(at)
        at.withheld_at, at.trouble = now, NEW
    session.flush()


def _lock(session: Session, domain_ids: Collection[int]) -> None:
    """Lock domains before their placements are written, as steps of bindings do."""
    if session.connection().dialect.name != "sqlite":
        query = Domain.visible(PLATFORM).where(Domain.id.in_(sorted(domain_ids)))
        ids = query.with_only_columns(Domain.id).order_by(Domain.id)
        session.execute(ids.with_for_update(key_share=True)).all()


def settle(session: Session, binding_ids: Collection[int], now: datetime) -> None:
    """Decide for bindings on groups which servers are led to, and have their hosts' records follow."""
    query = Binding.visible(PLATFORM).where(Binding.id.in_(sorted(binding_ids)))
    rows = session.scalars(query.order_by(Binding.id)).all()
    _lock(session, {row.organization_domain_id for row in rows})
    moved = []
    for number, places in placements.of_groups(session, rows).items():
        out, back = changes(places)
        for at in out:
            at.withheld_at = now
        for at in back:
            at.withheld_at = None
        if out or back:
            moved.append(number)
    if moved:
        hosts = [(row.organization_domain_id, row.hostname) for row in rows if row.id in moved]
        pointing.settle(session, hosts, now)
