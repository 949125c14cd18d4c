"""Plans are made from the live zone, applied once, held back when dangerous, and taken back."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError
from tests.proof import prove
from tests.usecases.dns.zone_rig import APEX, NS, SOA, ZONE, Provider, a, given, made

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Conflict, Invalid, NotFound, Unavailable
from nameplate.core.lifecycle import PlanStatus, RecordStatus
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions
from nameplate.models import ChangePlan, Domain, LedgerEntry, LedgerState, Record
from nameplate.usecases import work
from nameplate.usecases.claims import domains
from nameplate.usecases.dns import plans, records, transfers
from nameplate.usecases.tenants import accounts, organizations


@pytest.fixture
def rig(sessions):
    return made(sessions)


def test_a_plan_is_looked_at_and_then_applied(rig):
    plan = rig.make(transfers.from_records([given("www", 1), given("www", 2)]))
    assert [change.after for change in plan.content.changes] == [a("www", 1, 2)]
    assert rig.rows() == {}
    assert ("www.acme.example.com", "A") not in rig.zone
    done = rig.apply(plan)
    assert (done.status, done.error_message) == (PlanStatus.APPLIED, None)
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 1, 2)
    assert {row.status for row in rig.rows().values()} == {RecordStatus.ACTIVE}
    assert set(rig.ledger().values()) == {LedgerState.PRESENT}
    assert rig.make().content.changes == []


def test_a_plan_serves_once(rig):
    plan = rig.make(transfers.from_records([given("www", 1)]))
    rig.apply(plan)
    with pytest.raises(Conflict) as caught:
        rig.apply(plan)
    assert caught.value.code == "plan_used"


def test_a_zone_that_moved_refuses_the_plan(rig):
    plan = rig.make(transfers.from_records([given("www", 1)]))
    rig.provider.apply(ZONE, [Change(None, a("somebody", 9))])
    with pytest.raises(Conflict) as caught:
        rig.apply(plan)
    assert caught.value.code == "zone_moved"
    assert rig.rows() == {}
    rig.work()
    assert f"www.{APEX}" not in {name for name, _ in rig.zone}


def test_records_that_moved_refuse_the_plan(rig):
    plan = rig.make(transfers.from_records([given("www", 1)]))
    with rig.offline.sessions.begin(rig.actor) as session:
        now = rig.offline.tools.clock()
        records.add(session, rig.actor, rig.name, type="A", name="x", value="192.0.2.9", now=now)
    with pytest.raises(Conflict) as caught:
        rig.apply(plan)
    assert caught.value.code == "records_moved"


def test_an_old_plan_is_refused(rig):
    plan = rig.make(transfers.from_records([given("www", 1)]))
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(ChangePlan, plan.id).expires_at = rig.offline.tools.clock()
    with pytest.raises(Conflict) as caught:
        rig.apply(plan)
    assert caught.value.code == "plan_expired"


def test_somebody_elses_plan_does_not_exist(rig):
    plan = rig.make()
    other = rig.offline.organization("other")
    with pytest.raises(NotFound):
        plans.apply(
            rig.offline.sessions, rig.offline.tools, other, ids.show("plan", plan.id), force=True
        )


def test_much_change_takes_force_and_says_the_numbers(rig):
    rig.want(*(given(f"ours{number}", number) for number in range(12)))
    plan = rig.make(transfers.from_records([given("www", 1)], replace=True))
    assert plan.content.unsafe.startswith("The plan updates or deletes 12 of 26 record sets")
    with pytest.raises(Conflict) as caught:
        rig.apply(plan)
    assert caught.value.code == "plan_unsafe"
    assert len(rig.zone) == 24
    assert rig.apply(plan, force=True).status is PlanStatus.APPLIED
    assert len(rig.zone) == 13


def test_a_worker_holds_back_what_is_dangerous_and_does_the_rest(rig):
    rig.want(*(given(f"ours{number}", number) for number in range(12)))
    with rig.offline.sessions.begin(rig.actor) as session:
        now = rig.offline.tools.clock()
        for row in session.scalars(Record.visible(rig.actor)).all():
            records.remove(session, rig.actor, ids.show("rec", row.id), now)
        records.add(session, rig.actor, rig.name, type="A", name="new", value="192.0.2.9", now=now)
    rig.work()
    assert rig.zone[f"new.{APEX}", "A"].values == ("192.0.2.9",)
    assert len(rig.zone) == 25
    assert len(rig.ledger()) == 13
    rig.apply(rig.make(), force=True)
    assert len(rig.zone) == 13
    assert list(rig.ledger()) == [f"new.{APEX} 192.0.2.9"]


def test_releasing_a_domain_takes_everything_of_ours_back(rig):
    rig.want(*(given(f"ours{number}", number) for number in range(12)))
    with rig.offline.sessions.begin(rig.actor) as session:
        domains.remove(session, rig.offline.tools, rig.actor, rig.name, rig.offline.tools.clock())
    rig.work()
    assert len(rig.zone) == 12
    assert rig.ledger() == {}


def test_removing_an_organization_takes_everything_of_it_back(rig):
    rig.want(*(given(f"ours{number}", number) for number in range(12)))
    with rig.offline.sessions.begin(PLATFORM) as session:
        reference = ids.show("org", rig.actor.organization_id)
        organizations.remove(session, PLATFORM, reference, rig.offline.tools.clock())
    rig.work()
    assert len(rig.zone) == 12


def test_undo_brings_back_what_was(rig):
    rig.want(given("www", 1), given("api", 2))
    before = rig.zone
    rig.want(given("www", 7), given("new", 3), given("api", 2, ttl=60))
    assert rig.zone != before
    undone = rig.undo()
    assert (undone.status, undone.origin.value) == (PlanStatus.APPLIED, "undo")
    assert rig.zone == before
    with rig.offline.sessions.begin(rig.actor) as session:
        first = plans.get(session, rig.actor, ids.show("plan", undone.undoes_id or 0))
    assert first.status is PlanStatus.UNDONE
    rig.undo()
    assert rig.zone[f"new.{APEX}", "A"] == a("new", 3)


def test_undo_leaves_what_was_changed_since(rig):
    rig.want(given("www", 1), given("api", 2))
    with rig.offline.sessions.begin(rig.actor) as session:
        row = next(r for r in session.scalars(Record.visible(rig.actor)) if r.name == "api")
        records.update(
            session, rig.actor, ids.show("rec", row.id), now=rig.offline.tools.clock(), ttl=999
        )
    rig.work()
    undone = rig.undo()
    assert undone.content.warnings == [
        "1 records were changed after the plan was applied and are left as they are."
    ]
    assert f"www.{APEX}" not in {name for name, _ in rig.zone}
    assert rig.zone[f"api.{APEX}", "A"] == a("api", 2, ttl=999)


def test_nothing_to_undo(rig):
    with pytest.raises(Conflict) as caught:
        rig.undo()
    assert caught.value.code == "nothing_to_undo"


def test_adoption_is_explicit_and_its_undo_changes_no_zone(rig):
    before = rig.zone
    plan = rig.make(transfers.from_records([given("theirs0", 100)]))
    assert plan.content.foreign == [[f"theirs0.{APEX}", "A", "192.0.2.100"]]
    rig.apply(plan)
    assert rig.ledger() == {}
    adopted = rig.apply(rig.make(plans.as_wanted(adopt=True)))
    assert len(adopted.content.adopted) == 1
    assert list(rig.ledger()) == [f"theirs0.{APEX} 192.0.2.100"]
    rig.undo()
    assert rig.ledger() == {}
    assert rig.zone == before


def test_pulling_a_zone_takes_all_into_management_and_changes_nothing_there(rig):
    before = rig.zone
    rig.apply(rig.make(transfers.from_zone()))
    assert rig.zone == before
    assert len(rig.rows()) == len(rig.ledger()) == 12
    rig.undo()
    assert rig.zone == before
    assert rig.rows() == rig.ledger() == {}


def test_one_refused_record_does_not_block_the_others(rig):
    rig.provider.refused = "bad"
    done = rig.want(given("bad", 1), given("good", 2))
    assert done.status is PlanStatus.FAILED
    assert [one.result for one in done.report] == ["refused", "applied"]
    assert {row.name: row.status.value for row in rig.rows().values()} == {
        "bad": "error",
        "good": "active",
    }
    assert list(rig.ledger()) == [f"good.{APEX} 192.0.2.2"]


def test_a_lost_answer_is_finished_by_a_worker(rig):
    rig.provider.lost = True
    done = rig.want(given("www", 1))
    assert done.status is PlanStatus.APPLYING
    rig.provider.lost = False
    rig.work()
    with rig.offline.sessions.begin(rig.actor) as session:
        again = plans.get(session, rig.actor, ids.show("plan", done.id))
    assert again.status is PlanStatus.APPLIED
    assert rig.ledger() == {f"www.{APEX} 192.0.2.1": LedgerState.PRESENT}


def test_a_worker_that_died_half_way_is_followed_by_another(rig):
    """The forced plan goes on as a whole, although it changes much."""
    rig.want(*(given(f"ours{number}", number) for number in range(12)))
    plan = rig.make(transfers.from_records([given("www", 1)], replace=True))

    class Death(Exception):
        pass

    def die(point: str) -> None:
        if point == "records:intended":
            raise Death

    alive = rig.offline.tools
    rig.offline.tools = replace(alive, checkpoint=die)
    with pytest.raises(Death):
        rig.apply(plan, force=True)
    rig.offline.tools = alive
    rig.work(after=timedelta(minutes=10))
    assert len(rig.zone) == 13
    with rig.offline.sessions.begin(rig.actor) as session:
        assert plans.get(session, rig.actor, ids.show("plan", plan.id)).status == "applied"


def test_readings_that_lag_do_not_make_us_forget_what_is_ours(rig):
    """A value whose writing got lost, then unwanted, appears late: it must go all the same."""
    rig.provider.lost = True
    rig.want(given("late", 1))
    rig.provider.lost = False
    rig.provider.lagging = [rrset for key, rrset in rig.zone.items() if "late" not in key[0]]
    with rig.offline.sessions.begin(rig.actor) as session:
        (row,) = session.scalars(Record.visible(rig.actor)).all()
        records.remove(session, rig.actor, ids.show("rec", row.id), rig.offline.tools.clock())
    rig.work()
    assert list(rig.ledger()) == [f"late.{APEX} 192.0.2.1"]
    rig.provider.lagging = None
    rig.work()
    assert f"late.{APEX}" not in {name for name, _ in rig.zone}
    assert rig.ledger() == {}


def test_what_is_gone_for_long_is_forgotten(rig):
    rig.want(given("www", 1))
    rig.provider.apply(ZONE, [Change(a("www", 1), None)])
    with rig.offline.sessions.begin(rig.actor) as session:
        (row,) = session.scalars(Record.visible(rig.actor)).all()
        records.remove(session, rig.actor, ids.show("rec", row.id), rig.offline.tools.clock())
    rig.work()
    assert len(rig.ledger()) == 1
    rig.work(after=timedelta(minutes=6))
    assert rig.ledger() == {}


@pytest.mark.parametrize("policy", ["report", "repair", "off"])
def test_drift_is_told_or_repaired_as_the_domain_says(rig, policy):
    rig.want(given("www", 1), given("api", 2))
    with rig.offline.sessions.begin(rig.actor) as session:
        now = rig.offline.tools.clock()
        domains.update(session, rig.actor, rig.name, now=now, drift_policy=policy)
    rig.provider.apply(ZONE, [Change(a("www", 1), a("www", 66))])
    rig.work(after=timedelta(minutes=10))
    if policy == "repair":
        assert rig.zone[f"www.{APEX}", "A"].values == ("192.0.2.1", "192.0.2.66")
        assert rig.domain().drift.repaired_at
        return
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 66)
    (told,) = rig.domain().drift.records
    assert told.expected.values == ("192.0.2.1",)
    assert told.observed.values == ("192.0.2.66",)
    rows = rig.rows()
    assert rows["www", "192.0.2.1"].drifted_at is not None
    assert rows["www", "192.0.2.1"].status is RecordStatus.ERROR
    assert rows["api", "192.0.2.2"].status is RecordStatus.ACTIVE
    rig.work(after=timedelta(minutes=20))
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 66)
    rig.apply(rig.make())
    assert "192.0.2.1" in rig.zone[f"www.{APEX}", "A"].values
    assert rig.domain().drift is None
    assert rig.rows()["www", "192.0.2.1"].drifted_at is None


def test_drift_can_be_accepted(rig):
    rig.want(given("www", 1), given("gone", 2))
    rig.provider.apply(
        ZONE, [Change(a("www", 1), a("www", 66, ttl=60)), Change(a("gone", 2), None)]
    )
    rig.work(after=timedelta(minutes=10))
    with rig.offline.sessions.begin(PLATFORM) as session:
        for row in session.scalars(Record.visible(PLATFORM)).all():
            assert row.drifted_at is not None
    rig.apply(rig.make(transfers.from_drift()))
    assert list(rig.rows()) == [("www", "192.0.2.66")]
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 66, ttl=60)
    assert rig.domain().drift is None


def test_a_change_of_ours_is_no_drift(rig):
    rig.want(given("www", 1))
    with rig.offline.sessions.begin(rig.actor) as session:
        (row,) = session.scalars(Record.visible(rig.actor)).all()
        now = rig.offline.tools.clock()
        records.update(session, rig.actor, ids.show("rec", row.id), now=now, value="192.0.2.5")
    rig.work(after=timedelta(minutes=10))
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 5)
    assert rig.domain().drift is None


def test_a_plan_waits_for_the_worker_that_has_the_domain(rig):
    plan = rig.make(transfers.from_records([given("www", 1)]))
    rig.offline.leased(Domain, rig.domain_id)
    with pytest.raises(Unavailable) as caught:
        rig.apply(plan)
    assert caught.value.code == "busy"


def test_everything_wrong_is_told_at_once(rig):
    wrong = [
        given("www", 1),
        {"type": "A", "name": "x", "value": "no"},
        {**given("y", 1), "ttl": 1},
    ]
    with pytest.raises(Invalid) as caught:
        rig.make(transfers.from_records(wrong))
    assert [problem.pointer for problem in caught.value.problems] == [
        "/records/1/value",
        "/records/2/ttl",
    ]


def test_caa_that_locks_the_authority_out_is_warned_of(rig):
    with rig.offline.sessions.begin(PLATFORM) as session:
        accounts.add(
            session, PLATFORM, rig.offline.tools, kind="ca", provider="acme", name="le",
            config={"directory_url": "https://acme-v02.api.letsencrypt.org/directory"},
        )  # fmt: skip
    caa = {"type": "CAA", "name": "@", "value": '0 issue "other.example"', "ttl": 300}
    plan = rig.make(transfers.from_records([caa]))
    assert plan.content.warnings == [
        (
            f"The CAA record at {APEX} does not allow the certificate authority to issue for {APEX}. "
            'Add 0 issue "letsencrypt.org".'
        )
    ]
    fine = {**caa, "value": '0 issue "letsencrypt.org"'}
    assert rig.make(transfers.from_records([fine])).content.warnings == []


def test_what_was_wrong_before_does_not_stop_a_plan(rig):
    """Two records that were added one by one, and only together break a rule."""
    with rig.offline.sessions.begin(rig.actor) as session:
        now = rig.offline.tools.clock()
        add = {"now": now, "ttl": 300}
        records.add(
            session, rig.actor, rig.name, type="MX", name="@", value=f"10 mail.{APEX}.", **add
        )
        records.add(
            session, rig.actor, rig.name, type="CNAME", name="mail", value="x.example.net.", **add
        )
    assert len(rig.make().content.changes) == 2
    assert rig.want(given("www", 1)).status is PlanStatus.APPLIED
    again = {"type": "MX", "name": "two", "value": f"10 mail.{APEX}.", "ttl": 300}
    with pytest.raises(Invalid) as caught:
        rig.make(transfers.from_records([again]))
    assert [problem.code for problem in caught.value.problems] == ["target_is_alias"]


def test_a_pull_leaves_what_breaks_a_rule_and_says_so(rig):
    mx = RRset(APEX, "MX", 300, (f"10 mail.{APEX}.",))
    mail = RRset(f"mail.{APEX}", "CNAME", 300, ("x.example.net.",))
    rig.provider.apply(ZONE, [Change(None, mx), Change(None, mail)])
    done = rig.apply(rig.make(transfers.from_zone()))
    assert ("mail", "x.example.net.") in rig.rows()
    assert (APEX, "MX") in rig.zone
    assert not any(row.record_type == "MX" for row in rig.rows().values())
    assert f"{APEX} MX" in "\n".join(done.content.warnings)


def test_a_pull_takes_nothing_from_another_domain_of_the_organization(rig):
    """The domain below has its own values in the same zone: they stay its own."""
    with rig.offline.sessions.begin(rig.actor) as session:
        below = domains.add(
            session, rig.offline.tools, rig.actor, name=f"shop.{APEX}", account="dns", zone=APEX
        )
    with rig.offline.sessions.begin(PLATFORM) as session:
        now = rig.offline.tools.clock()
        prove(session, session.get_one(Domain, below.id), now)
    child = replace(rig, domain_id=below.id)
    child.want(given("@", 5))
    rig.apply(rig.make(transfers.from_zone()))
    owners = {}
    with rig.offline.sessions.begin(PLATFORM) as session:
        for entry in session.scalars(LedgerEntry.visible(PLATFORM)):
            owners[entry.name] = entry.organization_domain_id
    assert owners[f"shop.{APEX}"] == below.id
    assert owners[f"theirs1.{APEX}"] == rig.domain_id
    rig.undo()
    child.work()
    assert rig.zone[f"shop.{APEX}", "A"] == a("shop", 5)


def test_nothing_is_written_while_the_proof_has_lapsed(rig):
    """The ledger remembers the first TTL; what is in the zone by now is left alone."""
    rig.want(given("www", 1))
    rig.want(given("www", 1, ttl=60))
    with rig.offline.sessions.begin(PLATFORM) as session:
        session.get_one(Domain, rig.domain_id).lapse("the proof is gone")
    rig.work()
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 1, ttl=60)


def test_a_domain_moves_to_another_account(rig):
    """What is wanted is written there; what stands at the former provider stays, as nobody's."""
    rig.want(given("www", 1))
    elsewhere = Provider({APEX: [SOA, NS]})
    with rig.offline.sessions.begin(rig.actor) as session:
        account = accounts.add(
            session, rig.actor, rig.offline.tools, kind="dns", provider="memory", name="new"
        )
        first, new_id = rig.provider, account.id
        rig.offline.tools = replace(
            rig.offline.tools,
            dns_provider=lambda account: elsewhere if account.id == new_id else first,
        )
        now = rig.offline.tools.clock()
        domains.update(session, rig.actor, rig.name, now, account="new", zone=APEX)
    assert rig.ledger() == {}
    assert [row.status.value for row in rig.rows().values()] == ["pending"]
    rig.work()
    assert a("www", 1) in elsewhere.records(ZONE)
    assert rig.zone[f"www.{APEX}", "A"] == a("www", 1)
    assert list(rig.ledger()) == [f"www.{APEX} 192.0.2.1"]


def test_a_marker_tells_who_manages_the_records(rig):
    with rig.offline.sessions.begin(rig.actor) as session:
        accounts.update(session, rig.actor, rig.offline.tools, "dns", config={"marker": True})
    rig.want(given("www", 1))
    rig.work()
    (ours,) = rig.zone[f"_nameplate-owner.{APEX}", "TXT"].values
    assert ours == f'"heritage=nameplate,domain={rig.name}"'
    assert rig.make().content.changes == rig.make().content.warnings == []
    theirs = '"heritage=nameplate,domain=dom_of_somebody"'
    both = RRset(f"_nameplate-owner.{APEX}", "TXT", 3600, (ours, theirs))
    rig.provider.apply(ZONE, [Change(rig.zone[both.key], both)])
    assert "another installation" in rig.make().content.warnings[0]
    with rig.offline.sessions.begin(rig.actor) as session:
        accounts.update(session, rig.actor, rig.offline.tools, "dns", config={})
    rig.work()
    assert rig.zone[both.key].values == (theirs,)


@pytest.mark.parametrize("form", ["bind", "csv", "json", "octodns"])
def test_out_and_in_again_is_the_same(rig, form):
    rig.want(
        given("www", 1),
        given("www", 2),
        {"type": "MX", "name": "@", "value": "10 mail.example.net.", "ttl": 300},
        {"type": "TXT", "name": "t", "value": 'a "b"; c', "ttl": 60},
        {"type": "SRV", "name": "_sip._tcp", "value": "1 2 5060 sip.example.net.", "ttl": 300},
        {"type": "HTTPS", "name": "@", "value": "1 . alpn=h2", "ttl": 300},
    )
    content, count = transfers.export(
        rig.offline.sessions, rig.offline.tools, rig.actor, rig.name, form=form
    )
    assert count == 6
    again = rig.make(transfers.from_file(form, content, replace=True))
    assert again.content.edits == again.content.changes == []


def test_a_plan_that_lost_its_lease_says_that_somebody_is_at_it(rig):
    """Whoever has the domain now goes on: nothing is written twice, and the answer says when to ask."""
    plan = rig.make(transfers.from_records([given("www", 1)], replace=True))

    def overtake(point: str) -> None:
        if point == "records:intended":
            with rig.offline.sessions.begin(PLATFORM) as session:
                session.get_one(Domain, rig.domain_id).fence += 1

    rig.offline.tools = replace(rig.offline.tools, checkpoint=overtake)
    with pytest.raises(Unavailable) as caught:
        rig.apply(plan, force=True)
    assert caught.value.code == "busy"
    assert f"www.{APEX}" not in {name for name, _ in rig.zone}


class Flickering(Sessions):
    """A database that refuses the first transaction."""

    tries = 0

    def run(self, *args):
        self.tries += 1
        if self.tries == 1:
            raise DBAPIError("UPDATE", None, Exception("gone away"))
        return super().run(*args)


def test_a_lease_is_kept_through_a_database_that_is_away_for_a_moment(rig, monkeypatch):
    lease = rig.offline.leased(Domain, rig.domain_id)
    monkeypatch.setattr(work, "LEASE", timedelta(seconds=0.15))
    database = Flickering(rig.offline.sessions.system_engine)
    with work.kept(database, Domain, lease):
        deadline = time.monotonic() + 10
        while database.tries < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert database.tries >= 3
    assert rig.domain().lease_until > lease.until - timedelta(seconds=1)


def test_what_was_to_come_and_has_not_is_not_taken_for_there(rig):
    """An intent of before whose value is held back stays one, whatever else is done."""
    rig.want(*(given(f"n{number}", number) for number in range(1, 12)))
    taken = {name: rrset for (name, _), rrset in rig.zone.items() if name.startswith("n")}
    rig.provider.apply(ZONE, [Change(rrset, None) for rrset in taken.values()])
    theirs = [Change(None, rrset._replace(values=("198.51.100.1",))) for rrset in taken.values()]
    rig.provider.apply(ZONE, theirs)  # somebody took every name over
    with rig.offline.sessions.begin(PLATFORM) as session:
        for entry in session.scalars(LedgerEntry.visible(PLATFORM)):
            entry.state = LedgerState.INTENDED  # as a worker left them that died before its act
    with rig.offline.sessions.begin(rig.actor) as session:
        now = rig.offline.tools.clock()
        records.add(session, rig.actor, rig.name, **given("new", 99), now=now)
    rig.work()
    assert f"new.{APEX}" in {name for name, _ in rig.zone}
    states = rig.ledger()
    assert states.pop(f"new.{APEX} 192.0.2.99") is LedgerState.PRESENT
    assert set(states.values()) == {LedgerState.INTENDED}
