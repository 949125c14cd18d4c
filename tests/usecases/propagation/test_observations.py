"""What one look says: who counts, how long the next look may wait, and what a person is told."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session
from tests.models import world

from nameplate.models import Observation, ObservedRecord, Record
from nameplate.models.observations import DOUBTS, SETTLED
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases.propagation import observations

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
A = ObservedRecord("www.example.com", "A")
GOOD, OLD = ("192.0.2.7",), ("192.0.2.1",)


def answer(
    server: str, kind: str = "data", values: tuple[str, ...] = GOOD, ttl: int = 300
) -> Answer:
    return Answer(AnswerKind(kind), server, values if kind == "data" else (), ttl)


def look(
    *authoritative: Answer, public: tuple[Answer, ...] = (), target: ObservedRecord = A
) -> Observation:
    finding = LookupResult("example.com", authoritative)
    return observations.judge(target, GOOD[0], finding, public, NOW)


def test_every_authoritative_server_must_show_it() -> None:
    assert look(answer("ns1"), answer("ns2")).everywhere
    assert look(answer("ns1"), answer("ns2"), public=(answer("8.8.8.8", values=OLD),)).everywhere
    assert not look(answer("ns1"), answer("ns2", values=OLD)).everywhere
    assert not look(answer("ns1"), answer("ns2", "timeout")).everywhere
    assert not look().everywhere, "nobody is not everybody"
    assert not observations.judge(A, GOOD[0], LookupResult("", (answer(""),)), (), NOW).everywhere


def test_among_other_values() -> None:
    assert look(answer("ns1", values=("192.0.2.1", "192.0.2.7"))).everywhere


def test_text_is_compared_as_text() -> None:
    target = ObservedRecord("example.com", "TXT")
    finding = LookupResult("example.com", (answer("ns1", values=('v=spf1 "x" -all',)),))
    assert observations.judge(target, '"v=spf1 " "\\"x\\" -all"', finding, (), NOW).everywhere


@pytest.mark.parametrize(
    ("rdtype", "proxied", "expected"),
    [
        ("A", False, ObservedRecord("w.example.com", "A")),
        ("CNAME", False, ObservedRecord("w.example.com", "CNAME")),
        ("A", True, ObservedRecord("w.example.com", "A", True)),
        ("AAAA", True, ObservedRecord("w.example.com", "AAAA", True)),
        ("CNAME", True, ObservedRecord("w.example.com", "A", True)),
        ("MX", True, ObservedRecord("w.example.com", "MX")),
        ("ALIAS", False, ObservedRecord("w.example.com", "A", True)),
        ("ANAME", False, ObservedRecord("w.example.com", "A", True)),
    ],
)
def test_what_is_asked(rdtype: str, proxied: bool, expected: ObservedRecord) -> None:
    assert observations.target("w.example.com", rdtype, proxied=proxied, label="x") == expected


def test_a_wildcard_is_asked_below() -> None:
    asked = observations.target("*.example.com", "A", proxied=False, label="nameplate-1")
    assert asked == ObservedRecord("nameplate-1.example.com", "A")


def test_any_address_counts_at_the_edge_but_none_does_not() -> None:
    edge = ObservedRecord("www.example.com", "A", any_address=True)
    assert look(answer("ns1", values=("203.0.113.9",)), target=edge).everywhere
    assert not look(answer("ns1", "nodata"), target=edge).everywhere


def test_silence_does_not_disprove_at_once_and_a_denial_does() -> None:
    quiet = look(answer("ns1"), answer("ns2", "timeout"))
    assert quiet.confirms(before=True, doubts=0)
    assert quiet.confirms(before=True, doubts=DOUBTS - 1)
    assert not quiet.confirms(before=True, doubts=DOUBTS)
    assert not quiet.confirms(before=False, doubts=0), "silence does not prove either"
    assert look().confirms(before=True, doubts=0), "our own resolver may be away"
    for kind in ("nodata", "nxdomain"):
        assert not look(answer("ns1"), answer("ns2", kind)).confirms(before=True, doubts=0)
    changed = look(answer("ns1"), answer("ns2", values=OLD))
    assert not changed.confirms(before=True, doubts=0)


def test_the_next_look_is_at_the_earliest_useful_moment() -> None:
    missing = look(answer("ns1", "nxdomain"))
    waits = [missing.wait(attempts=n).total_seconds() for n in (0, 1, 2, 40, 10_000)]
    assert waits == [5, 7.5, 11.25, 3600, 3600]
    assert look(answer("ns1")).wait(attempts=0) == SETTLED
    caches = (answer("1.1.1.1", values=OLD, ttl=214), answer("8.8.8.8", "nxdomain", ttl=900))
    assert look(answer("ns1"), public=caches).wait(attempts=0) == timedelta(seconds=215)
    nothing = (answer("1.1.1.1", values=OLD, ttl=0),)
    again = look(answer("ns1"), public=nothing)
    assert again.wait(attempts=4) > again.wait(attempts=0) == timedelta(seconds=5)
    forever = (answer("1.1.1.1", values=OLD, ttl=2**31 - 1),)
    assert look(answer("ns1"), public=forever).wait(attempts=0) == SETTLED
    away = (answer("1.1.1.1", "timeout"), answer("8.8.8.8", "servfail"))
    assert look(answer("ns1"), public=away).wait(attempts=0) == SETTLED, "they are not waited for"


def test_a_person_is_told_who_sees_it() -> None:
    seen = look(
        answer("ns1 (192.0.2.53)"),
        answer("ns2 (192.0.2.54)"),
        answer("ns3 (192.0.2.55)", values=OLD),
        Answer(AnswerKind.REFUSED, "ns4 (192.0.2.56)", detail="is not authoritative (lame)"),
        public=(answer("8.8.8.8", values=OLD, ttl=224), answer("1.1.1.1")),
    )
    assert seen.sentence(NOW + timedelta(seconds=10)) == (
        "Seen by 2 of 4 authoritative servers: ns3 (192.0.2.55) says 192.0.2.1; "
        "ns4 (192.0.2.56) is not authoritative (lame). "
        "8.8.8.8 caches an old answer for another 214 s."
    )
    assert "8.8.8.8" not in seen.sentence(NOW + timedelta(seconds=224)), "it has run out"


def test_an_authority_does_not_count_down() -> None:
    seen = look(answer("ns1"), public=(answer("8.8.8.8"),))
    later = NOW + timedelta(seconds=100)
    assert [seen.ttl_left(one, later) for one in seen.sightings] == [300, 200]


def test_a_look_is_kept_whole_but_for_long_answers(session: Session) -> None:
    many = tuple(f"{number:03}{'x' * 400}" for number in range(500))
    seen = look(
        answer("ns1", values=many),
        Answer(AnswerKind.SERVFAIL, "n" * 999, (), 0, "d" * 999),
        public=(answer("8.8.8.8", values=OLD, ttl=224),),
    )
    row = world.record(session, world.domain(session, world.organization(session)))
    row.see(seen, everywhere=False, now=NOW)
    session.flush()
    session.expire_all()
    kept = session.get_one(Record, row.id).propagation
    assert kept is not None
    assert (kept.target, kept.zone, kept.at) == (seen.target, seen.zone, seen.at)
    assert kept.sightings[2] == seen.sightings[2]
    assert len(kept.sightings[0].answer.values) == 10
    assert len(str(kept.as_json())) < 5000
    row.want()
    session.flush()
    session.expire_all()
    assert session.get_one(Record, row.id).propagation is None
