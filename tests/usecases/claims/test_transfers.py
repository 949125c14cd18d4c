"""A holder gives its name to another organization, with what hangs on it, in one transaction."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.claims.contest_rig import Contests
from tests.usecases.claims.test_grants import lent
from tests.usecases.test_holders import bound, served

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound
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
    Server,
    TransferStatus,
    Verification,
)
from nameplate.usecases.certificates import requests
from nameplate.usecases.claims import domains, grants, transfers
from nameplate.usecases.claims.transfers import Acceptance, Offer

NAME = "example-red.com"


@pytest.fixture
def world(sessions: Sessions) -> Contests:
    return Contests(sessions)


def reference(actor: Actor) -> str:
    return ids.show("org", actor.organization_id or 0)


def offered(world: Contests, holder: Actor, to: Actor, name: str = NAME, **terms: object) -> str:
    given = Offer(name, reference(to), **terms)  # type: ignore[arg-type]  # fields of Offer
    return ids.show("xfr", transfers.offer(world.sessions, holder, given).id)


def accepted(world: Contests, actor: Actor, transfer: str, app: str | None = None) -> NameTransfer:
    terms = Acceptance(application=app)
    return transfers.accept(world.sessions, world.tools, actor, transfer, terms)


def application(world: Contests, actor: Actor) -> str:
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, actor.organization_id)
        made = rows.application(session, owner, upstream_host="127.0.0.1", upstream_port=9000)
        return ids.show("app", made.id)


def served_by_a_proxy(world: Contests) -> None:
    with world.sessions.begin(PLATFORM) as session:
        server = session.scalars(sa.select(Server)).first() or rows.server(session, None)
        server.proxy = {"type": "nginx"}


def of(world: Contests, actor: Actor, name: str = NAME) -> Domain:
    with world.sessions.begin(PLATFORM) as session:
        query = Domain.visible(actor).where(Domain.full_domain == name)
        found: Domain = session.scalars(query).one()
        return found


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
    there = transfers.offer(world.sessions, red, Offer(NAME, reference(blue)))
    nobody = transfers.offer(world.sessions, red, Offer("other-red.com", "nobody"))
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
    with pytest.raises(Conflict, match="somebody else has proved it"):
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
