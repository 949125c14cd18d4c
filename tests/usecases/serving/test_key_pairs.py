"""Key pairs are read once, and again only by who needs them."""

import pytest
from tests.databases import sessions_over
from tests.usecases.serving.group_rig import Group, secured

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.models import Server, ServerGroup
from nameplate.ports.proxy import LaterKeyPair, Route
from nameplate.usecases.serving import rendering, routes

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture
def group(migrated_sqlite_url: str) -> Group:
    return secured(sessions_over(migrated_sqlite_url))


def rendered(group: Group) -> list[Route]:
    sessions = group.world.sessions
    with sessions.begin(PLATFORM) as session:
        server = session.get_one(Server, group.servers[0])
        found = routes.wanted(session, server.id, group.ids[ServerGroup])
        return [*rendering.rendered(session, group.world.tools.keyring, found, server, sessions)]


def test_a_pair_is_read_once_and_again_where_it_is_needed(group: Group) -> None:
    first = rendered(group)[0].key_pair
    again = rendered(group)[0].key_pair
    assert first is not None
    assert not isinstance(first, LaterKeyPair)
    assert isinstance(again, LaterKeyPair)
    assert again is rendered(group)[0].key_pair
    assert (again.id, again.digest) == (first.id, first.digest)
    assert again.bundle == first.bundle
    assert again.private_key.reveal() == first.private_key.reveal()


def test_one_that_was_replaced_meanwhile_is_not_taken_for_another(group: Group) -> None:
    rendered(group)
    old = rendered(group)[0].key_pair
    assert old is not None
    group.secure()
    new = rendered(group)[0].key_pair
    assert new is not None
    assert new.id != old.id
    assert ids.parse(new.id.partition("-")[0], "crt") == ids.parse(old.id.partition("-")[0], "crt")
    with pytest.raises(Refused) as refused:
        assert old.bundle
    assert refused.value.code == "proxy_step_failed"
