"""What is listed of the limits: as much as was taken, and to each what concerns it."""

from datetime import timedelta

from tests.models import world

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.lifecycle import DomainStatus
from nameplate.db import database_now
from nameplate.models import Budget, Organization
from nameplate.usecases.certificates import budget_levels, budgets
from nameplate.usecases.certificates.budgets import BucketKind, Ordering

LIMITS = {"orders": "10/h", "certificates_per_domain": "4/7d", "failures_per_name": "5/h"}


def populated(sessions):
    """Return an account of the platform, two organizations with a domain each, and their ids."""
    with sessions.begin(PLATFORM) as session:
        account = world.account(session, None, kind="ca", config={"limits": LIMITS})
        acme, rival = world.organization(session), world.organization(session)
        for owner, name in ((acme, "acme.com"), (rival, "rival.com")):
            held = world.domain(session, owner, name, status=DomainStatus.VERIFIED)
            world.certificate(session, held)
        world.domain(session, acme, "rival.com", subdomain="shop")  # anybody may claim it
        given_up = world.domain(session, acme, "rival.com", subdomain="old")
        world.certificate(session, given_up, subject_alternative_names=["old.rival.com"])
        now = database_now(session)
        for owner, base in ((acme, "acme.com"), (acme, "acme.com"), (rival, "rival.com")):
            budgets.take_order(session, account, Ordering(owner.id, [base], [base]), now)
        budgets.count_failures(session, account, ["*.acme.com", "rival.com", "old.rival.com"], now)
        return account, acme.id, rival.id


def told(sessions, actor, organization=None):
    found = budget_levels.levels(sessions, actor, organization)
    return {(one.kind, one.subject): (one.used, one.limit.count) for one in found}


def test_the_operator_sees_all_and_an_organization_what_concerns_it(sessions):
    account, acme, rival = populated(sessions)
    orders, organization = BucketKind.ORDERS, BucketKind.ORGANIZATION
    everything = told(sessions, PLATFORM)
    assert everything == {
        (orders, None): (3, 10),
        (organization, str(acme)): (2, 5),
        (organization, str(rival)): (1, 5),
        (BucketKind.DOMAIN, "acme.com"): (2, 4),
        (BucketKind.DOMAIN, "rival.com"): (1, 4),
        (BucketKind.FAILED, "acme.com"): (1, 5),
        (BucketKind.FAILED, "rival.com"): (1, 5),
        (BucketKind.FAILED, "old.rival.com"): (1, 5),
    }
    mine = told(sessions, Actor(acme))
    assert mine == {
        (organization, str(acme)): (2, 5),
        (BucketKind.DOMAIN, "acme.com"): (2, 4),
        (BucketKind.FAILED, "acme.com"): (1, 5),
    }
    with sessions.begin(PLATFORM) as session:
        slug = session.get_one(Organization, acme).slug
    assert told(sessions, PLATFORM, slug) == mine
    assert account.organization_id is None


def test_an_account_of_ones_own_is_shown_whole_and_nothing_of_the_shared_one(sessions):
    _, acme, _ = populated(sessions)
    with sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, acme)
        world.account(session, owner, kind="ca", name="own", config={"limits": {"orders": "6/h"}})
    assert told(sessions, Actor(acme)) == {(BucketKind.ORDERS, None): (0, 6)}


def test_the_next_is_when_the_next_order_is_not_refused(migrated_sqlite_sessions):
    sessions = migrated_sqlite_sessions
    account, acme, _ = populated(sessions)
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        for base in ("b.com", "c.com", "d.com"):
            budgets.take_order(session, account, Ordering(acme, [base], [base], True), now)
    level = next(
        one
        for one in budget_levels.levels(sessions, Actor(acme), None)
        if one.kind is BucketKind.ORGANIZATION
    )
    assert level.used == 5
    assert level.next_at is not None
    assert timedelta(minutes=10) < level.next_at - now <= timedelta(minutes=19)
    assert level.full_at > level.next_at
    with sessions.begin(PLATFORM) as session:
        ordering = Ordering(acme, ["e.com"], ["e.com"])
        budgets.take_order(session, account, ordering, level.next_at)


def test_what_is_earned_back_and_what_is_far_down_the_list_is_not_listed(migrated_sqlite_sessions):
    sessions = migrated_sqlite_sessions
    account, *_ = populated(sessions)
    with sessions.begin(PLATFORM) as session:
        now = database_now(session)
        for number in range(budget_levels.FULLEST + 5):
            key = budgets.key(account, BucketKind.DOMAIN, f"d{number}.net")
            session.add(Budget(key=key, arrival_at=now + timedelta(days=number - 1)))
    found = [one for one in told(sessions, PLATFORM) if one[0] is BucketKind.DOMAIN]
    assert len(found) == budget_levels.FULLEST
    assert found[0] == (BucketKind.DOMAIN, f"d{budget_levels.FULLEST + 4}.net")
    assert (BucketKind.DOMAIN, "d0.net") not in found


def test_without_an_authority_there_is_nothing_to_list(migrated_sqlite_sessions):
    sessions = migrated_sqlite_sessions
    with sessions.begin(PLATFORM) as session:
        acme = world.organization(session)
    assert budget_levels.levels(sessions, Actor(acme.id), None) == []
    assert budget_levels.levels(sessions, PLATFORM, None) == []
