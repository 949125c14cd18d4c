"""Who gets how much of the room for looks."""

from datetime import UTC, datetime

from nameplate.leases import DueRow
from nameplate.worker.look_room import LookRoom

AT = datetime(2026, 1, 1, tzinfo=UTC)


def _rows(owner: int, number: int) -> list[DueRow]:
    return [DueRow(owner * 1000 + one, owner, AT, None) for one in range(number)]


def _begin(room: LookRoom, rows: list[DueRow], most: int = 1000) -> dict[int | None, int]:
    taken = room.admitted(rows, most)
    for row in taken:
        room.enter(row.organization_id)
    owners = {row.organization_id for row in rows}
    return {one: sum(row.organization_id == one for row in taken) for one in owners}


def test_nobody_has_all_of_it() -> None:
    room = LookRoom(100)
    assert _begin(room, _rows(1, 200)) == {1: 75}
    assert room.left == 25
    assert _begin(room, _rows(2, 10), most=4) == {2: 4}


def test_dead_name_servers_have_a_twentieth_and_all_of_them_half() -> None:
    room = LookRoom(100)
    for one in range(1, 21):
        room.note(one, is_answered=False)
    rows = [row for one in range(1, 21) for row in _rows(one, 20)]
    taken = _begin(room, rows)
    assert max(taken.values()) == 5
    assert sum(taken.values()) == 50
    assert _begin(room, _rows(30, 100)) == {30: 75}


def test_an_answer_makes_them_live_again() -> None:
    room = LookRoom(100)
    room.note(1, is_answered=False)
    assert _begin(room, _rows(1, 50)) == {1: 5}
    room.note(1, is_answered=True)
    assert _begin(room, _rows(1, 50)) == {1: 50}
    for _ in range(55):
        room.leave(1)
    assert room.left == 100
    assert not room.under_way
