"""The guard in every session: a tenant's transaction sees and writes that tenant's rows only.

PostgreSQL does the same by row-level security. On SQLite and MariaDB this guard is the only wall,
so it refuses what it cannot judge: raw SQL, columns of bare tables, bulk statements by primary key.
"""

from collections.abc import Iterator
from datetime import UTC
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, attributes, with_loader_criteria
from sqlalchemy.orm.base import NO_VALUE
from sqlalchemy.orm.util import LoaderCriteriaOption
from sqlalchemy.sql import visitors

from nameplate.core.actor import Actor
from nameplate.core.errors import NotPermitted
from nameplate.models import postgresql
from nameplate.models.accounts import Account, LedgerEntry
from nameplate.models.bindings import Binding
from nameplate.models.certificates import Certificate
from nameplate.models.domains import Domain
from nameplate.models.events import Event
from nameplate.models.grants import NameGrant
from nameplate.models.hosting import HostedZone
from nameplate.models.name_transfers import NameTransfer
from nameplate.models.organizations import Organization, Server
from nameplate.models.orm import BigId, Model, Tenant
from nameplate.models.server_groups import ServerGroup
from nameplate.models.tokens import ApiToken

CLOCK = "database's clock at the start of the transaction"
"""Where a session keeps it that has been told it already: PostgreSQL's stands still meanwhile."""


@event.listens_for(Session, "after_begin")
def _tell_row_level_security(
    session: Session, _transaction: object, connection: sa.Connection
) -> None:
    organization = _organization(session)
    if organization is not None and connection.dialect.name == "postgresql":
        session.info[CLOCK] = postgresql.tell(connection, organization).astimezone(UTC)


@event.listens_for(Session, "do_orm_execute")
def _guard_statements(state: ORMExecuteState) -> None:
    organization = _organization(state.session)
    if organization is None:
        return
    if state.is_column_load:
        return  # a row that the session has already seen is read again
    if not state.is_orm_statement or state.is_insert or _is_opaque(state.statement):
        raise NotPermitted(
            "raw_statement", "An organization's transaction cannot run raw statements."
        )
    if state.is_update and (state.parameters or _moves(state.statement)):
        raise NotPermitted(
            "foreign_row",
            "An organization's transaction cannot move a row to another organization.",
        )
    if state.is_select:
        state.statement = _narrowed(state.statement)
        given: Any = state.parameters or {}
        state.parameters = {**given, _OWNER.key: organization}
    else:
        known = state.session.info.setdefault("tenancy_criteria", {})
        if organization not in known:
            literal = sa.literal(organization, BigId)
            known[organization] = tuple(_criteria(literal, reading=False))
        state.statement = state.statement.options(*known[organization])


class _OwnerParameter(sa.BindParameter[int]):
    """A parameter whose copies are found in a dict without making an SQL comparison each time."""

    inherit_cache = True

    def __eq__(self, other: object) -> Any:  # noqa: ANN401 - as SQLAlchemy has it
        return hash(self) == hash(other)

    def __hash__(self) -> int:
        return super().__hash__()


_OWNER = _OwnerParameter("nameplate_owner", type_=BigId, required=True)
"""The organization, in every SELECT of one."""
_NARROWED: WeakKeyDictionary[sa.ClauseElement, Any] = WeakKeyDictionary()
"""SELECTs that are there still, with what rows must meet: those that are constants are made once."""


def _narrowed(statement: Any) -> Any:  # noqa: ANN401 - a SELECT of the ORM
    known = _NARROWED.get(statement)
    if known is None:
        known = _NARROWED[statement] = statement.options(*_reading())
    return known


@cache
def _reading() -> tuple[LoaderCriteriaOption, ...]:
    return tuple(_criteria(_OWNER, reading=True))


def _criteria(
    organization: sa.ColumnElement[int], *, reading: bool
) -> Iterator[LoaderCriteriaOption]:
    """Yield what each kind of row must meet to be seen, or changed."""
    yield with_loader_criteria(
        Tenant,
        lambda cls: cls.organization_id == organization,
        include_aliases=True,
        track_closure_variables=True,
    )
    servers = Server.organization_id == organization
    groups = ServerGroup.organization_id == organization
    if reading:
        servers = sa.or_(servers, Server.organization_id.is_(None))
        groups = sa.or_(groups, ServerGroup.organization_id.is_(None))
    grants = NameGrant.organization_id == organization
    if reading:
        grants = sa.or_(grants, NameGrant.grantee_organization_id == organization)
    transfers = NameTransfer.organization_id == organization
    if reading:
        transfers = sa.or_(transfers, NameTransfer.target_organization_id == organization)
    for kind, own in (
        (Organization, Organization.id == organization),
        (Server, servers),
        (ServerGroup, groups),
        (Account, Account.organization_id == organization),
        (ApiToken, ApiToken.organization_id == organization),
        (NameGrant, grants),
        (NameTransfer, transfers),
        (Event, Event.organization_id == organization),
    ):
        yield with_loader_criteria(kind, own, include_aliases=True)


_JUDGED: WeakKeyDictionary[sa.ClauseElement, bool] = WeakKeyDictionary()
"""What was found of statements that are there still: constants of modules are judged once.

A statement never changes: every method that adds to one returns another.
"""


def _is_opaque(statement: sa.Executable) -> bool:
    """Tell whether a part is text, or a column of a table that no mapped class stands for."""
    if not isinstance(statement, sa.ClauseElement):
        return True
    known = _JUDGED.get(statement)
    if known is None:
        known = _JUDGED[statement] = _has_opaque_part(statement)
    return known


def _has_opaque_part(statement: sa.ClauseElement) -> bool:
    known = _tables(statement)
    return any(
        isinstance(part, sa.TextClause)
        or (
            isinstance(part, sa.Column)
            and "parententity" not in part._annotations  # noqa: SLF001 - where the ORM marks its own
            and part.table not in known
        )
        for part in visitors.iterate(statement)
    )


def _tables(statement: sa.ClauseElement) -> set[sa.FromClause]:
    """Return the tables of the mapped classes that are selected: loads by identity name them bare."""
    described = getattr(statement, "column_descriptions", ())
    entities = (one["entity"] for one in described)
    return {sa.inspect(one).mapper.local_table for one in entities if one is not None}


def _moves(statement: sa.Executable) -> bool:
    """Tell whether an UPDATE sets an owner."""
    values = getattr(statement, "_values", None) or {}
    return any(getattr(column, "key", column) == "organization_id" for column in values)


@event.listens_for(Session, "before_flush")
def _guard_writes(session: Session, _context: object, _instances: object) -> None:
    organization = _organization(session)
    for row in (*session.new, *session.dirty, *session.deleted):
        if organization is not None and not _is_own(row, organization):
            raise NotPermitted(
                "foreign_row", "An organization's transaction can write only its own rows."
            )
        if row not in session.deleted:
            _guard_references(session, row)


def _is_own(row: object, organization: int) -> bool:
    if isinstance(row, Organization):
        return row.id == organization
    return getattr(row, "organization_id", organization) == organization


def _guard_references(session: Session, row: object) -> None:
    """Compare organizations where no composite foreign key can (S6).

    Servers and accounts may be the platform's, which belong to no organization, and a reference
    that is emptied when its target goes is a simple key outside PostgreSQL.
    """
    if isinstance(row, Binding):
        _refer(session, row, "server_id", Server, shared=True)
        _refer(session, row, "server_group_id", ServerGroup, shared=True)
        _refer(session, row, "ssl_certificate_id", Certificate, shared=False)
    elif isinstance(row, LedgerEntry | HostedZone):
        _refer(session, row, "account_id", Account, shared=True)
    elif isinstance(row, Domain):
        _refer(session, row, "dns_account_id", Account, shared=True)


def _refer(
    session: Session,
    row: Binding | Domain | LedgerEntry | HostedZone,
    column: str,
    target: type[Model],
    *,
    shared: bool,
) -> None:
    changed = any(
        attributes.get_history(row, key).has_changes() for key in (column, "organization_id")
    )
    id_ = getattr(row, column)
    if id_ is None or not changed or _is_known(session, row, id_, target, shared=shared):
        return
    table = target.__table__
    owner = table.c.organization_id
    fits = owner == row.organization_id
    query = sa.select(table.c.id).where(
        table.c.id == id_, sa.or_(fits, owner.is_(None)) if shared else fits
    )
    if not _finds(session, query, shared=shared):
        raise NotPermitted(
            "foreign_reference",
            f"{column} refers to an object of another organization, or to none.",
        )


def _is_known(
    session: Session,
    row: Binding | Domain | LedgerEntry | HostedZone,
    id_: int,
    target: type[Model],
    *,
    shared: bool,
) -> bool:
    """Tell whether this transaction has read the very object, and it fits: it is not read again."""
    key = sa.inspect(target).identity_key_from_primary_key((id_,))
    known = session.identity_map.get(key)
    if known is None or attributes.instance_state(known).expired:
        return False
    owner = attributes.instance_dict(known).get("organization_id", NO_VALUE)
    return owner == row.organization_id or (shared and owner is None)


def _finds(session: Session, query: sa.Select[Any], *, shared: bool) -> bool:
    """Tell whether the row is there. A tenant does not see the platform's accounts on PostgreSQL.

    So the platform looks there as well: a hosted domain names its account, whatever a tenant sees.
    """
    if session.connection().execute(query).first() is not None:
        return True
    system = session.info.get("system")
    if not shared or system is None or system is session.get_bind():
        return False
    with system.connect() as connection:
        return connection.execute(query).first() is not None


def _organization(session: Session) -> int | None:
    actor = session.info.get("actor")
    return actor.organization_id if isinstance(actor, Actor) else None
