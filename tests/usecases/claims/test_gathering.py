"""What a diagnosis looks at: each question once, bounded, and nothing raised."""

from collections import Counter
from dataclasses import dataclass, field, replace

from tests.databases import sessions_over
from tests.usecases.offline import Offline
from tests.usecases.seen_dns import SeenDns

from nameplate.core.diagnosis.observed import Expected, Target
from nameplate.ports.resolver import Answer, AnswerKind, Delegation, LookupResult
from nameplate.usecases.claims import gathering
from nameplate.usecases.claims.gathering import Subject
from nameplate.usecases.tools import Tools

SERVERS = ("ns1.example.net", "ns2.example.net")
EXPECTED = Expected("TXT", "_x.shop.example.com", "value")
SUBJECT = Subject("shop.example.com", "example.com", expected=EXPECTED)


@dataclass
class Counting(SeenDns):
    """Counts the questions; the SOA says how long it is remembered that something is missing."""

    asked: Counter[tuple[str, str]] = field(default_factory=Counter)

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        self.asked[name, rdtype] += 1
        if rdtype == "SOA":
            values = ("ns1.example.net. x.example.net. 1 7200 3600 1209600 900",)
            return LookupResult("example.com", (Answer(AnswerKind.DATA, "ns1", values, 300),))
        return super().authoritative(name, rdtype, delegated=delegated)


def tools(resolver: SeenDns) -> Tools:
    return replace(Offline(sessions_over("sqlite://")).tools, resolver=resolver)


def test_each_question_is_asked_once() -> None:
    dns = Counting({"example.com": SERVERS})
    seen = gathering.gather(tools(dns), SUBJECT)
    assert seen.zone == "example.com"
    assert max(dns.asked.values()) == 1
    assert len(dns.asked) <= 30
    assert {("shop.example.com", rdtype) for rdtype in ("A", "AAAA", "CNAME", "CAA")} <= set(
        dns.asked
    )
    assert ("example.com", "CAA") in dns.asked
    assert ("com", "CAA") not in dns.asked


def test_the_shorter_of_the_two_times_counts() -> None:
    seen = gathering.gather(tools(Counting({"example.com": SERVERS})), SUBJECT)
    assert seen.negative_ttl == 300


def test_without_a_zone_nothing_more_is_asked() -> None:
    dns = Counting({"com": SERVERS})
    seen = gathering.gather(tools(dns), SUBJECT)
    assert (seen.zone, seen.proof) == ("com", None)
    assert not dns.asked


def test_the_server_is_found_by_its_name() -> None:
    dns = Counting({"example.com": SERVERS}, {"edge.platform.net": ("192.0.2.7",)})
    target = Target("edge.platform.net", frozenset({"192.0.2.8"}))
    seen = gathering.gather(tools(dns), replace(SUBJECT, target=target))
    assert seen.target is not None
    assert seen.target.addresses == {"192.0.2.7", "192.0.2.8"}


class Private(Counting):
    """A zone that no parent delegates."""

    def delegation(self, name: str) -> Delegation:
        return replace(super().delegation(name), parent=())


def test_what_a_private_zone_holds_is_hidden_from_strangers() -> None:
    dns = Private({"example.com": SERVERS}, {"shop.example.com": ("10.0.0.7",)})
    stranger = replace(SUBJECT, expected=None, sees_private=False)
    seen = gathering.gather(tools(dns), stranger)
    assert seen.is_hidden
    assert seen.hosts == ()
    assert not gathering.gather(tools(dns), replace(stranger, sees_private=True)).is_hidden
