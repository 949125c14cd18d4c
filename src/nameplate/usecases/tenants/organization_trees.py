"""Where a person may act: the organizations of its memberships, and those below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from nameplate.core.actor import PLATFORM
from nameplate.core.roles import Role
from nameplate.db import Sessions
from nameplate.models import Organization

MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class ReachedOrganization:
    """An organization, and what a person is in it."""

    id: int
    name: str
    slug: str
    parent_id: int | None
    role: Role


def reached(sessions: Sessions, roles: Mapping[int, Role]) -> Sequence[ReachedOrganization]:
    """Return up to 200 organizations, those of memberships first, then what is below them."""
    found: dict[int, ReachedOrganization] = {}
    with sessions.look() as session:
        rows = session.scalars(_OWN, {"ids": sorted(roles)}).all() if roles else ()
        level = list(rows)
        while level and len(found) < MAX_SHOWN:
            for row in level:
                above = found.get(row.parent_organization_id or 0)
                given = [one for one in (roles.get(row.id), above and above.role) if one]
                role = next(one for one in given if all(one.covers(other) for other in given))
                place = row.id, row.name, row.slug, row.parent_organization_id
                found[row.id] = ReachedOrganization(*place, role)
            below = session.scalars(_BELOW, {"ids": [row.id for row in level]}).all()
            level = [row for row in below if row.id not in found]
    return list(found.values())[:MAX_SHOWN]


_LIVE = Organization.visible(PLATFORM).where(Organization.is_active.is_(True))
_OWN = _LIVE.where(Organization.id.in_(sa.bindparam("ids", expanding=True)))
_BELOW = (
    _LIVE.where(Organization.parent_organization_id.in_(sa.bindparam("ids", expanding=True)))
    .order_by(Organization.id)
    .limit(MAX_SHOWN)
)
