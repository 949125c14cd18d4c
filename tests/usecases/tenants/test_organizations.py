"""Organizations: who may do what with them, and on whose behalf an actor acts."""

from datetime import UTC, datetime

import pytest

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NameplateError, NotFound, NotPermitted
from nameplate.core.ids import Prefix, show
from nameplate.db import Sessions, database_now
from nameplate.usecases.serving import applications
from nameplate.usecases.tenants import organizations

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_removed_with_everything_and_restored(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme", external_id="42")
        child = organizations.add(session, PLATFORM, name="Branch", parent="acme")
        assert child.parent_organization_id == acme.id
        applications.add(session, PLATFORM, name="Shop", organization="branch")
    with sessions.begin(PLATFORM) as session:
        organizations.remove(session, PLATFORM, "42", database_now(session))
    with sessions.begin(PLATFORM) as session:
        assert organizations.page(session, PLATFORM, limit=10) == []
        assert applications.page(session, PLATFORM, limit=10) == []
        with pytest.raises(NotFound):
            organizations.get(session, PLATFORM, "branch")
    with sessions.begin(PLATFORM) as session:
        organizations.restore(session, PLATFORM, "acme", database_now(session))
    with sessions.begin(PLATFORM) as session:
        assert organizations.get(session, PLATFORM, "branch").id == child.id
        assert len(applications.page(session, PLATFORM, limit=10)) == 1


def test_a_tenant_sees_and_is_itself(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        globex = organizations.add(session, PLATFORM, name="Globex")
    actor = Actor(acme.id)
    with sessions.begin(actor) as session:
        assert [row.id for row in organizations.page(session, actor, limit=10)] == [acme.id]
        assert organizations.acting(session, actor, None).id == acme.id
        assert organizations.acting(session, actor, "acme").id == acme.id
        for foreign in ("globex", show(Prefix.ORGANIZATION, globex.id), "nobody"):
            with pytest.raises(NotFound):
                organizations.acting(session, actor, foreign)
        row = organizations.update(session, actor, "acme", name="New", metadata={"a": "1"})
        assert (row.name, row.metadata_) == ("New", {"a": "1"})


@pytest.fixture
def embedded(migrated_sqlite_url: str) -> Sessions:
    from tests.databases import sessions_over

    return sessions_over(migrated_sqlite_url)


def test_slugs(embedded: Sessions) -> None:
    with embedded.begin(PLATFORM) as session:
        assert organizations.add(session, PLATFORM, name="Ärger & Söhne!").slug == "rger-s-hne"
        assert len(organizations.add(session, PLATFORM, name="x" * 200).slug) == 63
        for slug, code in (("A", "slug_invalid"), ("-a", "slug_invalid"), ("a.b", "slug_invalid")):
            with pytest.raises(Invalid) as caught:
                organizations.add(session, PLATFORM, name="x", slug=slug)
            assert caught.value.code == code
        with pytest.raises(Invalid) as caught:
            organizations.add(session, PLATFORM, name="日本")
        assert caught.value.code == "slug_required"


def test_refusals(embedded: Sessions) -> None:
    with embedded.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme", external_id="42")
        organizations.add(session, PLATFORM, name="Globex")
    tried: list[tuple[Actor, str, dict[str, object], type[NameplateError], str]] = [
        (PLATFORM, "globex", {"slug": "acme"}, Conflict, "slug_taken"),
        (PLATFORM, "globex", {"external_id": "42"}, Conflict, "external_id_taken"),
        (PLATFORM, "globex", {"id": 7}, Invalid, "field_not_changeable"),
        (Actor(acme.id), "acme", {"slug": "x"}, NotPermitted, "platform_only"),
        (Actor(acme.id), "acme", {"is_active": False}, NotPermitted, "platform_only"),
    ]
    for actor, reference, changes, kind, code in tried:
        with pytest.raises(kind) as caught, embedded.begin(actor) as session:
            organizations.update(session, actor, reference, **changes)
        assert caught.value.code == code
    with pytest.raises(Invalid) as missing, embedded.begin(PLATFORM) as session:
        organizations.acting(session, PLATFORM, None)
    assert missing.value.code == "organization_required"
