"""Certificates as they are asked for, found, renewed, revoked and removed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.usecases.certificates.certificate_rig import NAME, Rig, made
from tests.usecases.certificates.test_renewal_info import connected, issued

from nameplate.core import certificates, ids, keys
from nameplate.core.errors import Conflict, Invalid, NotFound, Refused
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, CertificateType, ChallengeType, Domain
from nameplate.usecases.certificates import coverage, requests, revocations, succession
from nameplate.usecases.certificates.requests import MAX_NAMES
from nameplate.usecases.tenants import accounts


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    return made(migrated_sqlite_sessions)


def _ask(rig: Rig, **fields: Any) -> Certificate:
    rig.want(**fields)
    return rig.row()


def _connect(rig: Rig) -> None:
    """Give the domain a DNS account, so that dns-01 is possible."""
    with rig.offline.sessions.begin(rig.actor) as session:
        account = accounts.add(
            session, rig.actor, rig.offline.tools, kind="dns", provider="memory", name="dns",
            credentials={"api_key": "x"},
        )  # fmt: skip
        session.get_one(Domain, rig.domain_id).dns_account_id = account.id


def test_the_domains_own_name_by_default(rig: Rig) -> None:
    row = rig.row()
    assert row.subject_alternative_names == [NAME]
    assert row.certificate_type is CertificateType.LETSENCRYPT
    assert row.acme_challenge_type is ChallengeType.HTTP_01
    assert row.status is CertificateStatus.PENDING
    assert row.next_action_at is not None


def test_names_are_canonical_and_not_repeated(rig: Rig) -> None:
    row = _ask(rig, hosts=[f"WWW.{NAME}", NAME, NAME])
    assert row.subject_alternative_names == [f"www.{NAME}", NAME]
    assert row.common_name == f"www.{NAME}"


def test_a_wildcard_is_proved_by_dns(rig: Rig) -> None:
    with pytest.raises(Conflict) as caught:
        _ask(rig, hosts=[f"*.{NAME}"])
    assert caught.value.code == "dns_account_missing"
    _connect(rig)
    row = _ask(rig, hosts=[f"*.{NAME}"])
    assert row.certificate_type is CertificateType.WILDCARD
    assert row.acme_challenge_type is ChallengeType.DNS_01


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"hosts": ["other.example.com"]}, "name_not_covered"),
        ({"hosts": [f"not{NAME}"]}, "name_not_covered"),
        ({"hosts": [f"n{number}.{NAME}" for number in range(MAX_NAMES + 1)]}, "too_many_names"),
        ({"challenge": "dns-02"}, "challenge_unavailable"),
        ({"challenge": "tls-alpn-01"}, "tls_alpn_unavailable"),
        ({"hosts": [f"*.{NAME}"], "challenge": "http-01"}, "wildcard_needs_dns"),
    ],
)
def test_what_cannot_be_asked_for(rig: Rig, fields: dict[str, Any], code: str) -> None:
    with pytest.raises((Conflict, Invalid)) as caught:
        _ask(rig, **fields)
    assert caught.value.code == code


def test_a_working_certificate_covers_a_host_first(rig: Rig) -> None:
    waiting = rig.row()
    working = _ask(rig, hosts=[NAME, f"www.{NAME}"])
    rig.work()
    with rig.offline.sessions.begin(rig.actor) as session:
        domain = session.get_one(Domain, rig.domain_id)
        bound = {
            host: Binding(organization_domain_id=domain.id, hostname=host)
            for host in (NAME, f"www.{NAME}", f"api.{NAME}")
        }
        found = {
            host: succession.covering(
                coverage.of_bindings(session, [one])[domain.id], host, datetime.now(UTC)
            )
            for host, one in bound.items()
        }
    ids_of = {host: row and row.id for host, row in found.items()}
    assert ids_of == {NAME: working.id, f"www.{NAME}": working.id, f"api.{NAME}": None}
    assert working.id != waiting.id


def test_strangers_find_nothing(rig: Rig) -> None:
    stranger = rig.offline.organization("globex")
    with rig.offline.sessions.begin(stranger) as session:
        for reference in (rig.reference, ids.show("crt", 12345)):
            with pytest.raises(NotFound) as caught:
                requests.get(session, stranger, reference)
            assert caught.value.code == "certificate_not_found"
        assert requests.page(session, stranger, limit=10) == []


def test_pages_by_domain_and_status(rig: Rig) -> None:
    rig.work()
    _ask(rig, hosts=[f"www.{NAME}"])
    with rig.offline.sessions.begin(rig.actor) as session:
        assert len(requests.page(session, rig.actor, limit=1, domain=NAME)) == 2
        (active,) = requests.page(session, rig.actor, limit=10, status="active")
        rest = requests.page(session, rig.actor, limit=10, after=active.id)
        assert [row.status for row in rest] == [CertificateStatus.PENDING]


def test_a_renewal_is_due_at_once(rig: Rig) -> None:
    rig.work()
    rig.renew()
    row = rig.row()
    assert row.next_action_at is not None
    assert row.next_action_at <= datetime.now(UTC)
    assert rig.work().generation == 2


def test_a_renewal_by_hand_needs_no_automatic_one(rig: Rig) -> None:
    rig.change(Certificate, rig.certificate_id, auto_renew=False)
    row = rig.work()
    assert (row.generation, row.next_renewal_attempt_at) == (1, None)
    assert row.next_action_at == row.expires_at
    assert rig.work(after=timedelta(days=70)).generation == 1, "nobody asked for it"
    rig.renew()
    row = rig.work()
    assert (row.generation, row.next_renewal_attempt_at) == (2, None)


def test_a_renewal_by_hand_is_tried_until_it_succeeds(rig: Rig) -> None:
    rig.change(Certificate, rig.certificate_id, auto_renew=False)
    rig.work()
    rig.renew()
    rig.authority.refusal = Refused("acme_caa", "CAA admits another authority.")
    row = rig.work()
    assert row.next_renewal_attempt_at == row.next_action_at
    assert row.next_action_at is not None
    rig.authority.refusal = None
    assert rig.work(after=timedelta(minutes=2)).generation == 2


def test_a_renewal_by_hand_makes_an_unused_one_its_owners(rig: Rig) -> None:
    rig.change(Certificate, rig.certificate_id, is_automatic=True)
    assert rig.work().is_let_go
    rig.renew()
    row = rig.work()
    assert (row.status, row.is_automatic) == (CertificateStatus.ACTIVE, False)
    rig.change(Certificate, rig.certificate_id, is_automatic=True)
    rig.bind()
    rig.renew()
    assert rig.row().is_automatic, "its binding uses it still"


def test_what_was_revoked_is_not_renewed(rig: Rig) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        requests.get(session, rig.actor, rig.reference).revoke(datetime.now(UTC))
    with pytest.raises(Conflict) as caught:
        rig.renew()
    assert caught.value.code == "certificate_revoked"


class Revoking:
    """An authority that can revoke."""

    def __init__(self) -> None:
        self.revoked: list[bytes] = []

    def revoke(self, certificate: bytes, reason: int = 0, key: Secret | None = None) -> None:
        del reason, key
        self.revoked.append(certificate)


def test_revoking_asks_the_authority_first(rig: Rig) -> None:
    def revoke() -> Certificate:
        offline = rig.offline
        return revocations.revoke(offline.sessions, offline.tools, rig.actor, rig.reference)

    with pytest.raises(Conflict) as nothing:
        revoke()
    assert nothing.value.code == "certificate_missing"
    rig.work()
    with pytest.raises(Refused) as local:
        revoke()
    assert local.value.code == "revocation_unavailable"
    authority: Any = Revoking()
    rig.authority_is(authority)
    row = revoke()
    assert (row.status, row.next_action_at) == (CertificateStatus.REVOKED, None)
    assert authority.revoked == [(row.certificate or "").encode()]
    assert rig.work(after=timedelta(days=70)).generation == 1, "nothing is obtained any more"


def test_removing_ends_it(rig: Rig) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        requests.remove(session, rig.actor, rig.reference, datetime.now(UTC))
    with rig.offline.sessions.begin(rig.actor) as session, pytest.raises(NotFound):
        requests.get(session, rig.actor, rig.reference)
    assert rig.work().next_action_at is None


PROFILES = {"classic": 90 * 86400, "shortlived": 6 * 86400}


def newer(folder: Path, world: ChallTestSrv, **profiles: int) -> Pebble:
    return Pebble(
        folder, dns_server=world.dns_server, always_valid=True, newer=True, profiles=profiles
    )


@pytest.fixture(scope="module")
def pebble(world: ChallTestSrv, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    with newer(tmp_path_factory.mktemp("profiles"), world, **PROFILES) as server:
        yield server


@pytest.fixture
def real(migrated_sqlite_sessions: Sessions, pebble: Pebble) -> Rig:
    real = made(migrated_sqlite_sessions)
    real.authority_is(connected(pebble))
    return real


def leaf(row: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate((row.certificate or "").encode())


def kind(row: Certificate) -> str:
    return certificates.facts((row.certificate or "").encode()).key_type


def lifetime(row: Certificate) -> timedelta:
    return leaf(row).not_valid_after_utc - leaf(row).not_valid_before_utc


def renew(real: Rig, **changes: Any) -> None:
    with real.offline.sessions.begin(real.actor) as session:
        requests.renew(session, real.actor, real.reference, datetime.now(UTC), **changes)


@pytest.mark.parametrize("wanted", keys.KINDS)
def test_each_kind_of_key_by_request(real: Rig, wanted: str) -> None:
    real.want(key_type=wanted)
    assert kind(issued(real)) == wanted


def test_a_kind_of_key_is_kept_until_another_is_asked_for(real: Rig) -> None:
    assert kind(issued(real)) == "ec256"
    renew(real, key_type="ec384")
    assert kind(issued(real, generation=2)) == "ec384"
    renew(real)
    assert kind(issued(real, generation=3)) == "ec384"


def test_the_domain_says_it_where_the_request_does_not(real: Rig) -> None:
    real.change(Domain, real.domain_id, key_type="rsa2048", certificate_profile="shortlived")
    real.want()
    row = issued(real)
    assert kind(row) == "rsa2048"
    assert lifetime(row) < timedelta(days=7)
    real.want(key_type="ec384", profile="classic")
    row = issued(real)
    assert kind(row) == "ec384"
    assert lifetime(row) > timedelta(days=80)


def test_a_short_life_is_renewed_at_half_of_it(real: Rig) -> None:
    real.want(profile="shortlived")
    row = issued(real)
    assert row.next_renewal_attempt_at is not None
    assert row.next_renewal_attempt_at - leaf(row).not_valid_before_utc <= timedelta(days=3)


def test_a_profile_that_never_was_is_refused_until_another_is_chosen(real: Rig) -> None:
    real.want(profile="tlsclient")
    row = real.work()
    assert (row.renewal_error_code, row.status) == (
        "acme_profile_unknown",
        CertificateStatus.ERROR,
    )
    assert row.next_action_at is None, "asking again changes nothing"
    assert "classic, shortlived" in (row.renewal_error_message or "")
    renew(real, profile=None)
    assert issued(real).renewal_error_code is None


def test_a_profile_that_is_gone_does_not_stop_a_renewal(
    real: Rig, world: ChallTestSrv, tmp_path: Path
) -> None:
    real.change(Certificate, real.certificate_id, profile="shortlived", chosen_by=None)
    issued(real)
    before = real.authority
    with newer(tmp_path, world, classic=90 * 86400) as without:
        real.authority_is(connected(without))
        renew(real)
        row = issued(real, generation=2)
    assert lifetime(row) > timedelta(days=80)
    assert (row.profile, row.is_profile_gone) == ("shortlived", True)
    condition = real.condition()
    assert (condition.reason, "shortlived" in condition.message) == ("profile_gone", True)
    real.authority_is(before)
    renew(real)
    row = issued(real, generation=3)
    assert (lifetime(row) < timedelta(days=7), row.is_profile_gone) == (True, False)
