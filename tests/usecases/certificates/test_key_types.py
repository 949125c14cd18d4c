"""Kinds of keys and profiles: by request or domain, kept over renewals, at a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.servers.pebble import NEWER, ChallTestSrv, Pebble
from tests.servers.process import ServerMissing, program
from tests.usecases.certificates.certificate_rig import Rig, made
from tests.usecases.certificates.test_renewal_info import connected, issued

from nameplate.core import certificates, keys
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Certificate, Domain
from nameplate.usecases.certificates import requests

PROFILES = {"classic": 90 * 86400, "shortlived": 6 * 86400}


def newer(folder: Path, world: ChallTestSrv, **profiles: int) -> Pebble:
    try:
        program(NEWER)
    except ServerMissing as missing:
        pytest.skip(str(missing))
    return Pebble(
        folder, dns_server=world.dns_server, always_valid=True, newer=True, profiles=profiles
    )


@pytest.fixture(scope="module")
def pebble(world: ChallTestSrv, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with newer(tmp_path_factory.mktemp("profiles"), world, **PROFILES) as server:
        yield server


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions, pebble: Pebble) -> Rig:
    rig = made(migrated_sqlite_sessions)
    rig.authority_is(connected(pebble))
    return rig


def leaf(row: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate((row.certificate or "").encode())


def kind(row: Certificate) -> str:
    return certificates.facts((row.certificate or "").encode()).key_type


def lifetime(row: Certificate) -> timedelta:
    return leaf(row).not_valid_after_utc - leaf(row).not_valid_before_utc


def renew(rig: Rig, **changes: Any) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        requests.renew(session, rig.actor, rig.reference, datetime.now(UTC), **changes)


@pytest.mark.parametrize("wanted", keys.KINDS)
def test_each_kind_of_key_by_request(rig: Rig, wanted: str) -> None:
    rig.want(key_type=wanted)
    assert kind(issued(rig)) == wanted


def test_a_kind_of_key_is_kept_until_another_is_asked_for(rig: Rig) -> None:
    assert kind(issued(rig)) == "ec256"
    renew(rig, key_type="ec384")
    assert kind(issued(rig, generation=2)) == "ec384"
    renew(rig)
    assert kind(issued(rig, generation=3)) == "ec384"


def test_the_domain_says_it_where_the_request_does_not(rig: Rig) -> None:
    rig.change(Domain, rig.domain_id, key_type="rsa2048", certificate_profile="shortlived")
    rig.want()
    row = issued(rig)
    assert kind(row) == "rsa2048"
    assert lifetime(row) < timedelta(days=7)
    rig.want(key_type="ec384", profile="classic")
    row = issued(rig)
    assert kind(row) == "ec384"
    assert lifetime(row) > timedelta(days=80)


def test_a_short_life_is_renewed_at_half_of_it(rig: Rig) -> None:
    rig.want(profile="shortlived")
    row = issued(rig)
    assert row.next_renewal_attempt_at is not None
    assert row.next_renewal_attempt_at - leaf(row).not_valid_before_utc <= timedelta(days=3)


def test_a_profile_that_never_was_is_refused_until_another_is_chosen(rig: Rig) -> None:
    rig.want(profile="tlsclient")
    row = rig.work()
    assert (row.renewal_error_code, row.status) == (
        "acme_profile_unknown",
        CertificateStatus.ERROR,
    )
    assert row.next_action_at is None, "asking again changes nothing"
    assert "classic, shortlived" in (row.renewal_error_message or "")
    renew(rig, profile=None)
    assert issued(rig).renewal_error_code is None


def test_a_profile_that_is_gone_does_not_stop_a_renewal(
    rig: Rig, world: ChallTestSrv, tmp_path: Path
) -> None:
    rig.change(Certificate, rig.certificate_id, profile="shortlived")
    issued(rig)
    before = rig.authority
    with newer(tmp_path, world, classic=90 * 86400) as without:
        rig.authority_is(connected(without))
        renew(rig)
        row = issued(rig, generation=2)
    assert lifetime(row) > timedelta(days=80)
    assert (row.profile, row.is_profile_gone) == ("shortlived", True)
    condition = rig.condition()
    assert (condition.reason, "shortlived" in condition.message) == ("profile_gone", True)
    rig.authority_is(before)
    renew(rig)
    row = issued(rig, generation=3)
    assert (lifetime(row) < timedelta(days=7), row.is_profile_gone) == (True, False)
