"""Somebody else changes a record within a second of our own write, at real name servers."""

from dataclasses import replace
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.servers.knot import Knot
from tests.servers.powerdns import PowerDns as PowerDnsServer
from tests.usecases.dns.zone_rig import APEX, a, given, made

from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.records import Change
from nameplate.models import Account
from nameplate.usecases.dns import records

WWW = f"www.{APEX}"


@pytest.fixture(params=["powerdns", "rfc2136"])
def rig(request, tmp_path, migrated_sqlite_url):
    """Return a proved domain whose zone is at a name server of its own, and the way there."""
    sessions = sessions_over(migrated_sqlite_url)
    found = made(sessions)
    with sessions.begin(PLATFORM) as session:
        for account in session.scalars(Account.visible(PLATFORM)):
            account.provider = request.param
    server: Any
    if request.param == "powerdns":
        server = PowerDnsServer(tmp_path, [APEX])
        provider: Any = PowerDns(server.api)
    else:
        server = Knot(tmp_path, [APEX])
        provider = Rfc2136(server.address, server.port, server.zones, server.tsig)
    with server:
        found.provider_is(provider)
        yield found, provider
    sessions.dispose()


def _at(provider, name):
    (zone,) = provider.zones()
    return [rrset for rrset in provider.records(zone) if rrset.name == name]


@pytest.mark.parametrize("theirs", [a("www", 66), None], ids=["another value", "nothing"])
def test_it_stays_and_is_told(rig, theirs) -> None:
    rig, provider = rig
    (zone,) = provider.zones()
    with rig.offline.sessions.begin(rig.actor) as session:
        records.add(session, rig.actor, rig.name, **given("www", 1), now=rig.offline.tools.clock())
    rig.work()
    assert _at(provider, WWW) == [a("www", 1)]
    provider.apply(zone, [Change(a("www", 1), theirs)])
    for label in ("one", "two"):  # each leads a worker there again
        with rig.offline.sessions.begin(rig.actor) as session:
            records.add(
                session, rig.actor, rig.name, **given(label, 2), now=rig.offline.tools.clock()
            )
        rig.work()
        assert _at(provider, f"{label}.{APEX}") == [a(label, 2)]
        assert _at(provider, WWW) == ([theirs] if theirs else [])
    (told,) = rig.domain().drift.records
    assert told.expected.values == ("192.0.2.1",)
    rig.apply(rig.make(), force=True)
    assert "192.0.2.1" in _at(provider, WWW)[0].values, "a plan that somebody applied repairs it"


def test_a_change_of_a_record_that_somebody_else_changes_at_that_moment(rig) -> None:
    rig, provider = rig
    (zone,) = provider.zones()
    rig.want(given("www", 1))

    def checkpoint(point: str) -> None:
        if point == "records:intended":
            rig.offline.tools = replace(rig.offline.tools, checkpoint=lambda _point: None)
            provider.apply(zone, [Change(a("www", 1), a("www", 66))])

    (row,) = rig.rows().values()
    with rig.offline.sessions.begin(rig.actor) as session:
        now = rig.offline.tools.clock()
        records.update(session, rig.actor, ids.show("rec", row.id), now=now, value="192.0.2.5")
    rig.offline.tools = replace(rig.offline.tools, checkpoint=checkpoint)
    for _ in range(2):
        rig.work()
        assert _at(provider, WWW) == [a("www", 66)]
    assert rig.domain().drift is not None
