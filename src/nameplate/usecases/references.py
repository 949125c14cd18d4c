"""Finding a domain by what a caller wrote: its id or its name."""

from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.models import Domain


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
