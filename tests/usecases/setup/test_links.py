"""Setup links: one browser gets what is behind a link, on every database."""

import secrets
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session
from tests.usecases.offline import Offline
from tests.usecases.test_holders import claim

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NotFound
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.usecases.setup import links

NAME = "shop-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


def made(world: Offline) -> Secret:
    red = world.organization("red")
    claim(world, red, NAME)
    with world.sessions.begin(red) as session:
        return links.add(session, red, NAME, now=datetime.now(UTC), random=secrets.token_bytes)[1]


def test_of_many_browsers_one_opens_it(world: Offline) -> None:
    token = made(world)
    start, kept = threading.Barrier(4), []

    def browser() -> None:
        start.wait()
        try:
            kept.append(world.sessions.run(PLATFORM, lambda s: opened(s, token)))
        except NotFound as error:
            assert error.code == "setup_link_not_found"  # noqa: PT017 - in a thread

    threads = [threading.Thread(target=browser) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 1


def opened(session: Session, token: Secret) -> Secret:
    return links.open_(session, token, datetime.now(UTC), secrets.token_bytes)[1]


def test_neither_token_nor_session_is_kept(world: Offline) -> None:
    token = made(world)
    with world.sessions.begin(PLATFORM) as session:
        row, kept = links.open_(session, token, datetime.now(UTC), secrets.token_bytes)
        stored = " ".join(str(getattr(row, column.key)) for column in row.__table__.columns)
    assert token.reveal() not in stored
    assert kept.reveal() not in stored
    assert len(token.reveal()) == len(kept.reveal()) == 40


def test_what_a_browser_keeps_ends_with_the_link(world: Offline) -> None:
    token, now = made(world), datetime.now(UTC)
    with world.sessions.begin(PLATFORM) as session:
        row, kept = links.open_(session, token, now, secrets.token_bytes)
        seen = links.visit(session, _shown(row.id), kept, now + timedelta(days=6))
        assert seen.domain.full_domain == NAME
        for reference, when in ((_shown(row.id), now + timedelta(days=7)), (str(row.id), now)):
            with pytest.raises(NotFound):
                links.visit(session, reference, kept, when)


def _shown(number: int) -> str:
    return ids.show(ids.Prefix.SETUP_LINK, number)
