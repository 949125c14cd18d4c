"""Sessions of people on every database: whom a cookie stands for, and where."""

import secrets

import pytest
from tests.models import world

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NotFound
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import Membership, SignInMethod
from nameplate.usecases.tenants import user_sessions
from nameplate.usecases.tenants.user_sessions import SignInVisit


def test_whom_a_cookie_stands_for(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        above, apart = world.organization(session), world.organization(session)
        below = world.organization(session, parent_organization_id=above.id)
        user = world.user(session)
        session.add(Membership(organization_id=above.id, user_id=user.id, role=Role.MEMBER))
        visit, method = SignInVisit("192.0.2.7", "Firefox"), SignInMethod.PASSWORD
        row, cookie = user_sessions.begin(
            session, user, method, visit, now=now, random=secrets.token_bytes
        )
        places = [ids.show(Prefix.ORGANIZATION, one.id) for one in (above, below, apart)]
    found = user_sessions.accepted(sessions, cookie)
    assert found is not None
    assert user_sessions.accepted(sessions, Secret("another")) is None
    assert user_sessions.live(sessions, [row.id, row.id + 1]) == {row.id}
    for place in places[:2]:
        assert user_sessions.standing(sessions, found, place).role is Role.MEMBER
    with pytest.raises(NotFound):
        user_sessions.standing(sessions, found, places[2])
    with sessions.begin(PLATFORM) as session:
        user_sessions.end(session, cookie, now)
    assert user_sessions.accepted(sessions, cookie) is None
