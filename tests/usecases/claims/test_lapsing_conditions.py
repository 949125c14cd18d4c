"""What a domain says of its proof: what to do, until when, whose turn it is."""

from datetime import timedelta

import pytest
from tests.usecases.claims.life_rig import DAY, HERE, NAME, NEW, Life

from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import Domain
from nameplate.usecases.claims import conditions


@pytest.fixture
def life(sessions: Sessions) -> Life:
    made = Life(sessions)
    made.prove()
    return made


def _of(life: Life, type_: str = "ownership") -> Condition:
    with life.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, life.domain_id)
        found = conditions.of(session, life.tools, domain)
    return next(one for one in found if one.type == type_)


def _day(life: Life, days: int) -> str:
    lost = life.row(life.proof_id).lost_at
    assert lost is not None
    return f"{lost + timedelta(days=days):%Y-%m-%d}"


def test_a_lost_proof_says_what_to_publish_and_until_when(life: Life) -> None:
    life.lose(3)
    found = _of(life)
    assert (found.status, found.reason, found.turn) == (True, "proof_lost", Turn.YOU)
    assert f"stays in service until {_day(life, 7)}" in found.message
    assert found.fix.startswith("Publish ")
    assert f"before {_day(life, 7)}, or the name goes out of service" in found.fix
    assert life.row(life.proof_id).verification_token in str(found.expected)
    assert found.next_check_at is not None


def test_a_lapsed_name_says_until_when_it_is_kept(life: Life) -> None:
    life.lose(8)
    found = _of(life)
    assert (found.status, found.reason, found.turn) == (False, "lapsed", Turn.YOU)
    assert f"kept until {_day(life, 37)}" in found.message
    assert f"On {_day(life, 37)} the name is released." in found.fix
    assert found.since == life.row(life.proof_id).lapsed_at


def test_other_name_servers_show_the_new_token_alone(life: Life) -> None:
    life.look(DAY)
    life.dns.served_by(NEW)
    life.look(2 * DAY)
    found = _of(life)
    assert (found.reason, found.turn) == ("new_token_needed", Turn.YOU)
    assert found.message.startswith("The name servers have changed since the proof.")
    assert life.row(life.fresh()).verification_token in str(found.expected)
    assert life.row(life.proof_id).verification_token not in str(found.expected) + found.fix


def test_of_a_file_a_dns_record_is_offered_too(sessions: Sessions) -> None:
    life = Life(sessions, "file_upload")
    life.prove()
    life.look(DAY)
    life.dns.served_by(NEW)
    life.look(2 * DAY)
    assert _of(life).fix.startswith("One of these is enough.")


def test_a_name_that_points_elsewhere_says_so(life: Life) -> None:
    life.dns.said[NAME, "A"] = (HERE,)
    life.look(DAY)
    with pytest.raises(StopIteration):
        _of(life, "pointing")
    life.dns.said[NAME, "A"] = ("198.51.100.9",)
    life.look(2 * DAY)
    found = _of(life, "pointing")
    assert (found.status, found.reason) == (True, "points_elsewhere")
