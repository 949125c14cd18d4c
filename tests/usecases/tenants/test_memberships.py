"""Memberships: one for a user and organization, given and taken within the own role."""

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core import ids
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, NotFound, NotPermitted
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.usecases.tenants import memberships


def test_given_once_within_the_own_role_and_seen_by_its_organization(lite: Session) -> None:
    acme, globex = world.organization(lite), world.organization(lite)
    user, actor = world.user(lite), Actor(acme.id)
    with pytest.raises(NotPermitted):
        memberships.add(lite, actor, user=user.id, role=Role.OWNER, by=Role.ADMIN)
    row = memberships.add(lite, actor, user=user.id, role=Role.MEMBER, by=Role.ADMIN)
    with pytest.raises(Conflict):
        memberships.add(lite, actor, user=user.id, role=Role.VIEWER, by=Role.ADMIN)
    reference = ids.show(Prefix.MEMBERSHIP, row.id)
    with pytest.raises(NotFound):
        memberships.get(lite, Actor(globex.id), reference)
    assert memberships.of_user(lite, user.id) == {acme.id: Role.MEMBER}
    memberships.remove(lite, actor, reference, Role.ADMIN)
    assert memberships.of_user(lite, user.id) == {}
