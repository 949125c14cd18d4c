"""Which of the certificates that an authority refuses asks it next."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.models import Certificate, Organization
from nameplate.usecases.certificates import askers

NOW = datetime.now(UTC).replace(microsecond=0)
LATE = NOW + timedelta(hours=1)
PEER = "account:7"
_NUMBERS = count()


def _refused(session: Session, organization: Organization, minutes: int) -> Certificate:
    """Return a certificate that was refused so many minutes ago, and would wait for an hour."""
    name = f"{next(_NUMBERS)}.example"
    row = world.certificate(session, world.domain(session, organization, name))
    row.meet("acme_unauthorized", "No.", PEER, NOW)
    row.last_renewal_error_at, row.next_action_at = NOW - timedelta(minutes=minutes), LATE
    session.flush()
    return row


def _asks(session: Session, row: Certificate) -> list[Certificate]:
    """Return who is planned to ask soon once `row` was refused."""
    row.next_action_at = askers.next_due(session, row, LATE, NOW)
    session.flush()
    session.expire_all()
    rows = session.scalars(Certificate.visible(PLATFORM).order_by(Certificate.id)).all()
    return [one for one in rows if one.next_action_at == NOW + askers.EVERY]


@pytest.mark.parametrize("others", [0, 3])
def test_organizations_ask_in_turn(sessions: Sessions, others: int) -> None:
    with sessions.begin(PLATFORM) as session:
        hostile, honest = world.organization(session), world.organization(session)
        refused = _refused(session, hostile, 0)
        crowd = [_refused(session, hostile, 60 + one) for one in range(others)]
        waiting = _refused(session, honest, 5)
        assert _asks(session, refused) == [waiting], "its turn, although others wait for longer"
        waiting.last_renewal_error_at, waiting.next_action_at = NOW, LATE
        refused.last_renewal_error_at = NOW - timedelta(minutes=1)
        session.flush()
        assert _asks(session, waiting) == [crowd[-1] if others else refused]


def test_who_waits_alone_asks_alone_and_nobody_asks_twice(
    sessions: Sessions,
) -> None:
    with sessions.begin(PLATFORM) as session:
        row = _refused(session, world.organization(session), 0)
        assert _asks(session, row) == [row]
        other = _refused(session, world.organization(session), 0)
        assert _asks(session, other) == [row], "somebody is about to ask"
