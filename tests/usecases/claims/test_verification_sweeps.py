"""Looks of a batch that found nothing: one statement, and what it passes over."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.usecases.claims.claim_rig import Claims

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions, database_now
from nameplate.models import Verification
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases import work
from nameplate.usecases.claims import proving, verification_sweeps


@pytest.fixture
def world(sessions: Sessions) -> Claims:
    return Claims(sessions)


def test_what_found_nothing_is_one_statement(world: Claims) -> None:
    acme = world.organization("acme")
    ids = [world.claim(acme, f"n{number}.com") for number in range(40)]
    held = world.lease()
    looks = verification_sweeps.read(world.sessions, held)
    absent = Proof(Verdict.ABSENT, "txt_absent", 'It\'s "not" there: ü.', ("ns1: nothing\\",))
    counted: list[str] = []
    with _statements(world.sessions, counted):
        ended, others = verification_sweeps.record_fruitless(
            world.sessions, world.tools, [(one, absent) for one in looks]
        )
    assert (len(ended), others) == (40, [])
    changing = [one for one in counted if one.lstrip().startswith("UPDATE")]
    assert len(changing) == 2, changing
    assert len(counted) <= 5, counted
    for one in ids:
        row = world.row(one)
        assert row.verification_logs is not None
        assert (row.verification_attempts, row.fence, row.attempts) == (1, 1, 0)
        assert row.verification_logs[0]["message"] == row.error_message == absent.message
        assert row.verification_logs[0]["observed"] == ["ns1: nothing\\"]
    assert (
        verification_sweeps.record_fruitless(
            world.sessions, world.tools, [(one, absent) for one in looks]
        )[0]
        == ended
    ), "whoever holds the fence may write"


class _statements:  # noqa: N801 - reads as a function
    def __init__(self, sessions: Sessions, found: list[str]) -> None:
        self.engine, self.found = sessions.system_engine, found

    def _note(self, _c: Any, _cursor: Any, text: str, *_: Any) -> None:
        if not text.startswith("BEGIN"):
            self.found.append(text)

    def __enter__(self) -> None:
        sa.event.listen(self.engine, "before_cursor_execute", self._note)

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self.engine, "before_cursor_execute", self._note)


def test_a_log_keeps_its_last_fifty_looks(world: Claims) -> None:
    row_id = world.claim(world.organization("acme"), "n.com")
    for number in range(53):
        with world.sessions.begin(PLATFORM) as session:
            row = session.get_one(Verification, row_id)
            row.next_action_at, row.lease_until = database_now(session), None
        (look,) = verification_sweeps.read(world.sessions, world.lease())
        assert look.question.attempts == number
        proof = Proof(Verdict.ABSENT, f"r{number}", "Nothing.")
        verification_sweeps.record_fruitless(world.sessions, world.tools, [(look, proof)])
    logs = world.row(row_id).verification_logs
    assert logs is not None
    assert [one["reason"] for one in logs] == [f"r{number}" for number in range(3, 53)]
    assert world.row(row_id).verification_attempts == 53


def test_what_more_happened_meanwhile_is_concluded_by_itself(world: Claims) -> None:
    """Woken, ended, removed, troubled, taken over: each as `reconcile` has it."""
    acme = world.organization("acme")
    names = ("woken.com", "over.com", "removed.com", "troubled.com", "taken.com", "usual.com")
    ids = {name: world.claim(acme, name) for name in names}
    looks = {one.lease.id: one for one in verification_sweeps.read(world.sessions, world.lease())}
    with world.sessions.begin(PLATFORM) as session:
        now = database_now(session)
        soon = now + timedelta(seconds=1)
        rows = {name: session.get_one(Verification, one) for name, one in ids.items()}
        rows["woken.com"].wake(soon)
        rows["over.com"].expire("Replaced.")
        rows["removed.com"].deleted_at = now
        rows["troubled.com"].meet("answer_awaited", "…", "resolvers:1", now)
        rows["taken.com"].fence += 1
    absent = Proof(Verdict.ABSENT, "txt_absent", "Nothing.")
    ended, others = verification_sweeps.record_fruitless(
        world.sessions, world.tools, [(one, absent) for one in looks.values()]
    )
    left = {one.lease.id for one, _ in others}
    assert left == {ids[name] for name in ("over.com", "removed.com", "troubled.com", "taken.com")}
    assert len(ended) == 2
    assert world.row(ids["woken.com"]).next_action_at == soon
    look = looks[ids["troubled.com"]]
    proving.conclude(world.sessions, world.tools, look.lease, look.question, absent)
    assert world.row(ids["troubled.com"]).trouble_code is None
    look = looks[ids["taken.com"]]
    with pytest.raises(work.Superseded):
        proving.conclude(world.sessions, world.tools, look.lease, look.question, absent)
    assert world.row(ids["taken.com"]).verification_attempts == 0


def test_what_stops_every_look_is_logged_once_and_looked_at_soon(world: Claims) -> None:
    acme = world.organization("acme")
    ids = [world.claim(acme, f"n{number}.com") for number in range(4)]
    looks = verification_sweeps.read(world.sessions, world.lease())
    away = Proof(Verdict.INCONCLUSIVE, "vantages_unreachable", "Too few could be asked.")
    ended, _ = verification_sweeps.record_fruitless(
        world.sessions, world.tools, [(one, away) for one in looks]
    )
    assert [one.code for one in ended] == ["vantages_unreachable"] * 4
    assert [one.routine for one in ended] == [False, True, True, True]
    assert {one.row_id for one in ended} == set(ids)
