"""Whatever waits for an account at an authority goes on when that is repaired, whatever its back-off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from tests.databases import sessions_over
from tests.usecases.certificates.certificate_rig import DIRECTORY, Rig, made

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Account, Certificate
from nameplate.usecases import work
from nameplate.usecases.certificates import issuance
from nameplate.usecases.tenants import accounts, ca_accounts

CAA = Refused("acme_caa", "CAA admits another authority.")
DOWN = Unavailable("ca_unreachable", "No answer from the authority.")
DAY = timedelta(days=1)


def _changed(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        config = {**DIRECTORY, "contact": []}
        accounts.update(session, PLATFORM, rig.offline.tools, "ca", config=config)


def _renamed(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.update(session, PLATFORM, rig.offline.tools, "ca", name="renamed")


def _tested(rig: Rig) -> None:
    found = accounts.test(rig.offline.sessions, rig.offline.tools, PLATFORM, "ca")
    assert found["ok"], found


def _added(rig: Rig) -> None:
    rig.add_account(name="own", organization="acme")


def _replaced(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "ca", datetime.now(UTC), force=True)
    rig.add_account(name="another")


def _restored(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.remove(session, PLATFORM, "ca", datetime.now(UTC), force=True)
        session.execute(
            Certificate.__table__.update().values(next_action_at=datetime.now(UTC) + DAY)  # type: ignore[attr-defined]  # a table
        )
        accounts.restore(session, PLATFORM, "ca", datetime.now(UTC))


CHANGES = [_changed, _renamed, _tested, _added, _replaced, _restored]
Change = Callable[[Rig], None]


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    return made(sessions_over(migrated_sqlite_url))


def _wait_of(row: Certificate) -> timedelta:
    assert row.next_action_at is not None
    return row.next_action_at - datetime.now(UTC)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_served", [False, True])
def test_the_next_try_comes_now(rig: Rig, change: Change, *, is_served: bool) -> None:
    """However often it failed before, and however far ahead the next try was planned."""
    if is_served:
        rig.work()
        rig.renew()
    rig.authority.refusal = CAA
    for _ in range(5):
        rig.work()
        rig.renew()
    rig.work()
    rig.change(Certificate, rig.certificate_id, next_action_at=datetime.now(UTC) + DAY)
    rig.authority.refusal = None
    change(rig)
    assert _wait_of(rig.row()) <= timedelta(0)
    assert rig.work().generation == 1 + is_served


@pytest.mark.parametrize("change", CHANGES)
def test_who_had_no_answer_is_woken(rig: Rig, change: Change) -> None:
    rig.authority.refusal = DOWN
    _postponed(rig)
    rig.change(Certificate, rig.certificate_id, next_action_at=datetime.now(UTC) + DAY)
    row = rig.row()
    assert (row.trouble_code, row.waits_for) == (DOWN.code, f"account:{_account(rig).id}")
    rig.authority.refusal = None
    change(rig)
    assert _wait_of(rig.row()) <= timedelta(0)
    row = rig.work()
    assert (row.status, row.trouble_code) == (CertificateStatus.ACTIVE, None)


def _account(rig: Rig) -> Account:
    with rig.offline.sessions.begin(PLATFORM) as session:
        row: Account = session.scalars(Account.visible(PLATFORM)).one()
        return row


def _postponed(rig: Rig) -> None:
    """Fail as the worker lets a step fail whose authority does not answer."""
    lease = rig.offline.leased(Certificate, rig.certificate_id)
    with pytest.raises(Unavailable) as caught:
        issuance.reconcile(rig.offline.sessions, rig.offline.tools, lease)
    work.postpone(
        rig.offline.sessions, rig.offline.tools, Certificate, lease, caught.value,
        lambda session, row: issuance.peer(row, partial(ca_accounts.authority_id, session)),
    )  # fmt: skip
