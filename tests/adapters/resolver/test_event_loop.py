"""Many inquiries in one event loop: judged as in a thread, not deceived, and fair to each other."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rrset
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from tests.adapters.resolver.test_authoritative import LOOPBACK
from tests.servers.process import free_port
from tests.servers.scripted_dns import Script, ScriptedDns, fails, replies

from nameplate.adapters.resolver import datagrams, event_loop
from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.ports.resolver import (
    AnswerKind,
    DnsQuestion,
    Inquiry,
    LookupResult,
    WideResolver,
    carry_out,
)

NAME = "www.example.test"
TXT = {(NAME, "TXT"): ['"hello " "world"', '"Ünï"', '"a\\"b"']}


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _one(name: str, rdtype: str = "TXT") -> Inquiry[LookupResult]:
    (found,) = yield [DnsQuestion(name, rdtype)]
    return found


def _all(
    resolver: AuthoritativeResolver, asked: Sequence[tuple[str, object]], seconds: float = 15
) -> list[LookupResult]:
    found: dict[int, LookupResult | Exception] = {}
    over = threading.Event()

    def ended(place: int, result: LookupResult | Exception) -> None:
        assert place not in found, "told once"
        found[place] = result
        if len(found) == len(asked):
            over.set()

    resolver.inquire([(_one(name), party) for name, party in asked], ended)
    assert over.wait(seconds)
    results = [found[place] for place in range(len(asked))]
    assert all(isinstance(one, LookupResult) for one in results), results
    return results  # type: ignore[return-value]  # as was just seen


def _resolver(
    servers: ExitStack, *scripts: Script, zone: str = "example.test"
) -> AuthoritativeResolver:
    started = [servers.enter_context(ScriptedDns(script)) for script in scripts]
    known = [(f"ns{number}", "127.0.0.1", one.port) for number, one in enumerate(started, 1)]
    return AuthoritativeResolver(LOOPBACK, recursor=("127.0.0.1", 1), overrides={zone: known})


def _kinds(resolver: AuthoritativeResolver, name: str = NAME) -> list[AnswerKind]:
    (found,) = _all(resolver, [(name, 1)])
    return [one.kind for one in found.answers]


def _truncated(query: dns.message.Message) -> dns.message.Message:
    """Answer with nothing but the flag, and whole when the question comes again by TCP."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA | dns.flags.TC
    return reply


def _cut_once() -> Script:
    seen: list[int] = []

    def script(query: dns.message.Message) -> dns.message.Message:
        seen.append(query.id)
        return _truncated(query) if len(seen) == 1 else replies(TXT)(query)

    return script


def _chain(query: dns.message.Message) -> dns.message.Message:
    name = query.question[0].name.to_text(omit_final_dot=True).lower()
    number = int(name.partition(".")[0].removeprefix("c") or 0)
    if number < 5:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        target = f"c{number + 1}.example.test."
        reply.answer = [dns.rrset.from_text(query.question[0].name, 60, "IN", "CNAME", target)]
        return reply
    return replies({(name, "TXT"): ['"the end"']})(query)


def _failing(kind: dns.rcode.Rcode) -> Script:
    return fails(kind)


def _gone(query: dns.message.Message) -> dns.message.Message:
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.authority = [
        dns.rrset.from_text("example.test.", 60, "IN", "SOA", "ns. host. 1 2 3 4 5"),
    ]
    return reply


@pytest.mark.parametrize(
    ("scripts", "name"),
    [
        ([replies(TXT)], NAME),
        ([replies(TXT), replies(TXT)], "WWW.Example.test."),
        ([replies(TXT), replies({})], NAME),
        ([_gone], NAME),
        ([replies(TXT, authoritative=False)], NAME),
        ([_failing(dns.rcode.SERVFAIL), replies(TXT)], NAME),
        ([_failing(dns.rcode.REFUSED)], NAME),
        ([_failing(dns.rcode.NOTIMP)], NAME),
        ([_chain], "c0.example.test"),
        ([replies({("a.example.test", "CNAME"): ["a.example.test."]})], "a.example.test"),
        ([replies({("a.example.test", "CNAME"): ["elsewhere.invalid."]})], "a.example.test"),
        ([replies(TXT)], "a..b"),
        ([replies(TXT)], "nowhere.invalid"),
    ],
)
def test_the_loop_says_what_a_thread_says(servers, scripts, name):
    resolver = _resolver(servers, *scripts)
    assert isinstance(resolver, WideResolver)
    (found,) = _all(resolver, [(name, 1)])
    assert found == resolver.authoritative(name, "TXT")


def test_a_truncated_answer_is_asked_for_by_tcp(servers):
    assert _kinds(_resolver(servers, _cut_once())) == [AnswerKind.DATA]


def test_a_lost_letter_case_is_asked_for_by_tcp(servers):
    def forgetful(query):
        reply = replies(TXT)(query)
        reply.question = [dns.rrset.RRset(dns.name.from_text(NAME), RdataClass.IN, RdataType.TXT)]
        return reply

    server = servers.enter_context(ScriptedDns(forgetful))
    known = {"example.test": [("ns", "127.0.0.1", server.port)]}
    assert _kinds(AuthoritativeResolver(LOOPBACK, overrides=known)) == [AnswerKind.DATA]
    assert len(server.queries) == 2


def _wrong_id(query):
    reply = replies(TXT)(query)
    reply.id ^= 1
    return reply


def _wrong_name(query):
    reply = replies(TXT)(query)
    reply.question = [
        dns.rrset.RRset(dns.name.from_text("xxx.example.test"), RdataClass.IN, RdataType.TXT)
    ]
    return reply


def _wrong_type(query):
    reply = replies(TXT)(query)
    reply.question = [dns.rrset.RRset(reply.question[0].name, RdataClass.IN, RdataType.AAAA)]
    return reply


def _no_question(query):
    reply = replies(TXT)(query)
    reply.question = []
    return reply


def _a_question(query):
    return query.to_wire()


def _rubbish(query):
    return query.to_wire()[:2] + b"\x84\x00" + b"\xff" * 20


def _rubbish_after(query):
    return replies(TXT)(query).to_wire() + b"more"


@pytest.mark.parametrize(
    "script",
    [
        _wrong_id, _wrong_name, _wrong_type, _no_question, _a_question, _rubbish, _rubbish_after,
        lambda _: b"short", lambda _: None,
    ],
)  # fmt: skip
def test_lies_rubbish_and_silence_are_no_answer(servers, monkeypatch, script):
    monkeypatch.setattr(datagrams, "TRIES", (0.1, 0.2))
    assert _kinds(_resolver(servers, script)) == [AnswerKind.TIMEOUT]


def test_a_referral_that_cannot_be_read_is_a_failure(servers):
    """The servers of a referral are read when they matter, after everything else."""

    def script(query):
        reply = dns.message.make_response(query)
        broken = dns.rrset.RRset(
            dns.name.from_text("www.example.test"), RdataClass.IN, RdataType.NS
        )
        broken.add(dns.rdata.GenericRdata(RdataClass.IN, RdataType.NS, b"\x05ns"))
        reply.authority = [broken]
        return reply

    assert _kinds(_resolver(servers, script)) == [AnswerKind.SERVFAIL]


def test_a_lie_before_the_answer_does_no_harm(servers, monkeypatch):
    """The true answer counts, though a forged one was there first."""
    monkeypatch.setattr(datagrams, "TRIES", (2.0, 0.1))
    with _udp() as server:
        thread = threading.Thread(target=_lie_then_answer, args=(server,))
        thread.start()
        known = {"example.test": [("ns", *server.getsockname())]}
        (found,) = _all(AuthoritativeResolver(LOOPBACK, overrides=known), [(NAME, 1)])
        thread.join()
    assert found.answers[0].values == ('a"b', "hello world", "Ünï")


def _udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(5)
    return made


def _lie_then_answer(server: socket.socket) -> None:
    wire, peer = server.recvfrom(65535)
    query = dns.message.from_wire(wire)
    lie = replies({(NAME, "TXT"): ['"a lie"']})(query)
    with _udp() as elsewhere:  # knows everything but cannot send from the server's address
        elsewhere.sendto(lie.to_wire(), peer)
    lie.id ^= 0x55
    server.sendto(lie.to_wire(), peer)
    server.sendto(replies(TXT)(query).to_wire(), peer)


def test_what_comes_from_another_address_is_no_answer(monkeypatch):
    monkeypatch.setattr(datagrams, "TRIES", (0.2, 0.2))
    with _udp() as server:

        def spoof() -> None:
            wire, peer = server.recvfrom(65535)
            with _udp() as elsewhere:
                elsewhere.sendto(replies(TXT)(dns.message.from_wire(wire)).to_wire(), peer)

        thread = threading.Thread(target=spoof)
        thread.start()
        known = {"example.test": [("ns", *server.getsockname())]}
        assert _kinds(AuthoritativeResolver(LOOPBACK, overrides=known)) == [AnswerKind.TIMEOUT]
        thread.join()


def test_ids_ports_and_letters_are_random(servers):
    """Sixteen questions at most share a port, and none is asked twice at a time."""
    peers: list[tuple[int, int, bytes]] = []
    with _udp() as server:
        server.settimeout(2)  # longer than until a lost question is asked again

        def serve() -> None:
            while True:
                try:
                    wire, peer = server.recvfrom(65535)
                except TimeoutError:
                    return
                query = dns.message.from_wire(wire)
                peers.append((peer[1], query.id, query.question[0].name.to_wire() or b""))
                server.sendto(replies({})(query).to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        known = {"example.test": [("ns", *server.getsockname())]}
        resolver = AuthoritativeResolver(LOOPBACK, overrides=known)
        _all(resolver, [(f"n{number}.example.test", 1) for number in range(320)])
        _all(resolver, [("same.example.test", one) for one in range(50)])
        thread.join()
    ports = [port for port, _, _ in peers]
    assert len(set(ports)) >= 20
    assert max(ports.count(one) for one in set(ports)) <= datagrams.SHARED_BY
    assert len({number for _, number, _ in peers}) > 300
    assert len({name for _, _, name in peers if name.lower().startswith(b"\4same")}) < 50
    assert sum(name != name.lower() for _, _, name in peers) > 300


def test_an_address_that_may_not_be_asked_is_not(servers):
    server = servers.enter_context(ScriptedDns(replies(TXT)))
    recursor = servers.enter_context(
        ScriptedDns(
            replies(
                {
                    ("example.test", "NS"): ["ns.example.test."],
                    ("ns.example.test", "A"): ["10.0.0.1"],
                },
                authoritative=False,
            )
        )
    )
    resolver = AuthoritativeResolver(
        LOOPBACK, recursor=("127.0.0.1", recursor.port), port=server.port
    )
    (found,) = _all(resolver, [(NAME, 1)])
    assert [one.kind for one in found.answers] == [AnswerKind.REFUSED]
    assert "private" in found.answers[0].detail
    assert found == resolver.authoritative(NAME, "TXT")
    assert not server.queries


def test_one_partys_dead_servers_take_nothing_from_another(servers):
    """A thousand look-ups at two hundred silent servers, and one that is answered."""
    silent = [servers.enter_context(_udp()) for _ in range(200)]
    known = {
        f"dead{number}.test": [("ns", *one.getsockname())] for number, one in enumerate(silent)
    }
    good = servers.enter_context(ScriptedDns(replies(TXT)))
    known["example.test"] = [("ns", "127.0.0.1", good.port)]
    resolver = AuthoritativeResolver(LOOPBACK, overrides=known, seconds=3.0)
    dead = [_one(f"n{number}.dead{number % 200}.test") for number in range(1000)]
    ended: list[float] = []
    began = time.monotonic()
    resolver.inquire(
        [(one, "hostile") for one in dead], lambda *_: ended.append(time.monotonic() - began)
    )
    time.sleep(0.5)
    at = time.monotonic()
    assert _all(resolver, [(NAME, "other")])[0].answers[0].kind is AnswerKind.DATA
    assert time.monotonic() - at < 1
    assert resolver._event_loop._datagrams._of_party["hostile"] <= datagrams.MAX_OF_PARTY
    while len(ended) < 1000 and time.monotonic() - began < 10:
        time.sleep(0.05)
    assert len(ended) == 1000
    assert max(ended) < 4.5, "each ends in the time of one look"


def test_a_surprise_ends_one_inquiry_only(servers):
    def broken() -> Inquiry[LookupResult]:
        yield [DnsQuestion(NAME, "TXT")]
        raise RuntimeError("a bug")

    resolver = _resolver(servers, replies(TXT))
    told: list[object] = []
    over = threading.Event()

    def ended(_place: int, result: object) -> None:
        told.append(result)
        if len(told) == 2:
            over.set()

    resolver.inquire([(broken(), 1), (_one(NAME), 1)], ended)
    assert over.wait(5)
    assert {type(one) for one in told} == {RuntimeError, LookupResult}


def test_ports_are_closed_when_nobody_waits(servers):
    resolver = _resolver(servers, replies(TXT))
    _all(resolver, [(f"n{number}.example.test", 1) for number in range(100)])
    kept = resolver._event_loop._datagrams
    tables = kept._open, kept._of_party, kept._of_server, kept._queues, kept._asked
    deadline = time.monotonic() + 5
    while any(tables) and time.monotonic() < deadline:  # the loop clears one after the other
        time.sleep(0.02)
    assert tables == ({}, {}, {}, {}, {})


def test_a_port_where_nobody_listens_ends_at_once():
    known = {"example.test": [("ns", "127.0.0.1", free_port())]}
    at = time.monotonic()
    assert _kinds(AuthoritativeResolver(LOOPBACK, overrides=known)) == [AnswerKind.TIMEOUT]
    assert time.monotonic() - at < 1


def test_one_inquiry_may_ask_several_things_at_once(servers):
    def two() -> Inquiry[list[AnswerKind]]:
        found = yield [DnsQuestion(NAME, "TXT"), DnsQuestion(NAME, "A")]
        more = yield []
        return [one.answers[0].kind for one in [*found, *more]]

    resolver = _resolver(servers, replies(TXT))
    over = threading.Event()
    told: list[object] = []

    def ended(_place: int, result: object) -> None:
        told.append(result)
        over.set()

    resolver.inquire([(two(), 1)], ended)
    assert over.wait(5)
    assert told == [[AnswerKind.DATA, AnswerKind.NODATA]]
    assert carry_out(two(), resolver) == told[0]
    assert event_loop.AT_ONCE > 1
