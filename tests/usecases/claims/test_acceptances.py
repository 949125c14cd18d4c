"""A holder gives its name to another organization, with what hangs on it, in one transaction."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.claims.contest_rig import Contests, at_once
from tests.usecases.claims.test_grants import lent
from tests.usecases.claims.transfer_rig import (
    accepted,
    application,
    of,
    offered,
    served_by_a_proxy,
)
from tests.usecases.test_holders import bound, served

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotFound
from nameplate.core.lifecycle import CertificateStatus, VerificationStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import (
    Application,
    Binding,
    Certificate,
    ChallengeStatus,
    Domain,
    HoldingBasis,
    LedgerEntry,
    NameGrant,
    NameHolding,
    NameTransfer,
    Organization,
    TransferStatus,
    Verification,
)
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains, grants, overrides, transfers

NAME = "example-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Contests:
    return Contests(sessions)


def test_a_name_changes_hands_with_its_bindings(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    served_by_a_proxy(world)
    bound(world.offline, red, mine)
    transfer = offered(world, red, blue)
    assert world.held() == {NAME: red.organization_id}, "an offer changes nothing"
    ended = accepted(world, blue, transfer, application(world, blue))
    assert ended.status is TransferStatus.ACCEPTED
    assert world.held() == {NAME: blue.organization_id}
    assert of(world, blue).is_live
    with world.sessions.begin(PLATFORM) as session:
        live = session.scalars(Binding.visible(PLATFORM)).one()
        assert live.organization_id == blue.organization_id
        assert session.get_one(Application, live.application_id).upstream_port == 9000
        assert session.get_one(Domain, mine).deleted_at is not None
    assert set(served(world.offline).values()) <= {blue.organization_id}


def test_without_an_application_or_the_holder_s_word_nothing_is_bound(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    served_by_a_proxy(world)
    bound(world.offline, red, world.claim(red, NAME))
    accepted(world, blue, offered(world, red, blue))
    assert served(world.offline) == {}
    other = "other-red.com"
    bound(world.offline, red, world.claim(red, other))
    transfer = offered(world, red, blue, other, with_bindings=False)
    accepted(world, blue, transfer, application(world, blue))
    assert served(world.offline) == {}
    assert set(world.held().values()) == {blue.organization_id}


def test_what_was_issued_goes_along_sealed_to_the_new_row(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    served_by_a_proxy(world)
    bound(world.offline, red, mine)
    with world.sessions.begin(PLATFORM) as session:
        issued = rows.certificate(
            session, session.get_one(Domain, mine), status=CertificateStatus.ACTIVE,
            subject_alternative_names=[NAME], certificate_bundle="BUNDLE", generation=1,
            expires_at=datetime.now(UTC) + timedelta(days=40),
        )  # fmt: skip
        issued.private_key = world.tools.keyring.seal(Secret("KEY"), requests.key_place(issued))
        former = issued.private_key
    accepted(world, blue, offered(world, red, blue), application(world, blue))
    with world.sessions.begin(PLATFORM) as session:
        live = session.scalars(Certificate.visible(PLATFORM)).one()
        assert live.organization_id == blue.organization_id
        assert live.private_key not in {None, former}
        opened = world.tools.keyring.open(live.private_key or "", requests.key_place(live))
        assert opened.reveal() == "KEY"
        binding = session.scalars(Binding.visible(PLATFORM)).one()
        assert binding.ssl_certificate_id == live.id


def test_a_key_that_the_former_holder_knows_does_not_go_along(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    served_by_a_proxy(world)
    bound(world.offline, red, mine)
    with world.sessions.begin(PLATFORM) as session:
        rows.certificate(
            session, session.get_one(Domain, mine), status=CertificateStatus.ACTIVE,
            certificate_type="custom", subject_alternative_names=[NAME], private_key="v1:x",
        )  # fmt: skip
    accepted(world, blue, offered(world, red, blue), application(world, blue))
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(Certificate.visible(PLATFORM)).all() == []


def test_what_was_lent_is_lent_by_the_new_holder(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    world.claim(red, NAME)
    grant = lent(world.offline, red, green, f"shop.{NAME}")
    own = lent(world.offline, red, blue, f"mine.{NAME}")
    theirs = world.claim(green, f"shop.{NAME}", publish=False, look=False)
    mine = world.claim(blue, f"mine.{NAME}", publish=False, look=False)
    for one in (grant, own):
        _settle(world, one)
    assert world.domain(theirs).is_live
    bound(world.offline, green, theirs)
    accepted(world, blue, offered(world, red, blue))
    assert served(world.offline) == {(f"shop.{NAME}", "/"): green.organization_id}
    for one in (grant, own):
        _settle(world, one)
    assert world.domain(theirs).is_live
    assert world.domain(mine).is_live
    assert world.held() == {NAME: blue.organization_id, f"shop.{NAME}": green.organization_id}
    with pytest.raises(NotFound), world.sessions.begin(red) as session:
        grants.revoke(session, red, ids.show("gnt", grant), world.tools.clock())


def _settle(world: Contests, grant: int) -> None:
    grants.reconcile(world.sessions, world.tools, world.offline.leased(NameGrant, grant))


def test_what_the_former_holder_has_below_ends(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    own = world.claim(red, f"a.{NAME}")
    bound(world.offline, red, own)
    world.claim(red, NAME)
    rest = world.claim(red, f"b.{NAME}", publish=False, look=False)
    bound(world.offline, red, rest)
    star = world.claim(red, f"*.{NAME}")
    accepted(world, blue, offered(world, red, blue))
    assert world.held() == {NAME: blue.organization_id}
    assert served(world.offline) == {}
    for one in (own, rest):
        assert not world.domain(one).is_live
    assert world.domain(star).deleted_at is not None
    assert of(world, blue, f"*.{NAME}").is_live


def test_records_stay_in_the_zone_of_the_former_holder(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    with world.sessions.begin(PLATFORM) as session:
        claim = session.get_one(Domain, mine)
        account = rows.account(session, session.get_one(Organization, red.organization_id))
        rows.ledger_entry(session, account, claim)
    accepted(world, blue, offered(world, red, blue))
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(LedgerEntry)).all() == []


def test_the_new_holder_must_prove_in_time(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    world.claim(red, NAME)
    world.claim(red, "other-red.com")
    accepted(world, blue, offered(world, red, blue))
    accepted(world, blue, offered(world, red, blue, "other-red.com"))
    proved, unproved = of(world, blue), of(world, blue, "other-red.com")
    world.publish(proved.id)
    assert world.look(proved.id) is VerificationStatus.VERIFIED
    world.look(unproved.id, after=timedelta(days=29))
    assert world.domain(unproved.id).is_live
    world.look(unproved.id, after=timedelta(days=31))
    assert not world.domain(unproved.id).is_live
    assert world.held() == {NAME: blue.organization_id}
    with world.sessions.begin(PLATFORM) as session:
        assert session.scalars(sa.select(NameHolding)).one().basis is HoldingBasis.PROOF
    assert world.look(world.claim(green, "other-red.com")) is VerificationStatus.VERIFIED


def test_a_gift_wards_off_no_challenge(world: Contests) -> None:
    red, blue, green = (world.organization(one) for one in ("red", "blue", "green"))
    mine = world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    with world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Domain, mine).deleted_at is not None
    world.claim(green, NAME)
    challenge = world.open_challenge()
    world.step(challenge)
    with pytest.raises(Conflict, match="not proved yet"):
        offered(world, blue, red)
    ended = world.step(challenge, after=timedelta(days=1, minutes=1))
    assert ended.status is ChallengeStatus.WON
    assert world.held() == {NAME: green.organization_id}


def test_the_former_token_proves_nothing_any_more(world: Contests) -> None:
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    accepted(world, blue, offered(world, red, blue))
    with world.sessions.begin(PLATFORM) as session:
        domains.restore(session, world.tools, red, ids.show("dom", mine), world.tools.clock())
    old = [one for one in _proofs(world, mine) if one.status is VerificationStatus.EXPIRED]
    assert old
    world.look(mine)
    assert world.held() == {NAME: blue.organization_id}


def _proofs(world: Contests, domain: int) -> list[Verification]:
    with world.sessions.begin(PLATFORM) as session:
        query = sa.select(Verification).where(Verification.organization_domain_id == domain)
        return list(session.scalars(query))


@pytest.mark.parametrize("meanwhile", ["removed", "taken_back", "declined", "released"])
def test_of_what_happens_to_a_name_at_once_one_thing_happens(
    world: Contests, meanwhile: str
) -> None:
    """Two acceptances and an act of the other side, in threads: one holder, and nothing half done."""
    red, blue = world.organization("red"), world.organization("blue")
    mine = world.claim(red, NAME)
    served_by_a_proxy(world)
    bound(world.offline, red, mine)
    transfer = offered(world, red, blue)
    app = application(world, blue)
    acts: dict[str, Callable[[], object]] = {
        "removed": partial(_remove, world, red, mine),
        "taken_back": partial(transfers.withdraw, world.sessions, red, transfer),
        "declined": partial(transfers.decline, world.sessions, blue, transfer),
        "released": partial(_override, world),
    }
    accept = partial(accepted, world, blue, transfer, app)
    errors = at_once([accept, acts[meanwhile], accept])
    assert all(isinstance(one, Conflict | NotFound | None) for one in errors), errors
    with world.sessions.begin(PLATFORM) as session:
        row = session.scalars(sa.select(NameTransfer)).one()
        holders = set(session.scalars(sa.select(NameHolding.organization_id)))
    taken = row.status is TransferStatus.ACCEPTED
    assert sum(one is None for one in (errors[0], errors[2])) == taken
    assert holders <= {blue.organization_id if taken else red.organization_id}
    assert set(served(world.offline).values()) <= holders


def _remove(world: Contests, actor: Actor, domain: int) -> None:
    with world.sessions.begin(actor) as session:
        domains.remove(session, world.tools, actor, ids.show("dom", domain), datetime.now(UTC))


def _override(world: Contests) -> None:
    with world.sessions.begin(PLATFORM) as session:
        overrides.release(
            session, world.tools, PLATFORM, NAME, reason="a court", now=datetime.now(UTC)
        )
