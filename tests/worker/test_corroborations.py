"""Looks that wait for slow name servers: each party has its share of the threads."""

import threading
import time
from typing import Any

from tests.worker.busy import until

from nameplate.leases import Lease
from nameplate.ports.verification import Proof, Verdict
from nameplate.usecases.claims.verification_sweeps import Look
from nameplate.worker.corroborations import MAX_OF_PARTY, Corroborations

SEEN = Proof(Verdict.MATCH, "txt_match", "Seen.")


def _look(number: int) -> Look:
    question: Any = None
    now: Any = None
    return Look(Lease(number, 1, now, now, time.monotonic()), question)


def test_whoever_has_slow_servers_holds_up_nobody_else() -> None:
    slow, told, at_once = threading.Event(), list[int](), list[int]()
    lock, running = threading.Lock(), 0

    def corroborate(look: Look, proof: Proof) -> Proof:
        nonlocal running
        if look.lease.id < 100:
            with lock:
                running += 1
                at_once.append(running)
            slow.wait(20)
            with lock:
                running -= 1
        return proof

    made = Corroborations(corroborate, lambda look, _result: told.append(look.lease.id))
    for number in range(100):
        made.add("slow", _look(number), SEEN)
    for number in range(100, 150):
        made.add("quick", _look(number), SEEN)
    assert until(lambda: sorted(told) == list(range(100, 150)), 10) is not None
    assert max(at_once) == MAX_OF_PARTY
    slow.set()
    assert until(lambda: len(told) == 150, 10) is not None
    assert max(at_once) == MAX_OF_PARTY
    made.stop()


def test_a_surprise_is_told_and_the_next_one_goes_on() -> None:
    told: list[object] = []

    def corroborate(look: Look, proof: Proof) -> Proof:
        if look.lease.id == 1:
            raise RuntimeError
        return proof

    made = Corroborations(corroborate, lambda _look, result: told.append(result))
    for number in (1, 2):
        made.add("one", _look(number), SEEN)
    assert until(lambda: len(told) == 2, 10) is not None
    assert {type(one) for one in told} == {RuntimeError, Proof}
    made.stop()
    made.add("one", _look(3), SEEN)
    assert len(told) == 2
