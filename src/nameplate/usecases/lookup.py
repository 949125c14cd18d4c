"""Finding rows by a reference and walking through lists: the same for every noun."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from nameplate.core import ids
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import Prefix
from nameplate.models import Domain

MAX_LIMIT = 100
"""Most rows of one page."""


def keyset(
    session: Session,
    query: sa.Select[Any],
    column: InstrumentedAttribute[int],
    *,
    limit: int,
    after: int | None = None,
) -> Sequence[Any]:
    """Return up to `limit` + 1 rows of `query` with an id in `column` above `after`, in its order.

    The one row too many tells the caller that there is more.
    """
    if after is not None:
        query = query.where(column > after)
    return session.scalars(query.order_by(column).limit(min(limit, MAX_LIMIT) + 1)).all()


def matching(
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class
    *,
    metadata: Mapping[str, str] | None = None,
    **equal: Any,  # noqa: ANN401 - values of columns
) -> sa.Select[Any]:
    """Narrow `query`: `equal` names columns and values (None: any), `metadata` keys and texts."""
    for column, value in equal.items():
        if value is not None:
            query = query.where(getattr(model, column) == value)
    for key, text in (metadata or {}).items():
        query = query.where(model.metadata_[key].as_string() == text)
    return query


def find(
    session: Session,
    query: sa.Select[Any],
    model: Any,  # noqa: ANN401 - any mapped class with an id
    prefix: Prefix,
    reference: str,
    *natural: InstrumentedAttribute[Any],
) -> Any:  # noqa: ANN401 - a row of `model`
    """Return the row of `query` that `reference` names: by its id, or by a `natural` key.

    Raises NotFound `<noun>_not_found`, the same for an unknown, a malformed and a foreign
    reference; Conflict `reference_ambiguous` when a natural key fits several rows.
    """
    noun = prefix.name.lower()
    missing = NotFound(f"{noun}_not_found", f"There is no such {noun}.")
    if reference.startswith(f"{prefix}_"):
        try:
            number = ids.parse(reference, prefix)
        except Invalid:
            raise missing from None
        row = session.scalars(query.where(model.id == number)).one_or_none()
        if row is None:
            raise missing
        return row
    if not natural or not reference.isascii():
        raise missing
    keys = sa.or_(*(column == reference for column in natural))
    rows = session.scalars(query.where(keys).order_by(model.id).limit(2)).all()
    if not rows:
        raise missing
    if len(rows) > 1:
        raise Conflict("reference_ambiguous", f"Several {noun}s are called that: use the id.")
    return rows[0]


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

    Raises `NotFound`, and `Conflict` when the platform asks by a name that several organizations
    claim.
    """
    query = Domain.removed(actor) if deleted else Domain.visible(actor)
    try:
        query = query.where(Domain.id == ids.parse(reference, "dom"))
    except Invalid:
        query = query.where(Domain.full_domain == reference.lower().rstrip("."))
    rows = session.scalars(query.order_by(Domain.id.desc()).limit(2)).all()
    if not rows:
        raise NotFound("domain_not_found", "there is no such domain")
    if len(rows) > 1 and not deleted:
        raise Conflict("domain_ambiguous", "several organizations claim this name: use the id")
    found: Domain = rows[0]
    return found
