"""The key ring fits the database, and no value is stored under a key that is retired."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.models import world

from nameplate.adapters import keyring as keyrings
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import NotFound, Refused, Unavailable
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Account, SealingKey
from nameplate.usecases.operations import keys, rings
from nameplate.usecases.tenants import accounts

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
RING = KeyRing({"k1": ONE}, "k1")
BOTH = KeyRing({"k2": TWO, "k1": ONE}, "k2")


def seal(sessions: Sessions, ring: KeyRing, key: str = "secret") -> int:
    """Store one credential and return the id of its account."""
    with sessions.begin(PLATFORM) as session:
        account = world.account(session, None)
        session.flush()
        account.credentials = ring.seal(Secret(f'{{"api_key": "{key}"}}'), accounts._place(account))
        return account.id


def opened(sessions: Sessions, account_id: int, ring: KeyRing) -> str:
    with sessions.begin(PLATFORM, read_only=True) as session:
        row = session.get_one(Account, account_id)
        return accounts.credentials(row, ring)["api_key"].reveal()


def code_of(sessions: Sessions, ring: KeyRing) -> str:
    with pytest.raises(Refused) as caught:
        rings.check(sessions, ring, "FILE")
    assert "FILE" in caught.value.detail
    return caught.value.code


def test_a_wrong_or_older_ring_is_refused(sessions: Sessions) -> None:
    assert not rings.is_begun(sessions)
    rings.check(sessions, RING, "FILE")
    assert rings.is_begun(sessions)
    assert code_of(sessions, KeyRing({"k1": TWO}, "k1")) == "keyring_wrong"
    assert code_of(sessions, KeyRing({"k2": TWO}, "k2")) == "keyring_wrong"
    rings.check(sessions, BOTH, "FILE")
    assert code_of(sessions, RING) == "keyring_wrong"
    assert rings.retire(sessions, ["k1"]) == {"k1"}
    rings.check(sessions, BOTH, "FILE")
    rings.check(sessions, KeyRing({"k2": TWO}, "k2"), "FILE")
    assert code_of(sessions, KeyRing({"k1": ONE, "k2": TWO}, "k1")) == "keyring_older"


def test_what_was_sealed_before_keys_were_noted_counts(sessions: Sessions) -> None:
    seal(sessions, RING)
    with sessions.begin(PLATFORM) as session:
        session.delete(session.get_one(SealingKey, "k1"))
    assert rings.is_begun(sessions)
    assert code_of(sessions, KeyRing({"k1": TWO}, "k1")) == "keyring_wrong"
    assert code_of(sessions, KeyRing({"k2": TWO}, "k2")) == "keyring_wrong"
    rings.check(sessions, RING, "FILE")


def test_a_lost_key_is_given_up(sessions: Sessions) -> None:
    seal(sessions, RING)
    other = KeyRing({"k2": TWO}, "k2")
    assert code_of(sessions, other) == "keyring_wrong"
    assert rings.forget(sessions, "k1") == 1
    rings.check(sessions, other, "FILE")
    with pytest.raises(NotFound):
        rings.forget(sessions, "nothing")


def test_nothing_is_stored_under_a_retired_key(sessions: Sessions) -> None:
    rings.check(sessions, BOTH, "FILE")
    rings.retire(sessions, ["k1"])
    with pytest.raises(Unavailable) as caught:
        seal(sessions, RING)
    assert caught.value.code == "key_retired"


@contextmanager
def storing(sessions: Sessions, ring: KeyRing, found: list[int]) -> Iterator[threading.Event]:
    """Store a value in a thread whose transaction stays open until the event."""
    stored, commit = threading.Event(), threading.Event()

    def work() -> None:
        with sessions.begin(PLATFORM) as session:
            account = world.account(session, None)
            session.flush()
            account.credentials = ring.seal(Secret('{"api_key": "late"}'), accounts._place(account))
            session.flush()
            stored.set()
            commit.wait(10)
            found.append(account.id)

    thread = threading.Thread(target=work)
    thread.start()
    assert stored.wait(10)
    yield commit
    commit.set()
    thread.join(20)


def test_a_value_that_is_being_stored_is_waited_for(sessions: Sessions) -> None:
    """`keys rotate --retire` destroyed a key that a running process still sealed with."""
    rings.check(sessions, BOTH, "FILE")
    found: list[int] = []
    retired: list[frozenset[str]] = []
    with storing(sessions, RING, found) as commit:
        thread = threading.Thread(target=lambda: retired.append(rings.retire(sessions, ["k1"])))
        thread.start()
        time.sleep(0.5)
        assert retired == [], "retiring waits for the transaction"
        commit.set()
        thread.join(30)
    assert retired == [frozenset()]
    assert keys.rotate(sessions, BOTH, lambda *_: None).wrapped == 1
    assert rings.retire(sessions, ["k1"]) == {"k1"}
    assert opened(sessions, found[0], KeyRing({"k2": TWO}, "k2")) == "late"


def test_a_running_process_follows_the_file(sessions: Sessions, tmp_path: Path) -> None:
    """Running processes answered `key_unknown` until they were restarted."""
    path = tmp_path / "keyring"
    keyrings.create(path)
    running = keyrings.FileKeyRing(path)
    account = seal(sessions, running)
    ring = keyrings.add_key(path)
    keys.rotate(sessions, ring, lambda *_: None)
    assert opened(sessions, account, running) == "secret"
    later = seal(sessions, running)
    assert keys.usage(sessions) == {ring.primary: 2}
    assert opened(sessions, later, ring) == "secret"


def test_pending_keys_of_former_versions_move_to_their_own_place(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        row = world.certificate(session, world.domain(session, world.organization(session)))
        session.flush()
        former = keys._key_place(row.organization_id, row.id)
        row.pending_private_key = RING.seal(Secret("pending"), former)
        number, place = row.id, keys._pending_place(row.organization_id, row.id)
        kind = type(row)
    assert keys.rotate(sessions, BOTH, lambda *_: None).stuck == ()
    with sessions.begin(PLATFORM, read_only=True) as session:
        sealed = session.get_one(kind, number).pending_private_key
    assert sealed is not None
    assert BOTH.open(sealed, place) == Secret("pending")
    with pytest.raises(Refused):
        BOTH.open(sealed, former)
