"""Life after the proof, day by day: notices, out of service, released; and back at any time before."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.usecases.claims.life_rig import DAY, HOUR, NAME, NEW, OLD, Life

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Domain, LossReason, NameHolding, Verification
from nameplate.usecases.claims import conditions, domains, overrides, proving, verifications

METHODS = ("dns_txt", "dns_cname", "acme_dns", "file_upload", "meta_tag", "acme_http")


@pytest.fixture
def life(sessions: Sessions) -> Life:
    made = Life(sessions)
    made.prove()
    return made


@pytest.mark.parametrize("method", METHODS)
def test_the_whole_timeline(sessions: Sessions, method: str) -> None:
    life = Life(sessions, method)
    life.prove()
    assert life.is_served()
    life.published.clear()
    notices = []
    for day in range(7):
        row = life.look((40 + day) * DAY)
        notices.append(row.notices)
        assert life.is_served(), day
    assert notices == [1, 1, 1, 2, 2, 2, 3]
    row = life.look(47 * DAY)
    assert not life.is_served()
    assert life.domain().status is DomainStatus.PENDING_VERIFICATION
    held = life.holding()
    assert held is not None
    assert held.lapsed_at is not None, "kept for its holder"
    assert not life.quarantined()
    for day in (50, 60, 76):
        row = life.look(day * DAY)
        assert row.status is VerificationStatus.VERIFIED
        assert life.holding() is not None
    row = life.look(77 * DAY)
    assert row.status is VerificationStatus.FAILED
    assert life.holding() is None
    assert [(one.name, one.reason.value) for one in life.quarantined()] == [(NAME, "lapsed")]
    assert life.fresh() != life.proof_id
    assert len(life.events("domain.lapsed")) == 1
    assert life.events("domain.released") == [{"reason": "lapsed"}]


def test_each_notice_is_an_event_that_says_why_and_until_when(life: Life) -> None:
    life.lose(6)
    told = life.events("domain.lapsing")
    assert [one["notices"] for one in told] == [1, 2, 3]
    assert {one["lost_reason"] for one in told} == {"proof_gone"}
    assert all("stays in service until" in one["error_message"] for one in told)


@pytest.mark.parametrize("day", [0, 3, 6, 7, 20, 36])
def test_a_proof_that_comes_back_ends_it_and_everything_is_served_again(
    life: Life, day: int
) -> None:
    life.lose(day)
    life.publish()
    row = life.look((40 + day) * DAY + HOUR)
    assert (row.lost_at, row.lapsed_at, row.notices, row.lost_reason) == (None, None, 0, None)
    assert life.is_served()
    assert life.domain().status is not DomainStatus.PENDING_VERIFICATION
    held = life.holding()
    assert held is not None
    assert held.lapsed_at is None
    assert len(life.events("domain.reproved")) == 1


def test_a_new_token_ends_it_as_well(life: Life) -> None:
    life.lose(8)
    with life.sessions.begin(life.acme) as session:
        number = verifications.add(session, life.tools, life.acme, NAME, "dns_txt").id
    life.publish(number)
    life.look(HOUR, number)
    assert life.is_served()
    old = life.row(life.proof_id)
    assert old.status is VerificationStatus.EXPIRED, "what was lost proves nothing any more"


def test_after_the_release_the_old_record_proves_nothing(life: Life) -> None:
    life.lose(37)
    life.publish()
    life.look(78 * DAY)
    assert life.holding() is None
    fresh = life.fresh()
    life.look(DAY, fresh)
    assert life.holding() is None
    life.publish(fresh)
    life.look(DAY, fresh)
    assert life.is_served(), "a fresh token only"
    assert not life.quarantined()


def test_looks_that_say_nothing_count_for_nothing_and_are_told(life: Life) -> None:
    life.inconclusive()
    for day in range(40, 100, 5):
        row = life.look(day * DAY)
    assert row.lost_at is None
    assert life.is_served()
    with life.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, life.domain_id)
        found = conditions.of(session, life.tools, domain)
    (ownership,) = [one for one in found if one.type == "ownership"]
    assert (ownership.status, ownership.reason) == (True, "proof_not_seen")
    assert "No server answered." in ownership.message


def test_within_a_loss_they_give_no_notice_and_end_nothing(life: Life) -> None:
    life.lose(6)
    life.inconclusive()
    for day in range(47, 120, 7):
        life.look(day * DAY)
    assert life.is_served()


def test_a_worker_that_was_away_shortens_no_grace(life: Life) -> None:
    life.lose(0)
    for late in range(4):
        life.look(60 * DAY + late * HOUR)
        assert life.is_served()
    life.look(61 * DAY + 4 * HOUR)
    assert not life.is_served()


def test_claims_that_rest_on_a_lapsed_name_lapse_and_come_back_with_it(life: Life) -> None:
    child, _ = life.claim(life.acme, f"api.{NAME}")
    assert life.domain(child).is_live
    life.lose(7)
    assert not life.domain(child).is_live
    life.publish()
    life.look(48 * DAY)
    assert life.domain(child).is_live


def test_nobody_else_gets_a_name_that_is_kept(life: Life) -> None:
    life.lose(7)
    blue = life.offline.organization("blue")
    other, proof = life.claim(blue)
    life.publish(proof)
    life.look(DAY, proof)
    assert not life.domain(other).is_live
    with life.sessions.begin(PLATFORM) as session:
        assert session.get_one(NameHolding, NAME).organization_id == life.acme.organization_id


def test_a_daily_look_changes_nothing_else(life: Life) -> None:
    first = life.row(life.proof_id)
    life.dns.said[NAME, "A"] = ("192.0.2.5",)
    row = life.look(DAY)
    assert (row.verified_at, row.points_here) == (first.verified_at, True)
    assert row.surroundings is not None
    assert row.surroundings.name_servers == OLD
    row = life.look(31 * DAY)
    assert row.verified_at is not None
    assert first.verified_at is not None
    assert row.verified_at > first.verified_at, "proved anew, in full"


def test_a_name_that_points_elsewhere_is_told_and_served(life: Life) -> None:
    life.dns.said[NAME, "A"] = ("192.0.2.5",)
    life.look(DAY)
    life.dns.said[NAME, "A"] = ("198.51.100.9",)
    assert life.look(2 * DAY).points_here is False
    assert life.is_served()
    assert (len(life.events("domain.pointed_here")), len(life.events("domain.pointed_away"))) == (
        1,
        1,
    )
    life.dns.said[NAME, "A"] = None
    assert life.look(3 * DAY).points_here is False, "no answer changes nothing"


def test_other_name_servers_ask_for_a_new_token_and_bindings_go_on(life: Life) -> None:
    life.look(DAY)
    life.dns.served_by(NEW)
    row = life.look(2 * DAY)
    assert (row.lost_reason, row.notices) == (LossReason.NAME_SERVERS_CHANGED, 1)
    assert life.is_served()
    fresh = life.fresh()
    assert fresh != life.proof_id
    assert life.row(fresh).expires_at is None, "it can prove until the name is released"
    for day in range(3, 10):
        life.look(day * DAY)  # the old record is there, as a new owner may have copied it
    assert not life.is_served()
    life.publish(fresh)
    life.look(11 * DAY, fresh)
    assert life.is_served()
    assert life.row(life.proof_id).status is VerificationStatus.EXPIRED
    row = life.look(12 * DAY, fresh)
    assert row.surroundings is not None
    assert (row.lost_at, row.surroundings.name_servers) == (None, NEW)


def test_some_other_name_servers_or_no_answer_ask_for_nothing(life: Life) -> None:
    life.look(DAY)
    life.dns.served_by((OLD[0], NEW[0]))
    assert life.look(2 * DAY).lost_at is None
    life.dns.said["example.com", "NS"] = None
    assert life.look(3 * DAY).lost_at is None


def test_the_old_name_servers_again_make_the_old_token_count_again(life: Life) -> None:
    life.look(DAY)
    life.dns.served_by(NEW)
    life.look(2 * DAY)
    life.dns.served_by(OLD)
    assert life.look(3 * DAY).lost_at is None


@pytest.mark.parametrize(
    ("facts", "reason", "at_once"),
    [
        ({"registrar": "other"}, LossReason.REGISTRAR_CHANGED, False),
        ({"expires_at": 20}, LossReason.REGISTRATION_ENDED, False),
        ({"registered_at": 5}, LossReason.REGISTERED_ANEW, True),
    ],
)
def test_a_changed_registration_asks_for_a_new_token(
    sessions: Sessions, facts: dict[str, object], reason: LossReason, at_once: bool
) -> None:
    life = Life(sessions)
    life.domain_id, life.proof_id = life.claim(life.acme)
    now = datetime.now(UTC)
    _set(life, registrar="first", registered_at=now - 900 * DAY, expires_at=now + 400 * DAY)
    life.publish()
    life.look(DAY)
    assert life.look(2 * DAY).lost_at is None
    dated = {
        key: now + value * DAY if isinstance(value, int) else value for key, value in facts.items()
    }
    _set(life, **dated)
    row = life.look(21 * DAY)
    assert (row.lost_reason, row.lapsed_at is not None) == (reason, at_once)
    fresh = life.fresh()
    assert fresh != life.proof_id
    life.publish(fresh)
    life.look(22 * DAY, fresh)
    assert life.domain().is_live
    assert life.look(23 * DAY, fresh).lost_at is None, "asked once"


def _set(life: Life, **facts: object) -> None:
    with life.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, life.domain_id)
        for key, value in facts.items():
            setattr(domain, key, value)


def test_the_periods_are_settings(sessions: Sessions) -> None:
    life = Life(sessions)
    short = replace(life.tools.proof_life, grace=2 * DAY, kept=3 * DAY)
    life.tools = replace(life.tools, proof_life=short)
    life.prove()
    life.lose(3)
    assert not life.is_served()
    for day in (44, 45, 46, 47):
        life.look(day * DAY)
    assert life.holding() is None


def test_a_lapsed_domain_that_is_removed_is_released_at_once(life: Life) -> None:
    life.lose(7)
    with life.sessions.begin(life.acme) as session:
        domains.remove(session, life.tools, life.acme, NAME, datetime.now(UTC))
    assert life.holding() is None
    assert [one.name for one in life.quarantined()] == [NAME]
    with life.sessions.begin(life.acme) as session:
        reference = ids.show("dom", life.domain_id)
        domains.restore(session, life.tools, life.acme, reference, datetime.now(UTC))
    life.look(48 * DAY)
    assert life.holding() is None, "the old record proves nothing"
    with life.sessions.begin(PLATFORM) as session:
        assert session.get_one(Verification, life.proof_id).status is VerificationStatus.EXPIRED


def test_a_lapse_and_a_new_proof_at_once_end_with_the_name_in_service(life: Life) -> None:
    life.lose(6)
    with life.sessions.begin(life.acme) as session:
        fresh = verifications.add(session, life.tools, life.acme, NAME, "dns_txt").id
    leases = [
        life.offline.leased(Verification, life.proof_id, after=47 * DAY),
        life.offline.leased(Verification, fresh),
    ]
    life.publish(fresh)

    def look(lease: Lease) -> None:
        proving.reconcile(life.sessions, life.tools, lease)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(look, leases))
    assert life.is_served()
    held = life.holding()
    assert held is not None
    assert held.lapsed_at is None
    assert life.row(life.proof_id).status is VerificationStatus.EXPIRED


def test_what_the_operator_releases_while_it_is_out_of_service_gets_a_fresh_token(
    life: Life,
) -> None:
    life.lose(8)
    with life.sessions.begin(PLATFORM) as session:
        overrides.release(
            session, life.tools, PLATFORM, NAME, reason="A court asked.", now=life.tools.clock()
        )
    assert life.holding() is None
    assert [one["reason"] for one in life.events("domain.overridden")] == ["A court asked."]
    fresh = life.fresh()
    assert fresh != life.proof_id
    life.publish()
    life.look(HOUR, fresh)
    assert life.holding() is None, "the old record proves nothing"
    life.publish(fresh)
    life.look(HOUR, fresh)
    assert life.is_served()
