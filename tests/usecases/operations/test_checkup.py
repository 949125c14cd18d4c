"""What an installation lacks is found, said, and gone once it is there."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy.orm import Session
from tests.models import world as rows

from nameplate.core.lifecycle import DomainStatus
from nameplate.db import database_now
from nameplate.models import Account, AccountKind
from nameplate.usecases.operations import checkup


@dataclass
class Names:
    """A resolver that knows these names."""

    known: dict[str, tuple[str, ...]]

    def addresses(self, name: str) -> tuple[str, ...]:
        return self.known.get(name, ())


ROOT = {"a.root-servers.net": ("198.41.0.4",)}


def lacking(session: Session) -> set[str]:
    found = checkup.of_rows(session)
    assert all(one.fix for one in found if not one.ok)
    return {one.subject for one in found if not one.ok}


def test_everything_that_is_missing_is_said_until_it_is_there(session: Session) -> None:
    assert lacking(session) == {"authority", "server", "organization"}
    rows.organization(session)
    assert lacking(session) == {"authority", "server"}
    rows.server(session, None)  # without a proxy nothing is served
    assert lacking(session) == {"authority", "server"}
    rows.server(session, None, name="two", proxy={"type": "memory"})
    session.add(Account(kind=AccountKind.CA, provider="acme", name="ca", config={}))
    session.flush()
    assert lacking(session) == set()


def test_overdue_work_means_that_nobody_works(session: Session) -> None:
    row = rows.domain(session, rows.organization(session), status=DomainStatus.VERIFIED)
    now = database_now(session)
    row.next_action_at = now - timedelta(minutes=4)
    session.flush()
    assert "worker" not in lacking(session)
    row.next_action_at = now - timedelta(minutes=6)
    session.flush()
    assert "worker" in lacking(session)
    (said,) = [one for one in checkup.of_rows(session) if one.subject == "worker"]
    assert said.message.startswith("1 objects have waited for a worker for more than 5 minutes")


def test_names_are_looked_up(session: Session) -> None:
    rows.server(session, None, name="right", address="edge.example.net")
    rows.server(session, None, name="wrong", address="egde.example.net")
    rows.server(session, None, name="by number", address="192.0.2.1")
    dead = checkup.of_names(session, cast("Any", Names({})))
    assert [(one.subject, one.ok) for one in dead] == [("resolver", False)]
    known = Names({**ROOT, "edge.example.net": ("192.0.2.7",)})
    found = checkup.of_names(session, cast("Any", known))
    assert [(one.subject, one.ok) for one in found] == [("resolver", True), ("server", False)]
    assert found[1].message == "The address egde.example.net of server wrong does not resolve."
