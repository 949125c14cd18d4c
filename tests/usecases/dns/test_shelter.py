"""What we write never takes a wildcard's answers from a host."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.databases import sessions_over
from tests.usecases.dns.zone_rig import APEX, ZONE, Rig, made

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.records import Change, RRset
from nameplate.models import Domain, LedgerEntry, LedgerPurpose, LedgerState, Record, RecordType
from nameplate.models.records import digest
from nameplate.usecases.dns import records, transfers

WILD = RRset(f"*.apps.{APEX}", "A", 300, ("192.0.2.200",))
BLUE = f"blue.apps.{APEX}"
CHALLENGE = f"_acme-challenge.{BLUE}"
COPIES = [WILD._replace(name=BLUE), WILD._replace(name=f"*.{BLUE}")]
TEXT = {"type": "TXT", "value": "x", "ttl": 300}


@pytest.fixture
def rig(migrated_sqlite_url: str) -> Iterator[Rig]:
    sessions = sessions_over(migrated_sqlite_url)
    found = made(sessions)
    found.provider.apply(ZONE, [Change(None, WILD)])
    yield found
    sessions.dispose()


def _challenge(rig: Rig) -> None:
    """Want an answer to a challenge for the host, as issuance does."""
    with rig.offline.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, rig.domain_id)
        session.add(
            LedgerEntry(
                organization_id=domain.organization_id, organization_domain_id=domain.id,
                account_id=domain.dns_account_id, zone=APEX, name=CHALLENGE,
                record_type=RecordType.TXT, value='"x"', value_digest=digest('"x"'), ttl=60,
                purpose=LedgerPurpose.CHALLENGE, state=LedgerState.INTENDED,
            )
        )  # fmt: skip


def _leave(rig: Rig) -> None:
    with rig.offline.sessions.begin(PLATFORM) as session:
        for entry in session.query(LedgerEntry).filter_by(name=CHALLENGE):
            entry.state = LedgerState.LEAVING


def _add(rig: Rig, **what: Any) -> None:
    with rig.offline.sessions.begin(rig.actor) as session:
        records.add(session, rig.actor, rig.name, now=datetime.now(UTC), **what)


def _below(rig: Rig) -> list[RRset]:
    return [rrset for (name, _), rrset in rig.zone.items() if name.endswith(BLUE)]


def _calls(rig: Rig) -> list[list[Change]]:
    calls: list[list[Change]] = []
    apply = rig.provider.apply

    def noting(zone: Any, changes: Any) -> Any:
        calls.append(list(changes))
        return apply(zone, changes)

    rig.provider.apply = noting  # type: ignore[method-assign]  # to see what is sent at once
    return calls


def test_a_challenge_comes_with_the_hosts_own_records_and_leaves_with_them(rig: Rig) -> None:
    _challenge(rig)
    calls = _calls(rig)
    rig.work()
    assert [change.key[0] for change in calls[0]] == [BLUE, f"*.{BLUE}", CHALLENGE]
    assert {one for one in _below(rig) if one.type == "A"} == set(COPIES)
    assert set(rig.ledger().values()) == {LedgerState.PRESENT}
    rig.work()
    assert len(calls) == 1, "and so it stays"
    _leave(rig)
    rig.work()
    assert {change.key[0] for change in calls[1][:2]} == {CHALLENGE, f"*.{BLUE}"}
    assert calls[1][2].key[0] == BLUE, "the host goes when nothing is below it any more"
    assert _below(rig) == []
    assert rig.ledger() == {}
    assert WILD in rig.zone.values()


def test_the_copies_follow_the_wildcard(rig: Rig) -> None:
    _challenge(rig)
    rig.work()
    moved = WILD._replace(values=("192.0.2.201",))
    rig.provider.apply(ZONE, [Change(WILD, moved)])
    rig.work()
    assert moved._replace(name=BLUE) in _below(rig)
    assert COPIES[0] not in _below(rig)


def test_a_plan_says_so_before_and_does_it_at_once(rig: Rig) -> None:
    plan = rig.make(transfers.from_records([{**TEXT, "name": "_dmarc.blue.apps"}]))
    (said,) = plan.content.warnings
    assert said == (
        f"{BLUE} is answered from {WILD.name} (A) only until _dmarc.{BLUE} has a record (RFC 4592). "
        f"The plan copies these records to {BLUE}."
    )
    assert len(plan.content.changed) == 3
    rig.apply(plan)
    assert {one for one in _below(rig) if one.type == "A"} == set(COPIES)
    rig.work()
    assert {one for one in _below(rig) if one.type == "A"} == set(COPIES)
    rig.undo()
    assert _below(rig) == []


def test_a_record_of_the_hosts_own_is_only_warned_of(rig: Rig) -> None:
    own = {"type": "A", "name": "blue.apps", "value": "192.0.2.5", "ttl": 300}
    plan = rig.make(transfers.from_records([own]))
    (said,) = plan.content.warnings
    assert "names below it are no longer answered" in said
    rig.apply(plan)
    assert [one.key for one in _below(rig)] == [(BLUE, "A")]
    assert rig.make().content.warnings == []


def test_what_cannot_be_copied_is_not_hidden(rig: Rig) -> None:
    """A CNAME cannot stand beside the text that is wanted at the host."""
    alias = RRset(WILD.name, "CNAME", 300, ("edge.example.net.",))
    rig.provider.apply(ZONE, [Change(WILD, None)])
    rig.provider.apply(ZONE, [Change(None, alias)])
    _add(rig, **TEXT, name="blue.apps")
    _add(rig, **TEXT, name="_x.red.apps")
    rig.work()
    assert _below(rig) == []
    assert rig.zone[f"red.apps.{APEX}", "CNAME"].values == alias.values
    reasons = {name: row.error_message for (name, _), row in rig.rows().items()}
    assert reasons["_x.red.apps"] is None
    assert "publish" in str(reasons["blue.apps"])
    assert {one[2] for one in rig.make().content.blocked} == {"hides_wildcard"}


def test_a_host_that_was_there_before_is_left_as_it_is(rig: Rig) -> None:
    there = RRset(f"_old.{BLUE}", "TXT", 300, ('"theirs"',))
    rig.provider.apply(ZONE, [Change(None, there)])
    _challenge(rig)
    rig.work()
    assert {one.key for one in _below(rig)} == {there.key, (CHALLENGE, "TXT")}


def test_what_the_owner_publishes_at_the_host_takes_the_place_of_the_copies(rig: Rig) -> None:
    _challenge(rig)
    rig.work()
    theirs = RRset(BLUE, "AAAA", 300, ("2001:db8::1",))
    rig.provider.apply(ZONE, [Change(None, theirs)])
    rig.work()
    assert {one.key for one in _below(rig)} == {theirs.key, (CHALLENGE, "TXT")}


def test_removing_the_last_record_below_removes_the_copies(rig: Rig) -> None:
    _add(rig, **TEXT, name="_x.blue.apps")
    rig.work()
    assert COPIES[0] in _below(rig)
    with rig.offline.sessions.begin(rig.actor) as session:
        (row,) = session.scalars(Record.visible(rig.actor)).all()
        records.remove(session, rig.actor, ids.show("rec", row.id), datetime.now(UTC))
    rig.work()
    assert _below(rig) == []
