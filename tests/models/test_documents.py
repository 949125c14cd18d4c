"""Columns of JSON are values: written and read alike, and tolerant of what former versions wrote."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world

from nameplate.core.delegation import Delegated
from nameplate.core.plan import Drift
from nameplate.core.records import Change, RRset
from nameplate.models import (
    Certificate,
    ChallengeProgress,
    ChangedRecord,
    ChangedRecords,
    ChangePlan,
    DnsSettings,
    Domain,
    Hosting,
    KnownDelegation,
    Observation,
    PlanContent,
    Record,
    RecordSide,
)
from nameplate.models.plan_content import change_rows
from nameplate.ports.dns import Outcome, Result

NOW = datetime(2026, 11, 28, 12, 0, 0, 1, tzinfo=UTC)
BEFORE = RRset("www.acme.com", "A", 300, ("192.0.2.1",))
AFTER = RRset("www.acme.com", "A", 60, ("192.0.2.1", "192.0.2.2"), proxied=True)
ODD: tuple[Any, ...] = (
    [],
    {},
    "",
    "text",
    5,
    True,
    [5],
    {"zone": 5},
    {"at": "yesterday"},
    {"records": {}},
)


def stored(session, table, column):
    """Return what the column itself holds: None for SQL's NULL."""
    found = session.connection().scalar(sa.text(f"SELECT {column} IS NULL FROM {table}"))
    return not found


def kept(session, row, name, value):
    """Write a value, read it from the database, and return it."""
    setattr(row, name, value)
    session.flush()
    session.expire_all()
    return getattr(session.get_one(type(row), row.id), name)


def test_values_of_a_domain_come_back_as_they_were(session):
    row = world.domain(session, world.organization(session))
    assert session.get_one(Domain, row.id).dns == DnsSettings()
    hosting = Hosting(("ns1.example.net", "ns2.example.net"), "hostmaster.example.net")
    dns = DnsSettings("acme.com", hosting, automatic=False, other={"dnssec": {"on": True}})
    assert kept(session, row, "dns", dns) == dns
    seen = Delegated("acme.com", ("a.test",), ("b.test",), ("c.test SERVFAIL",), (), 3)
    known = KnownDelegation("acme.com", seen, NOW, ("ns1.example.net",), NOW, is_due=True)
    assert kept(session, row, "delegation", known) == known
    drift = ChangedRecords.of([Drift(BEFORE, AFTER), Drift(BEFORE, None)], NOW, NOW)
    found = kept(session, row, "drift", drift)
    assert found == drift
    there, expected = RecordSide(60, AFTER.values), RecordSide(300, BEFORE.values)
    assert found.records == [
        ChangedRecord("www.acme.com", "A", expected, there),
        ChangedRecord("www.acme.com", "A", expected, None),
    ]


def test_nothing_to_keep_is_the_databases_null(session):
    row = world.domain(session, world.organization(session), dns=DnsSettings("acme.com"))
    assert stored(session, "organization_domains", "dns_config")
    assert kept(session, row, "dns", DnsSettings()) == DnsSettings()
    assert not stored(session, "organization_domains", "dns_config")
    row.delegation, row.drift = KnownDelegation("acme.com"), ChangedRecords.of([], NOW)
    session.flush()
    row.delegation = row.drift = None
    session.flush()
    assert not stored(session, "organization_domains", "delegation")
    assert not stored(session, "organization_domains", "drift")


def test_the_progress_of_challenges_and_plans_come_back_as_they_were(session):
    domain = world.domain(session, world.organization(session))
    certificate = world.certificate(session, domain)
    progress = ChallengeProgress(7, frozenset({"https://ca.test/1"}), frozenset())
    assert kept(session, certificate, "acme_challenge_data", progress) == progress
    assert isinstance(certificate, Certificate)
    row = world.plan(session, domain)
    changes = [Change(None, BEFORE), Change(BEFORE, AFTER), Change(AFTER, None)]
    content = PlanContent(changed=change_rows(changes), blocked=[["a", "A", "x", "y"]], existing=3)
    found = kept(session, row, "content", content)
    assert (found.changes, found.is_empty, found.existing) == (changes, False, 3)
    assert found.blocked == content.blocked
    plan = session.get_one(ChangePlan, row.id)
    plan.begin(NOW, "ops")
    plan.conclude(
        [Outcome(changes[0], Result.APPLIED), Outcome(changes[1], Result.REFUSED, "no")], {}
    )
    session.flush()
    session.expire_all()
    assert [one.result for one in plan.report] == ["applied", "refused"]
    assert [(one.name, one.detail) for one in plan.exceptions] == [("www.acme.com", "no")]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_odd_content_is_read_as_nothing_known(session, odd):
    row = world.domain(session, world.organization(session))
    record = world.record(session, row)
    certificate = world.certificate(session, row)
    for table in ("organization_domains", "dns_records", "ssl_certificates"):
        names = {
            "organization_domains": ("dns_config", "delegation", "drift"),
            "dns_records": ("propagation",),
            "ssl_certificates": ("acme_challenge_data",),
        }[table]
        raw = sa.table(table, *(sa.column(name, sa.JSON()) for name in names))
        session.connection().execute(sa.update(raw).values(dict.fromkeys(names, odd)))
    session.expire_all()
    domain = session.get_one(Domain, row.id)
    assert (domain.dns.zone, domain.dns.hosted, domain.dns.automatic) == (None, None, True)
    assert domain.delegation in {None, KnownDelegation()}
    assert domain.drift is None
    assert session.get_one(Record, record.id).propagation is None
    known = session.get_one(Certificate, certificate.id).acme_challenge_data
    assert known in {None, ChallengeProgress()}


def test_what_former_versions_wrote_is_read():
    """Without what was added later, and with what has moved into a column."""
    dns = DnsSettings.from_json({"account_id": 5, "zone": None, "automatic": True})
    assert (dns.zone, dns.hosted, dns.automatic) == (None, None, True)
    assert KnownDelegation.from_json({"at": None, "expected": None}) == KnownDelegation()
    assert PlanContent.from_json({"edits": [], "changes": [], "unknown": 1}) == PlanContent(
        edits=[], changed=[]
    )
    look = {
        "name": "www.acme.com",
        "type": "A",
        "zone": "acme.com",
        "at": NOW.isoformat(),
        "answers": [],
    }
    found = Observation.from_json(look)
    assert found is not None
    assert (found.at, found.target.any_address) == (NOW, False)
