"""Finding rows by a reference and walking through lists: the same for every noun."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from nameplate.core import ids, names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import Prefix
from nameplate.models import Domain, Organization
from nameplate.usecases import holders

MAX_LIMIT = 100
"""Most rows of one page."""
MAX_CANDIDATES = 10
"""Most objects that the refusal of an ambiguous reference lists."""


def page(
    session: Session,
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class with an id
    **given: Any,  # noqa: ANN401 - as `lines` takes
) -> Sequence[Any]:
    """Return up to `limit` + 1 rows of `query` as `lines` does, each the object that it selects."""
    return [row[0] for row in lines(session, query, model, **given)]


def lines(
    session: Session,
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class with an id
    *,
    limit: int,
    after: int | None = None,
    metadata: Mapping[str, str] | None = None,
    **equal: Any,  # noqa: ANN401 - values of columns
) -> Sequence[sa.Row[Any]]:
    """Return up to `limit` + 1 lines of `query` with an id above `after`, in order of their ids.

    `equal` names columns and values (None: any), `metadata` keys and texts. The one line too many
    tells the caller that there is more.
    """
    for key, text in (metadata or {}).items():
        query = query.where(model.metadata_[key].as_string() == text)
    given = {column: value for column, value in equal.items() if value is not None}
    statement = _walk(query, model, tuple(given), is_first=after is None)
    values = {_PARAMETER.format(column): value for column, value in given.items()}
    values |= {_PARAMETER.format("most"): min(limit, MAX_LIMIT) + 1}
    if after is not None:
        values[_PARAMETER.format("after")] = after
    return session.execute(statement, values).all()


def _walk(
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class with an id
    columns: tuple[str, ...],
    *,
    is_first: bool,
) -> sa.Select[Any]:
    """Return the statement of a page; of a query that is there still it is made once."""
    known = _WALKS.setdefault(query, {})
    statement = known.get((columns, is_first))
    if statement is None:
        statement = query.where(
            *(getattr(model, name) == sa.bindparam(_PARAMETER.format(name)) for name in columns)
        )
        if not is_first:
            statement = statement.where(model.id > sa.bindparam(_PARAMETER.format("after")))
        most = sa.bindparam(_PARAMETER.format("most"), type_=sa.Integer)
        statement = statement.order_by(model.id).limit(most)
        known[columns, is_first] = statement
    return statement


_PARAMETER = "page_{}"
_WALKS: WeakKeyDictionary[sa.Select[Any], dict[tuple[tuple[str, ...], bool], sa.Select[Any]]] = (
    WeakKeyDictionary()
)


def in_use(noun: str, users: str, names: Sequence[str], count: int, forced: str) -> Conflict:
    """Return the refusal to remove what others need, with the names of some of them."""
    more = f" and {count - len(names)} more" if count > len(names) else ""
    detail = f"The {noun} is in use by {count} {users}: {', '.join(names)}{more}. {forced}"
    return Conflict("in_use", detail)


def missing(prefix: Prefix) -> NotFound:
    """Return what answers every wrong reference: malformed, unknown, or another organization's."""
    noun = prefix.name.lower()
    return NotFound(f"{noun}_not_found", f"There is no such {noun}.")


def find(
    session: Session,
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class with an id
    prefix: Prefix,
    reference: str,
    *natural: InstrumentedAttribute[Any],
) -> Any:  # noqa: ANN401 - a row of `model`
    """Return the row of `query` that `reference` names: by its id, or by a `natural` key.

    Raises NotFound as `missing`; Conflict `reference_ambiguous` when a natural key fits several
    rows.
    """
    if reference.startswith(f"{prefix}_"):
        return _by_id(session, query, model, prefix, reference)
    if not natural or not _is_storable(reference):
        raise missing(prefix)
    keys = sa.or_(*(column == reference for column in natural))
    rows = session.scalars(query.where(keys).order_by(model.id).limit(2)).all()
    if not rows:
        raise missing(prefix)
    if len(rows) > 1:
        noun = prefix.name.lower()
        raise Conflict("reference_ambiguous", f"Several {noun}s have this name. Use the id.")
    return rows[0]


def _by_id(
    session: Session,
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class with an id
    prefix: Prefix,
    reference: str,
) -> Any:  # noqa: ANN401 - a row of `model`
    try:
        number = ids.parse(reference, prefix)
    except Invalid:
        raise missing(prefix) from None
    return _one(session.scalars(query.where(model.id == number)).one_or_none(), prefix)


def _one(row: Any, prefix: Prefix) -> Any:  # noqa: ANN401 - a mapped row
    if row is None:
        raise missing(prefix)
    return row


def _is_storable(reference: str) -> bool:
    """Tell whether every natural key may be compared with this text: some columns are ASCII."""
    return reference.isascii() and reference.isprintable()


def spelled(name: str) -> str:
    """Return the canonical form of a host name that somebody refers to, Unicode or A-labels.

    Empty for text that cannot be a name.
    """
    try:
        return names.parse(name, wildcard=True, private_suffix=True, special_use=True).name
    except Invalid:  # a name whose suffix has left the list since is found all the same
        return names.canonical(name) if _is_storable(name) else ""


def changed(row: object, changes: Mapping[str, Any], allowed: frozenset[str]) -> None:
    """Set the columns named in `changes` on `row`; `metadata` is the column `metadata_`.

    Raises Invalid `field_not_changeable` for anything that is not in `allowed`.
    """
    for name, value in changes.items():
        if name not in allowed:
            raise Invalid("field_not_changeable", f"{name} cannot be changed.")
        setattr(row, "metadata_" if name == "metadata" else name, value)


def domain(session: Session, actor: Actor, reference: str, *, deleted: bool = False) -> Domain:
    """Return the live domain with that id or full name; `deleted` looks among removed ones.

    A name that several organizations claim means, to the platform, the holder's domain. Raises
    NotFound as `missing`, and Conflict `domain_ambiguous` when nobody holds it.
    """
    found: Domain
    given = None if deleted else id_of_domain(actor, reference)
    if given is not None:
        rows = session.scalars(_ANY if actor.is_platform else _OWN, given)
        found = _one(rows.one_or_none(), Prefix.DOMAIN)
        return found
    query = Domain.removed(actor) if deleted else Domain.visible(actor)
    if reference.startswith(f"{Prefix.DOMAIN}_"):
        found = _by_id(session, query, Domain, Prefix.DOMAIN, reference)
        return found
    name = spelled(reference)
    query = query.where(Domain.full_domain == name).order_by(Domain.id.desc())
    named: Sequence[Domain] = session.scalars(query.limit(MAX_CANDIDATES + 1)).all()
    if not named:
        raise missing(Prefix.DOMAIN)
    if len({row.organization_id for row in named}) == 1:
        return named[0]
    holder = None if deleted else holders.holder(session, name)
    held: Domain | None = session.scalars(query.where(Domain.organization_id == holder)).first()
    if holder is None or held is None:
        raise _ambiguous(session, actor, name, named)
    return held


def id_of_domain(actor: Actor, reference: str) -> dict[str, int | None] | None:
    """Return the parameters of `DOMAIN_BY_ID`; None when `reference` is no id of a domain.

    Raises NotFound as `missing` for one that is malformed.
    """
    if not reference.startswith(f"{Prefix.DOMAIN}_"):
        return None
    try:
        return {"id": ids.parse(reference, Prefix.DOMAIN), "owner": actor.organization_id}
    except Invalid:
        raise missing(Prefix.DOMAIN) from None


_ANY = Domain.visible(PLATFORM).where(Domain.id == sa.bindparam("id"))
_OWN = _ANY.where(Domain.organization_id == sa.bindparam("owner"))
DOMAIN_BY_ID = (_ANY, _OWN)
"""What the platform and an organization see of one domain. Made once: most requests name one."""


def _ambiguous(session: Session, actor: Actor, name: str, rows: Sequence[Domain]) -> Conflict:
    """Return the refusal of a name that several organizations claim, with whom it may mean."""
    owners = {row.organization_id for row in rows}
    query = Organization.visible(actor).where(Organization.id.in_(owners))
    called = {row.id: row.name for row in session.scalars(query)}
    told = [
        f"{ids.show(Prefix.DOMAIN, row.id)} of {called.get(row.organization_id, 'a removed organization')} "
        f"({ids.show(Prefix.ORGANIZATION, row.organization_id)})"
        for row in rows[:MAX_CANDIDATES]
    ]
    more = " and others" if len(rows) > MAX_CANDIDATES else ""
    return Conflict(
        "domain_ambiguous",
        f"Several organizations claim {name} and none holds it. Use one of these ids: "
        f"{', '.join(told)}{more}.",
    )


def domain_id(session: Session, actor: Actor, reference: str | None) -> int | None:
    """Return the id of the domain that a list is narrowed to, None without one."""
    return None if reference is None else domain(session, actor, reference).id
