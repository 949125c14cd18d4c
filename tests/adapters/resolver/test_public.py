"""Public resolvers: what they have in the cache, for how long, and that they never hold us up."""

import time
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from tests.servers.scripted_dns import Script, ScriptedDns, fails, replies

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.resolver.public import PublicResolvers
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import Answer, AnswerKind

NAME = "www.example.test"
SOA = "ns1.example.test. hostmaster.example.test. 1 7200 3600 1209600 60"


def asking(*servers: ScriptedDns) -> AuthoritativeResolver:
    return AuthoritativeResolver(
        EgressPolicy(),
        recursor=("127.0.0.1", 1),
        overrides={"corp.test": [("ns1", "127.0.0.1", 1)]},
        public=[("127.0.0.1", one.port) for one in servers],
    )


def one(script: Script, rdtype: str = "A", name: str = NAME) -> Answer:
    with ScriptedDns(script) as server:
        (answer,) = asking(server).public(name, rdtype)
    assert answer.server == f"127.0.0.1:{server.port}"
    return answer


def said(
    *answers: tuple[str, int, str, str], soa_ttl: int | None = None, rcode: str = "NOERROR"
) -> Script:
    """Return a script that answers with these records and, for nothing, this rest of an SOA."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.from_text(rcode))
        for name, ttl, rdtype, value in answers:
            reply.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", rdtype, value))
        if soa_ttl is not None:
            reply.authority = [dns.rrset.from_text("example.test.", soa_ttl, "IN", "SOA", SOA)]
        return reply

    return script


def test_an_answer_and_what_is_left_of_it() -> None:
    answer = one(said((NAME, 214, "A", "192.0.2.1")))
    assert (answer.kind, answer.values, answer.ttl) == (AnswerKind.DATA, ("192.0.2.1",), 214)


def test_the_shortest_ttl_on_the_way_counts() -> None:
    chain = said(
        (NAME, 900, "CNAME", "end.example.test."), ("end.example.test", 30, "A", "192.0.2.1")
    )
    assert one(chain).ttl == 30
    alias = one(said((NAME, 900, "CNAME", "end.example.test.")), "CNAME")
    assert (alias.values, alias.ttl) == (("end.example.test.",), 900)


@pytest.mark.parametrize(
    ("script", "kind", "ttl"),
    [
        (said(soa_ttl=45), AnswerKind.NODATA, 45),
        (said(soa_ttl=45, rcode="NXDOMAIN"), AnswerKind.NXDOMAIN, 45),
        (said(soa_ttl=3600, rcode="NXDOMAIN"), AnswerKind.NXDOMAIN, 60),
    ],
)
def test_nothing_is_remembered_too(script: Script, kind: AnswerKind, ttl: int) -> None:
    answer = one(script)
    assert (answer.kind, answer.values, answer.ttl) == (kind, (), ttl)


def no_answer(query: dns.message.Message) -> bytes:
    return query.to_wire()[:2] + b"\x84\x00" + b"\xff" * 20


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (fails(dns.rcode.SERVFAIL), AnswerKind.SERVFAIL),
        (fails(dns.rcode.REFUSED), AnswerKind.REFUSED),
        (said((NAME, 60, "A", "192.0.2.1"), rcode="NXDOMAIN"), AnswerKind.SERVFAIL),
        (said((NAME, 60, "CNAME", f"{NAME}.")), AnswerKind.SERVFAIL),
        (no_answer, AnswerKind.TIMEOUT),
    ],
)
def test_liars_and_failures_are_answers(script: Script, kind: AnswerKind) -> None:
    assert one(script).kind is kind


def test_recursion_is_asked_for() -> None:
    with ScriptedDns(replies({})) as server:
        asking(server).public(NAME, "A")
    assert server.queries[0].flags & dns.flags.RD


def test_all_are_asked_at_once_and_answer_in_their_order() -> None:
    def late(value: str, seconds: float) -> Script:
        def script(query: dns.message.Message) -> dns.message.Message:
            time.sleep(seconds)
            return replies({(NAME, "A"): [value]})(query)

        return script

    scripts: list[Callable[..., object]] = [
        late("192.0.2.1", 0.6),
        late("192.0.2.2", 0.6),
        late("192.0.2.3", 0.6),
    ]
    with ScriptedDns(scripts[0]) as a, ScriptedDns(scripts[1]) as b, ScriptedDns(scripts[2]) as c:  # type: ignore[arg-type]  # scripts
        started = time.monotonic()
        answers = asking(a, b, c).public(NAME, "A")
        assert time.monotonic() - started < 1.5
    assert [x.values for x in answers] == [("192.0.2.1",), ("192.0.2.2",), ("192.0.2.3",)]


def test_a_private_name_does_not_leave_the_house() -> None:
    with ScriptedDns(replies({})) as server:
        resolver = asking(server)
        assert resolver.public("secret.corp.test", "A") == ()
        assert resolver.public("a..b", "A") == ()
    assert server.queries == []


def test_none_may_be_configured() -> None:
    assert asking().public(NAME, "A") == ()


def test_a_resolver_that_stays_silent_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("nameplate.adapters.resolver.query.TRIES", (0.3, 0.3))
    with ScriptedDns(lambda _: None) as silent, ScriptedDns(replies({})) as good:
        resolver = asking(silent, good)
        for _ in range(3):
            first, second = resolver.public(NAME, "A")
            assert (first.kind, second.kind) == (AnswerKind.TIMEOUT, AnswerKind.NODATA)
        started = time.monotonic()
        first, second = resolver.public(NAME, "A")
        assert time.monotonic() - started < 0.6, "a firewall must not slow every look down"
        assert (first.kind, first.detail) == (AnswerKind.TIMEOUT, "has not answered recently")
        assert second.kind is AnswerKind.NODATA
    assert len(silent.queries) == 3 * 2


def test_the_usual_port_is_not_shown() -> None:
    (answer,) = PublicResolvers([("127.0.0.66", 53)]).ask(dns.name.from_text(NAME), "A")
    assert answer.server == "127.0.0.66"
