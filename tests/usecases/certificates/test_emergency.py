"""A certificate that is about to end is tried at other authorities and with the other challenge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.models import world as rows
from tests.usecases.certificates.certificate_rig import NAME, Rig, local_authority, made
from tests.usecases.certificates.upload_rig import uploading

from nameplate.core import renewal
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused, Unavailable
from nameplate.db import Sessions
from nameplate.models import Certificate, ChallengeType, Domain
from nameplate.usecases.certificates import emergency

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
REFUSAL = Refused("acme_rejected_identifier", "Not this name.")


@pytest.fixture
def rig(sessions: Sessions) -> Rig:
    return made(sessions)


@pytest.fixture
def town(sessions: Sessions) -> Rig:
    """Return a rig with two authorities in an order of preference."""
    rig = made(sessions, account=False)
    rig.parts = {"letsencrypt": local_authority(), "zerossl": local_authority()}  # type: ignore[attr-defined]  # of this test
    rig.add_account(name="letsencrypt", provider="letsencrypt", config={})
    eab = {"config": {"eab_key_id": "k"}, "credentials": {"eab_hmac_key": "c2VjcmV0"}}
    rig.add_account(name="zerossl", provider="zerossl", **eab)
    parts: dict[str, Any] = rig.parts  # type: ignore[attr-defined]  # as above
    rig.offline.tools = replace(rig.offline.tools, authority=lambda one: parts[one.name])
    return rig


def _parts(rig: Rig) -> dict[str, Any]:
    """Return its authorities by the names of their accounts."""
    parts: dict[str, Any] = rig.parts  # type: ignore[attr-defined]  # of the fixture
    return parts


def test_the_next_authority_is_asked_only_in_an_emergency(town: Rig) -> None:
    rig, parts = town, _parts(town)
    assert rig.work().generation == 1
    parts["letsencrypt"].refusal = REFUSAL
    early = rig.work(after=62 * DAY)
    assert (early.generation, early.renewal_error_code) == (1, "acme_rejected_identifier")
    rig.change(Certificate, rig.certificate_id, renewal_attempts=3)
    row = rig.work(after=82 * DAY)
    assert row.generation == 2
    assert "attempts to renew it have failed" in (row.authority_reason or "")
    assert "It is the turn of" in (row.authority_reason or "")
    assert parts["zerossl"].orders == 1


def test_an_order_that_hangs_is_given_up(town: Rig) -> None:
    rig, parts = town, _parts(town)
    assert rig.work().generation == 1
    begun = rig.row()
    with rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        row.begin("sealed")
        row.acme_order_url = "https://ca.example/order/1"
        assert begun.issued_at is not None
        row.meet("acme_unavailable", "It does not answer.", None, begun.issued_at + 83 * DAY)
    parts["letsencrypt"].refusal = Unavailable("acme_unavailable", "It does not answer.")
    row = rig.work(after=84 * DAY)
    assert (row.pending_private_key, row.renewal_attempts) == (None, 1)
    assert rig.work(after=84 * DAY + timedelta(hours=1)).generation == 2
    assert parts["zerossl"].orders == 1


def test_the_other_challenge_comes_when_every_authority_refused(rig: Rig) -> None:
    assert rig.work().generation == 1
    rig.authority.refusal = REFUSAL
    assert rig.work(after=70 * DAY).acme_challenge_type is ChallengeType.HTTP_01
    assert rig.work(after=82 * DAY).acme_challenge_type is ChallengeType.HTTP_01, "no DNS account"
    with rig.offline.sessions.begin(PLATFORM) as session:
        account = rows.account(session, None)
        session.get_one(Domain, rig.domain_id).dns_account_id = account.id
    row = rig.work(after=83 * DAY)
    assert row.acme_challenge_type is ChallengeType.DNS_01
    assert rig.work(after=84 * DAY).acme_challenge_type is ChallengeType.HTTP_01


def test_every_domain_of_the_names_must_have_a_dns_account_for_the_other_challenge(
    sessions: Sessions,
) -> None:
    world = uploading(sessions)
    rig, second = world.rig, world.domain("example.net")
    rig.want(hosts=[NAME, "www.example.net"])
    assert rig.work().generation == 1
    rig.authority.refusal = REFUSAL
    for count, domain in enumerate((rig.domain_id, second)):
        with sessions.begin(PLATFORM) as session:
            account = rows.account(session, None)
            session.get_one(Domain, domain).dns_account_id = account.id
        kind = rig.work(after=(82 + count) * DAY).acme_challenge_type
        assert kind is (ChallengeType.DNS_01 if domain == second else ChallengeType.HTTP_01)


ZONE = "challenges.example.net"


def test_delegated_challenges_and_handshakes_come_in_their_turn(rig: Rig) -> None:
    """Without a DNS account: what is to be seen beforehand decides, and nothing is ordered in vain."""
    assert rig.work().generation == 1
    rig.offline.tools = replace(rig.offline.tools, answers_tls_alpn=True, challenge_zone=ZONE)
    rig.authority.refusal = REFUSAL
    kinds = [rig.work(after=(82 * 24 + hours) * HOUR).acme_challenge_type for hours in range(3)]
    assert kinds == [ChallengeType.TLS_ALPN_01, ChallengeType.DNS_01, ChallengeType.HTTP_01]


def test_a_host_that_does_not_lead_here_is_proved_otherwise_at_once(rig: Rig) -> None:
    assert rig.work().generation == 1
    rig.offline.tools = replace(rig.offline.tools, challenge_zone=ZONE)
    rig.internet.points_to()
    row = rig.work(after=82 * DAY + HOUR)
    assert (row.trouble_code, row.acme_challenge_type) == (
        "host_without_address",
        ChallengeType.DNS_01,
    )
    assert row.next_action_at is not None
    assert row.next_action_at - (datetime.now(UTC) + 82 * DAY + HOUR) <= timedelta(seconds=6)
    row = rig.work(after=82 * DAY + 2 * HOUR)
    assert (row.trouble_code, row.acme_challenge_type) == (
        "challenge_zone_missing",
        ChallengeType.HTTP_01,
    )
    assert rig.authority.orders == 1


def test_a_wildcard_has_no_other_challenge(rig: Rig) -> None:
    rig.offline.tools = replace(rig.offline.tools, answers_tls_alpn=True, challenge_zone=ZONE)
    with rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        row.acme_challenge_type = ChallengeType.DNS_01
        row.subject_alternative_names = [f"*.{NAME}"]
        assert not emergency.change_challenge(session, rig.offline.tools, row)
        assert row.acme_challenge_type is ChallengeType.DNS_01


def test_after_a_draft_every_other_challenge_is_tried(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, rig.certificate_id)
        for draft in (ChallengeType.DNS_ACCOUNT_01, ChallengeType.DNS_PERSIST_01):
            row.acme_challenge_type = draft
            assert emergency.change_challenge(session, rig.offline.tools, row)
            assert row.acme_challenge_type is ChallengeType.HTTP_01


def test_the_domain_says_so(rig: Rig) -> None:
    rig.work()
    rig.authority.refusal = REFUSAL
    rig.work(after=62 * DAY)
    assert rig.condition().reason == "renewal_failing"
    row = rig.row()
    assert row.issued_at is not None
    assert row.expires_at is not None
    ago = 85 * DAY
    rig.change(Certificate, rig.certificate_id, issued_at=row.issued_at - ago, expires_at=row.expires_at - ago)  # fmt: skip
    condition = rig.condition()
    assert (condition.reason, condition.status) == ("renewal_emergency", True)
    assert "Other authorities and challenges are tried" in condition.message


def test_attempts_come_often_enough(rig: Rig) -> None:
    row = rig.work()
    assert row.issued_at is not None
    assert row.expires_at is not None
    now, tries = row.expires_at - 9 * DAY, 0
    while now < row.expires_at:
        now, tries = renewal.retry_at(9, now, 0.0, row.expires_at), tries + 1
    assert tries > 8
    assert renewal.is_emergency(row.issued_at, row.expires_at, row.expires_at - 8.9 * DAY)
    assert not renewal.is_emergency(row.issued_at, row.expires_at, row.expires_at - 9.1 * DAY)
