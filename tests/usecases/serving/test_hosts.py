"""What the edge needs of the database: the hosts that are served, and which of them changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.db import database_now
from nameplate.models import Application, Binding, Domain, Organization
from nameplate.usecases.serving import hosts
from nameplate.usecases.serving.hosts import HostChange, ServedHost

ACTIVE = BindingStatus.ACTIVE


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    made = bound(sessions_over(migrated_sqlite_url), status=ACTIVE)
    made.ids[Organization] = made.read(Binding).organization_id
    return made


def everything(rig: Rig) -> list[ServedHost]:
    with rig.world.sessions.begin(PLATFORM) as session:
        return list(hosts.everything(session)[2])


def age(rig: Rig) -> None:
    """Make every row old enough not to be told again."""
    with rig.world.sessions.begin(PLATFORM) as session:
        long_ago = database_now(session) - timedelta(hours=1)
        for kind in (Organization, Application, Domain, Binding):
            session.execute(sa.update(kind).values(updated_at=long_ago))


def changes(rig: Rig) -> frozenset[HostChange]:
    with rig.world.sessions.begin(PLATFORM) as session:
        return hosts.changes(session, database_now(session))[1]


def test_a_host_and_what_it_leads_to(rig: Rig) -> None:
    (found,) = everything(rig)
    assert (found.hostname, found.path, found.upstream) == ("acme.com", "/", "10.0.0.1:8080")
    assert (found.active, found.permitted) == (True, False)
    assert found.organization == rig.ids[Organization]
    rig.change(Binding, port=9000, ssl_enabled=True, status=BindingStatus.CONFIGURING)
    rig.change(Application, upstream_host="2001:db8::1")
    (found,) = everything(rig)
    assert (found.upstream, found.active, found.permitted) == ("[2001:db8::1]:9000", False, True)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (Binding, {"status": BindingStatus.PENDING}),
        (Binding, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (Domain, {"status": DomainStatus.SUSPENDED}),
        (Application, {"upstream_host": None}),
        (Application, {"upstream_port": None}),
        (Application, {"deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (Organization, {"is_active": False}),
    ],
)
def test_what_must_not_be_served_is_not_there(rig: Rig, kind: Any, columns: dict[str, Any]) -> None:
    age(rig)
    assert changes(rig) == frozenset()
    rig.change(kind, **columns)
    assert everything(rig) == []
    (told,) = changes(rig)
    with rig.world.sessions.begin(PLATFORM) as session:
        assert list(hosts.changed(session, [told])) == [("acme.com", [])]


def test_every_change_names_the_hosts_it_is_about(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, rig.ids[Organization])
        other = rows.application(session, owner, upstream_host="10.0.0.2", upstream_port=1)
        domain = session.get_one(Domain, rig.ids[Domain])
        rows.binding(session, other, domain, hostname="x.acme.com", subdomain="x", status=ACTIVE)
    age(rig)
    rig.change(Application, upstream_port=8081)
    (told,) = changes(rig)
    assert (told.kind, told.id) == ("application", rig.ids[Application])
    with rig.world.sessions.begin(PLATFORM) as session:
        found = dict(hosts.changed(session, [told]))
    assert {name: [one.upstream for one in of] for name, of in found.items()} == {
        "acme.com": ["10.0.0.1:8081"]
    }
    rig.change(Organization, name="New")
    with rig.world.sessions.begin(PLATFORM) as session:
        every = dict(hosts.changed(session, changes(rig)))
    assert set(every) == {"acme.com", "x.acme.com"}


def test_each_look_reaches_back_a_little(rig: Rig) -> None:
    age(rig)
    with rig.world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        recent = now - hosts.OVERLAP / 2
        session.execute(sa.update(Binding).values(updated_at=recent))
    assert {one.kind for one in changes(rig)} == {"binding"}


def test_hosts_come_sorted_with_their_paths_together(rig: Rig) -> None:
    with rig.world.sessions.begin(PLATFORM) as session:
        app = session.get_one(Application, rig.ids[Application])
        domain = session.get_one(Domain, rig.ids[Domain])
        for label, path in (("b", "/"), ("a", "/"), ("a", "/shop")):
            host = f"{label}.acme.com"
            rows.binding(
                session, app, domain, hostname=host, subdomain=label, path=path, status=ACTIVE
            )
    names = [one.hostname for one in everything(rig)]
    assert names == ["a.acme.com", "a.acme.com", "acme.com", "b.acme.com"]
