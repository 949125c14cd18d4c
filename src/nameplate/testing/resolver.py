"""What every `Resolver` must do, before name servers in which the test can publish."""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event
from typing import Any, ClassVar

from nameplate.core.records import RRset
from nameplate.ports.resolver import (
    AnswerKind,
    Delegation,
    DnsQuestion,
    Inquiry,
    LookupResult,
    Resolver,
    WideResolver,
)

PublishRecords = Callable[[RRset], None]

_numbers = count(1)
_TTL = 300
_PATIENCE = 30.0
"""Seconds for which an inquiry is waited for."""
_NOT_NAMES = ("", "a..b", f"{'x' * 64}.example", "a." * 200)


class ResolverConformance:
    """Subclass it with fixtures `resolver`, `zone` and `publish_records`.

    `zone` is the apex of a zone that its parent delegates; `publish_records(rrset)` puts a record set
    into it, on all of its servers. Nothing else has to be in the zone.
    """

    publics: ClassVar[int] = 1
    """How many public resolvers the resolver asks."""

    def name(self, zone: str) -> str:
        """Return a name of the zone that no other test uses."""
        return f"c{next(_numbers)}.{zone}"

    def test_every_server_of_the_zone_answers(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """The zone is found, and each answer has the values, their TTL, and who gave it."""
        name = self.name(zone)
        publish_records(RRset(name, "A", _TTL, ("192.0.2.1", "192.0.2.2")))
        found = resolver.authoritative(name, "A")
        assert found.zone == zone
        assert found.answers
        assert found.unanimous
        for answer in found.answers:
            assert answer.kind is AnswerKind.DATA
            assert answer.values == ("192.0.2.1", "192.0.2.2")
            assert answer.ttl == _TTL
            assert answer.server
        again = resolver.authoritative(name, "A")
        assert [one.server for one in again.answers] == [one.server for one in found.answers]

    def test_a_change_is_seen_at_once(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """Authoritative servers are asked without a cache."""
        name = self.name(zone)
        for value in ("192.0.2.1", "192.0.2.9"):
            publish_records(RRset(name, "A", _TTL, (value,)))
            assert _values(resolver, name, "A") == {(value,)}

    def test_nothing_of_this_type_and_no_such_name_differ(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """Only NODATA and NXDOMAIN can disprove, and each is what the servers said."""
        name = self.name(zone)
        publish_records(RRset(name, "A", _TTL, ("192.0.2.1",)))
        assert _kinds(resolver, name, "TXT") == {AnswerKind.NODATA}
        assert _kinds(resolver, self.name(zone), "A") == {AnswerKind.NXDOMAIN}

    def test_texts_are_plain_and_joined(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """A TXT value is its strings joined, without quotes (RFC 7208 section 3.3)."""
        name = self.name(zone)
        publish_records(RRset(name, "TXT", _TTL, ('"a \\"b\\""', '"two " "strings"')))
        assert _values(resolver, name, "TXT") == {('a "b"', "two strings")}

    def test_names_in_values_are_canonical(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """Names are absolute, in lower case and with a final dot."""
        name = self.name(zone)
        publish_records(RRset(name, "MX", _TTL, ("10 mail.example.org.",)))
        assert _values(resolver, f"{name.upper()}.", "MX") == {("10 mail.example.org.",)}

    def test_an_alias_leads_to_its_end(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """The answers are those of the last target; the alias itself can be asked for."""
        target, middle, alias = self.name(zone), self.name(zone), self.name(zone)
        publish_records(RRset(target, "A", _TTL, ("192.0.2.7",)))
        publish_records(RRset(middle, "CNAME", _TTL, (f"{target}.",)))
        publish_records(RRset(alias, "CNAME", _TTL, (f"{middle}.",)))
        assert _values(resolver, alias, "A") == {("192.0.2.7",)}
        assert _values(resolver, alias, "CNAME") == {(f"{middle}.",)}
        assert resolver.addresses(alias) == ("192.0.2.7",)

    def test_a_loop_of_aliases_ends(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """A loop proves nothing and disproves nothing."""
        one, other = self.name(zone), self.name(zone)
        publish_records(RRset(one, "CNAME", _TTL, (f"{other}.",)))
        publish_records(RRset(other, "CNAME", _TTL, (f"{one}.",)))
        assert _kinds(resolver, one, "A") == {AnswerKind.SERVFAIL}
        assert resolver.addresses(one) == ()

    def test_addresses_of_both_families(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """A and AAAA together; none is an empty answer."""
        name = self.name(zone)
        publish_records(RRset(name, "A", _TTL, ("192.0.2.1",)))
        publish_records(RRset(name, "AAAA", _TTL, ("2001:db8::1",)))
        assert sorted(resolver.addresses(name)) == ["192.0.2.1", "2001:db8::1"]
        assert resolver.addresses(self.name(zone)) == ()

    def test_public_resolvers_answer_in_their_order(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """One answer for each; what is left of the TTL is no more than the whole."""
        name = self.name(zone)
        publish_records(RRset(name, "A", _TTL, ("192.0.2.1",)))
        first, again = resolver.public(name, "A"), resolver.public(name, "A")
        assert len(first) == self.publics
        assert [one.server for one in again] == [one.server for one in first]
        for answer in (*first, *again):
            assert (answer.kind, answer.values) == (AnswerKind.DATA, ("192.0.2.1",))
            assert 0 <= answer.ttl <= _TTL

    def test_the_delegation_is_the_parents(self, resolver: Resolver, zone: str) -> None:
        """Parent and child are both told, from the zone itself or from far below it."""
        found = resolver.delegation(zone)
        assert found.zone == zone
        assert found.parent
        assert list(found.parent) == sorted(found.parent)
        assert not any(name.endswith(".") for name in found.parent)
        assert {answer.kind for answer in found.answers} == {AnswerKind.DATA}
        assert all(answer.values for answer in found.answers)
        assert resolver.delegation(f"x.y.{zone}") == found

    def test_servers_that_the_parent_names_are_asked_on_request(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """`delegated` adds servers and takes none away."""
        name = self.name(zone)
        publish_records(RRset(name, "A", _TTL, ("192.0.2.1",)))
        own = {one.server for one in resolver.authoritative(name, "A").answers}
        listed = {one.server for one in resolver.authoritative(name, "A", delegated=True).answers}
        assert own <= listed

    def test_what_is_no_name_is_no_exception(self, resolver: Resolver) -> None:
        """Whatever is asked, every outcome is a value."""
        for name in (*_NOT_NAMES, "nowhere.invalid"):
            assert AnswerKind.DATA not in _kinds(resolver, name, "TXT"), name
            assert all(one.kind is not AnswerKind.DATA for one in resolver.public(name, "TXT"))
            assert resolver.addresses(name) == (), name
        for name in _NOT_NAMES[1:]:
            assert resolver.delegation(name) == Delegation("", (), ()), name

    def test_threads_may_share_it(
        self, resolver: Resolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """Each caller gets the answer to its own question."""
        names = [self.name(zone) for _ in range(8)]
        for number, name in enumerate(names):
            publish_records(RRset(name, "A", _TTL, (f"192.0.2.{number}",)))
        with ThreadPoolExecutor(len(names)) as threads:
            seen: Sequence[set[tuple[str, ...]]] = list(
                threads.map(lambda name: _values(resolver, name, "A"), names)
            )
        assert seen == [{(f"192.0.2.{number}",)} for number in range(len(names))]


class WideResolverConformance:
    """Subclass it with the fixtures of `ResolverConformance`, whose `resolver` is wide."""

    def test_what_is_said_is_what_one_look_up_says(
        self, resolver: WideResolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """Inquiries for several parties are carried on at once and judged as in a thread."""
        names = [f"w{next(_numbers)}.{zone}" for _ in range(20)]
        for number, name in enumerate(names[::2]):
            publish_records(RRset(name, "TXT", _TTL, (f'"text {number}"',)))
        asked = [*names, *_NOT_NAMES, "nowhere.invalid"]
        found = _inquired(resolver, [(_one(name), len(name)) for name in asked])
        for name, result in zip(asked, found, strict=True):
            assert result == resolver.authoritative(name, "TXT"), name

    def test_an_inquiry_asks_several_things_and_goes_on(
        self, resolver: WideResolver, zone: str, publish_records: PublishRecords
    ) -> None:
        """It is sent one result for each question, in their order; a surprise ends it alone."""
        name = f"w{next(_numbers)}.{zone}"
        publish_records(RRset(name, "A", _TTL, ("192.0.2.7",)))

        def several() -> Inquiry[list[tuple[str, ...]]]:
            first = yield [DnsQuestion(name, "A"), DnsQuestion(name, "TXT")]
            again = yield [DnsQuestion(name, "A")]
            return [one.answers[0].values for one in (*first, *again)]

        def broken() -> Inquiry[list[tuple[str, ...]]]:
            yield [DnsQuestion(name, "A")]
            raise LookupError(name)

        right, wrong = _inquired(resolver, [(several(), 1), (broken(), 1)])
        assert right == [("192.0.2.7",), (), ("192.0.2.7",)]
        assert isinstance(wrong, LookupError)


def _one(name: str) -> Inquiry[LookupResult]:
    (found,) = yield [DnsQuestion(name, "TXT")]
    return found


def _inquired(
    resolver: WideResolver, inquiries: Sequence[tuple[Inquiry[Any], Hashable]]
) -> list[Any]:
    """Return what each inquiry ended with; each is told once."""
    told: list[tuple[int, Any]] = []
    over = Event()

    def ended(place: int, result: Any) -> None:  # noqa: ANN401 - what the inquiry returned
        told.append((place, result))
        if len(told) == len(inquiries):
            over.set()

    resolver.inquire(inquiries, ended)
    assert over.wait(_PATIENCE)
    assert sorted(place for place, _ in told) == list(range(len(inquiries)))
    by_place = dict(told)
    return [by_place[place] for place in range(len(inquiries))]


def _kinds(resolver: Resolver, name: str, rdtype: str) -> set[AnswerKind]:
    return {one.kind for one in resolver.authoritative(name, rdtype).answers}


def _values(resolver: Resolver, name: str, rdtype: str) -> set[tuple[str, ...]]:
    return {one.values for one in resolver.authoritative(name, rdtype).answers}
