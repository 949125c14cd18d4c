"""Applications: added, found, changed, and their bindings woken."""

from typing import Any

import pytest

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound, NotPermitted
from nameplate.core.ids import Prefix, show
from nameplate.db import Sessions, database_now
from nameplate.usecases.serving import applications
from nameplate.usecases.tenants import organizations


def test_found_by_id_external_id_and_name(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        made = applications.add(
            session, PLATFORM, name="Shop", organization="acme", external_id="e-1"
        )
    actor = Actor(acme.id)
    with sessions.begin(actor) as session:
        for reference in (show(Prefix.APPLICATION, made.id), "e-1", "Shop"):
            assert applications.get(session, actor, reference).id == made.id
        for reference in ("shop", "Shop ", "", "app_", show(Prefix.SERVER, made.id)):
            with pytest.raises(NotFound):
                applications.get(session, actor, reference)
        own = applications.add(session, actor, name="Own", metadata={"tier": "gold"})
        assert own.organization_id == acme.id
    with sessions.begin(actor) as session:
        found = applications.page(session, actor, limit=5, metadata={"tier": "gold"})
        assert [row.name for row in found] == ["Own"]
        assert len(applications.page(session, actor, limit=1)) == 2
        assert [row.id for row in applications.page(session, actor, limit=5, after=made.id)] == [
            own.id
        ]


def test_where_traffic_goes_is_the_platforms_business(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        applications.add(session, PLATFORM, name="Shop", organization="acme")
    actor = Actor(acme.id)
    for fields in ({"upstream_host": "127.0.0.1"}, {"upstream_port": 22}, {"external_id": "x"}):
        with pytest.raises(NotPermitted), sessions.begin(actor) as session:
            applications.add(session, actor, name="x", **fields)
        with pytest.raises(NotPermitted), sessions.begin(actor) as session:
            applications.update(session, actor, "Shop", database_now(session), **fields)


def test_external_ids_are_unique_while_they_live(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        organizations.add(session, PLATFORM, name="Acme")
        one: dict[str, Any] = {"name": "x", "organization": "acme", "external_id": "e-1"}
        applications.add(session, PLATFORM, **one)
        with pytest.raises(Conflict):
            applications.add(session, PLATFORM, **one)
        applications.remove(session, PLATFORM, "e-1", database_now(session))
        applications.add(session, PLATFORM, **one)
