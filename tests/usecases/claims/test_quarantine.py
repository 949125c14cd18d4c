"""Released names: what takes them out of quarantine, what does not, and when they are free."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest
from tests.usecases.claims.life_rig import DAY, HERE, HOUR, NAME, Life

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NotFound, NotPermitted, Unavailable
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import Sessions
from nameplate.models import HoldingScope, NameHolding, Verification
from nameplate.models.deletion import soft_delete
from nameplate.models.organizations import Organization
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases.claims import domains, proving, quarantine, verifications
from nameplate.usecases.work import Superseded

NOW = 0 * DAY


@pytest.fixture
def life(sessions: Sessions) -> Life:
    made = Life(sessions)
    made.prove()
    made.dns.said[NAME, "A"] = (HERE,)
    return made


def _remove(life: Life) -> None:
    with life.sessions.begin(life.acme) as session:
        domains.remove(session, life.tools, life.acme, NAME, datetime.now(UTC))


def _holder(life: Life) -> int | None:
    held = life.holding()
    return None if held is None else held.organization_id


def _add(life: Life, actor: Actor, method: str) -> int:
    with life.sessions.begin(actor) as session:
        return verifications.add(session, life.tools, actor, NAME, method).id


def test_a_removed_name_is_nobodys_and_its_hosts_too(life: Life) -> None:
    with life.sessions.begin(PLATFORM) as session:
        (binding,) = life.bindings()
        session.merge(binding).hostname = f"www.{NAME}"
    _remove(life)
    assert not life.is_served()
    assert [(one.name, one.scope) for one in sorted(life.quarantined(), key=lambda x: x.name)] == [
        (NAME, HoldingScope.SUBTREE),
        (f"www.{NAME}", HoldingScope.EXACT),
    ]
    assert [one["name"] for one in life.events("domain.quarantined")] == [NAME]


def test_the_same_organization_needs_a_fresh_token_only(life: Life) -> None:
    _remove(life)
    _, proof = life.claim(life.acme, method="file_upload")
    life.look(NOW, proof)
    assert _holder(life) is None, "the old record is there still"
    life.publish(proof)
    life.look(NOW, proof)
    assert _holder(life) == life.acme.organization_id
    assert not life.quarantined()
    assert len(life.events("domain.quarantine_ended")) == 1


@pytest.mark.parametrize("method", ["file_upload", "meta_tag", "acme_http", "email"])
def test_another_organization_must_prove_by_dns(life: Life, method: str) -> None:
    _remove(life)
    blue = life.offline.organization("blue")
    number, proof = life.claim(blue, method=method)
    life.publish(proof)
    row = life.look(NOW, proof)
    assert _holder(life) is None
    assert "Prove it by a DNS record." in (row.error_message or "")
    assert "acme" not in (row.error_message or "")
    fresh = _add(life, blue, "dns_txt")
    life.publish(fresh)
    life.look(NOW, fresh)
    assert life.domain(number).is_live
    assert not life.quarantined()


def test_a_host_below_a_released_name_is_no_easier(life: Life) -> None:
    _remove(life)
    blue = life.offline.organization("blue")
    _, proof = life.claim(blue, f"www.{NAME}", method="file_upload")
    life.publish(proof, f"www.{NAME}")
    life.look(NOW, proof)
    with life.sessions.begin(PLATFORM) as session:
        assert session.get(NameHolding, f"www.{NAME}") is None


def test_nobodys_token_from_before_the_release_proves_anything(life: Life) -> None:
    blue = life.offline.organization("blue")
    number, waiting = life.claim(blue)
    life.publish(waiting)
    life.look(NOW, waiting)
    _remove(life)
    row = life.look(NOW, waiting)
    assert (row.status, _holder(life)) == (VerificationStatus.EXPIRED, None)
    fresh = life.fresh(number)
    assert fresh != waiting
    life.publish(fresh)
    life.look(NOW, fresh)
    assert _holder(life) == blue.organization_id


def test_what_was_never_released_is_as_before(life: Life) -> None:
    _remove(life)
    blue = life.offline.organization("blue")
    number, proof = life.claim(blue, "other.example.com", method="file_upload")
    life.publish(proof, "other.example.com")
    life.look(NOW, proof)
    assert life.domain(number).is_live


def test_it_ends_when_the_name_has_not_pointed_here_for_three_days(life: Life) -> None:
    _remove(life)
    (row,) = life.quarantined()
    life.look_at_quarantine(row.id, HOUR)
    (row,) = life.quarantined()
    assert row.away_since is None
    assert row.explanation == f"The name points to {HERE}, which is here."
    life.dns.said[NAME, "A"] = ("198.51.100.9",)
    life.look_at_quarantine(row.id, DAY)
    life.dns.said[NAME, "A"] = (HERE,)
    life.look_at_quarantine(row.id, 3 * DAY)
    life.dns.said.pop((NAME, "A"))
    life.look_at_quarantine(row.id, 4 * DAY)
    life.dns.said[NAME, "A"] = None
    life.look_at_quarantine(row.id, 8 * DAY)
    assert life.quarantined(), "no answer ends nothing"
    life.dns.said.pop((NAME, "A"))
    life.look_at_quarantine(row.id, 6 * DAY + 23 * HOUR)
    assert life.quarantined()
    life.look_at_quarantine(row.id, 7 * DAY)
    assert not life.quarantined()
    blue = life.offline.organization("blue")
    number, proof = life.claim(blue, method="file_upload")
    life.publish(proof)
    life.look(NOW, proof)
    assert life.domain(number).is_live, "it is a name like any other"


def test_a_wildcard_that_points_here_keeps_the_name_in_quarantine(life: Life) -> None:
    _remove(life)
    (row,) = life.quarantined()
    life.dns.said.pop((NAME, "A"))
    asked = life.dns.authoritative

    def wildcard(name: str, rdtype: str, **_: object):
        if name != NAME and name.endswith(NAME) and rdtype == "A":
            life.dns.said[name, "A"] = (HERE,)
        return asked(name, rdtype)

    life.dns.authoritative = wildcard  # type: ignore[method-assign]  # of this world
    life.look_at_quarantine(row.id, HOUR)
    assert life.quarantined()[0].away_since is None


def test_removing_the_organization_quarantines_all_that_it_held(life: Life) -> None:
    with life.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, life.acme.organization_id)
        soft_delete(session, owner, datetime.now(UTC))
    assert [one.name for one in life.quarantined()] == [NAME]
    assert _holder(life) is None


def test_the_operator_ends_one_with_a_reason_and_nobody_else(life: Life) -> None:
    _remove(life)
    reference = ids.show("qrn", life.quarantined()[0].id)
    blue = life.offline.organization("blue")
    with life.sessions.begin(blue) as session, pytest.raises(NotFound):
        quarantine.end(session, blue, reference, "mine")
    with life.sessions.begin(life.acme) as session, pytest.raises(NotPermitted):
        quarantine.end(session, life.acme, reference, "mine")
    with life.sessions.begin(PLATFORM) as session:
        assert [one.name for one in quarantine.page(session, PLATFORM, limit=9)] == [NAME]
        quarantine.end(session, PLATFORM, reference, "The owner has shown a letter.")
    assert not life.quarantined()
    (told,) = life.events("domain.quarantine_ended")
    assert told["ended_because"] == "The owner has shown a letter."


def test_a_claim_that_rests_on_more_keeps_the_name_out_of_quarantine(life: Life) -> None:
    child, _ = life.claim(life.acme, f"api.{NAME}")
    with life.sessions.begin(life.acme) as session:
        domains.remove(session, life.tools, life.acme, ids.show("dom", child), datetime.now(UTC))
    assert not life.quarantined(), "it had no holding of its own"


def test_released_twice_it_is_there_once(life: Life) -> None:
    _remove(life)
    life.domain_id, life.proof_id = life.claim(life.acme)
    life.publish()
    life.look(NOW)
    _remove(life)
    assert [one.name for one in life.quarantined()] == [NAME]


def test_of_many_that_take_a_released_name_at_once_one_does(life: Life) -> None:
    _remove(life)
    actors = [life.offline.organization(f"Org {n}") for n in range(4)]
    proofs = [life.claim(actor)[1] for actor in actors]
    leases = [life.offline.leased(Verification, one) for one in proofs]
    seen = {life.row(one).verification_token for one in proofs}
    life.offline.method.check = lambda name, token: _matched(seen, token)  # type: ignore[method-assign]  # of this world
    with ThreadPoolExecutor(4) as threads:
        run = partial(proving.reconcile, life.sessions, life.tools)
        list(threads.map(run, leases))
    won = [one for one in proofs if life.row(one).status is VerificationStatus.VERIFIED]
    assert len(won) == 1
    assert _holder(life) == life.row(won[0]).organization_id
    assert not life.quarantined()


def _matched(seen: set[str], token: str) -> Proof:
    return Proof(Verdict.MATCH if token in seen else Verdict.ABSENT, "txt_match", "There.")


def test_a_proof_at_the_moment_of_the_removal_holds_nothing(life: Life) -> None:
    """Whichever comes first: no holding is left of a removed domain."""
    lease = life.offline.leased(Verification, life.proof_id, after=31 * DAY)

    def look() -> None:
        with suppress(Superseded, Unavailable):
            proving.reconcile(life.sessions, life.tools, lease)

    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(look), threads.submit(_remove, life)]
        for one in both:
            one.result()
    assert _holder(life) is None
    assert [one.name for one in life.quarantined()] == [NAME]
    assert not life.is_served()
