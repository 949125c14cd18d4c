"""Lists by readiness: the copy and the computation agree, whatever changes and however time passes."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import sessions_over
from tests.models import world as rows
from tests.usecases.claims.city_rig import CHANGES, City, checked

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, NotFound, Unavailable
from nameplate.models import Domain, DomainReadiness, Organization
from nameplate.models import readiness as marks
from nameplate.usecases.claims import domains, readiness
from nameplate.usecases.claims.conditions import UNKNOWN


@pytest.fixture
def city(migrated_url: str) -> Iterator[City]:
    sessions = sessions_over(migrated_url)
    yield City(sessions)
    sessions.dispose()


def walk(city: City, steps: int, *, sweeps: float) -> set[bool]:
    """Make random changes, each in a transaction, and compare after each; return what was seen."""
    seen: set[bool] = set()
    for _ in range(steps):
        change = city.chance.choice(CHANGES)
        try:
            with city.sessions.begin(PLATFORM) as session:
                change(city, session)
        except (NameplateError, IndexError):
            continue  # the rules refuse it, or there is no such row
        seen |= set(city.agree().values())
        if city.chance.random() < sweeps:
            city.sweep()
            city.agree()
    return seen


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(one, marks=pytest.mark.torture) for one in range(2, 10))]
)
def test_copy_filter_and_computation_agree_at_every_moment(city: City, seed: int) -> None:
    city.chance = random.Random(seed)
    city.agree()
    city.sweep()
    assert all(city.agree().values())
    seen = walk(city, 60, sweeps=0.4)
    assert seen == {True, False}


def test_a_sweep_never_keeps_what_was_true_before_a_change(city: City) -> None:
    city.sweep()
    domain_id = city.listed(PLATFORM, ready=True)[0]
    with city.sessions.begin(PLATFORM) as session:
        session.get_one(Domain, domain_id).trouble_code = None  # nothing that counts
        marks.mark(session, [domain_id])
    with city.sessions.begin(PLATFORM, read_only=True) as session:
        found = readiness._worked_out(session, city.tools, city.now + timedelta(seconds=5))
    with city.sessions.begin(PLATFORM) as session:
        session.get_one(Domain, domain_id).trouble_code = "account_down"
    with city.sessions.begin(PLATFORM) as session:
        readiness._keep(session, found=found)
    city.now = datetime.now(UTC) + timedelta(seconds=1)
    assert domain_id not in city.listed(PLATFORM, ready=True)
    city.sweep()
    city.agree()


def test_a_certificate_that_expires_changes_the_list_without_a_sweep(city: City) -> None:
    city.sweep()
    assert len(city.listed(PLATFORM, ready=True)) == 6
    city.now += timedelta(days=61)
    with city.sessions.begin(PLATFORM) as session:
        checked(city, session)
    assert city.listed(PLATFORM, ready=True) == []
    assert len(city.listed(PLATFORM, ready=False)) == 6


def test_one_page_takes_as_many_statements_as_another(city: City) -> None:
    city.sweep()

    def statements(limit: int, **given: Any) -> int:
        seen: list[str] = []
        engine = city.sessions.system_engine

        def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        sa.event.listen(engine, "before_cursor_execute", note)
        city.listed(PLATFORM, limit=limit, **given)
        sa.event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    assert statements(1) == statements(5) <= 20
    assert statements(1, ready=True) == statements(5, ready=True) <= 20


def test_filters_are_combined(city: City) -> None:
    city.sweep()
    acme = city.listed(city.actors[0])
    assert city.listed(PLATFORM, organization="acme", ready=True) == acme
    assert city.listed(PLATFORM, organization="acme", name="acme1.com") == acme[1:2]
    assert city.listed(PLATFORM, organization="acme", ready=False) == []
    assert city.listed(PLATFORM, ready=True, limit=1, after=acme[0]) == acme[1:3]
    with pytest.raises(NotFound):
        city.listed(city.actors[0], organization="beta")


def test_a_part_of_a_name_is_found(city: City) -> None:
    acme = city.listed(city.actors[0])
    with city.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, session.get_one(Domain, acme[0]).organization_id)
        idn = rows.domain(session, owner, name="xn--mnchen-3ya.example").id
        low = rows.domain(session, owner, name="s_op.example").id
    for part, found in (
        ("ME1.co", acme[1:2]),
        (" münchen.example", [idn]),
        ("_", [low]),
        ("%", []),
        ("\0", []),
        ("\N{SNOWMAN}", []),
    ):
        assert city.listed(PLATFORM, contains=part) == found, part
    assert city.listed(city.actors[1], contains="acme") == []


def test_too_many_candidates_are_said_and_not_walked(city: City, monkeypatch: Any) -> None:
    monkeypatch.setattr(readiness, "MAX_ROUNDS", 2)
    with pytest.raises(Unavailable) as caught:  # nobody has looked yet, and all are ready
        city.listed(PLATFORM, ready=False, limit=1)
    assert caught.value.code == "readiness_behind"
    city.sweep()
    assert city.listed(PLATFORM, ready=False, limit=1) == []


class _Broken:
    """A proof method of somebody else that fails on what it meets."""

    def instruct(self, name: str, _token: str) -> Any:
        raise ZeroDivisionError(name)


def test_a_domain_that_cannot_be_judged_stops_no_other(city: City) -> None:
    with city.sessions.begin(city.actors[0]) as session:
        odd = domains.add(session, city.tools, city.actors[0], name="odd.com").id
    broken: Any = dict.fromkeys(city.tools.methods, _Broken())
    city.tools = replace(city.tools, methods=broken)
    city.sweep()
    with city.sessions.begin(PLATFORM) as session:
        kept = {
            row.organization_domain_id: (row.ready, row.holds_until)
            for row in session.scalars(DomainReadiness.visible(PLATFORM))
        }
    ready, until = kept.pop(odd)
    assert not ready
    assert until is not None
    assert until > city.now, "it is tried again later, not every second"
    assert [one for one, _ in kept.values()] == [True] * 6
    with city.sessions.begin(PLATFORM) as session:
        told = readiness.page(session, city.tools, PLATFORM, limit=10)
        unknown = [one.id for one in told if one.readiness.reason == UNKNOWN]
        assert [row.full_domain for row in readiness.rows(session, unknown).values()] == ["odd.com"]
