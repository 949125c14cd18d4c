"""A question on the wire is dnspython's, and what is drawn for it is never drawn twice."""

import dns.message
import dns.name
import pytest

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.resolver.chance import Chance
from nameplate.adapters.resolver.wire_question import WireQuestion, wire_of
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import AnswerKind

LONGEST = ".".join(["a" * 63] * 3 + ["b" * 61])
"""253 characters, which is 255 octets on the wire."""
NAMES = ["shop.example.com", "_a.b-c.example", "*.example.com", "a\\.b.example", LONGEST, "."]


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_written_as_dnspython_writes_it(text: str) -> None:
    name = dns.name.from_text(text)
    assert wire_of(name) == name.to_wire()


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("recursive", [False, True])
def test_a_question_can_be_read(text: str, recursive: bool) -> None:
    name = dns.name.from_text(text)
    question = WireQuestion(wire_of(name), "TXT", recursive=recursive)
    message = dns.message.from_wire(question.wire(Chance()))
    (asked,) = message.question
    assert (asked.name, message.id, message.edns) == (name, question.id, 0)
    assert asked.name.to_wire() == question.section[:-4]


def test_what_was_drawn_is_never_handed_out_again() -> None:
    chance = Chance()
    drawn = [chance.octets(8) for _ in range(5000)] + [chance.octets(9000)[:8]]
    assert len(set(drawn)) == len(drawn)
    assert {len(one) for one in drawn} == {8}


def test_the_longest_name_is_asked_for_and_a_longer_one_is_none() -> None:
    nowhere = {"b" * 61: [("ns", "127.0.0.1", 9)]}
    resolver = AuthoritativeResolver(EgressPolicy(allow=(), deny=()), overrides=nowhere)
    (asked,) = resolver.authoritative(LONGEST, "TXT").answers
    assert (asked.kind, asked.server) == (AnswerKind.TIMEOUT, "ns (127.0.0.1)")
    longer = LONGEST.replace("b" * 61, "b" * 62)
    (never,) = resolver.authoritative(longer, "TXT").answers
    assert never.detail == "the name is not a valid DNS name"
