"""Revoking: by whom, why, and never before something else is served, at a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.usecases.certificates.certificate_rig import Rig, made
from tests.usecases.certificates.test_renewal_info import connected, events, issued

from nameplate.core import keys
from nameplate.core.errors import Conflict, Refused
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.revocation import RevocationReason
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate
from nameplate.usecases.certificates import requests, revocations

WHY = RevocationReason.SUPERSEDED


@pytest.fixture(scope="module")
def pebble(world: ChallTestSrv, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    folder = tmp_path_factory.mktemp("revoking")
    with Pebble(folder, dns_server=world.dns_server, always_valid=True) as server:
        yield server


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions, pebble: Pebble) -> Rig:
    rig = made(migrated_sqlite_sessions)
    rig.authority_is(connected(pebble))
    issued(rig)
    return rig


def revoke(rig: Rig, reason: RevocationReason = WHY, *, replacing: bool = False) -> Certificate:
    offline = rig.offline
    return revocations.revoke(
        offline.sessions, offline.tools, rig.actor, rig.reference, reason, replace=replacing
    )


def leaf(row: Certificate) -> bytes:
    return (row.certificate or "").encode()


def test_at_once_with_a_reason(rig: Rig, pebble: Pebble) -> None:
    row = revoke(rig)
    assert pebble.is_revoked(leaf(row))
    assert (row.status, row.revocation_reason) == (CertificateStatus.REVOKED, WHY)
    assert row.revoked_at is not None
    (event,) = events(rig, "certificate.revoked")
    assert event.after["revocation_reason"] == "superseded"
    assert rig.work(after=timedelta(days=70)).generation == 1, "nothing is obtained any more"


def test_what_replaces_it_is_served_first(rig: Rig, pebble: Pebble) -> None:
    binding = rig.bind()
    first = rig.row()
    rig.change(Binding, binding, served_serial=first.serial_number)
    revoke(rig, replacing=True)
    assert not pebble.is_revoked(leaf(first))
    row = issued(rig, generation=2)
    assert row.public_key_fingerprint != first.public_key_fingerprint, "a new key"
    row = rig.work()
    assert not pebble.is_revoked(leaf(first)), "some server still presents it"
    assert row.next_action_at is not None
    assert row.next_action_at - datetime.now(UTC) < timedelta(minutes=1), "looked at again soon"
    rig.change(Binding, binding, served_serial=row.serial_number)
    row = rig.work()
    assert pebble.is_revoked(leaf(first))
    assert not pebble.is_revoked(leaf(row))
    assert (row.status, row.revocation_certificate) == (CertificateStatus.ACTIVE, None)
    assert (row.revocation_reason, row.revocation_error) == (WHY, None)
    assert len(events(rig, "certificate.revoked")) == 1


def test_a_key_that_others_know_is_revoked_at_once(rig: Rig, pebble: Pebble) -> None:
    first = rig.row()
    rig.change(Binding, rig.bind(), served_serial=first.serial_number)
    row = revoke(rig, RevocationReason.KEY_COMPROMISE, replacing=True)
    assert pebble.is_revoked(leaf(first))
    assert (row.status, row.revocation_certificate) == (CertificateStatus.ACTIVE, None)
    row = issued(rig, generation=2)
    assert row.public_key_fingerprint != first.public_key_fingerprint
    assert not pebble.is_revoked(leaf(row))


def test_a_foreign_accounts_certificate_is_revoked_with_its_own_key(
    rig: Rig, pebble: Pebble
) -> None:
    rig.authority_is(connected(pebble))
    row = revoke(rig, RevocationReason.CESSATION_OF_OPERATION)
    assert pebble.is_revoked(leaf(row))
    assert row.status is CertificateStatus.REVOKED


def test_an_authority_that_refuses_is_told_and_asked_again(rig: Rig, pebble: Pebble) -> None:
    first = rig.row()
    revoke(rig, replacing=True)
    issued(rig, generation=2)
    account = rig.authority
    rig.authority_is(connected(pebble))  # not the account that issued, and the key is gone
    row = rig.work()
    assert "unauthorized" in (row.revocation_error or "")
    assert row.revocation_certificate == first.certificate
    rig.authority_is(account)
    row = rig.work()
    assert (row.revocation_error, row.revocation_certificate) == (None, None)
    assert pebble.is_revoked(leaf(first))


def test_removed_before_it_was_replaced_it_is_revoked_all_the_same(
    rig: Rig, pebble: Pebble
) -> None:
    first = rig.row()
    revoke(rig, replacing=True)
    with rig.offline.sessions.begin(rig.actor) as session:
        requests.remove(session, rig.actor, rig.reference, datetime.now(UTC))
    rig.work()
    assert pebble.is_revoked(leaf(first))


def test_what_cannot_be_replaced(rig: Rig) -> None:
    revoke(rig)
    with pytest.raises(Conflict) as caught:
        revoke(rig, replacing=True)
    assert caught.value.code == "certificate_revoked"


def test_a_key_that_is_not_the_certificates_revokes_nothing(rig: Rig, pebble: Pebble) -> None:
    foreign = connected(pebble)
    with pytest.raises(Refused):
        foreign.revoke(leaf(rig.row()), 1, keys.new_key())
    assert not pebble.is_revoked(leaf(rig.row()))
