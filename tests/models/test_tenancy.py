"""A statement is judged once, and a statement that cannot be judged is refused every time."""

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NotPermitted
from nameplate.models import Application

RAW = sa.select(sa.text("name")).select_from(Application)
EVERY = sa.select(Application).order_by(Application.id)
"""Constants, as modules have them: the same object is judged again and again."""


def test_what_was_refused_once_is_refused_again(migrated_sqlite_url: str) -> None:
    sessions = sessions_over(migrated_sqlite_url)
    for _ in range(3):
        with sessions.begin(Actor(1)) as session, pytest.raises(NotPermitted):
            session.execute(RAW)
    sessions.dispose()


def test_a_constant_shows_each_organization_its_own(migrated_sqlite_url: str) -> None:
    sessions = sessions_over(migrated_sqlite_url)
    with sessions.begin(PLATFORM) as session:
        owners = [world.organization(session) for _ in range(2)]
        ids = [owner.id for owner in owners]
        rows = {owner.id: world.application(session, owner).id for owner in owners}
        assert {row.id for row in session.scalars(EVERY)} >= set(rows.values())
    for owner in (*ids, *ids):
        with sessions.begin(Actor(owner)) as session:
            assert [row.id for row in session.scalars(EVERY)] == [rows[owner]]
            with pytest.raises(NotPermitted):
                session.execute(EVERY.where(sa.text("1 = 1")))
    sessions.dispose()
