"""Soft deletion and restoration of a row with everything below it (S7).

One moment marks everything that one deletion hid; restoring brings back exactly what carries it.
The database's own cascades do the same for hard deletes.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction, aliased

from nameplate.core.errors import Conflict
from nameplate.core.lifecycle import (
    BindingStatus,
    DomainStatus,
    RecordStatus,
    VerificationStatus,
)
from nameplate.models import reconfiguration
from nameplate.models.accounts import Account
from nameplate.models.bindings import Binding
from nameplate.models.certificates import Certificate, HttpChallenge
from nameplate.models.channels import HOSTS, WORK
from nameplate.models.domains import Domain
from nameplate.models.grants import NameGrant
from nameplate.models.holdings import NameHolding
from nameplate.models.organizations import Application, Organization, Server
from nameplate.models.orm import Model, Work, utc_now
from nameplate.models.quarantine import ReleaseReason, quarantine
from nameplate.models.records import Record
from nameplate.models.registrations import RegisteredName
from nameplate.models.server_groups import ServerGroup
from nameplate.models.verifications import Verification

Kind = type[Any]
"""A mapped class with `id` and `deleted_at`."""

_OWNED = (
    *(Application, Account, Domain, Record, Certificate, Verification, Binding, Server),
    *(RegisteredName, ServerGroup),
)
_OF_DOMAIN = (Record, Certificate, Verification, Binding)
_ORDER = (Application, Account, Domain, *_OF_DOMAIN, RegisteredName, Server, ServerGroup)
"""In which order rows are locked; those of an organization itself come before."""

BELOW: Mapping[Kind, Mapping[Kind, str]] = {
    Organization: dict.fromkeys(_OWNED, "organization_id"),
    Domain: dict.fromkeys(_OF_DOMAIN, "organization_domain_id"),
    Application: {Binding: "application_id"},
}
"""What is deleted and restored with a row, and by which column it is found. Organizations below an
organization come with it, at any depth."""

PARENTS: Mapping[Kind, Mapping[str, Kind]] = {
    Organization: {"parent_organization_id": Organization},
    Application: {"organization_id": Organization},
    Server: {"organization_id": Organization},
    ServerGroup: {"organization_id": Organization},
    Account: {"organization_id": Organization},
    RegisteredName: {"organization_id": Organization},
    Domain: {"organization_id": Organization},
    Record: {"organization_domain_id": Domain},
    Certificate: {"organization_domain_id": Domain},
    Verification: {"organization_domain_id": Domain},
    Binding: {"organization_domain_id": Domain, "application_id": Application},
}
"""Without which live rows a row cannot live."""

REFERENCES: Mapping[Kind, str] = {
    Server: "server_id",
    ServerGroup: "server_group_id",
    Certificate: "ssl_certificate_id",
}
"""Columns of bindings that point at a row without belonging to it: those bindings are looked at."""

LABELS: Mapping[Kind, tuple[str, ...]] = {
    Organization: ("slug", "external_id"),
    Application: ("external_id",),
    Server: ("external_id",),
    Domain: ("full_domain",),
    Record: ("record_type", "name"),
    Binding: ("hostname", "path"),
}
"""What names a row in a message about a conflict."""

Tree = Mapping[Kind, sa.ColumnElement[bool]]
"""Which rows of each kind are meant."""


def soft_delete(session: Session, row: Model, now: datetime) -> int:
    """Hide a row and everything live below it, and return how many rows that were.

    Names held by a hidden domain are free at once, challenges are answered no more, and workers look
    at the hidden rows to take from the world what they put there. Deleting again changes nothing.
    """
    _lock(session, row)
    if _moment(session, row) is not None:
        return 0
    session.info.pop(_MADE, None)
    tree = _tree(session, row, _live(Organization))
    if type(row) is Organization:
        _lock_tree(session, tree)
    while any(_exists(session, kind, where, now) for kind, where in tree.items()):
        # Something below was hidden at this very moment by an act of its own: it stays apart.
        now += timedelta(microseconds=1)
    _release(session, tree)
    hidden = 0
    for kind, where in tree.items():
        values = {"deleted_at": now, **_hidden(kind, now)}
        hidden += _update(session, kind, sa.and_(where, _live(kind)), values)
    if Binding in tree:
        gone = sa.and_(tree[Binding], Binding.deleted_at == now)
        reconfiguration.wake(session, gone, urgent=True)
    return _settled(session, row, hidden, now)


def restore(session: Session, row: Model, now: datetime) -> int:
    """Bring back a row and exactly what was hidden with it, and return how many rows that were.

    Domains come back as claims that must be proved again, bindings and records as wishes. Raises
    `Conflict` with code `restore_conflict`, naming what stands in the way, when a parent is hidden
    or a live row has the same name by now.
    """
    _lock(session, row)
    moment = _moment(session, row)
    if moment is None:
        return 0
    tree = {
        kind: sa.and_(where, kind.deleted_at == moment)
        for kind, where in _tree(session, row, Organization.deleted_at == moment).items()
    }
    for kind, where in tree.items():
        _refuse_orphans(session, kind, where, tree)
        _refuse_taken(session, kind, where)
    try:
        restored = sum(
            _update(session, kind, where, {"deleted_at": None, **_revived(kind, now)})
            for kind, where in tree.items()
        )
    except sa.exc.IntegrityError:
        raise _conflict("another object took its name at the same moment.") from None
    return _settled(session, row, restored, now)


def _lock(session: Session, row: Model) -> None:
    """Lock what comes before the row in the order of locks, and what is changed with it.

    Whoever locks several rows takes organizations first, then applications and accounts, domains,
    what belongs to a domain, bindings, and servers last (docs/architecture.md).
    """
    session.flush()
    kind: Kind = type(row)
    if kind is Organization or session.connection().dialect.name == "sqlite":
        return
    _lock_rows(session, Organization, Organization.id == getattr(row, "organization_id", None))
    if kind is Application:
        _lock_rows(session, kind, kind.id == _id(row))
    below = _tree(session, row, sa.true())
    pointing = REFERENCES.get(kind)
    if pointing is not None:
        below = {**below, Binding: getattr(Binding, pointing) == _id(row)}
    for child in [one for one in _OF_DOMAIN if one in below and Domain not in below]:
        above = sa.select(child.organization_domain_id).where(below[child])
        _lock_rows(session, Domain, Domain.id.in_(above))
    _lock_tree(session, below)


def _lock_tree(session: Session, tree: Tree) -> None:
    """Lock rows in the order of locks; of one kind in the order of their ids."""
    if session.connection().dialect.name != "sqlite":
        for kind in _ORDER:
            if kind in tree:
                _lock_rows(session, kind, tree[kind])


def _lock_rows(session: Session, kind: Kind, where: sa.ColumnElement[bool]) -> None:
    alone = kind is not Organization
    query = sa.select(kind.id).where(where).order_by(kind.id)
    session.execute(query.with_for_update(read=not alone, key_share=not alone)).all()


def _moment(session: Session, row: Model) -> datetime | None:
    """Lock the row, so that nothing new gets below it meanwhile, and return when it was hidden."""
    session.flush()
    session.refresh(row, with_for_update=True)
    moment: datetime | None = row.deleted_at  # type: ignore[attr-defined]  # SoftDeletable
    return moment


def _tree(session: Session, row: Model, below: sa.ColumnElement[bool]) -> Tree:
    kind: Kind = type(row)
    own = _id(row)
    if kind is not Organization:
        children = BELOW.get(kind, {}).items()
        return {kind: kind.id == own} | {k: getattr(k, column) == own for k, column in children}
    ids = level = {own}
    while level:
        query = sa.select(Organization.id).where(
            Organization.parent_organization_id.in_(level), below
        )
        level = set(session.scalars(query)) - ids
        ids = ids | level
    return {Organization: Organization.id.in_(ids)} | {
        child: getattr(child, column).in_(ids) for child, column in BELOW[Organization].items()
    }


def _id(row: Model) -> int:
    own: int = row.id  # type: ignore[attr-defined]  # Identified
    return own


def _live(kind: Kind) -> sa.ColumnElement[bool]:
    condition: sa.ColumnElement[bool] = kind.deleted_at.is_(None)
    return condition


def _exists(session: Session, kind: Kind, where: sa.ColumnElement[bool], moment: datetime) -> bool:
    query = sa.select(kind.id).where(where, kind.deleted_at == moment).limit(1)
    return session.scalars(query).first() is not None


def _release(session: Session, tree: Tree) -> None:
    """Remove for good what must not outlive the deletion: holdings and answered challenges.

    The names go into quarantine: their DNS may point here for years.
    What an organization has lent of them is ended by a worker.
    """
    if Domain in tree:
        gone = sa.select(Domain.id).where(tree[Domain], _live(Domain))
        held = NameHolding.organization_domain_id.in_(gone)
        quarantine(session, held, ReleaseReason.REMOVED)
    if Organization in tree:
        gone = sa.select(Organization.id).where(tree[Organization], _live(Organization))
        session.execute(
            NameGrant.waking(utc_now(), urgent=True).where(
                sa.or_(
                    NameGrant.organization_id.in_(gone),
                    NameGrant.grantee_organization_id.in_(gone),
                )
            ),
            execution_options={"synchronize_session": False},
        )
    for parent, column, key in (
        (Domain, NameHolding.organization_domain_id, NameHolding.name),
        (Certificate, HttpChallenge.ssl_certificate_id, HttpChallenge.token),
    ):
        if parent in tree:
            gone = sa.select(parent.id).where(tree[parent], _live(parent))
            # By key: MariaDB would otherwise lock every row that it passes on its way.
            keys = session.scalars(sa.select(key).where(column.in_(gone)).order_by(key)).all()
            session.execute(
                sa.delete(column.class_).where(key.in_(keys)),
                execution_options={"synchronize_session": False},
            )


def _update(
    session: Session, kind: Kind, where: sa.ColumnElement[bool], values: Mapping[str, Any]
) -> int:
    result = session.execute(
        sa.update(kind).where(where).values(values),
        execution_options={"synchronize_session": False, "nameplate_announces": (HOSTS, WORK)},
    )
    count: int = result.rowcount  # type: ignore[attr-defined]  # an UPDATE has one
    return count


def _hidden(kind: Kind, now: datetime) -> dict[str, Any]:
    """Let a worker look once more; a record's values are taken back by its domain's worker."""
    if kind is Domain:
        return {"next_action_at": now, "urgency": 1, "holding_name": None}
    if not issubclass(kind, Work):
        return {}
    if kind is RegisteredName:  # whose it is belongs to its organization alone
        return {"next_action_at": now, "contact": None}
    if kind is Binding or kind is Server:
        return {"next_action_at": now, "urgency": 1}
    return {"next_action_at": None if kind is Record else now}


def _revived(kind: Kind, now: datetime) -> dict[str, Any]:
    """Return what else changes in a row that comes back: nothing is taken as still true."""
    if kind is Domain:
        kept, first = DomainStatus.SUSPENDED, DomainStatus.PENDING_VERIFICATION
        return {
            "status": sa.case((Domain.status == kept, kept), else_=first),
            "verified_at": None,
            "verification_expires_at": None,
            "error_message": "Restored. Ownership must be proved again.",
            "next_action_at": now,
        }
    if kind is Verification:
        # No token of a claim that was removed proves it again; a worker makes a fresh one.
        return {
            "status": VerificationStatus.EXPIRED,
            "error_message": "The domain was removed. Publish the new token.",
            "next_action_at": now,
        }
    if kind is Binding:
        off, wish = BindingStatus.DISABLED, BindingStatus.PENDING
        return {
            "status": sa.case((Binding.status == off, off), else_=wish),
            "next_action_at": now,
        }
    if kind is Record:
        unwanted, wanted = RecordStatus.DISABLED, RecordStatus.PENDING
        return {
            "status": sa.case((Record.status == unwanted, unwanted), else_=wanted),
            "propagated": False,
        }
    return {"next_action_at": now} if issubclass(kind, Work) else {}


def _refuse_orphans(
    session: Session, kind: Kind, where: sa.ColumnElement[bool], tree: Tree
) -> None:
    for column, parent in PARENTS.get(kind, {}).items():
        coming = tree.get(parent, sa.false())
        hidden = sa.select(parent.id).where(parent.deleted_at.is_not(None), sa.not_(coming))
        query = sa.select(kind.id).where(where, getattr(kind, column).in_(hidden)).limit(1)
        if session.scalars(query).first() is not None:
            noun = parent.__name__.lower()
            raise _conflict(f"the {noun} that it belongs to is deleted. Restore the {noun} first.")


def _refuse_taken(session: Session, kind: Kind, where: sa.ColumnElement[bool]) -> None:
    """Look for live rows that have the key of a row that is to come back."""
    other = aliased(kind)
    for index in kind.__table__.indexes:
        keys = [column.name for column in index.columns]
        if not index.unique or keys[-1] != "live":
            continue
        same = [getattr(other, key) == getattr(kind, key) for key in keys[:-1]]
        labels = [getattr(kind, label) for label in LABELS[kind]]
        query = sa.select(*labels).where(where, other.deleted_at.is_(None), *same).limit(3)
        found = session.execute(query).all()
        if found:
            names = ", ".join(" ".join(str(v) for v in row if v is not None) for row in found)
            raise _conflict(
                f"the name of {names} is in use again. Remove or rename the object that has it "
                "first."
            )


def _conflict(reason: str) -> Conflict:
    return Conflict("restore_conflict", f"The object cannot be restored, because {reason}")


def _settled(session: Session, row: Model, count: int, now: datetime) -> int:
    """Wake the bindings that point at the row, and let the session read everything again."""
    column = REFERENCES.get(type(row))
    if column is not None:
        pointing = getattr(Binding, column) == _id(row)
        _update(session, Binding, pointing, {"next_action_at": now})
    session.expire_all()
    session.refresh(row)
    return count


@event.listens_for(Session, "before_flush")
def _refuse_dead_parents(session: Session, _context: object, _instances: object) -> None:
    """Let no row begin below a hidden one; the lock keeps the parent live until the commit."""
    wanted = {
        (parent, getattr(row, column))
        for row in session.new
        for column, parent in PARENTS.get(type(row), {}).items()
    } - session.info.get(_MADE, set())
    for parent, id_ in sorted(wanted - {(p, None) for p, _ in wanted}, key=str):
        table: Any = parent
        live = session.connection().execute(_locking(table), {"id": id_})
        moment = live.scalar_one_or_none()
        if moment is not None:
            noun = parent.__name__.lower()
            raise Conflict("parent_deleted", f"The {noun} is deleted. Restore it first.")


_PARENT_KINDS = frozenset(kind for above in PARENTS.values() for kind in above.values())
_MADE = "rows that this transaction has made, or keeps live already"
"""Nobody else sees the former: none has to be kept live."""


def note_kept_live(session: Session, kind: Kind, id_: int) -> None:
    """Note that the transaction has found a row live and locked it: nothing has to be asked again."""
    made: set[tuple[Kind, int]] = session.info.setdefault(_MADE, set())
    made.add((kind, id_))


@event.listens_for(Session, "after_flush")
def _note_made(session: Session, _context: object) -> None:
    made: set[tuple[Kind, int]] = session.info.setdefault(_MADE, set())
    made.update((type(row), _id(row)) for row in session.new if type(row) in _PARENT_KINDS)
    hidden = (row for row in session.dirty if getattr(row, "deleted_at", None) is not None)
    made.difference_update((type(row), _id(row)) for row in hidden)


@event.listens_for(Session, "after_transaction_end")
def _forget_made(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None or transaction.nested:
        session.info.pop(_MADE, None)


@cache
def _locking(parent: Any) -> sa.Select[Any]:  # noqa: ANN401 - a mapped class
    """Return the statement that keeps a parent live and says when it was hidden."""
    table = parent.__table__
    query = sa.select(table.c.deleted_at).where(table.c.id == sa.bindparam("id"))
    return query.with_for_update(read=True, key_share=True)
