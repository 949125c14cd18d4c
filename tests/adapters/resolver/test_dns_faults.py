"""Whatever a name server does wrong: no claim is verified by it, and no proof counts as lost."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

import dns.edns
import dns.flags
import dns.message
import dns.rrset
import pytest
from tests.adapters.resolver.dns_faults import FAULTS, Fault, Reply, Spoil
from tests.adapters.resolver.test_authoritative import LOOPBACK
from tests.servers.scripted_dns import Script, ScriptedDns

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.ports.verification import Proof, Verdict

NAME, TOKEN = "shop.example.test", "k7" * 20
RECORD = f"_nameplate-challenge.{NAME}"
VALUE = f"nameplate-verification={TOKEN}"


def honest(*values: str) -> Callable[[dns.message.Message], dns.message.Message]:
    """Return what answers with these texts at the proof's name, and with nothing elsewhere."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        asked = query.question[0]
        if values and asked.name.canonicalize().to_text() == f"{RECORD}." and asked.rdtype == 16:
            reply.answer = [dns.rrset.from_text(asked.name, 60, "IN", "TXT", *values)]
        return reply

    return script


RIGHT, NOTHING, ANOTHER = honest(f'"{VALUE}"'), honest(), honest('"something else"')


def spoiled(base: Callable[[dns.message.Message], dns.message.Message], spoil: Spoil) -> Script:
    def script(query: dns.message.Message) -> Reply:
        return spoil(query, base(query))

    return script


def proofs(*servers: tuple[Script, Script]) -> tuple[list[str], Proof, Proof]:
    """Return the kinds that were seen, and the proof by a thread and by the event loop."""
    with ExitStack() as stack:
        started = [stack.enter_context(ScriptedDns(udp, by_tcp=tcp)) for udp, tcp in servers]
        known = [(f"ns{number}", "127.0.0.1", one.port) for number, one in enumerate(started, 1)]
        resolver = AuthoritativeResolver(
            LOOPBACK, recursor=("127.0.0.1", 1), overrides={"example.test": known}, seconds=0.3
        )
        method = DnsTxt(resolver)
        found: list[Proof | Exception] = []
        over = threading.Event()

        def ended(_place: int, result: Proof | Exception) -> None:
            found.append(result)
            over.set()

        resolver.inquire([(method.inquire(NAME, TOKEN), 1)], ended)
        seen = resolver.authoritative(RECORD, "TXT")
        kinds = [one.kind.value for one in seen.answers]
        by_thread = method.judge(NAME, TOKEN, seen)
        assert over.wait(10)
    (by_loop,) = found
    assert isinstance(by_loop, Proof), by_loop
    return kinds, by_thread, by_loop


def test_there_are_sixty() -> None:
    assert len({one.name for one in FAULTS}) == len(FAULTS) >= 60


@pytest.mark.parametrize("fault", FAULTS, ids=lambda one: one.name)
@pytest.mark.parametrize("base", [RIGHT, NOTHING], ids=["right", "nothing"])
def test_a_fault_neither_verifies_nor_disproves(
    fault: Fault, base: Callable[[dns.message.Message], dns.message.Message]
) -> None:
    server = spoiled(base, fault.spoil), spoiled(base, fault.by_tcp or fault.spoil)
    kinds, *looks = proofs(server, server)
    assert set(kinds) == {fault.kind}, kinds
    for proof in looks:
        assert proof.verdict is Verdict.INCONCLUSIVE, proof
        assert [proof.verdict.proves, proof.verdict.disproves] == [False, False]
        assert proof.reason == "servers_unreachable"
        assert proof.observed


PAIRS = [
    ("right and nothing", RIGHT, NOTHING, "servers_disagree"),
    ("right and another", RIGHT, ANOTHER, "servers_disagree"),
    ("right and silence", RIGHT, lambda _: None, "servers_unreachable"),
    ("nothing and silence", NOTHING, lambda _: None, "servers_unreachable"),
    ("another and silence", ANOTHER, lambda _: None, "servers_unreachable"),
]


@pytest.mark.parametrize(("name", "one", "other", "reason"), PAIRS, ids=[one[0] for one in PAIRS])
def test_servers_that_differ_decide_nothing(
    name: str, one: Script, other: Script, reason: str
) -> None:
    _, *looks = proofs((one, one), (other, other))
    assert [(proof.verdict, proof.reason) for proof in looks] == [
        (Verdict.INCONCLUSIVE, reason)
    ] * 2


def _ttl(seconds: int) -> Spoil:
    def spoil(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
        for one in reply.answer:
            one.ttl = seconds
        return reply

    return spoil


def _extra(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    reply.use_edns(
        0, 0, 1232, options=[dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"\x01" * 24)]
    )
    return reply


def _plain(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    reply.use_edns(False)
    return reply


def _huge(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    for one in reply.answer:
        more = [f'"{number:03}{"x" * 250}"' for number in range(40)]
        one.update(dns.rrset.from_text(one.name, 60, "IN", "TXT", *more))
    return reply


def _cut(query: dns.message.Message, reply: dns.message.Message) -> Reply:
    reply.answer = []
    reply.flags |= dns.flags.TC
    return reply


def _lower(query: dns.message.Message, reply: dns.message.Message) -> Reply:
    name = query.question[0].name.canonicalize()
    reply.question = [dns.rrset.RRset(name, query.question[0].rdclass, query.question[0].rdtype)]
    return reply


def _as_is(_query: dns.message.Message, reply: dns.message.Message) -> Reply:
    return reply


ODDITIES = [
    ("a TTL of nothing", _ttl(0), _as_is),
    ("the longest TTL", _ttl(2**31 - 1), _as_is),
    ("a cookie that was not asked for", _extra, _as_is),
    ("no EDNS", _plain, _as_is),
    ("a huge answer by TCP", _cut, _huge),
    ("letters changed by UDP only", _lower, _as_is),
    ("letters changed everywhere", _lower, _lower),
]


@pytest.mark.parametrize(("name", "udp", "tcp"), ODDITIES, ids=[one[0] for one in ODDITIES])
def test_oddities_change_nothing(name: str, udp: Spoil, tcp: Spoil) -> None:
    for base, verdict in ((RIGHT, Verdict.MATCH), (NOTHING, Verdict.ABSENT)):
        server = spoiled(base, udp), spoiled(base, tcp)
        _, *looks = proofs(server, server)
        assert [proof.verdict for proof in looks] == [verdict, verdict]
