"""Challenges: what is published to prove names, and who is answered."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW
from tests.usecases.seen_dns import SeenDns

from nameplate.core.orders import Challenge
from nameplate.models import Certificate, DnsSettings, Domain, HttpChallenge, LedgerEntry
from nameplate.models import LedgerPurpose as Purpose
from nameplate.models import LedgerState as State
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases.certificates import challenges, requests

NAME = "shop.acme.com"
WHERE = f"_acme-challenge.{NAME}"


def proof(token: str, kind: str = "dns-01") -> Challenge:
    return Challenge(f"c:{token}", kind, NAME, token, f"{token}.thumb", "pending")


@pytest.fixture
def domain(session: Session) -> Domain:
    owner = world.organization(session)
    account = world.account(session, owner)
    return world.domain(
        session, owner, subdomain="shop", dns_account_id=account.id, dns=DnsSettings("acme.com")
    )


@pytest.fixture
def row(session: Session, domain: Domain) -> Certificate:
    return world.certificate(session, domain)


def test_a_token_is_answered_at_its_own_host(session: Session, row: Certificate) -> None:
    place = requests.key_place(row)
    challenges.publish_tokens(session, {place: []})
    challenges.publish_tokens(session, {place: [proof("one", "http-01"), proof("two", "http-01")]})
    challenges.publish_tokens(session, {place: [proof("one", "http-01")]})
    assert session.scalar(sa.select(sa.func.count()).select_from(HttpChallenge)) == 2
    assert challenges.answer(session, NAME, "one") == "one.thumb"
    assert challenges.answer(session, "other.acme.com", "one") is None
    for wrong in ("three", "", "ONE", "../one", "o" * 300):
        assert challenges.answer(session, NAME, wrong) is None


def test_two_values_stand_at_one_name() -> None:
    found = challenges.text_records([proof("one"), proof("two")])
    assert {name for name, _ in found} == {WHERE}
    assert {value for _, value in found} == {f'"{proof(t).record_value}"' for t in ("one", "two")}


def test_records_are_wanted_once_and_told_when_the_provider_has_them(
    session: Session, domain: Domain, row: Certificate
) -> None:
    records = challenges.text_records([proof("one"), proof("two")])
    assert challenges.want_records(session, row, records, NOW) == frozenset()
    assert domain.next_action_at == NOW
    entries = session.scalars(sa.select(LedgerEntry)).all()
    assert {(one.zone, one.name, one.state, one.purpose, one.account_id) for one in entries} == {
        ("acme.com", WHERE, State.INTENDED, Purpose.CHALLENGE, domain.dns_account_id)
    }
    entries[0].state = State.PRESENT
    domain.next_action_at = None
    present = challenges.want_records(session, row, records, NOW + timedelta(minutes=1))
    assert present == {(entries[0].name, entries[0].value)}
    assert len(session.scalars(sa.select(LedgerEntry)).all()) == 2
    assert domain.next_action_at is None, "nothing new is wanted"


class Servers(SeenDns):
    """Two servers of the zone, of which the second may lag behind."""

    def __init__(self, *texts: tuple[str, ...]) -> None:
        super().__init__()
        self._texts = texts

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        assert (name, rdtype) == (WHERE, "TXT")
        answers = (Answer(AnswerKind.DATA, f"ns{n}", found) for n, found in enumerate(self._texts))
        return LookupResult("acme.com", tuple(answers))


def test_every_server_must_show_every_value() -> None:
    records = challenges.text_records([proof("one"), proof("two")])
    both = tuple(sorted(proof(token).record_value for token in ("one", "two")))
    assert challenges.are_seen(Servers(both, both), records)
    assert not challenges.are_seen(Servers(both, both[:1]), records)
    assert not challenges.are_seen(Servers(), records), "nobody answered"
