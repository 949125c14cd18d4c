import time
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from dns.rdataclass import IN
from tests.servers.process import free_port
from tests.servers.scripted_dns import Script, ScriptedDns, fails, replies

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import AnswerKind

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
NAME = "www.example.test"
TXT = {(NAME, "TXT"): ['"hello " "world"', '"Ünï"', '"a\\"b"']}


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def asked(
    servers: ExitStack, *scripts: Script, zone: str = "example.test"
) -> AuthoritativeResolver:
    """Return a resolver that knows one server for each script."""
    started = [servers.enter_context(ScriptedDns(script)) for script in scripts]
    known = [(f"ns{number}", "127.0.0.1", one.port) for number, one in enumerate(started, 1)]
    return AuthoritativeResolver(LOOPBACK, recursor=("127.0.0.1", 1), overrides={zone: known})


def kinds(
    resolver: AuthoritativeResolver, name: str = NAME, rdtype: str = "TXT"
) -> list[AnswerKind]:
    return [answer.kind for answer in resolver.authoritative(name, rdtype).answers]


def test_every_server_is_asked_and_named(servers):
    finding = asked(servers, replies(TXT), replies(TXT)).authoritative("WWW.Example.test.", "TXT")
    assert finding.zone == "example.test"
    assert finding.unanimous
    assert [answer.server for answer in finding.answers] == ["ns1 (127.0.0.1)", "ns2 (127.0.0.1)"]
    assert finding.answers[0].values == ('a"b', "hello world", "Ünï")
    assert finding.answers[0].ttl == 60


def test_servers_of_one_name_and_address_do_not_hide_each_other(servers):
    started = [servers.enter_context(ScriptedDns(script)) for script in (replies({}), replies(TXT))]
    known = {"example.test": [("ns", "127.0.0.1", one.port) for one in started]}
    resolver = AuthoritativeResolver(LOOPBACK, overrides=known)
    assert set(kinds(resolver)) == {AnswerKind.DATA, AnswerKind.NODATA}


def test_names_are_lower_case_with_a_trailing_dot(servers):
    script = replies({(NAME, "MX"): ["10 Mail.Example.TEST."]})
    finding = asked(servers, script).authoritative(NAME, "MX")
    assert finding.answers[0].values == ("10 mail.example.test.",)


def malformed(query: dns.message.Message) -> bytes:
    return query.to_wire()[:2] + b"\x84\x00" + b"\xff" * 20


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (replies({}), AnswerKind.NODATA),
        (replies(TXT, authoritative=False), AnswerKind.REFUSED),
        (fails(dns.rcode.REFUSED), AnswerKind.REFUSED),
        (fails(dns.rcode.SERVFAIL), AnswerKind.SERVFAIL),
        (fails(dns.rcode.NOTIMP), AnswerKind.SERVFAIL),
    ],
)
def test_each_failure_is_an_answer_of_its_kind(servers, script, kind):
    assert kinds(asked(servers, script)) == [kind]


def test_one_bad_server_does_not_hide_the_good_one(servers):
    resolver = asked(servers, replies(TXT), fails(dns.rcode.SERVFAIL), replies({}))
    assert kinds(resolver) == [AnswerKind.DATA, AnswerKind.SERVFAIL, AnswerKind.NODATA]
    assert not resolver.authoritative(NAME, "TXT").unanimous


@pytest.mark.parametrize("script", [lambda _: None, malformed])
def test_silence_and_rubbish_end_in_time(servers, script):
    resolver = asked(servers, script)
    resolver._seconds = 0.5
    started = time.monotonic()
    assert kinds(resolver) == [AnswerKind.TIMEOUT]
    assert time.monotonic() - started < 2


def test_a_forged_answer_is_ignored(servers):
    def wrong_id(query):
        reply = replies(TXT)(query)
        reply.id ^= 1
        return reply

    resolver = asked(servers, wrong_id)
    resolver._seconds = 0.5
    assert kinds(resolver) == [AnswerKind.TIMEOUT]


def test_a_lost_letter_case_asks_again_by_tcp(servers):
    def forgetful(query):
        reply = replies(TXT)(query)
        reply.question = [dns.rrset.RRset(dns.name.from_text(NAME), IN, dns.rdatatype.TXT)]
        reply.answer[0].name = dns.name.from_text(NAME)
        return reply

    server = servers.enter_context(ScriptedDns(forgetful))
    known = {"example.test": [("ns1", "127.0.0.1", server.port)]}
    resolver = AuthoritativeResolver(LOOPBACK, overrides=known)
    assert kinds(resolver) == [AnswerKind.DATA]
    assert len(server.queries) == 2


def test_recursion_is_not_asked_for(servers):
    server = servers.enter_context(ScriptedDns(replies(TXT)))
    known = {"example.test": [("ns1", "127.0.0.1", server.port)]}
    AuthoritativeResolver(LOOPBACK, overrides=known).authoritative(NAME, "TXT")
    assert not server.queries[0].flags & dns.flags.RD
    assert server.queries[0].question[0].name.to_text() != f"{NAME}.", "0x20 (by chance 1 of 2^14)"


def test_a_truncated_answer_comes_by_tcp(servers):
    long = {(NAME, "TXT"): [f'"{number:03}{"x" * 200}"' for number in range(40)]}

    first = iter([True])

    def truncating(query):
        reply = replies(long)(query)
        if next(first, False):
            reply.answer, reply.flags = [], reply.flags | dns.flags.TC
        return reply

    server = servers.enter_context(ScriptedDns(truncating))
    known = {"example.test": [("ns1", "127.0.0.1", server.port)]}
    finding = AuthoritativeResolver(LOOPBACK, overrides=known).authoritative(NAME, "TXT")
    assert len(finding.answers[0].values) == 40


def test_aliases_are_followed_to_their_end(servers):
    aliases = {
        (f"a{number}.example.test", "CNAME"): [f"A{number + 1}.example.test."]
        for number in range(8)
    }
    table = {**aliases, ("a8.example.test", "TXT"): ['"end"']}

    finding = asked(servers, following(table)).authoritative("a0.example.test", "TXT")
    assert finding.answers[0].values == ("end",)
    longer = {**table, ("a8.example.test", "CNAME"): ["a9.example.test."]}
    del longer["a8.example.test", "TXT"]
    assert kinds(asked(servers, following(longer)), "a0.example.test") == [AnswerKind.SERVFAIL]


def following(table) -> Script:
    def script(query):
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        reply = replies(table)(query)
        target = table.get((name, "CNAME"))
        if target and not reply.answer:
            reply.answer = [dns.rrset.from_text(question.name, 60, "IN", "CNAME", *target)]
        return reply

    return script


def test_a_loop_of_aliases_ends(servers):
    loop = {
        ("a.example.test", "CNAME"): ["b.example.test."],
        ("b.example.test", "CNAME"): ["a.example.test."],
    }
    resolver = asked(servers, following(loop))
    assert kinds(resolver, "a.example.test") == [AnswerKind.SERVFAIL]
    assert kinds(resolver, "a.example.test", "CNAME") == [AnswerKind.DATA]


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".test", "a." * 200])
def test_what_is_no_name_is_an_answer_too(servers, name):
    finding = asked(servers, replies({}), zone="test").authoritative(name, "TXT")
    assert AnswerKind.DATA not in {answer.kind for answer in finding.answers}


# --- through a recursor and real delegations -------------------------------------------------


@pytest.fixture
def internet(servers) -> AuthoritativeResolver:
    """Return a resolver whose recursor knows the parent zone only; that refers to 127.0.0.3."""
    port = free_port()
    world = {
        ("example.test", "NS"): ["ns1.example.test.", "ns2.example.test.", "ns3.example.test."],
        ("ns1.example.test", "A"): ["127.0.0.2"],
        ("ns2.example.test", "A"): ["10.0.0.1"],
        ("plain.example.test", "A"): ["192.0.2.1"],
        ("plain.example.test", "AAAA"): ["2001:db8::1"],
    }
    recursor = servers.enter_context(ScriptedDns(replies(world, authoritative=False)))

    def parent(query):
        if not query.question[0].name.is_subdomain(dns.name.from_text("child.example.test")):
            return replies({(NAME, "TXT"): ['"parent"']})(query)
        reply = dns.message.make_response(query)
        reply.authority = [
            dns.rrset.from_text(
                "child.example.test.",
                60,
                "IN",
                "NS",
                "ns.child.example.test.",
                "ns.elsewhere.test.",
            )
        ]
        reply.additional = [
            dns.rrset.from_text("ns.child.example.test.", 60, "IN", "A", "127.0.0.3"),
            dns.rrset.from_text("ns.elsewhere.test.", 60, "IN", "A", "127.0.0.66"),
        ]
        return reply

    servers.enter_context(ScriptedDns(parent, address="127.0.0.2", port=port))
    child = replies({("www.child.example.test", "TXT"): ['"child"']})
    servers.enter_context(ScriptedDns(child, address="127.0.0.3", port=port))
    return AuthoritativeResolver(LOOPBACK, recursor=("127.0.0.1", recursor.port), port=port)


def test_the_zone_is_found_and_its_servers_are_asked(internet):
    finding = internet.authoritative(NAME, "TXT")
    assert finding.zone == "example.test"
    seen = {answer.server: (answer.kind, answer.values) for answer in finding.answers}
    assert seen == {
        "ns1.example.test (127.0.0.2)": (AnswerKind.DATA, ("parent",)),
        "ns2.example.test (10.0.0.1)": (AnswerKind.REFUSED, ()),
        "ns3.example.test (no address)": (AnswerKind.REFUSED, ()),
    }
    assert "private" in finding.answers[1].detail


def test_a_referral_leads_to_the_child(internet):
    finding = internet.authoritative("www.child.example.test", "TXT")
    assert finding.zone == "child.example.test"
    seen = {answer.server: answer.values for answer in finding.answers}
    assert seen["ns.child.example.test (127.0.0.3)"] == ("child",)
    assert "ns.elsewhere.test (no address)" in seen, "glue of other zones is not believed"


def test_private_servers_are_not_asked_unless_allowed(internet):
    internet._servers._policy = EgressPolicy()
    answers = internet.authoritative(NAME, "TXT").answers
    assert {answer.kind for answer in answers} == {AnswerKind.REFUSED}


def test_ordinary_addresses(internet):
    assert internet.addresses("plain.example.test") == ("192.0.2.1", "2001:db8::1")
    assert internet.addresses("nothing.example.test") == ()
    assert internet.addresses("a..b") == ()


def test_addresses_of_a_known_zone_come_from_its_servers(servers):
    table = {(NAME, "CNAME"): ["b.example.test."], ("b.example.test", "A"): ["127.0.0.1"]}
    resolver = asked(servers, following(table), following(table))
    assert resolver.addresses(NAME) == ("127.0.0.1",)


def test_a_dead_recursor_is_an_answer():
    resolver = AuthoritativeResolver(LOOPBACK, recursor=("127.0.0.1", free_port()), seconds=0.4)
    assert kinds(resolver) == [AnswerKind.TIMEOUT]
    assert resolver.addresses(NAME) == ()
