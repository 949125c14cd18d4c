"""Host names of the platform's own servers: what every tenant's DNS points at, and nobody may hold."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import own_names
from nameplate.core.addresses import is_address
from nameplate.core.names import is_within
from nameplate.models import Domain, Server
from nameplate.usecases import holders
from nameplate.usecases.tools import Tools

TOLD = "The name, or one above or below it, belongs to this platform. It cannot be used here."


def protected(session: Session, tools: Tools, claims: Iterable[Domain]) -> set[int]:
    """Return the ids of the claims that are about a name of the platform, above or below one."""
    known = list(tools.platform_names)
    if tools.protects_servers:
        addresses = session.scalars(_ADDRESSES)
        known += own_names.read(one for one in addresses if not is_address(one))
    return {
        claim.id
        for claim in claims
        if claim.full_domain != tools.challenge_zone  # claimed by the platform itself
        and any(_overlap(holders.held_name(claim), own) for own in known)
    }


def _overlap(name: str, other: str) -> bool:
    return is_within(name, other) or is_within(other, name)


_ADDRESSES = sa.select(Server.address).where(
    Server.organization_id.is_(None), Server.deleted_at.is_(None)
)
