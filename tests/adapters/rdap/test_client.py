"""RDAP as registries really answer, restated, from a server on loopback; and what is trusted of it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.adapters.rdap.forms import FORMS
from tests.servers.registry import RegistryServer

from nameplate.adapters.rdap import bootstrap
from nameplate.adapters.rdap.bootstrap import Bootstrap
from nameplate.core.egress import EgressPolicy
from nameplate.core.registered import RegistryEntry, RegistryStatus
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.registration_data import RegistryAnswer

NAME = "shop.test"


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as server:
        yield server


@pytest.mark.parametrize("form", FORMS)
def test_registries_as_they_answer(server: RegistryServer, form: str) -> None:
    answer, expected = FORMS[form]
    server.says(NAME, {"objectClassName": "domain", "rdapConformance": ["rdap_level_0"], **answer})
    look = server.client().look(NAME)
    assert (look.answer, look.name) == (RegistryAnswer.FOUND, expected)
    assert server.asked == [f"/rdap/domain/{NAME}"]


def test_an_odd_field_is_not_known_and_hides_no_other(server: RegistryServer) -> None:
    server.says(
        NAME,
        {
            "objectClassName": "domain", "ldhName": NAME,
            "status": [None, 7, {"a": 1}, "x" * 9999, "nonsense", "server hold"],
            "events": ["x", {"eventAction": 5}, {"eventAction": "expiration", "eventDate": "soon"},
                       {"eventAction": "registration", "eventDate": "2020-01-01"},
                       {"eventAction": "registration", "eventDate": "2021-01-01"},
                       {"eventAction": "expiration", "eventDate": "9999-12-31T23:59:59-23:00"}],
            "nameservers": [{"ldhName": "a b"}, {"ldhName": "x" * 400}, 3, {"ldhName": "ns.example.net"}],
            "secureDNS": {"delegationSigned": "yes"},
            "entities": [None, {"roles": "registrar"}, {"roles": ["registrar"], "publicIds": [{"type": "IANA Registrar ID", "identifier": "1; DROP"}],
                         "vcardArray": ["vcard", [["fn", {}, "text", "Evil\x1b[31m\nName" + "y" * 500]]]}],
            "__class__": "x", "self": 1,
        },
    )  # fmt: skip
    found = server.client().look(NAME).name
    assert found is not None
    assert found.registrar is not None
    assert found.registrar.startswith("Evil [31m Namey")
    assert len(found.registrar) <= 200
    assert found == RegistryEntry(
        found.registrar, None, None, None, frozenset({RegistryStatus.SERVER_HOLD}), ("ns.example.net",)
    )  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b"null", b"[" * 100_000, b'{"objectClassName":"entity","ldhName":"shop.test"}',
        b'{"objectClassName":"domain","ldhName":"other.test"}', b'{"objectClassName":"domain"}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_an_answer_that_is_none_says_nothing(server: RegistryServer, body: bytes) -> None:
    server.says(NAME, body)
    look = server.client().look(NAME)
    assert (look.answer, look.name) == (RegistryAnswer.MALFORMED, None)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(404, RegistryAnswer.ABSENT), (400, RegistryAnswer.UNREACHABLE), (500, RegistryAnswer.UNREACHABLE), (204, RegistryAnswer.UNREACHABLE)],
)  # fmt: skip
def test_other_statuses(server: RegistryServer, status: int, answer: RegistryAnswer) -> None:
    server.says(NAME, b"", status)
    assert server.client().look(NAME).answer is answer


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("Tue, 01 Dec 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("99999999999", timedelta(days=1)),
        ("soon", timedelta(minutes=15)),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_registry_that_wants_us_to_wait_is_left_alone_for_so_long(
    server: RegistryServer, status: int, header: str, wait: timedelta
) -> None:
    client = server.client()
    server.says(NAME, b"", status, Retry_After=header)
    look = client.look(NAME)
    assert (look.answer, look.retry_after, look.was_asked) == (RegistryAnswer.LIMITED, wait, True)
    server.says("b.test", {"objectClassName": "domain", "ldhName": "b.test"})
    server.now += wait - timedelta(seconds=10)
    look = client.look("b.test")
    assert (look.answer, look.retry_after, look.was_asked) == (
        RegistryAnswer.LIMITED, timedelta(seconds=10), False,
    )  # fmt: skip
    server.now += timedelta(seconds=10)
    assert client.look("b.test").answer is RegistryAnswer.FOUND
    assert len(server.asked) == 2


def test_redirects_are_followed_a_few_times_and_never_to_where_anybody_may_answer(
    server: RegistryServer,
) -> None:
    client = server.client(pace=timedelta(0))
    server.says("there.test", {"objectClassName": "domain", "ldhName": NAME})
    server.says(NAME, b"", 302, Location="http://rdap.other.example/rdap/domain/there.test")
    assert client.look(NAME).answer is RegistryAnswer.FOUND
    for target in (
        "ftp://x.example/",
        "http://user@x.example/",
        "http://127.0.0.1/",
        "https://x.example/",
    ):
        server.says(NAME, b"", 302, Location=target)
        assert client.look(NAME).answer is RegistryAnswer.UNREACHABLE, target
    server.says(NAME, b"", 302, Location=f"http://again.example/rdap/domain/{NAME}")
    asked = len(server.asked)
    assert client.look(NAME).answer is RegistryAnswer.UNREACHABLE
    assert len(server.asked) - asked <= 6


def test_private_addresses_are_refused_and_large_answers_end(server: RegistryServer) -> None:
    assert server.client(EgressPolicy()).look(NAME).answer is RegistryAnswer.UNREACHABLE
    assert server.asked == []
    server.says(NAME, b"x" * (1024 * 1024))
    assert server.client().look(NAME).answer is RegistryAnswer.UNREACHABLE


def test_one_registry_is_asked_once_a_second(server: RegistryServer) -> None:
    slept: list[float] = []
    client = server.client(sleep=slept.append)
    looks = [client.look(f"{number}.test") for number in range(8)]
    assert slept == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [one.was_asked for one in looks] == [True] * 6 + [False] * 2


class Iana:
    """IANA's server, as a fetcher sees it."""

    def __init__(self, body: bytes, category: HttpOutcome = HttpOutcome.ANSWERED) -> None:
        self.got = Fetched(
            category, (Hop("https://data.iana.org/rdap/dns.json", "192.0.2.1", 200),), body
        )
        self.fetched = 0

    def fetch(self, host: str, path: str, **_: Any) -> Fetched:
        assert (host, path) == ("data.iana.org", "/rdap/dns.json")
        self.fetched += 1
        return self.got


def newer(**changes: Any) -> bytes:
    shipped = bootstrap.shipped()
    services = [[[suffix], [f"https://new.example/{suffix}"]] for suffix in shipped.services]
    return json.dumps(
        {"publication": "2027-01-01T00:00:00Z", "services": services, **changes}
    ).encode()


def test_the_shipped_list_knows_the_large_registries() -> None:
    shipped = bootstrap.shipped()
    assert len(shipped.services) > 1000
    com = shipped.of("example.com")
    assert com is not None
    assert (com.scheme, com.host, com.path) == ("https", "rdap.verisign.com", "/com/v1/")
    assert shipped.of("example.co.kg") is None, "it can only be asked by plain HTTP"
    assert {one.scheme for one in shipped.services.values()} == {"https"}


def test_a_list_older_than_a_month_is_refreshed_and_kept(tmp_path: Any) -> None:
    now = bootstrap.shipped().published_at + timedelta(days=29)
    iana, kept = Iana(newer()), tmp_path / "rdap.json"
    known = Bootstrap(iana, lambda: now, kept=kept)
    assert known.service("a.com").host == "rdap.verisign.com"  # type: ignore[union-attr]  # it is there
    assert iana.fetched == 0
    now += timedelta(days=2)
    assert known.service("a.com").host == "new.example"  # type: ignore[union-attr]  # it is there
    again = Bootstrap(iana, lambda: now, kept=kept)
    assert again.service("a.com").host == "new.example"  # type: ignore[union-attr]  # it is there
    assert iana.fetched == 1


@pytest.mark.parametrize(
    "iana",
    [
        Iana(b"", HttpOutcome.UNREACHABLE), Iana(b"<html>"), Iana(b"{}"), Iana(b"[]"), Iana(newer(services=[])),
        Iana(newer(publication="2020-01-01T00:00:00Z")), Iana(newer(services=7)), Iana(newer(publication=None)),
    ],
)  # fmt: skip
def test_a_bad_list_changes_nothing_and_is_asked_for_once_a_day(iana: Iana, tmp_path: Any) -> None:
    now = bootstrap.shipped().published_at + timedelta(days=40)
    known = Bootstrap(iana, lambda: now, kept=tmp_path / "rdap.json")
    for _ in range(3):
        assert known.service("a.com").host == "rdap.verisign.com"  # type: ignore[union-attr]  # it is there
    assert iana.fetched == 1
    now += timedelta(days=1)
    known.service("a.com")
    assert iana.fetched == 2
    assert not (tmp_path / "rdap.json").exists()


def test_services_that_cannot_be_asked_are_left_out() -> None:
    listed = [
        [["a"], ["http://a.example/"]], [["b"], ["https://b.example:8443/"]], [["c"], ["https://u@c.example/"]],
        [["d"], ["ftp://d.example/", "https://d.example"]], [[1], [2]], "x", [["e"]], [["f"], ["https://[bad"]],
        [["Co.G", "ü"], ["https://g.example/rdap?x"]], [["h"], ["https:///"]],
    ]  # fmt: skip
    found = bootstrap.read(json.dumps({"publication": "2026-01-01", "services": listed}).encode())
    assert {name: one.path for name, one in found.services.items()} == {"d": "/"}
