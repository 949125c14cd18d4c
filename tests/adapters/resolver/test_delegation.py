"""The zone from its parent's side: who is listed, who is lame, and how often a registry is asked."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_network

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from tests.servers.process import free_port
from tests.servers.scripted_dns import ScriptedDns, fails, replies

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import AnswerKind, Delegation

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
REGISTRY, FIRST, SECOND = "127.0.72.2", "127.0.72.3", "127.0.72.4"
NAME = "www.example.test"
CHILD = {
    ("example.test", "NS"): ["ns1.example.test."],
    ("ns1.example.test", "A"): [FIRST],
    (NAME, "A"): ["192.0.2.7"],
}
SEEN_BY_RECURSOR = {
    **CHILD,
    ("test", "NS"): ["a.registry.test."],
    ("a.registry.test", "A"): [REGISTRY],
}


def registry(query: dns.message.Message) -> dns.message.Message:
    """Delegate `example.test` to two servers, with glue; the zone itself names one."""
    if not query.question[0].name.is_subdomain(dns.name.from_text("example.test")):
        return replies({})(query)
    reply = dns.message.make_response(query)
    servers = ("ns1.example.test.", "ns2.example.test.")
    reply.authority = [dns.rrset.from_text("example.test.", 60, "IN", "NS", *servers)]
    reply.additional = [
        dns.rrset.from_text(servers[0], 60, "IN", "A", FIRST),
        dns.rrset.from_text(servers[1], 60, "IN", "A", SECOND),
    ]
    return reply


@dataclass
class World:
    resolver: AuthoritativeResolver
    registry: ScriptedDns
    second: ScriptedDns


@pytest.fixture
def world() -> Iterator[World]:
    port = free_port()
    with ExitStack() as stack:

        def serve(script, address):
            return stack.enter_context(ScriptedDns(script, address=address, port=port))

        above = serve(registry, REGISTRY)
        serve(replies(CHILD), FIRST)
        second = serve(fails(dns.rcode.REFUSED), SECOND)
        recursor = stack.enter_context(ScriptedDns(replies(SEEN_BY_RECURSOR, authoritative=False)))
        resolver = AuthoritativeResolver(
            LOOPBACK, recursor=("127.0.0.1", recursor.port), port=port, seconds=4
        )
        # Without a root nothing is above `test`, and nothing has to be.
        yield World(resolver, above, second)


@pytest.mark.parametrize("name", ["example.test", NAME, "deep.er.example.test"])
def test_the_parent_says_who_serves_it_and_each_is_asked(world: World, name: str) -> None:
    found = world.resolver.delegation(name)
    assert (found.zone, found.parent) == ("example.test", ("ns1.example.test", "ns2.example.test"))
    kinds = {answer.server: (answer.kind, answer.values) for answer in found.answers}
    assert kinds == {
        f"ns1.example.test ({FIRST})": (AnswerKind.DATA, ("ns1.example.test.",)),
        f"ns2.example.test ({SECOND})": (AnswerKind.REFUSED, ()),
    }


def test_servers_that_only_the_parent_names_are_asked_on_request(world: World) -> None:
    own = world.resolver.authoritative(NAME, "A")
    assert [answer.kind for answer in own.answers] == [AnswerKind.DATA]
    listed = world.resolver.authoritative(NAME, "A", delegated=True)
    assert [answer.kind for answer in listed.answers] == [AnswerKind.DATA, AnswerKind.REFUSED]
    assert listed.zone == "example.test"


def test_a_registry_is_asked_sparingly(world: World) -> None:
    names = [f"n{number}.example.test" for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        ask = threads.map(
            lambda name: world.resolver.authoritative(name, "A", delegated=True), names
        )
        assert {len(finding.answers) for finding in ask} == {2}
    assert len(world.registry.queries) == 1


def test_without_a_word_from_above_the_zone_speaks_for_itself(world: World) -> None:
    world.registry._script = fails(dns.rcode.SERVFAIL)
    found = world.resolver.delegation(NAME)
    assert (found.zone, found.parent) == ("example.test", ())
    assert [answer.kind for answer in found.answers] == [AnswerKind.DATA]
    listed = world.resolver.authoritative(NAME, "A", delegated=True)
    assert [answer.values for answer in listed.answers] == [("192.0.2.7",)]


def test_parent_and_child_on_one_server(world: World) -> None:
    world.registry._script = replies(CHILD)
    found = world.resolver.delegation(NAME)
    assert (found.zone, found.parent) == ("example.test", ("ns1.example.test",))


def test_referrals_without_an_end_are_left(world: World) -> None:
    deep = dns.name.from_text(".".join(["x"] * 40) + ".example.test")

    def down(query: dns.message.Message) -> dns.message.Message:
        """Refer one label further down each time, to the same server."""
        reply = dns.message.make_response(query)
        cut = dns.name.Name(deep.labels[-len(world.registry.queries) - 2 :])
        reply.authority = [dns.rrset.from_text(cut, 60, "IN", "NS", "a.registry.test.")]
        return reply

    world.registry._script = down
    assert world.resolver.delegation(deep.to_text()).zone.startswith("x.x.x.")
    assert len(world.registry.queries) < 15


def test_private_servers_are_not_asked(world: World) -> None:
    world.resolver._servers._policy = EgressPolicy()
    found = world.resolver.delegation(NAME)
    assert {answer.kind for answer in found.answers} == {AnswerKind.REFUSED}
    assert world.registry.queries == []


@pytest.mark.parametrize("name", ["a..b", "nowhere.invalid"])
def test_what_is_nowhere(world: World, name: str) -> None:
    assert world.resolver.delegation(name) == Delegation("", (), ())


def test_a_private_zone_has_no_parent() -> None:
    with ScriptedDns(replies(CHILD)) as server:
        known = {"example.test": [("ns.example.test", "127.0.0.1", server.port)]}
        resolver = AuthoritativeResolver(LOOPBACK, recursor=("127.0.0.1", 1), overrides=known)
        found = resolver.delegation(NAME)
    assert (found.zone, found.parent) == ("example.test", ())
    assert [answer.kind for answer in found.answers] == [AnswerKind.DATA]
