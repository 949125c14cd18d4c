"""What strangers make up costs the edge nothing that grows, and no served host anything at all."""

import tracemalloc
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.edge.asgi import converse, get

from nameplate.core.actor import PLATFORM
from nameplate.core.asks import AskOutcome
from nameplate.core.secret import Secret
from nameplate.edge import guard as guards
from nameplate.edge.app import App
from nameplate.edge.guard import Guard, suffix
from nameplate.edge.refusals import MAX_SUFFIXES, RefusalLog
from nameplate.edge.snapshot import Snapshot, SnapshotEntry
from nameplate.usecases.serving import asks
from nameplate.usecases.serving.hosts import ServedHost

ASK = "/edge/ask"


class Fixed:
    """A source that is fresh, or was never loaded."""

    def __init__(self, snapshot: Snapshot | None) -> None:
        self.snapshot = snapshot

    def within(self, _seconds: float) -> Snapshot | None:
        return self.snapshot


def served(name: str, **columns: Any) -> ServedHost:
    default = {"active": True, "permitted": True}
    return ServedHost(name, "/", 1, "app_1", "10.0.0.1:80", **(default | columns))


SNAPSHOT = Snapshot.of(
    [
        served("*.wild.acme.com"),
        served("plain.acme.com", permitted=False),
        served("spent.acme.com", is_budget_spent=True),
        served("www.acme.com"),
    ]
)


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def guard(now: list[float]) -> Guard:
    return Guard(lambda: now[0])


@pytest.fixture
def app(guard: Guard) -> App:
    return App(Fixed(SNAPSHOT), guard=guard)


def status(app: App, name: str, source: str = "192.0.2.9") -> int:
    scope = {
        "type": "http", "path": ASK, "method": "GET", "headers": [], "client": (source, 1),
        "query_string": b"domain=" + name.encode(),
    }  # fmt: skip
    start, _ = converse(app, scope, [])
    found: int = start["status"]
    return found


def counted(guard: Guard) -> dict[str, int]:
    return {name.value: count for name, count in guard.counts().outcomes.items() if count}


@pytest.mark.parametrize(
    ("name", "code", "outcome"),
    [
        ("www.acme.com", 200, "allowed"),
        ("WWW.acme.com.", 200, "allowed"),
        ("plain.acme.com", 404, "unsecured"),
        ("spent.acme.com", 404, "budget_spent"),
        ("a.wild.acme.com", 404, "unknown"),
        ("*.wild.acme.com", 404, "unknown"),
        ("a.www.acme.com", 404, "unknown"),
        ("acme.com", 404, "unknown"),
        ("www.www.acme.com", 404, "recursive"),
        ("www." * 60 + "acme.com", 404, "recursive"),
        ("www." * 65 + "acme.com", 404, "malformed"),
        ("a" * 8000, 404, "malformed"),
        ("localhost", 404, "malformed"),
        ("", 404, "malformed"),
        (".", 404, "malformed"),
        ("..", 404, "malformed"),
    ],
)
def test_exactly_what_is_served_is_permitted(
    app: App, guard: Guard, name: str, code: int, outcome: str
) -> None:
    assert status(app, name) == code
    assert counted(guard) == {outcome: 1}


def test_what_is_no_question_is_counted_too(guard: Guard) -> None:
    app = App(Fixed(SNAPSHOT), Secret("s" * 40), guard=guard)
    assert get(app, ASK, b"domain=www.acme.com")[0] == 403
    header = ((b"x-nameplate-edge-secret", b"s" * 40),)
    assert get(app, ASK, b"x=1", headers=header)[0] == 400
    assert get(app, ASK, b"domain=" + b"a" * 9000, headers=header)[0] == 404
    away = App(Fixed(None), guard=guard)
    assert get(away, ASK, b"domain=www.acme.com")[0] == 503
    assert counted(guard) == {"forbidden": 1, "malformed": 2, "stale": 1}


class Counting(dict[str, SnapshotEntry]):
    """Hosts that count how often they are looked into."""

    looked = 0

    def get(self, *asked: Any) -> Any:
        self.looked += 1
        return super().get(*asked)


@pytest.mark.parametrize("name", ["x.com", "www." * 61 + "com", "a." * 126 + "z", "é.com", "a:1:2"])
def test_no_name_takes_more_looks_than_another(name: str) -> None:
    hosts = Counting()
    app = App(Fixed(Snapshot(hosts, {})))
    assert status(app, name) == 404
    assert hosts.looked == 3


def test_a_flood_below_one_suffix_refuses_nothing_that_is_served(
    app: App, guard: Guard, now: list[float]
) -> None:
    codes = [status(app, f"x{one}.acme.com", f"10.0.0.{one}") for one in range(250)]
    assert (codes[0], codes[199], codes[200], codes[-1]) == (404, 404, 429, 429)
    assert status(app, "www.acme.com") == 200
    assert status(app, "www.other.com") == 404, "another suffix"
    now[0] += guards.WINDOW + 1
    assert status(app, "x.acme.com") == 404, "it is over"
    assert counted(guard)["flooded"] == 50


def test_a_source_that_asks_for_too_many_is_told_so(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "MOST_OF_SOURCE", 20)
    codes = [status(app, f"a.x{one}.com") for one in range(25)]
    assert codes == [404] * 20 + [429] * 5
    assert status(app, "a.x99.com", "192.0.2.77") == 404
    assert status(app, "www.acme.com") == 200


def test_millions_of_names_keep_no_more_memory(guard: Guard) -> None:
    random = Random(7)

    def ask(times: int) -> None:
        for _ in range(times):
            name = f"{random.getrandbits(60):x}.{random.getrandbits(60):x}.com"
            guard.judge(SNAPSHOT, name, f"2001:db8::{random.getrandbits(16):x}")

    ask(40_000)  # every place is taken
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    ask(40_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 1_000_000
    assert len(guard.counts().suffixes) <= 4096
    assert guard.counts().outcomes[AskOutcome.UNKNOWN] > 70_000


def test_what_is_asked_for_most_stays_among_much_else(guard: Guard) -> None:
    random = Random(11)
    for _ in range(60_000):
        guard.judge(SNAPSHOT, f"a.{random.getrandbits(60):x}.com", "192.0.2.1")
        if random.random() < 0.02:
            guard.judge(SNAPSHOT, f"{random.getrandbits(30):x}.evil.co.uk", "192.0.2.1")
    counts = guard.counts().suffixes
    assert "evil.co.uk" in sorted(counts, key=counts.__getitem__)[-60:]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.b.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("www.ab.de", "www.ab.de"),
        ("www.example.de", "example.de"),
        ("example.com", "example.com"),
        ("x", "x"),
    ],
)
def test_suffixes(name: str, expected: str) -> None:
    assert suffix(name) == expected


@pytest.fixture
def log(migrated_sqlite_url: str, guard: Guard) -> Iterator[RefusalLog]:
    sessions = sessions_over(migrated_sqlite_url)
    yield RefusalLog(sessions, guard)
    sessions.dispose()


def test_counts_are_added_once_and_only_the_most(log: RefusalLog, guard: Guard) -> None:
    sessions = log._sessions

    def kept() -> tuple[dict[str, int], dict[str, int]]:
        with sessions.begin(PLATFORM) as session:
            found = asks.refusals(session, PLATFORM, limit=100)
            outcomes = {name.value: count for name, count in found.outcomes.items() if count}
            return outcomes, {one.suffix: one.asked for one in found.suffixes}

    log.write()
    assert kept() == ({}, {})
    for _ in range(2):
        guard.allowed += 1
        for _ in range(3):
            guard.judge(SNAPSHOT, "a.evil.com", "192.0.2.1")
        guard.judge(SNAPSHOT, "a.\r\nx.com", "192.0.2.1")
        log.write()
        log.write()
    outcomes, suffixes = kept()
    assert outcomes == {"allowed": 2, "unknown": 8}
    assert suffixes == {"evil.com": 6}, "what is no name is not shown to anybody"
    for one in range(400):
        guard.judge(SNAPSHOT, f"a.x{one}.com", f"192.0.2.{one % 200}")
    log.write()
    assert len(kept()[1]) == MAX_SUFFIXES + 1


def test_what_could_not_be_written_is_added_later(log: RefusalLog, guard: Guard) -> None:
    guard.judge(SNAPSHOT, "a.evil.com", "192.0.2.1")
    sessions = log._sessions
    log._sessions = sessions_over("sqlite:////nonexistent/folder/x.db")
    with pytest.raises(Exception, match=r"."):
        log.write()
    log._sessions = sessions
    log.write()
    with sessions.begin(PLATFORM) as session:
        assert asks.totals(session)[AskOutcome.UNKNOWN] == 1
