"""Servers are read together in portions that memory has room for."""

from dataclasses import dataclass

from nameplate.usecases.serving.server_sizes import TOGETHER, UNKNOWN, ServerSizes


@dataclass
class _Server:
    id: int


def _portions(sizes: ServerSizes, *ids: int) -> list[list[int]]:
    return [[one.id for one in some] for some in sizes.portions([_Server(id_) for id_ in ids])]


def test_what_is_unknown_is_taken_for_usual() -> None:
    sizes = ServerSizes()
    at_once = TOGETHER // UNKNOWN
    found = _portions(sizes, *range(at_once + 1))
    assert [len(some) for some in found] == [at_once, 1]


def test_a_large_server_is_read_alone() -> None:
    sizes = ServerSizes()
    sizes.note(2, 50_000)
    for one in (1, 3, 4):
        sizes.note(one, 10)
    assert _portions(sizes, 1, 2, 3, 4) == [[1], [2], [3, 4]]
    sizes.note(2, 10)
    assert _portions(sizes, 1, 2, 3, 4) == [[1, 2, 3, 4]]


def test_servers_without_routes_are_not_read_without_end() -> None:
    sizes = ServerSizes()
    for one in range(TOGETHER + 1):
        sizes.note(one, 0)
    assert [len(some) for some in _portions(sizes, *range(TOGETHER + 1))] == [TOGETHER, 1]
    assert _portions(sizes) == []
