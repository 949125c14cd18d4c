"""An authority that starts anew and knows neither accounts nor orders: certificates go on by themselves."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nameplate.core import keys
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Account
from nameplate.usecases.tenants import accounts, connections
from tests.databases import sessions_over
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.usecases.certificates.certificate_rig import Rig, Slow, made


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Pebble]:
    with (
        ChallTestSrv(tmp_path / "dns") as world,
        Pebble(tmp_path / "ca", dns_server=world.dns_server, always_valid=True) as server,
    ):
        yield server


@pytest.fixture
def rig(migrated_sqlite_url: str, forgetful: Pebble) -> Rig:
    """Return a certificate whose account is at Pebble, connected as `bootstrap` does it."""
    rig = made(sessions_over(migrated_sqlite_url))
    config = {"directory_url": forgetful.directory_url, "ca_bundle": str(forgetful.ca_bundle)}
    credentials = {"account_key": keys.new_key().reveal()}
    tools = rig.offline.tools
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.update(session, PLATFORM, tools, "ca", config=config, credentials=credentials)
    with rig.offline.sessions.begin(PLATFORM) as session:
        account: Account = session.scalars(Account.visible(PLATFORM)).one()
    connect: Any = connections.authority(tools.authorities, tools.keyring, tools.clock)
    rig.authority_is(Slow(connect(account)))
    return rig


def _active(rig: Rig, looks: int) -> int:
    """Look at the certificate until it is there; return its generation."""
    for _ in range(looks):
        row = rig.work()
        if row.status is CertificateStatus.ACTIVE and row.pending_private_key is None:
            return row.generation
    raise AssertionError(row.renewal_error_message)


def test_between_two_certificates_the_account_is_made_again(rig: Rig, forgetful: Pebble) -> None:
    assert _active(rig, 10) == 1
    forgetful.forget()
    rig.renew()
    assert _active(rig, 10) == 2
    assert rig.row().renewal_attempts == 0


def test_in_the_middle_of_an_order_that_is_made_again_too(rig: Rig, forgetful: Pebble) -> None:
    rig.authority.pending_for = 1
    before = rig.work().acme_order_url
    assert before is not None
    forgetful.forget()
    row = rig.work()
    assert (row.renewal_error_code, row.acme_order_url) == ("acme_order_lost", None)
    assert row.next_action_at is not None
    assert row.next_action_at <= datetime.now(UTC)
    assert _active(rig, 10) == 1
