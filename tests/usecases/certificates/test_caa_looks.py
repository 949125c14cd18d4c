"""The relevant CAA set of a name, found on name servers by the resolver of production."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from tests.servers.scripted_dns import Script, ScriptedDns, fails, replies
from tests.servers.signed_root import SignedInternet
from tests.usecases.offline import Offline

from nameplate.adapters.resolver.authoritative import AuthoritativeResolver
from nameplate.core.caa_policy import Applicant
from nameplate.core.egress import EgressPolicy
from nameplate.usecases.certificates.caa_looks import CaaLook, CaaObstacle, CaaUnanswered
from nameplate.usecases.tools import Tools

LOOPBACK = EgressPolicy(allow=(ip_network("127.0.0.0/8"),))
US = Applicant(("letsencrypt.org",), "http-01", lambda: "")
LETS, OTHER = '0 issue "letsencrypt.org"', '0 issue "other.example"'
Records = dict[tuple[str, str], list[str]]


@contextmanager
def _asking(script: Script) -> Iterator[Tools]:
    """Tools whose resolver finds this name server for everything below com."""
    nobody: Any = None
    with ScriptedDns(script) as server:
        known = {"com": [("ns1.example.com", "127.0.0.1", server.port)]}
        resolver = AuthoritativeResolver(LOOPBACK, overrides=known, seconds=3)
        yield replace(Offline(nobody).tools, resolver=resolver)


def _name(query: dns.message.Message) -> str:
    return query.question[0].name.to_text(omit_final_dot=True).lower()


def _tools(
    records: Records, failing: frozenset[str] = frozenset()
) -> AbstractContextManager[Tools]:
    table, failure = replies(records), fails(dns.rcode.SERVFAIL)
    return _asking(lambda query: (failure if _name(query) in failing else table)(query))


def _obstacle(records: Records, *hosts: str) -> CaaObstacle | None:
    with _tools(records) as tools:
        return CaaLook(tools, hosts or ("www.shop.example.com",)).obstacle(US, "Let's Encrypt")


@pytest.mark.parametrize(
    "place", ["www.shop.example.com", "shop.example.com", "example.com", "com"]
)
def test_the_closest_set_upwards_counts(place: str) -> None:
    found = _obstacle({(place, "CAA"): [OTHER]})
    assert found is not None
    assert found.code == "caa_excludes"
    assert found.records == (f'{place} CAA 0 issue "letsencrypt.org"',)
    assert found.addresses == (f"{place} CAA {OTHER}",)
    assert found.records[0] in found.message
    assert _obstacle({(place, "CAA"): [LETS]}) is None
    assert _obstacle({("www.shop.example.com", "CAA"): [LETS], (place, "A"): []}) is None


def test_a_closer_set_hides_the_ones_above() -> None:
    records = {("shop.example.com", "CAA"): [LETS], ("example.com", "CAA"): [OTHER]}
    assert _obstacle(records) is None


def test_the_set_at_the_end_of_an_alias_counts() -> None:
    answers = replies({("edge.example.com", "CAA"): [OTHER]})

    def script(query: dns.message.Message) -> dns.message.Message:
        if _name(query) != "www.shop.example.com":
            return answers(query)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        owner = query.question[0].name
        reply.answer = [dns.rrset.from_text(owner, 60, "IN", "CNAME", "edge.example.com.")]
        return reply

    with _asking(script) as tools:
        found = CaaLook(tools, ("www.shop.example.com",)).obstacle(US, "Let's Encrypt")
    assert found is not None
    assert found.code == "caa_excludes"


def test_a_wildcard_needs_issuewild() -> None:
    records = {("example.com", "CAA"): [LETS, '0 issuewild ";"']}
    assert _obstacle(records, "a.example.com") is None
    found = _obstacle(records, "a.example.com", "*.example.com")
    assert found is not None
    assert found.records == ('example.com CAA 0 issuewild "letsencrypt.org"',)


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        ('128 tbs "x"', "caa_critical", "marked critical"),
        ('0 issue "letsencrypt.org; accounturi=https://x/1"', "caa_excludes", "another account"),
        ('0 issue "letsencrypt.org; validationmethods=dns-01"', "caa_excludes", "by http-01"),
    ],
)
def test_what_else_can_forbid(value: str, code: str, words: str) -> None:
    found = _obstacle({("example.com", "CAA"): [value]})
    assert found is not None
    assert found.code == code
    assert words in found.message


@pytest.mark.parametrize("failing", ["shop.example.com", "example.com"])
def test_a_failure_on_the_way_up_is_no_permission(failing: str) -> None:
    with _tools({}, frozenset({failing})) as tools, pytest.raises(CaaUnanswered) as caught:
        CaaLook(tools, ("shop.example.com",)).obstacle(US, "Let's Encrypt")
    assert caught.value.obstacle.code == "caa_not_answered"
    assert failing in caught.value.obstacle.message


def test_each_name_is_asked_for_once() -> None:
    hosts = [f"h{number}.example.com" for number in range(5)]
    with _tools({}) as tools:
        looks = CaaLook(tools, hosts)
        for _ in range(3):
            assert looks.obstacle(US, "Let's Encrypt") is None
        assert sorted(looks.seen) == sorted({*hosts, "example.com", "com"})


def test_what_fails_validation_is_no_permission(tmp_path: Path) -> None:
    nobody: Any = None
    with SignedInternet(tmp_path) as net:
        tools = replace(Offline(nobody).tools, resolver=net.resolver(), validator=net.validator())
        for zone in ("good.test", "plain.test"):
            assert CaaLook(tools, (f"proof.{zone}",)).obstacle(US, "x") is None
        with pytest.raises(CaaUnanswered) as caught:
            CaaLook(tools, ("proof.expired.test",)).obstacle(US, "x")
    assert caught.value.obstacle.code == "caa_bogus"
