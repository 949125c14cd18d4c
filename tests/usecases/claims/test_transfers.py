"""Who may offer, decline and take back, and what is not to be given."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.contest_rig import Contests
from tests.usecases.claims.test_grants import lent
from tests.usecases.claims.transfer_rig import (
    accepted,
    of,
    offered,
    reference,
)

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.db import Sessions
from nameplate.models import (
    NameTransfer,
    TransferStatus,
)
from nameplate.usecases.claims import domains, transfers
from nameplate.usecases.claims.transfers import TransferOffer

NAME = "example-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Contests:
    return Contests(sessions)


def test_only_the_right_side_acts_and_only_once(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    world.claim(red, NAME)
    transfer = offered(world, red, blue)
    for hostile in (red, green):
        for act in (lambda who: accepted(world, who, transfer),
                    lambda who: transfers.decline(world.sessions, who, transfer)):  # fmt: skip
            with pytest.raises(NotFound, match="no such transfer"):
                act(hostile)
    for hostile in (blue, green):
        with pytest.raises(NotFound):
            transfers.withdraw(world.sessions, hostile, transfer)
    with pytest.raises(NotFound):
        offered(world, green, blue)
    accepted(world, blue, transfer)
    again = (
        lambda: accepted(world, blue, transfer),
        lambda: transfers.decline(world.sessions, blue, transfer),
        lambda: transfers.withdraw(world.sessions, red, transfer),
    )
    for repeat in again:
        with pytest.raises(Conflict) as refused:
            repeat()
        assert refused.value.code == "transfer_over"
    with world.sessions.begin(green) as session:
        assert transfers.page(session, green, limit=5) == []


@pytest.mark.parametrize("how", ["decline", "withdraw", "expire"])
def test_an_offer_that_ends_changes_nothing_and_makes_room(world: Contests, how: str) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    transfer = offered(world, red, blue)
    with pytest.raises(Conflict, match="offered already"):
        offered(world, red, blue)
    if how == "decline":
        transfers.decline(world.sessions, blue, transfer)
    elif how == "withdraw":
        transfers.withdraw(world.sessions, red, transfer)
    else:
        with world.sessions.begin(PLATFORM) as session:
            session.scalars(sa.select(NameTransfer)).one().expires_at = datetime.now(UTC)
    with pytest.raises(Conflict):
        accepted(world, blue, transfer)
    assert world.held() == {NAME: red.organization_id}
    accepted(world, blue, offered(world, red, blue))
    assert world.held() == {NAME: blue.organization_id}


def test_nobody_learns_whether_an_organization_is_there(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    world.claim(red, "other-red.com")
    there = transfers.offer(world.sessions, red, TransferOffer(NAME, reference(blue)))
    nobody = transfers.offer(world.sessions, red, TransferOffer("other-red.com", "nobody"))
    assert (there.status, nobody.status) == (TransferStatus.OFFERED,) * 2
    with pytest.raises(NotFound):
        accepted(world, blue, ids.show("xfr", nobody.id))


def test_both_are_told(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    assert {"transfer.offered", "transfer.accepted", "domain.transferred"} <= set(world.events(red))
    assert {"transfer.received", "domain.transferred"} <= set(world.events(blue))
    world.claim(red, "other-red.com")
    transfers.withdraw(world.sessions, red, offered(world, red, blue, "other-red.com"))
    assert "transfer.taken_back" in world.events(blue)


def test_a_time_that_is_none_is_refused(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    for until in (datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(days=31)):
        with pytest.raises(Invalid):
            offered(world, red, blue, expires_at=until)


def test_what_is_not_the_organization_s_to_give_stays(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, f"a.{NAME}")
    mine = world.claim(red, NAME)
    inherited = world.claim(red, f"b.{NAME}", publish=False, look=False)
    pending = world.claim(red, "other-red.com", publish=False)
    assert world.domain(inherited).is_live
    assert not world.domain(pending).is_live
    for name in (f"a.{NAME}", f"b.{NAME}", "other-red.com"):
        with pytest.raises(Conflict) as refused:
            offered(world, red, blue, name)
        assert refused.value.code == "not_transferable"
    lent(world.offline, red, blue, f"shop.{NAME}")
    world.claim(blue, f"shop.{NAME}", publish=False, look=False)
    with pytest.raises(Conflict, match="cannot be transferred"):
        offered(world, blue, red, f"shop.{NAME}")
    with world.sessions.begin(PLATFORM) as session:
        domains.suspend(session, PLATFORM, ids.show("dom", mine), world.tools.clock(), "phishing")
    with pytest.raises(Conflict, match="suspended"):
        offered(world, red, blue)


def test_what_was_given_is_given_on_only_when_it_is_proved(world: Contests) -> None:
    """Else two organizations could keep a name for ever that neither has proved."""
    red, blue = world.organization("red"), world.organization("blue")
    world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    with pytest.raises(Conflict, match="not proved yet"):
        offered(world, blue, red)
    mine = of(world, blue).id
    world.publish(mine)
    world.look(mine)
    accepted(world, red, offered(world, blue, red))
    assert world.held() == {NAME: red.organization_id}


def test_a_name_whose_proof_is_lost_is_not_given(world: Contests) -> None:
    """Its new holder would have longer to prove it than its former one has."""
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    transfer = offered(world, red, blue)
    world.withdraw(mine)
    world.look(mine, after=timedelta(days=31))
    with pytest.raises(Conflict, match="its proof is lost"):
        accepted(world, blue, transfer)
    world.publish(mine)
    world.look(mine, after=timedelta(days=32))
    accepted(world, blue, transfer)
    assert world.held() == {NAME: blue.organization_id}
