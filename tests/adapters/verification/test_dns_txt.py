from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_network

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest
from tests.servers.process import free_port
from tests.servers.scripted_dns import ScriptedDns, fails

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.core.egress import EgressPolicy
from nameplate.core.secret import Secret
from nameplate.ports.verification import Verdict

SECRET = "bmFtZXBsYXRlLXNhbmRib3gta2V5LTMyLWJ5dGVzISE="
KEY = dns.tsig.Key("nameplate", SECRET, "hmac-sha256")
NAME = "shop.example.test"
RECORD = f"_nameplate-challenge.{NAME}"
TOKEN = "k7" * 20
VALUE = f"nameplate-verification={TOKEN}"
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))


class World:
    """Two name servers of example.test, filled by the test."""

    def __init__(self, stack: ExitStack) -> None:
        self.servers = [
            stack.enter_context(SandboxDns(["example.test"], "nameplate", Secret(SECRET)))
            for _ in range(2)
        ]

    def method(self, *ports: int) -> DnsTxt:
        known = [(f"ns{n}", "127.0.0.1", port) for n, port in enumerate(ports or self.ports, 1)]
        return DnsTxt(AuthoritativeResolver(LOOPBACK, overrides={"example.test": known}, seconds=1))

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(server.port for server in self.servers)

    def publish(self, name: str, *texts: str, only: int | None = None) -> None:
        for port in self.ports if only is None else (self.ports[only],):
            message = dns.update.UpdateMessage("example.test", keyring=KEY)
            for text in texts:
                message.add(f"{name}.", 60, "TXT", text)
            assert dns.query.tcp(message, "127.0.0.1", timeout=2, port=port).rcode() == 0


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        yield World(stack)


def test_the_instruction_never_changes(world):
    first = world.method().instruct(NAME, TOKEN)
    assert first == world.method().instruct(NAME, TOKEN)
    assert (first.kind, first.get("type"), first.get("name")) == ("dns_record", "TXT", RECORD)
    assert first.expected == VALUE


def test_what_is_instructed_matches_on_every_server(world):
    world.publish(RECORD, '"old" " token"', VALUE)
    proof = world.method().check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.MATCH, "txt_match")
    assert len(proof.observed) == 2


def test_a_value_in_several_strings_matches(world):
    world.publish(RECORD, f'"{VALUE[:10]}" "{VALUE[10:]}"')
    assert world.method().check(NAME, TOKEN).verdict is Verdict.MATCH


def test_absent(world):
    proof = world.method().check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "txt_absent")
    assert RECORD in proof.message
    assert proof.observed == (
        "ns1 (127.0.0.1): the name does not exist",
        "ns2 (127.0.0.1): the name does not exist",
    )


@pytest.mark.parametrize(
    "text",
    [
        TOKEN,
        f"{VALUE}x",
        f"x{VALUE}",
        VALUE.upper(),
        VALUE[:-1],
        f'"{VALUE} "',
        f'" {VALUE}"',
        f'"{VALUE}\\226\\128\\139"',
        '""',
        "nameplate-verification=",
        f'"{VALUE[:10]}" " {VALUE[10:]}"',
    ],
)
def test_only_the_whole_value_matches(world, text):
    world.publish(RECORD, text)
    proof = world.method().check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.MISMATCH, "txt_mismatch")


def test_one_server_that_does_not_have_it_yet(world):
    world.publish(RECORD, VALUE, only=0)
    proof = world.method().check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "servers_disagree")
    assert "ns2 (127.0.0.1)" in proof.message
    assert "ns1" not in proof.message


def test_one_of_two_servers_alone_neither_proves_nor_disproves(world):
    world.publish(RECORD, VALUE)
    for name in (NAME, f"other.{NAME}"):
        proof = world.method(world.ports[0], free_port()).check(name, TOKEN)
        assert (proof.verdict, proof.reason) == (Verdict.INCONCLUSIVE, "servers_unreachable")


def test_two_of_three_servers_are_enough(world):
    world.publish(RECORD, VALUE)
    with ScriptedDns(fails(dns.rcode.SERVFAIL)) as broken:
        proof = world.method(*world.ports, broken.port).check(NAME, TOKEN)
    assert proof.verdict is Verdict.MATCH
    assert "ns3 (127.0.0.1): answers SERVFAIL" in proof.observed


def test_a_single_server_is_enough_when_there_is_no_other(world):
    world.publish(RECORD, VALUE)
    assert world.method(world.ports[0]).check(NAME, TOKEN).verdict is Verdict.MATCH


def test_the_name_was_doubled_by_the_provider(world):
    world.publish(f"{RECORD}.example.test", VALUE)
    proof = world.method().check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "txt_at_doubled_name")
    assert "Enter the name there as _nameplate-challenge.shop." in proof.message


@pytest.mark.parametrize("place", [NAME, "example.test"])
def test_the_value_stands_at_another_name(world, place):
    world.publish(place, VALUE)
    proof = world.method().check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "txt_at_wrong_name")
    assert f"found at {place}," in proof.message


def test_a_wildcard_that_answers_everything_does_not_match(world):
    world.publish("*.example.test", "anything")
    assert world.method().check(NAME, TOKEN).verdict is Verdict.MISMATCH


def test_what_is_shown_is_short_and_printable(world):
    world.publish(RECORD, *[f'"{n}\\027[31m{"x" * 190}"' for n in range(5)])
    proof = world.method().check(NAME, TOKEN)
    assert all(entry.isprintable() and len(entry) < 500 for entry in proof.observed)
    assert "and 2 more" in proof.observed[0]
