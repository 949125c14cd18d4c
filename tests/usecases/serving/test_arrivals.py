"""Many bindings in one step: few statements, and one that is odd stops no other."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.serving.serving_rig import Rig, bound

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.models import Application, Binding, Certificate, Domain, Server
from nameplate.usecases.serving import arrivals, probes
from nameplate.usecases.serving.pacing import MAX_REST, QUICK, Pacing

MANY = 20


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return bound(sessions_over(migrated_sqlite_url))


def _more(rig: Rig, count: int, **columns: Any) -> list[int]:
    """Bind more hosts of the domain, and return all bindings."""
    with rig.world.sessions.begin(PLATFORM) as session:
        app = session.get_one(Application, rig.ids[Application])
        domain = session.get_one(Domain, rig.ids[Domain])
        given = {"server_id": rig.ids[Server], "ssl_enabled": False, **columns}
        made = [
            rows.binding(
                session, app, domain, subdomain=f"s{n}", hostname=f"s{n}.acme.com", **given
            ).id
            for n in range(count)
        ]
    return [rig.ids[Binding], *made]


def _sweep(rig: Rig, bindings: list[int]) -> list[BindingStatus]:
    leases = [rig.world.leased(Binding, one) for one in bindings]
    probes.sweep(rig.world.sessions, rig.world.tools, leases)
    with rig.world.sessions.begin(PLATFORM) as session:
        return [session.get_one(Binding, one).status for one in bindings]


@contextmanager
def _statements(rig: Rig) -> Iterator[list[str]]:
    texts: list[str] = []

    def note(*given: Any) -> None:
        texts.append(given[2])

    engine = rig.world.sessions.system_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield texts
    sa.event.remove(engine, "before_cursor_execute", note)


def test_many_take_about_as_many_statements_as_one(rig: Rig) -> None:
    bindings = _more(rig, MANY)
    leases = [rig.world.leased(Binding, one) for one in bindings]
    with _statements(rig) as texts:
        probes.sweep(rig.world.sessions, rig.world.tools, leases)
    assert len(texts) < len(bindings), "\n".join(texts)
    with rig.world.sessions.begin(PLATFORM) as session:
        found = {session.get_one(Binding, one).status for one in bindings}
    assert found == {BindingStatus.CONFIGURING}


def test_two_paths_of_a_host_share_the_certificate_that_the_first_asks_for(rig: Rig) -> None:
    rig.change(Binding, ssl_enabled=True)
    with rig.world.sessions.begin(PLATFORM) as session:
        app = session.get_one(Application, rig.ids[Application])
        domain = session.get_one(Domain, rig.ids[Domain])
        other = rows.binding(session, app, domain, server_id=rig.ids[Server], path="/api").id
    _sweep(rig, [rig.ids[Binding], other])
    with rig.world.sessions.begin(PLATFORM) as session:
        (certificate,) = session.scalars(Certificate.visible(PLATFORM))
        assert session.get_one(Binding, other).ssl_certificate_id == certificate.id


def test_one_that_fails_unexpectedly_stops_no_other(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    bindings = _more(rig, 2)
    look = arrivals._obstacle

    def obstacle(around: Any, row: Binding) -> str | None:
        if row.id == bindings[1]:
            raise ZeroDivisionError
        return look(around, row)

    monkeypatch.setattr(arrivals, "_obstacle", obstacle)
    found = _sweep(rig, bindings)
    assert found == [BindingStatus.CONFIGURING, BindingStatus.PENDING, BindingStatus.CONFIGURING]
    with rig.world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Binding, bindings[1]).trouble_code == "internal_error"
        assert session.get_one(Binding, bindings[0]).trouble_code is None


def test_a_slow_proxy_rests_and_a_quick_one_does_not() -> None:
    pacing = Pacing()
    pacing.note(1, QUICK / 2)
    pacing.note(2, 1.0)
    assert not pacing.rests(1)
    assert pacing.rests(2)
    assert pacing.remaining(2, 1.0) == pytest.approx(3.0)
    assert pacing.remaining(2, MAX_REST) == 0.0
    assert pacing.remaining(3, 0.0) == 0.0, "nothing is known of it"
