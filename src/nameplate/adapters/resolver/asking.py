"""What a look-up asks next, as data: decided once, whether a thread or the event loop sends it."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, TypeVar

import dns.name

from nameplate.adapters.resolver.chance import Chance
from nameplate.adapters.resolver.query import (
    AskByTcp,
    NameServer,
    QueryBudget,
    Unanswered,
    by_tcp,
    by_udp,
    message_of,
)
from nameplate.adapters.resolver.reply import ServerReply
from nameplate.adapters.resolver.wire_question import Sign, WireQuestion, wire_of

T = TypeVar("T")


class ServerQuestion(NamedTuple):
    """One question to one server; its answer is a `ServerReply`, or `Unanswered` is raised."""

    server: NameServer
    name: dns.name.Name
    rdtype: str
    budget: QueryBudget
    recursive: bool = False


class Together(NamedTuple):
    """Several ways to go on at once; the answer is the list of what each returned."""

    ways: Sequence["Asking[Any]"]


Asking = Generator[ServerQuestion | Together, Any, T]
"""A look-up that yields what to ask and is sent what came of it."""


def in_threads(asking: Asking[T], threads: ThreadPoolExecutor | None = None) -> T:
    """Ask in this thread, and what goes together in `threads`."""
    reply: Any = None
    failure: Unanswered | None = None
    try:
        while True:
            step = asking.send(reply) if failure is None else asking.throw(failure)
            reply = failure = None
            try:
                reply = _answer(step, threads)
            except Unanswered as error:
                failure = error
    except StopIteration as end:
        found: T = end.value
        return found


def _answer(step: ServerQuestion | Together, threads: ThreadPoolExecutor | None) -> Any:  # noqa: ANN401 - as the step says
    if isinstance(step, ServerQuestion):
        return _said(step)
    if threads is None or len(step.ways) == 1:  # one needs no thread of its own
        return [in_threads(way) for way in step.ways]
    return list(threads.map(partial(in_threads), step.ways))


def _said(asked: ServerQuestion) -> ServerReply:
    """Ask by UDP, twice when nothing comes, and by TCP when the answer is cut off or suspicious."""
    question = WireQuestion(wire_of(asked.name), asked.rdtype, recursive=asked.recursive)

    def read(wire: bytes) -> ServerReply | None:
        reply = question.read(wire)
        if reply is Sign.ASK_BY_TCP:
            raise AskByTcp
        return reply if isinstance(reply, ServerReply) else None

    reply = by_udp(asked.server, question.wire(Chance()), asked.budget, read)
    if reply is not None:
        return reply
    query = message_of(asked.name, asked.rdtype, recursive=asked.recursive)
    return ServerReply.of(by_tcp(asked.server, query, asked.budget))
