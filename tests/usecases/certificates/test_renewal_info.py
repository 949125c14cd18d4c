"""When an authority suggests to replace a certificate (ARI), on a real server that knows it."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.usecases.certificates.certificate_rig import DIRECTORY, NAME, Rig, made

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import certificates, keys, renewal
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.orders import Order, OrderStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.db import Sessions
from nameplate.models import Account, Budget, Certificate, Event
from nameplate.usecases.certificates import renewal_info

DAY = timedelta(days=1)
PAGE = "https://ca.example/incident/7"


class Told(AcmeAuthority):
    """Notes what replaces what, and how often it is asked."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.replaced: list[str | None] = []
        self.asked = 0
        self.is_away = False

    def order(self, names: Any, profile: Any = None, replaces: Any = None) -> Order:
        self.replaced.append(replaces)
        return super().order(names, profile, replaces)

    def renewal_info(self, certificate: bytes) -> RenewalInfo | None:
        self.asked += 1
        if self.is_away:
            raise Unavailable("acme_unreachable", "away")
        return super().renewal_info(certificate)


@pytest.fixture(scope="module")
def pebble(world: ChallTestSrv, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    folder = tmp_path_factory.mktemp("newer")
    with Pebble(folder, dns_server=world.dns_server, always_valid=True, newer=True) as server:
        yield server


@pytest.fixture
def authority(pebble: Pebble) -> Told:
    return connected(pebble)


def connected(server: Pebble) -> Told:
    key, verify = keys.new_key(), str(server.ca_bundle)
    account = accounts.register(server.directory_url, key, verify=verify)
    return Told(server.directory_url, key, account, verify=verify)


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions, authority: Told) -> Rig:
    rig = made(migrated_sqlite_sessions)
    rig.authority_is(authority)
    issued(rig)
    return rig


def issued(rig: Rig, generation: int = 1, after: timedelta = timedelta(0)) -> Certificate:
    for _ in range(20):
        row = rig.work(after)
        if row.generation == generation:
            return row
    raise AssertionError(row.renewal_error_message)


def suggest(
    pebble: Pebble, row: Certificate, start: timedelta, end: timedelta, **more: Any
) -> None:
    now = datetime.now(UTC)
    window = {"start": (now + start).isoformat(), "end": (now + end).isoformat()}
    pebble.suggest((row.certificate or "").encode(), {"suggestedWindow": window, **more})


def due(rig: Rig) -> None:
    rig.change(Certificate, rig.certificate_id, renewal_info_due_at=datetime.now(UTC))


def events(rig: Rig, kind: str) -> list[Event]:
    with rig.offline.sessions.begin(PLATFORM) as session:
        return list(session.scalars(sa.select(Event).where(Event.type == kind)))


def test_the_first_window_is_kept_and_asked_for_again_in_time(rig: Rig) -> None:
    row, now = rig.row(), datetime.now(UTC)
    assert row.renewal_window_starts_at is not None
    assert row.renewal_window_ends_at is not None
    assert row.authority_account_id is not None
    assert row.renewal_info_due_at is not None
    assert row.next_action_at is not None
    assert timedelta(0) < row.renewal_info_due_at - now <= timedelta(hours=12)
    assert row.next_action_at <= row.renewal_info_due_at
    assert rig.authority.asked == 1


def test_it_is_asked_when_due_and_not_before(rig: Rig) -> None:
    rig.work()
    assert rig.authority.asked == 1
    due(rig)
    row = rig.work()
    assert rig.authority.asked == 2
    assert row.renewal_info_due_at is not None
    assert row.renewal_info_due_at > datetime.now(UTC)


def test_an_unchanged_window_keeps_the_moment_drawn_in_it(rig: Rig, pebble: Pebble) -> None:
    suggest(pebble, rig.row(), timedelta(days=2), timedelta(days=4))
    due(rig)
    drawn = rig.work().next_renewal_attempt_at
    assert drawn is not None
    assert timedelta(days=2.9) < drawn - datetime.now(UTC) < timedelta(days=3.1)
    rig.offline.tools = replace(rig.offline.tools, jitter=lambda: 0.0)
    due(rig)
    assert rig.work().next_renewal_attempt_at == drawn


def test_a_window_in_the_past_renews_now_and_says_what_it_replaces(
    rig: Rig, pebble: Pebble
) -> None:
    first = rig.row()
    suggest(pebble, first, timedelta(days=-2), timedelta(days=-1), explanationURL=PAGE)
    due(rig)
    row = rig.work()
    assert row.renewal_explanation_url == PAGE
    assert [one.after["renewal_explanation_url"] for one in events(rig, "certificate.replacement_advised")] == [PAGE]  # fmt: skip
    condition = rig.condition()
    assert (condition.reason, PAGE in condition.message) == ("replacement_advised", True)
    assert rig.work().generation == 1, "a fresh certificate settles first"
    row = issued(rig, generation=2, after=renewal.SETTLE)
    assert rig.authority.replaced == [
        None,
        certificates.renewal_id((first.certificate or "").encode()),
    ]
    assert row.renewal_explanation_url is None
    assert rig.condition().reason == "active"


def test_a_replacement_counts_against_no_limit_on_orders(rig: Rig) -> None:
    orders = {"orders": "1/4d"}
    account = rig.row().authority_account_id
    rig.change(Account, account or 0, config={**DIRECTORY, "limits": orders})
    came = datetime.now(UTC) - timedelta(minutes=1)
    rig.change(Certificate, rig.certificate_id, renewal_window_starts_at=came)
    rig.renew()
    issued(rig, generation=2)
    with rig.offline.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(Budget)).all() == []
    identity = certificates.renewal_id((rig.row().certificate or "").encode())
    order_elsewhere(rig.authority, identity)
    rig.renew()
    issued(rig, generation=3)
    with rig.offline.sessions.begin(PLATFORM) as session:
        spent = session.scalars(sa.select(Budget)).all()
    assert spent, "what the authority took for no replacement counts"


def test_what_was_replaced_before_is_ordered_without_that(rig: Rig) -> None:
    identity = certificates.renewal_id((rig.row().certificate or "").encode())
    order_elsewhere(rig.authority, identity)
    rig.authority.replaced.clear()
    rig.renew()
    issued(rig, generation=2)
    assert rig.authority.replaced == [identity, None]


def order_elsewhere(authority: Told, replaces: str | None) -> None:
    """Have a certificate issued past Nameplate that replaces one."""
    order = authority.order([NAME], None, replaces)
    for challenge in order.challenges:
        if challenge.type == "http-01":
            authority.respond(challenge)
    while (order := authority.refresh(order.url)).status is OrderStatus.PENDING:
        time.sleep(0.05)
    authority.finalize(order, certificates.csr(keys.new_key(), [NAME]))


def test_another_account_replaces_nothing(rig: Rig, pebble: Pebble) -> None:
    rig.authority_is(connected(pebble))
    rig.renew()
    issued(rig, generation=2)
    first, second = rig.authority.replaced
    assert (first is not None, second) == (True, None), (
        "the authority says no, and is asked without"
    )
    account = rig.add_account(name="another")
    rig.change(Certificate, rig.certificate_id, authority_account_id=account.id)
    rig.authority.replaced.clear()
    rig.renew()
    issued(rig, generation=3)
    assert rig.authority.replaced == [None], "not even tried"


def test_an_authority_that_is_away_is_asked_an_hour_later(rig: Rig) -> None:
    planned = rig.row().next_renewal_attempt_at
    rig.authority.is_away = True
    due(rig)
    row = rig.work()
    assert row.renewal_info_due_at is not None
    wait = row.renewal_info_due_at - datetime.now(UTC)
    assert timedelta(minutes=59) < wait <= renewal.ASK_AFTER_FAILURE
    assert (row.next_renewal_attempt_at, row.renewal_error_code) == (planned, None)


def test_a_failing_renewal_is_not_planned_anew(rig: Rig) -> None:
    rig.change(Certificate, rig.certificate_id, renewal_error_code="acme_caa")
    due(rig)
    with rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        assert renewal_info.question(session, row, datetime.now(UTC)) is None
        row.renewal_error_code = None
        assert renewal_info.question(session, row, datetime.now(UTC)) is not None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (None, timedelta(hours=6)),
        (timedelta(0), timedelta(minutes=1)),
        (timedelta(hours=3), timedelta(hours=3)),
        (timedelta(days=7), timedelta(days=1)),
    ],
)
def test_how_soon_it_is_asked_again(said: timedelta | None, kept: timedelta) -> None:
    now = datetime.now(UTC)
    assert RenewalInfo((now, now), None, said).ask_again == kept


def test_a_life_of_six_days_is_renewed_at_half_of_it(
    migrated_sqlite_sessions: Sessions, world: ChallTestSrv, tmp_path: Path
) -> None:
    lifetime = 6 * DAY
    profiles = {"shortlived": int(lifetime.total_seconds())}
    with Pebble(
        tmp_path, dns_server=world.dns_server, always_valid=True, newer=True, profiles=profiles
    ) as server:
        rig = made(migrated_sqlite_sessions)
        rig.authority_is(connected(server))
        rig.change(Certificate, rig.certificate_id, profile="shortlived")
        row = issued(rig)
        assert row.issued_at is not None
        assert row.expires_at is not None
        assert abs(row.expires_at - row.issued_at - lifetime) < timedelta(hours=1)
        moment = row.next_renewal_attempt_at
        assert moment is not None
        window = row.renewal_window_starts_at, row.renewal_window_ends_at
        assert 0.35 < (moment - row.issued_at) / lifetime <= 0.5, window
        wait = moment - datetime.now(UTC)
        assert rig.work(after=wait - timedelta(minutes=1)).generation == 1
        # Its orders live by the real clock, so that the certificate ages instead of the world.
        rig.change(
            Certificate, row.id, issued_at=row.issued_at - wait, expires_at=row.expires_at - wait,
            next_renewal_attempt_at=moment - wait,
        )  # fmt: skip
        assert issued(rig, 2).generation == 2
