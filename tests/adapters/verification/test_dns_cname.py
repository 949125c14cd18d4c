from collections.abc import Iterator
from ipaddress import ip_network

import dns.query
import dns.tsig
import dns.update
import pytest

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.adapters.sandbox.dns import SandboxDns
from nameplate.adapters.verification.dns_cname import DnsCname, plugin
from nameplate.core import configuration
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.ports.verification import Outside, ProofScope, Verdict

SECRET = "bmFtZXBsYXRlLXNhbmRib3gta2V5LTMyLWJ5dGVzISE="
KEY = dns.tsig.Key("nameplate", SECRET, "hmac-sha256")
NAME = "shop.example.test"
RECORD = f"_nameplate-cname.{NAME}"
TOKEN, OTHER = "k7" * 20, "z9" * 20
ZONE = "proof.platform.test"
LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.1/32"),))


class World:
    """The name server of example.test, filled by the test."""

    def __init__(self, server: SandboxDns) -> None:
        self.port = server.port
        known = {"example.test": [("ns1", "127.0.0.1", server.port)]}
        self.method = DnsCname(AuthoritativeResolver(LOOPBACK, overrides=known, seconds=1), ZONE)

    def publish(self, name: str, kind: str, value: str) -> None:
        message = dns.update.UpdateMessage("example.test", keyring=KEY)
        message.add(f"{name}.", 60, kind, value)
        assert dns.query.tcp(message, "127.0.0.1", timeout=2, port=self.port).rcode() == 0


@pytest.fixture
def world() -> Iterator[World]:
    with SandboxDns(["example.test"], "nameplate", Secret(SECRET)) as server:
        yield World(server)


def test_the_instruction(world):
    told = world.method.instruct(NAME, TOKEN)
    assert (told.get("type"), told.get("name")) == ("CNAME", RECORD)
    assert told.expected == f"{TOKEN}.{ZONE}"
    assert DnsCname.scope is ProofScope.SUBTREE


def test_the_target_matches_in_any_case(world):
    world.publish(RECORD, "CNAME", f"{TOKEN.upper()}.{ZONE}.")
    proof = world.method.check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.MATCH, "cname_match")


@pytest.mark.parametrize(
    "target",
    [
        f"{OTHER}.{ZONE}.",
        f"{TOKEN}.",
        f"{TOKEN}.elsewhere.test.",
        f"x{TOKEN}.{ZONE}.",
        f"x.{TOKEN}.{ZONE}.",
        f"{TOKEN[:-1]}.{ZONE}.",
        f"{ZONE}.",
        f"{TOKEN}.{ZONE}.example.test.",
    ],
)
def test_only_the_whole_target_matches(world, target):
    world.publish(RECORD, "CNAME", target)
    proof = world.method.check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.MISMATCH, "cname_mismatch")


def test_a_chain_does_not_match(world):
    world.publish(RECORD, "CNAME", "somebody.example.test.")
    world.publish("somebody.example.test", "CNAME", f"{TOKEN}.{ZONE}.")
    assert world.method.check(NAME, TOKEN).verdict is Verdict.MISMATCH


def test_the_name_itself_at_the_target_does_not_match(world):
    world.publish(NAME, "CNAME", f"{TOKEN}.{ZONE}.")
    proof = world.method.check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "cname_at_wrong_name")


def test_the_target_as_text_does_not_match(world):
    world.publish(RECORD, "TXT", f"{TOKEN}.{ZONE}")
    proof = world.method.check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "cname_absent")


def test_the_doubled_name(world):
    world.publish(f"{RECORD}.example.test", "CNAME", f"{TOKEN}.{ZONE}.")
    proof = world.method.check(NAME, TOKEN)
    assert (proof.verdict, proof.reason) == (Verdict.ABSENT, "cname_at_doubled_name")


def test_a_wildcard_for_the_whole_zone_is_another_claims(world):
    world.publish("*.example.test", "CNAME", f"{OTHER}.{ZONE}.")
    assert world.method.check(NAME, TOKEN).verdict is Verdict.MISMATCH


def test_it_needs_a_zone():
    outside = Outside(None, None)  # type: ignore[arg-type]  # nothing is looked at
    config = configuration.load(plugin.configuration, {})
    assert plugin.lacks(config, outside) == "set up a zone for it"
    config = configuration.load(plugin.configuration, {"zone": ZONE})
    assert plugin.lacks(config, outside) is None
    assert plugin.connect(config, outside).instruct(NAME, TOKEN).expected.endswith(ZONE)
    with pytest.raises(Refused, match="zone"):
        configuration.load(plugin.configuration, {"zone": "https://x"})
