"""Proved names looked at every day in one event loop: all that are as before in one statement."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.worker.busy import going, until
from tests.worker.test_wide_looks import World, _until_looked_at, _work, world

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import VerificationStatus
from nameplate.models import Event, LossReason, Verification
from nameplate.usecases.claims import verification_sweeps

__all__ = ["world"]


def _wake(world: World, ids: list[int], **columns: object) -> None:
    with world.sessions.begin(PLATFORM) as session:
        for one in ids:
            row = session.get_one(Verification, one)
            row.next_action_at = datetime.now(UTC)
            for name, value in columns.items():
                setattr(row, name, value)


def test_what_is_as_before_is_written_together_and_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = world.organization("acme")
    ids = [world.claim(acme, f"match-{number}.com", published=True) for number in range(20)]
    with going(_work(world)):
        _until_looked_at(world, ids)
    assert all(world.row(one).status is VerificationStatus.VERIFIED for one in ids)
    _wake(world, ids)
    with going(_work(world)):  # the first daily look notes what stands around
        assert until(lambda: all(world.row(one).verification_attempts == 2 for one in ids), 10)
    kept: list[int] = []
    record = verification_sweeps.record_kept

    def noted(sessions, tools, looks):
        kept.extend(look.lease.id for look, _ in looks)
        return record(sessions, tools, looks)

    monkeypatch.setattr(verification_sweeps, "record_kept", noted)
    before = {one: world.row(one) for one in ids}
    told = _events(world)
    _wake(world, ids)
    started = datetime.now(UTC)
    with going(_work(world)):
        assert until(lambda: all(_is_planned(world, one, started) for one in ids), 10)
    assert sorted(kept) == sorted(ids)
    for one in ids:
        row = world.row(one)
        assert row.verified_at == before[one].verified_at
        assert row.verification_attempts == before[one].verification_attempts, "no log of it"
        assert (row.lease_until, row.lost_at) == (None, None)
    assert _events(world) == told


def test_what_is_gone_and_what_is_broken_are_told_apart(world: World) -> None:
    acme = world.organization("acme")
    gone = world.claim(acme, "match-gone.com", published=True)
    broken = world.claim(acme, "match-broken.com", published=True)
    with going(_work(world)):
        _until_looked_at(world, [gone, broken])
    world.published.clear()
    world.failing = "_nameplate-challenge.match-broken.com"
    _wake(world, [gone, broken])
    with going(_work(world)):
        assert until(lambda: world.row(gone).verification_attempts == 2, 10)
        assert until(lambda: world.row(broken).verification_attempts == 2, 10)
    assert world.row(gone).lost_reason is LossReason.PROOF_GONE
    row = world.row(broken)
    assert row.lost_at is None
    assert row.last_look is not None
    assert row.last_look.reason == "servers_unreachable"


def _is_planned(world: World, one: int, started: datetime) -> bool:
    row = world.row(one)
    due = row.next_action_at
    return due is not None and due > started + timedelta(hours=23) and row.lease_until is None


def _events(world: World) -> int:
    with world.sessions.begin(PLATFORM) as session:
        return session.query(Event).count()
