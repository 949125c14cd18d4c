"""Drafts: what a wish means for the zone, how a plan keeps it, and what is warned of."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.databases import sessions_over
from tests.usecases.dns.zone_rig import APEX, ZONE, Rig, a, given, made

from nameplate.core.errors import Conflict
from nameplate.core.records import Action, Change, RRset
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import desired, drafts, edits, zones
from nameplate.usecases.dns.drafts import PlanContext, RequestedChange
from nameplate.usecases.dns.edits import Edit, Spec

WWW = Spec("A", "www", "192.0.2.1", 300)
ADD = RequestedChange(edits=(Edit(None, WWW),))


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Rig:
    rig: Rig = made(sessions_over(migrated_sqlite_url))
    return rig


def context(rig: Rig) -> PlanContext:
    tools = rig.offline.tools
    with rig.offline.sessions.begin(rig.actor) as session:
        domain = domains.get(session, rig.actor, rig.name)
        wanted = desired.read_desired(session, domain, tools, tools.clock())
        assert wanted is not None
        return PlanContext(domain, APEX, wanted, zones.visit(tools, wanted), tools.clock())


def test_a_wish_is_drafted_without_touching_anything(rig: Rig) -> None:
    scene = context(rig)
    found = drafts.draft(scene, ADD)
    assert found == drafts.draft(scene, ADD)
    assert [(one.action, one.after) for one in found.todo.changes] == [(Action.CREATE, a("www", 1))]
    assert f"www.{APEX}" not in {name for name, _ in rig.zone}


def test_what_is_there_already_becomes_ours_only_on_request(rig: Rig) -> None:
    rig.provider.apply(ZONE, [Change(None, a("www", 1))])
    scene = context(rig)
    found = drafts.draft(scene, ADD)
    assert found.todo.foreign_match == ((f"www.{APEX}", "A", "192.0.2.1"),)
    assert found.adopted == ()
    adopting = drafts.draft(scene, RequestedChange(ADD.edits, adopt=True))
    assert adopting.adopted == found.todo.foreign_match
    assert adopting.todo.is_empty


def test_what_is_disowned_stays_in_the_zone(rig: Rig) -> None:
    rig.want(given("www", 1))
    value = (f"www.{APEX}", "A", "192.0.2.1")
    gone = RequestedChange(edits=(Edit(WWW, None),), disowned=(value,))
    assert drafts.draft(context(rig), gone).todo.is_empty
    taken = drafts.draft(context(rig), RequestedChange(edits=(Edit(WWW, None),)))
    assert [one.action for one in taken.todo.changes] == [Action.DELETE]


def test_a_plan_keeps_the_wish_and_its_changes(rig: Rig) -> None:
    plan = rig.make(lambda _scene: RequestedChange(ADD.edits, adopt=True))
    assert plan.content.changes == [Change(None, a("www", 1))]
    kept = drafts.stored(plan)
    assert (list(kept.edits), kept.adopt, list(kept.disowned)) == (list(ADD.edits), True, [])


def test_the_fingerprint_follows_records_and_ledger_alone(rig: Rig) -> None:
    before = drafts.wanted_fingerprint(context(rig).desired)
    rig.provider.apply(ZONE, [Change(None, a("theirs", 99))])
    assert drafts.wanted_fingerprint(context(rig).desired) == before
    rig.want(given("www", 1))
    assert drafts.wanted_fingerprint(context(rig).desired) != before


def test_much_at_once_is_called_unsafe(rig: Rig) -> None:
    rig.want(*(given(f"n{number}", number) for number in range(1, 30)))
    every = [edits.spec(line) for line in context(rig).desired.lines]
    wish = RequestedChange(edits=[Edit(one, None) for one in every])
    scene = context(rig)
    assert drafts.content(wish, drafts.draft(scene, wish)).unsafe is not None
    assert drafts.content(ADD, drafts.draft(scene, ADD)).unsafe is None


def test_a_record_that_follows_a_binding_is_not_written_by_hand(rig: Rig) -> None:
    rig.want(given("www", 1))
    scene = context(rig)
    (line,) = scene.desired.lines
    made_by_us = replace(scene.desired, lines=[line._replace(is_made=True)])
    scene = replace(scene, desired=made_by_us)
    with pytest.raises(Conflict):
        drafts.draft(
            scene, RequestedChange(edits=(Edit(None, Spec("A", "www", "192.0.2.2", 300)),))
        )


def test_an_authority_that_would_be_shut_out_is_told(rig: Rig) -> None:
    caa = Spec("CAA", "@", '0 issue "other.example"', 300)
    wish = RequestedChange(edits=(Edit(None, caa),))
    scene = context(rig)
    said = drafts.warnings(scene, drafts.draft(scene, wish), ["ours.example"])
    assert len(said) == 1
    assert "ours.example" in said[0]
    assert drafts.warnings(scene, drafts.draft(scene, wish), ["other.example"]) == []


def test_somebody_elses_marker_is_told(rig: Rig) -> None:
    text = '"heritage=nameplate,domain=dom_elsewhere"'
    rrset = RRset(f"_nameplate-owner.{APEX}", "TXT", 3600, (text,))
    rig.provider.apply(ZONE, [Change(None, rrset)])
    scene = context(rig)
    (said,) = drafts.warnings(scene, drafts.draft(scene, ADD), [])
    assert "another installation" in said


def test_plans_run_out(rig: Rig) -> None:
    plan = rig.make()
    assert plan.expires_at > rig.offline.tools.clock() + timedelta(minutes=1)
    assert drafts.value_of(["a", "A", "1"]) == ("a", "A", "1")
