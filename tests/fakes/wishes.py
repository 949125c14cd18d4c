"""Wanted states of a zone for tests of faults, and when a fault is due."""

import random
from collections.abc import Callable
from typing import TypeVar

from nameplate.core.records import RRset
from tests.fakes.rigs import APEX

Asked = TypeVar("Asked")


def address(label: str, *last: int) -> RRset:
    values = tuple(sorted(f"192.0.2.{number}" for number in last))
    return RRset(f"{label}.{APEX}", "A", 300, values)


def alias(label: str, target: str = "target.example.org.") -> RRset:
    return RRset(f"{label}.{APEX}", "CNAME", 300, (target,))


def text(label: str, words: str) -> RRset:
    return RRset(f"{label}.{APEX}", "TXT", 300, (f'"{words}"',))


FIRST = [
    address("www", 1, 2),
    address("api", 1),
    alias("cdn"),
    text("shared", "ours"),
    text("_acme-challenge", "one"),
]
SECOND = [
    address("www", 2, 3),
    alias("api"),
    address("cdn", 7),
    text("shared", "ours, changed"),
    address("new", 1),
]


def wish(chance: random.Random) -> list[RRset]:
    """Return a wanted state over few names, so that they are switched back and forth."""
    desired = []
    for label in ("a", "b", "c", "d"):
        kind = chance.choice(["nothing", "address", "address", "alias", "text"])
        if kind == "address":
            desired.append(address(label, *chance.sample(range(1, 9), chance.randint(1, 4))))
        elif kind == "alias":
            desired.append(alias(label, f"t{chance.randint(1, 3)}.example.org."))
        elif kind == "text":
            desired.append(text(label, f"words {chance.randint(1, 3)}"))
    if chance.random() < 0.5:
        desired.append(text("shared", f"ours {chance.randint(1, 3)}"))
    return desired


def after_writes(is_write: Callable[[Asked], bool], count: int) -> Callable[[Asked], bool]:
    """Return what is true of the writes after the first `count` from now on."""
    writes: list[bool] = []

    def is_due(asked: Asked) -> bool:
        writes.append(is_write(asked))
        return writes[-1] and sum(writes) > count

    return is_due
