"""Limits of an authority: never exceeded by all workers together, and what they leave to whom."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from tests.models import world
from tests.usecases.certificates.certificate_rig import Authority, Rig, made

from nameplate.adapters.ca.local import create_root
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import RateLimited
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.db import Sessions
from nameplate.models import Account, Budget
from nameplate.usecases.certificates import budgets
from nameplate.usecases.certificates.budgets import Ordering

NOW = datetime(2026, 11, 29, tzinfo=UTC)
LIMITS = {"limits": {"orders": "10/h", "certificates_per_domain": "4/7d"}}


@pytest.fixture
def rig(migrated_sqlite_sessions: Sessions) -> Rig:
    return made(migrated_sqlite_sessions)


def account(sessions: Sessions, **fields) -> Account:
    with sessions.begin(PLATFORM) as session:
        return world.account(session, None, **{"kind": "ca", "config": LIMITS, **fields})


def taken(sessions, account, *hosts, organization=1, urgent=False, now=NOW, base="example.com"):
    """Take one order, and tell whether that was possible."""
    ordering = Ordering(organization, [base], hosts or ("example.com",), urgent)
    try:
        with sessions.begin(PLATFORM) as session:
            budgets.take_order(session, account, ordering, now)
    except RateLimited as error:
        return f"{error.code}: {error}"
    return None


def test_many_workers_together_stay_within_a_limit(sessions):
    one = account(sessions, config={"limits": {"certificates_per_set": "5/7d"}})
    with ThreadPoolExecutor(8) as threads:
        refused = list(threads.map(lambda _: taken(sessions, one), range(16)))
    assert refused.count(None) == 5


def test_a_refusal_says_what_is_spent_and_until_when(migrated_sqlite_sessions):
    limits = {"limits": {"certificates_per_domain": "4/7d"}}
    one = account(migrated_sqlite_sessions, config=limits)
    said = [taken(migrated_sqlite_sessions, one, f"h{n}.example.com") for n in range(5)]
    assert said[:4] == [None] * 4
    assert "limit of 4 certificates for example.com in 7 days" in said[4]
    assert "possible at 2026-11-30 18:00 UTC" in said[4]
    assert taken(migrated_sqlite_sessions, one, "example.net", base="example.net") is None


def test_one_organization_gets_half_and_the_last_part_is_for_urgent_renewals(
    migrated_sqlite_sessions,
):
    sessions, one = migrated_sqlite_sessions, account(migrated_sqlite_sessions)
    each = (f"d{number}.com" for number in range(100))

    def orders(organization, *, urgent=False):
        found = 0
        while (
            taken(sessions, one, base=next(each), organization=organization, urgent=urgent) is None
        ):
            found += 1
        return found

    assert (orders(1), orders(2)) == (4, 4)
    assert orders(3) == 1
    assert orders(3, urgent=True) == 1
    own = account(sessions, organization_id=None, config={"limits": {"orders": "10/h"}})
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
        session.get_one(Account, own.id).organization_id = owner.id
        own = session.get_one(Account, own.id)
    assert sum(taken(sessions, own, base=next(each)) is None for _ in range(20)) == 9


def test_a_name_whose_proofs_failed_is_not_ordered_until_more_are_allowed(rig):
    rig.change(Account, 1, config={**_directory(rig), "limits": {"failures_per_name": "2/h"}})
    rig.authority.offered = "http-01"
    rig.authority.status = "invalid"
    rig.work()
    rig.work()
    with pytest.raises(
        RateLimited, match=r"limit of 2 failed proofs of shop.example.com in 1 hour"
    ):
        rig.work()
    assert rig.authority.orders == 2
    rig.work(after=timedelta(minutes=31))
    assert rig.authority.orders == 3


def test_success_ends_failures_in_a_row(rig):
    rig.change(Account, 1, config={**_directory(rig), "limits": {"failures_in_a_row": "3/3d"}})
    rig.authority.offered, rig.authority.status = "http-01", "invalid"
    rig.work()
    assert _keys(rig) == ["acme:1:row:shop.example.com"]
    rig.authority.offered = None
    assert rig.work().status is CertificateStatus.ACTIVE
    assert _keys(rig) == []


def test_a_renewal_that_cannot_wait_takes_the_last_part(rig):
    rig.change(Account, 1, config={**_directory(rig), "limits": {"orders": "10/h"}})
    assert rig.work().status is CertificateStatus.ACTIVE
    now = datetime.now(UTC)
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Budget, "acme:1:orders").arrival_at = now + timedelta(minutes=51)
        session.get_one(Budget, "acme:1:organization:1").arrival_at = now
    rig.renew()
    with pytest.raises(RateLimited, match="orders of the account"):
        rig.work()
    certificate = rig.row()
    rig.change(
        type(certificate), certificate.id,
        issued_at=now - timedelta(days=89), expires_at=now + timedelta(days=1),
    )  # fmt: skip
    assert rig.work(after=timedelta(minutes=2)).generation == 2


class Advising(Authority):
    """Suggests a moment to replace what it has issued."""

    def renewal_info(self, certificate: bytes) -> RenewalInfo:
        del certificate
        begins = datetime.now(UTC) + timedelta(days=58)
        return RenewalInfo((begins, begins + timedelta(days=2)))


def test_a_replacement_counts_unless_its_suggested_moment_has_come(rig):
    """Whoever has a certificate renewed every minute spends the limits of all."""
    key, root = create_root("Advising root", datetime.now(UTC))
    rig.authority_is(Advising(key, root, clock=lambda: datetime.now(UTC)))
    limits = {"certificates_per_set": "1/7d"}
    rig.change(Account, 1, config={**_directory(rig), "limits": limits})
    assert rig.work().status is CertificateStatus.ACTIVE
    rig.renew()
    with pytest.raises(RateLimited, match="certificates for exactly these names"):
        rig.work()
    certificate = rig.row()
    came = datetime.now(UTC) - timedelta(minutes=1)
    rig.change(type(certificate), certificate.id, renewal_window_starts_at=came)
    assert rig.work(after=timedelta(minutes=2)).generation == 2


def _directory(rig: Rig) -> dict[str, object]:
    with rig.offline.sessions.begin(PLATFORM) as session:
        return dict(session.get_one(Account, 1).config)


def _keys(rig: Rig) -> list[str]:
    with rig.offline.sessions.begin(PLATFORM) as session:
        return sorted(row.key for row in session.query(Budget))
