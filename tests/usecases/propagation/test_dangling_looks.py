"""Looking at names: how aliases are followed, what a page is asked for, and the pace."""

from dataclasses import replace
from typing import Any

from tests.databases import sessions_over
from tests.usecases.offline import Offline

from nameplate.core.dangling.checks import Addresses
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind, Delegation, LookupResult
from nameplate.usecases.propagation import dangling_looks as looks
from nameplate.usecases.propagation.dangling_looks import NameSubject, ScanPace


class Zone:
    """A resolver that answers from a table."""

    def __init__(self, records: dict[tuple[str, str], str]) -> None:
        self.records = records
        self.asked: list[tuple[str, str]] = []

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del delegated
        self.asked.append((name, rdtype))
        value = self.records.get((name, rdtype))
        kind = AnswerKind.NODATA if value is None else AnswerKind.DATA
        values = () if value is None else (value,)
        return LookupResult("example.com", (Answer(kind, "ns (192.0.2.53)", values),))

    def delegation(self, _name: str) -> Delegation:
        return Delegation("", (), ())


class Pages:
    """A fetcher that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def fetch(self, host: str, path: str, **how: Any) -> Fetched:
        self.asked.append((host, path, how))
        hop = Hop(f"http://{host}{path}", "192.0.2.1", 404)
        return Fetched(HttpOutcome.ANSWERED, (hop,), b"Repository not found")


def subject(name: str) -> NameSubject:
    return NameSubject(name, "example.com", 1, Addresses())


def looked(url: str, zone: Any, pages: Any, name: str) -> Any:
    offline = Offline(sessions_over(url))
    tools = replace(offline.tools, resolver=zone, pages=pages)
    (judged,) = looks.look(tools, [subject(name)])
    offline.sessions.dispose()
    return judged


def test_a_loop_of_aliases_ends(migrated_sqlite_url: str) -> None:
    loop = {
        ("a.example.com", "CNAME"): "b.example.com.",
        ("b.example.com", "CNAME"): "a.example.com.",
    }
    zone = Zone(loop)
    assert not looked(migrated_sqlite_url, zone, None, "a.example.com").found
    endless = Zone({(f"n{n}.example.com", "CNAME"): f"n{n + 1}.example.com." for n in range(99)})
    looked(migrated_sqlite_url, endless, None, "n0.example.com")
    assert len(endless.asked) <= 3 + looks.MAX_HOPS


def test_a_page_is_asked_for_only_where_it_can_tell_something(migrated_sqlite_url: str) -> None:
    pages = Pages()
    zone = Zone({("www.example.com", "A"): "192.0.2.1"})
    assert not looked(migrated_sqlite_url, zone, pages, "www.example.com").found
    assert pages.asked == []
    zone.records = {
        ("www.example.com", "CNAME"): "acme.bitbucket.io.",
        ("www.example.com", "A"): "192.0.2.1",
    }
    (found,) = looked(migrated_sqlite_url, zone, pages, "www.example.com").found
    assert found.problem == "dangling_cname"
    ((host, path, how),) = pages.asked
    assert (host, path) == ("www.example.com", "/")
    assert how["max_body"] == looks.MAX_PAGE


def test_the_pace_is_kept_and_who_waits_takes_nothing() -> None:
    now = [100.0]
    pace = ScanPace(lambda: now[0])
    assert pace.wait(10, 60) == 0  # a second's worth, saved before
    assert pace.wait(10, 60) == 0
    assert pace.wait(10, 60) == 1
    assert pace.wait(10, 60) == 1
    now[0] = 101.0
    assert pace.wait(10, 60) == 0
