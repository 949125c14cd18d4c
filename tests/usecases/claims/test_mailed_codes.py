"""Codes by mail: from the claim through a real mail server back through the claimant's session."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from tests.databases import sessions_over
from tests.servers.mailbox import MailServer as Mailbox
from tests.usecases.claims.mail_rig import CODE, NAME, World

from nameplate.adapters.smtp import SmtpMailer
from nameplate.core import ids, tokens
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, NotFound
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.core.secret import Secret
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import (
    Domain,
    HoldingScope,
    MailState,
    NameHolding,
    Verification,
)
from nameplate.usecases import work
from nameplate.usecases.claims import (
    conditions,
    domains,
    mailed_codes,
    proving,
    verifications,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def world(migrated_sqlite_url: str) -> Iterator[World]:
    with Mailbox() as mailbox:
        yield World(sessions_over(migrated_sqlite_url), mailbox)


def test_from_the_claim_to_the_proof(world):
    number = world.claim()
    row = world.look(number)
    assert (row.status, world.reason(row)) == (VerificationStatus.VERIFYING, "mail_awaited")
    assert "admin@example.com" in row.last_look.observed[0]
    (mail,) = world.mails()
    assert mail.state is MailState.ACCEPTED
    assert world.code() not in str(vars(mail))
    world.confirm(number, world.code())
    row = world.look(number)
    assert (row.status, row.proved_scope) == (VerificationStatus.VERIFIED, HoldingScope.EXACT)
    with world.sessions.begin(PLATFORM) as session:
        assert session.get_one(Domain, row.organization_domain_id).status is DomainStatus.VERIFIED
        assert session.get_one(NameHolding, NAME).scope is HoldingScope.EXACT
    assert world.mailbox.count == 1, "one message for all five addresses"
    assert "://" not in world.mailbox.arrived("admin@example.com"), "no link for a scanner"


@pytest.mark.parametrize("spelled", [str.upper, lambda c: c.replace("-", ""), lambda c: f" {c}\n"])
def test_a_code_as_people_type_it(world, spelled):
    number = world.claim()
    world.look(number)
    world.confirm(number, spelled(world.code()))
    assert world.look(number).status is VerificationStatus.VERIFIED


def test_looking_sends_nothing_again_and_takes_no_code(world):
    number = world.claim()
    for _ in range(5):
        assert world.reason(world.look(number)) == "mail_awaited"
    with world.sessions.begin(world.acme) as session:
        verifications.get(session, world.acme, ids.show(Prefix.VERIFICATION, number))
    assert world.mailbox.count == 1
    assert world.mails()[0].confirmed_at is None


def test_guessed_codes(world):
    number = world.claim()
    world.look(number)
    right = world.code()
    for wrong in ("a" * 24, "", right[:-1], right + "a", "0000"):
        with pytest.raises(Invalid) as raised:
            world.confirm(number, wrong)
        assert raised.value.code == "code_wrong"
        assert right not in str(raised.value)
    with pytest.raises(Conflict) as over:
        world.confirm(number, right)
    assert over.value.code == "code_expired"
    row = world.look(number)
    assert (row.status, world.reason(row)) == (VerificationStatus.VERIFYING, "mail_void")


def test_a_code_counts_once_and_for_its_own_verification(world):
    number = world.claim()
    world.look(number)
    first = world.code()
    world.confirm(number, first)
    with pytest.raises(Conflict, match="No code is valid"):
        world.confirm(number, first)
    evil = world.offline.organization("Evil")
    theirs = world.claim(evil)
    world.look(theirs)
    with pytest.raises(Invalid, match="not the code"):
        world.confirm(theirs, first, evil)
    with pytest.raises(NotFound):
        world.confirm(number, world.code(), evil)


def test_a_superseded_and_a_removed_claims_code(world):
    number = world.claim()
    world.look(number)
    old = world.code()
    with world.sessions.begin(world.acme) as session:
        newer = verifications.add(session, world.tools, world.acme, NAME, "email").id
    world.look(newer)
    with pytest.raises(Conflict, match="expired"):
        world.confirm(number, old)
    with pytest.raises(Invalid, match="not the code"):
        world.confirm(newer, old)
    latest = world.code()
    with world.sessions.begin(world.acme) as session:
        domains.remove(session, world.tools, world.acme, NAME, world.tools.clock())
    with pytest.raises(NotFound):
        world.confirm(newer, latest)


def test_a_code_expires_and_so_does_one_that_was_entered(world):
    number = world.claim()
    world.look(number)
    world.rewind(25 * HOUR)
    with pytest.raises(Conflict, match="No code is valid"):
        world.confirm(number, world.code())
    row = world.look(number)
    assert world.reason(row) == "mail_expired"
    assert world.mailbox.count == 1
    with world.sessions.begin(world.acme) as session:
        newer = verifications.add(session, world.tools, world.acme, NAME, "email").id
    world.look(newer)
    world.confirm(newer, world.code())
    world.rewind(25 * HOUR)
    assert world.look(newer).status is VerificationStatus.VERIFYING


def test_three_messages_a_day_over_all_organizations_and_names(world):
    names = [NAME, "example.com", "a.example.com", "b.example.com"]
    rows = [
        world.look(world.claim(world.offline.organization(f"Org {n}"), name))
        for n, name in enumerate(names)
    ]
    assert [world.reason(row) for row in rows] == [*["mail_awaited"] * 3, "mail_delayed"]
    assert world.mailbox.count == 3
    assert "organization" not in (rows[-1].error_message or "")
    assert "Org" not in (rows[-1].error_message or "")
    elsewhere = world.look(world.claim(name="shop.example.net"))
    assert world.reason(elsewhere) == "mail_awaited"
    world.rewind(25 * HOUR)
    assert world.reason(world.look(rows[-1].id)) == "mail_awaited"


def test_a_contact_of_many_zones_gets_three_messages(world):
    world.dns.contact = "victim@elsewhere.example"
    for n in range(5):
        world.look(world.claim(name=f"zone{n}.com"))
    assert world.mailbox.count == 3
    assert {one.limited_as for one in world.mails()} == {"victim@elsewhere.example"}


def test_every_recipient_is_refused(world):
    world.mailbox.refused["*"] = "550 5.1.1 <script>no such mailbox</script>"
    row = world.look(world.claim())
    assert world.reason(row) == "mail_refused"
    assert "admin@example.com was refused with status 550" in (row.error_message or "")
    assert "script" not in (row.error_message or "")
    world.look(row.id)
    assert len(world.mails()) == 1, "it is not tried again"


def test_some_recipients_are_refused(world):
    world.mailbox.refused["admin@example.com"] = "550 no"
    number = world.claim()
    row = world.look(number)
    assert world.reason(row) == "mail_awaited"
    assert "admin@example.com was refused with status 550" in row.last_look.observed[0]
    world.confirm(number, world.code("postmaster@example.com"))
    assert world.look(number).status is VerificationStatus.VERIFIED


def test_a_message_that_is_refused_whole(world):
    world.mailbox.at_data = "554 spam"
    row = world.look(world.claim())
    assert world.reason(row) == "mail_refused"
    assert "status 554" in (row.error_message or "")


def test_a_server_that_cannot_now_is_tried_again(world):
    world.mailbox.at_data = "451 later"
    number = world.claim()
    for _ in range(5):
        assert world.fail(number).trouble_code == "mail_failed"
    assert len(world.mails()) == 1, "what failed is not kept"
    world.mailbox.at_data = None
    assert world.reason(world.look(number)) == "mail_awaited"
    assert world.mailbox.count == 1


def test_a_mail_server_that_is_away_is_the_operator_s_and_wakes_who_waits(world):
    world.mailbox.at_data = "451 later"
    number = world.claim()
    row = world.fail(number)
    assert (row.trouble_code, row.waits_for) == ("mail_failed", proving.MAIL)
    assert row.next_action_at - row.updated_at <= work.WATCH + timedelta(seconds=1)
    with world.sessions.begin(PLATFORM) as session:
        found = session.get_one(Domain, row.organization_domain_id)
        told = conditions.of(session, world.tools, found)
    one = next(one for one in told if one.type == "ownership")
    assert (one.reason, one.turn) == ("mail_failed", Turn.OPERATOR)
    assert "could not be sent" in one.message
    world.mailbox.at_data = None
    assert world.look(number).trouble_code is None


def test_a_slow_servers_message_may_have_arrived(world):
    world.mailbox.pause = 1.5
    number = world.claim()
    assert world.reason(world.look(number)) == "mail_uncertain"
    assert world.reason(world.look(number)) == "mail_uncertain"
    assert len(world.mails()) == 1, "nothing is sent twice for it"


class Ended(BaseException):
    """The worker's process ends."""


def test_a_worker_that_ends_between_intent_and_message(world, monkeypatch):
    number = world.claim()

    def end(*_: object) -> None:
        raise Ended

    with monkeypatch.context() as broken:
        broken.setattr(SmtpMailer, "send", end)
        with pytest.raises(Ended):
            world.look(number)
    (mail,) = world.mails()
    assert mail.state is MailState.INTENDED
    row = world.look(number, after=2 * HOUR)
    assert world.reason(row) == "mail_uncertain"
    assert world.mailbox.count == 0


def test_a_proof_that_ran_out_needs_another_code(world):
    number = world.claim()
    world.look(number)
    world.confirm(number, world.code())
    proved = world.look(number).verified_at
    assert isinstance(proved, datetime)
    row = world.look(number, after=30 * DAY)
    assert (row.status, world.reason(row), row.lost_at) == (
        VerificationStatus.VERIFIED,
        "mail_awaited",
        None,
    )
    assert world.mailbox.count == 2
    lost = world.look(number, after=31 * DAY + HOUR)
    assert (world.reason(lost), lost.lost_at is None) == ("mail_expired", False)
    assert world.mailbox.count == 2
    assert world.reason(world.look(number, after=33 * DAY + HOUR)) == "mail_awaited"
    assert world.mailbox.count == 3, "a reminder"
    for hours in range(12, 8 * 24, 12):
        gone = world.look(number, after=33 * DAY + hours * HOUR)
    assert gone.lapsed_at is not None
    with world.sessions.begin(PLATFORM) as session:
        assert session.get_one(NameHolding, NAME).lapsed_at is not None


def test_old_messages_are_forgotten(world):
    world.look(world.claim())
    with world.sessions.begin(PLATFORM) as session:
        mailed_codes.forget_old(session, world.tools.clock() + 29 * DAY)
    assert len(world.mails()) == 1
    with world.sessions.begin(PLATFORM) as session:
        mailed_codes.forget_old(session, world.tools.clock() + 31 * DAY)
    assert not world.mails()


def test_codes_of_other_methods_are_not_expected(world):
    with world.sessions.begin(world.acme) as session:
        domains.add(session, world.tools, world.acme, name=NAME)
        (row,) = verifications.page(session, world.acme, limit=9, domain=NAME)
    with pytest.raises(Conflict) as raised:
        world.confirm(row.id, "abcd")
    assert raised.value.code == "code_not_expected"


def test_many_that_send_at_once_keep_the_limit(sessions: Sessions) -> None:
    """The lock of the name comes before the count, and a tenant sees its own codes alone."""
    with Mailbox() as mailbox:
        world = World(sessions, mailbox)
        actors = [world.offline.organization(f"Org {n}") for n in range(4)]
        numbers = [world.claim(actor, f"n{n}.example.com") for n, actor in enumerate(actors)]
        leases = [world.offline.leased(Verification, number) for number in numbers]
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda lease: proving.reconcile(sessions, world.tools, lease), leases))
        assert mailbox.count == 3
        mail = world.mails()[0]
        owner = numbers.index(mail.domain_verification_id)
        code = next(
            found
            for found in CODE.findall(mailbox.arrived("admin@example.com"))
            if tokens.code_digest(Secret(found)) == mail.code_digest
        )
        with pytest.raises(NotFound):
            world.confirm(mail.domain_verification_id, code, actors[owner - 1])
        world.confirm(mail.domain_verification_id, code, actors[owner])
        row = world.look(mail.domain_verification_id)
        assert row.status is VerificationStatus.VERIFIED
