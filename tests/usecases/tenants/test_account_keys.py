"""The key of an account is changed at the authority, and every moment of a crash is survived."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.process import free_port
from tests.usecases.certificates.certificate_rig import NAME, Rig, made
from tests.usecases.offline import Offline

from nameplate.adapters.ca import accounts as acme_accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.adapters.ca.local import create_root
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound, Unavailable
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.orders import OrderStatus
from nameplate.core.secret import Secret
from nameplate.models import Account, HttpChallenge
from nameplate.models.events import Event
from nameplate.usecases.tenants import account_keys, account_trials, accounts, connections


class Crash(Exception):
    """The end of the process."""


@pytest.fixture(scope="module", params=[False, True], ids=["older", "newer"])
def pebble(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Pebble, ChallTestSrv]]:
    folder: Path = tmp_path_factory.mktemp("keys")
    with ChallTestSrv(folder / "world") as world:
        dns, port = world.dns_server, world.http_port
        with Pebble(folder, dns_server=dns, http_port=port, newer=request.param) as server:
            yield server, world


@pytest.fixture
def rig(migrated_sqlite_url: str, pebble: tuple[Pebble, ChallTestSrv]) -> Rig:
    """Return a certificate that is wanted, and Pebble as its authority."""
    rig = made(sessions_over(migrated_sqlite_url), account=False)
    tools = rig.offline.tools
    rig.offline.tools = replace(
        tools, authority=connections.authority(tools.authorities, tools.keyring, tools.clock)
    )
    _add(rig.offline, pebble[0])
    return rig


def _add(offline: Offline, pebble: Pebble, **given: Any) -> Account:
    config = {"directory_url": pebble.directory_url, "ca_bundle": str(pebble.ca_bundle)}
    usual = {"kind": "ca", "provider": "acme", "name": "ca", "config": config}
    return account_trials.add(offline.sessions, offline.tools, PLATFORM, **{**usual, **given})


def _row(offline: Offline) -> Account:
    with offline.sessions.begin(PLATFORM) as session:
        return accounts.get(session, PLATFORM, "ca")


def _keys(offline: Offline) -> dict[str, Secret]:
    return accounts.credentials(_row(offline), offline.tools.keyring)


def _rotate(offline: Offline, **changes: Any) -> Account:
    tools = replace(offline.tools, **changes)
    return account_keys.rotate(offline.sessions, tools, PLATFORM, "ca")


def _url(pebble: Pebble, key: Secret) -> str | None:
    return acme_accounts.find(pebble.directory_url, key, str(pebble.ca_bundle))


def _types(offline: Offline) -> list[str]:
    with offline.sessions.begin(PLATFORM) as session:
        return [one.type for one in session.query(Event).order_by(Event.id)]


def test_the_authority_knows_another_key_and_the_old_one_is_forgotten(
    rig: Rig, pebble: tuple[Pebble, ChallTestSrv]
) -> None:
    offline, server = rig.offline, pebble[0]
    old = _keys(offline)["account_key"]
    url = _url(server, old)
    row = _rotate(offline)
    assert row.key_changed_at is not None
    assert row.key_change_began_at is None
    new = _keys(offline)
    assert set(new) == {"account_key"}
    assert (_url(server, old), _url(server, new["account_key"])) == (None, url)
    assert "account.key_changed" in _types(offline)
    order = offline.tools.authority(_row(offline)).order([NAME])
    assert order.status is OrderStatus.PENDING


@pytest.mark.parametrize("point", account_keys.CRASH_POINTS)
def test_after_a_crash_orders_go_on_with_the_key_that_the_authority_knows(
    rig: Rig, pebble: tuple[Pebble, ChallTestSrv], point: str
) -> None:
    offline, server = rig.offline, pebble[0]
    before = offline.tools.authority(_row(offline))
    url = _url(server, _keys(offline)["account_key"])

    def crash(at: str) -> None:
        if at == point:
            raise Crash

    with pytest.raises(Crash):
        _rotate(offline, checkpoint=crash)
    assert set(_keys(offline)) == {"account_key", "next_account_key"}
    assert _row(offline).key_change_began_at is not None
    authority = offline.tools.authority(_row(offline))
    assert authority is not before
    assert isinstance(authority, AcmeAuthority)
    assert authority.account_url == url
    assert authority.order([NAME]).status is OrderStatus.PENDING
    expected = _keys(offline)["next_account_key"]
    _rotate(offline)
    assert _keys(offline) == {"account_key": expected}
    assert _url(server, expected) == url
    assert offline.tools.authority(_row(offline)).order([NAME]).names == (NAME,)


def test_who_was_connected_while_the_key_changed_follows(rig: Rig) -> None:
    """Another process has both keys, and is not told which one the authority knows."""
    offline = rig.offline
    connected: list[Any] = []

    def connect(at: str) -> None:
        if at == account_keys.CRASH_POINTS[0]:
            connected.append(connections.authority(
                offline.tools.authorities, offline.tools.keyring, offline.tools.clock
            )(_row(offline)))  # fmt: skip

    _rotate(offline, checkpoint=connect)
    assert connected[0].order([NAME]).status is OrderStatus.PENDING


def test_a_certificate_under_way_goes_on(rig: Rig, pebble: tuple[Pebble, ChallTestSrv]) -> None:
    """Its proof is made with the account's key: it is published anew."""
    offline, world = rig.offline, pebble[1]

    def crash(at: str) -> None:
        if at == "certificate:presented":
            raise Crash

    tools = offline.tools
    offline.tools = replace(tools, checkpoint=crash)
    with pytest.raises(Crash):
        rig.work()
    offline.tools = tools
    order, first = rig.row().acme_order_url, _answers(offline)
    _rotate(offline)

    def serve(at: str) -> None:
        if at == "certificate:respond_intended":
            for token, answer in _answers(offline).items():
                world.add_http01(token, answer)

    offline.tools = replace(tools, checkpoint=serve)
    row = rig.work(timedelta(minutes=3))  # when the lease of the process that ended is over
    for _ in range(20):
        if row.status is CertificateStatus.ACTIVE:
            break
        assert (row.acme_order_url, row.trouble_code, row.renewal_error_code) == (order, None, None)
        assert _answers(offline) != first
        row = rig.work(timedelta(minutes=3))
    assert row.status is CertificateStatus.ACTIVE
    assert row.generation == 1


def _answers(offline: Offline) -> dict[str, str]:
    with offline.sessions.begin(PLATFORM) as session:
        rows = session.scalars(HttpChallenge.visible(PLATFORM)).all()
        return {row.token: row.key_authorization for row in rows}


def test_a_worker_that_holds_the_old_key_tries_again(rig: Rig) -> None:
    """It had read the account before the change began: the order is not given up."""
    offline, tools = rig.offline, rig.offline.tools
    stale = tools.authority(_row(offline))

    def change(at: str) -> None:
        if at == "certificate:order_intended":
            account_keys.rotate(offline.sessions, tools, PLATFORM, "ca")

    offline.tools = replace(tools, authority=lambda _account: stale, checkpoint=change)
    with pytest.raises(Unavailable) as caught:
        rig.work()
    assert caught.value.code == "account_changed"
    assert rig.row().renewal_error_code is None


def test_an_authority_that_is_away_leaves_the_change_under_way(
    migrated_sqlite_url: str, tmp_path: Path
) -> None:
    offline = Offline(sessions_over(migrated_sqlite_url))
    tools = offline.tools
    offline.tools = replace(
        tools, authority=connections.authority(tools.authorities, tools.keyring, tools.clock)
    )
    with ChallTestSrv(tmp_path / "world") as world:
        server = Pebble(tmp_path / "pebble", dns_server=world.dns_server)
        _add(offline, server)
        server.stop()
    with pytest.raises(Unavailable):
        _rotate(offline)
    assert set(_keys(offline)) == {"account_key", "next_account_key"}
    assert "account.key_changed" not in _types(offline)
    with offline.sessions.begin(PLATFORM) as session:
        keys = _keys(offline)["account_key"].reveal()
        accounts.update(session, PLATFORM, tools, "ca", credentials={"account_key": keys})
    assert set(_keys(offline)) == {"account_key"}
    assert _row(offline).key_change_began_at is None


def test_what_has_no_such_key_is_refused(migrated_sqlite_url: str) -> None:
    offline = Offline(sessions_over(migrated_sqlite_url))
    key, root = create_root("Test root", datetime.now(UTC))
    with offline.sessions.begin(PLATFORM) as session:
        accounts.add(
            session, PLATFORM, offline.tools, kind="ca", provider="local", name="local",
            config={"root_certificate": root.decode()}, credentials={"root_key": key.reveal()},
        )  # fmt: skip
        accounts.add(
            session, PLATFORM, offline.tools, kind="dns", provider="powerdns", name="dns",
            config={"api_url": f"http://127.0.0.1:{free_port()}"}, credentials={"api_key": "k"},
        )  # fmt: skip
    for name in ("local", "dns"):
        with pytest.raises(Conflict) as caught:
            account_keys.rotate(offline.sessions, offline.tools, PLATFORM, name)
        assert caught.value.code == "key_change_unavailable"


def test_a_tenant_changes_no_key_of_others(rig: Rig) -> None:
    stranger: Actor = rig.offline.organization("stranger")
    for actor in (stranger, rig.actor):
        with pytest.raises(NotFound) as caught:
            account_keys.rotate(rig.offline.sessions, rig.offline.tools, actor, "ca")
        assert caught.value.code == "account_not_found"
