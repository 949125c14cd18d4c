"""Certificates over several domains of one organization, while domains come and go."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.certificates.certificate_rig import NAME
from tests.usecases.certificates.upload_rig import Uploads, code, uploading

from nameplate.core import certificates as x509
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import (
    Account,
    Binding,
    Budget,
    Certificate,
    CertificateName,
    Domain,
    LedgerEntry,
    Organization,
    Server,
)
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.usecases.certificates import coverage, rehearsals, requests
from nameplate.usecases.claims import acceptances, conditions, domains, transfers, verifications
from nameplate.usecases.claims.transfers import TransferOffer

SECOND, THIRD = "example.net", "example.org"
HOSTS = (NAME, f"www.{SECOND}", THIRD)


@pytest.fixture
def rig(sessions: Sessions) -> Uploads:
    return uploading(sessions)


def _ask(rig: Uploads, *hosts: str, actor: Actor | None = None, **fields: Any) -> int:
    with rig.sessions.begin(actor or rig.rig.actor) as session:
        tools, by = rig.rig.offline.tools, actor or rig.rig.actor
        now = datetime.now(UTC)
        row = requests.issue(session, tools, by, NAME, hosts=hosts, now=now, **fields)
        return row.id


def _issued(rig: Uploads) -> tuple[int, int, int]:
    """Return a certificate over three domains, and the ids of the other two."""
    second, third = rig.domain(SECOND), rig.domain(THIRD)
    number = _ask(rig, *HOSTS)
    assert rig.work(number).status is CertificateStatus.ACTIVE
    return number, second, third


def _in_it(row: Certificate) -> set[str]:
    return set(x509.facts((row.certificate or "").encode()).names)


def _act(rig: Uploads, act: Any, domain: int, *given: Any, tools: bool = False) -> None:
    with rig.sessions.begin(PLATFORM) as session:
        first = (session, rig.rig.offline.tools) if tools else (session,)
        act(*first, PLATFORM, ids.show("dom", domain), datetime.now(UTC), *given)


def _prove(rig: Uploads, domain_id: int) -> None:
    with rig.sessions.begin(PLATFORM) as session:
        row, now = session.get_one(Domain, domain_id), datetime.now(UTC)
        row.reopen()
        prove(session, row, now)
        verifications.wake_dependents(session, row, now)


def _condition(rig: Uploads, domain_id: int) -> Any:
    with rig.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, domain_id)
        found = conditions.of(session, rig.rig.offline.tools, row)
    return next((one for one in found if one.type == "certificate"), None)


def _is_due(rig: Uploads, number: int) -> bool:
    due: datetime | None = rig.read(Certificate, number).next_action_at
    return due is not None and due <= datetime.now(UTC)


def test_one_certificate_serves_hosts_of_three_domains(rig: Uploads) -> None:
    number, second, third = _issued(rig)
    row = rig.read(Certificate, number)
    assert _in_it(row) == set(HOSTS)
    for host, home in zip(HOSTS, (rig.rig.domain_id, second, third), strict=True):
        served = rig.served(rig.bind(host, home))
        assert served is not None
        assert served.id == number, host
        assert _condition(rig, home).reason == "active"
    assert (rig.served(rig.bind(f"api.{SECOND}", second)) or row).id != number


def test_an_order_counts_for_each_registered_domain(rig: Uploads) -> None:
    limits = {"certificates_per_domain": "5/7d", "certificates_per_set": "5/7d"}
    with rig.sessions.begin(PLATFORM) as session:
        account = session.scalars(sa.select(Account)).one()
        account.config = {**account.config, "limits": limits}
    _issued(rig)
    with rig.sessions.begin(PLATFORM) as session:
        keys = [one for one in session.scalars(sa.select(Budget.key)) if ":domain:" in one]
    assert sorted(one.rpartition(":")[2] for one in keys) == ["example.com", SECOND, THIRD]


def test_what_the_organization_has_not_proved_is_refused_by_name(rig: Uploads) -> None:
    rig.domain(SECOND)
    stranger = rig.rig.offline.organization("globex")
    rig.domain(THIRD, stranger)
    with rig.sessions.begin(rig.rig.actor) as session:
        domains.add(session, rig.rig.offline.tools, rig.rig.actor, name="example.edu")
    with rig.sessions.begin(PLATFORM) as session:
        lent = session.scalars(sa.select(Domain).where(Domain.full_domain == SECOND)).one()
        borrower = session.get_one(Organization, stranger.organization_id)
        claim = rows.domain(session, borrower, SECOND, subdomain="lent")
        given = {"grantee_organization_id": borrower.id, "name": f"lent.{SECOND}"}
        grant = rows.grant(session, lent, **given)
        row = rows.holding(session, claim, name=f"lent.{SECOND}", base=SECOND)
        row.grant_id = grant.id
    said = set()
    for host in (THIRD, "example.edu", "nobody.example.biz", f"lent.{SECOND}", f"www.{THIRD}"):
        with pytest.raises(Invalid) as refused:
            _ask(rig, NAME, f"www.{SECOND}", host)
        assert refused.value.code == "name_not_covered"
        assert host in refused.value.detail
        said.add(refused.value.detail.replace(host, "HOST"))
    assert len(said) == 1, "nobody learns what others have"
    assert code(_ask, rig, f"www.{SECOND}") == "name_not_covered", "none is of the domain itself"
    assert code(_ask, rig, *(f"a{number}.{SECOND}" for number in range(101))) == "too_many_names"
    assert code(_ask, rig, NAME, f"*.{THIRD}") == "name_not_covered"
    assert code(_ask, rig, NAME, f"*.{SECOND}") == "name_not_covered", "it would answer for it"


def test_each_name_is_meant_once_however_it_is_written(rig: Uploads) -> None:
    rig.domain("xn--bcher-kva.example.net")
    asked = (NAME.upper(), NAME, "Bücher.example.net", "xn--bcher-kva.example.net.")
    row = rig.read(Certificate, _ask(rig, *asked))
    assert row.subject_alternative_names == [NAME, "xn--bcher-kva.example.net"]


def test_a_removed_domain_takes_its_names_along_and_brings_them_back(rig: Uploads) -> None:
    number, second, third = _issued(rig)
    lost = rig.bind(f"www.{SECOND}", second)
    assert (rig.served(lost) or rig.read(Certificate, number)).id == number
    before = rig.rig.authority.orders
    _act(rig, domains.remove, second, tools=True)
    assert _is_due(rig, number)
    row = rig.work(number)
    assert row.lost == (f"www.{SECOND}",)
    assert _in_it(row) == {NAME, THIRD}
    assert row.generation == 2
    assert len(rig.events("certificate.names_lost")) == 1
    assert _condition(rig, third).reason == "names_lost"
    assert f"www.{SECOND}" in _condition(rig, rig.rig.domain_id).message
    rig.work(number)
    assert rig.rig.authority.orders == before + 1, "once is enough"
    anew = rig.domain(SECOND)
    _prove(rig, anew)
    assert _is_due(rig, number)
    waiting = rig.bind(f"www.{SECOND}", anew)
    assert (rig.served(waiting) or row).id == number
    assert "certificate" in (rig.read(Binding, waiting).error_message or ""), "not with the old one"
    row = rig.work(number)
    assert (row.lost, row.generation) == ((), 3)
    assert _in_it(row) == set(HOSTS)
    assert (rig.served(waiting) or row).id == number
    assert rig.read(Binding, waiting).status.value == "configuring"
    assert _condition(rig, anew).reason == "active"


def test_a_suspended_domain_costs_its_names_until_it_is_resumed(rig: Uploads) -> None:
    number, second, _ = _issued(rig)
    _act(rig, domains.suspend, second, "unpaid")
    assert _in_it(rig.work(number)) == {NAME, THIRD}
    _act(rig, domains.resume, second)
    assert _is_due(rig, number)
    assert _in_it(rig.work(number)) == set(HOSTS)


def test_one_that_is_not_renewed_says_what_it_lost_and_stays(rig: Uploads) -> None:
    number, second, _ = _issued(rig)
    rig.rig.change(Certificate, number, auto_renew=False)
    _act(rig, domains.remove, second, tools=True)
    row = rig.work(number)
    assert row.lost == (f"www.{SECOND}",)
    assert row.generation == 1


def test_an_upload_says_what_it_lost(rig: Uploads) -> None:
    second = rig.domain(SECOND)
    row = rig.upload(NAME, SECOND)
    _act(rig, domains.remove, second, tools=True)
    row = rig.work(row.id)
    assert (row.lost, row.generation) == ((SECOND,), 1)
    _prove(rig, rig.domain(SECOND))
    assert rig.work(row.id).lost == ()


def test_an_order_that_names_what_was_lost_is_given_up(rig: Uploads) -> None:
    second = rig.domain(SECOND)
    number = _ask(rig, NAME, SECOND)
    authority = rig.rig.authority
    authority.offered, authority.status = "http-01", "processing"
    waiting = rig.work(number)
    assert waiting.acme_order_url
    _act(rig, domains.remove, second, tools=True)
    authority.offered = None
    row = rig.work(number)
    assert _in_it(row) == {NAME}
    assert row.lost == (SECOND,)


def test_the_key_of_other_names_is_not_handed_over_with_one(rig: Uploads) -> None:
    number, second, _ = _issued(rig)
    alone = _ask(rig, NAME)
    rig.work(alone)
    bound = rig.bind(f"www.{SECOND}", second)
    rig.served(bound)
    sessions, tools = rig.sessions, rig.rig.offline.tools
    to = rig.rig.offline.organization("globex")
    with sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, to.organization_id)
        app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=80)
        application = ids.show("app", app.id)
    offer = TransferOffer(SECOND, ids.show("org", to.organization_id or 0), with_bindings=True)
    made = transfers.offer(sessions, rig.rig.actor, offer)
    terms = acceptances.Acceptance(application=application)
    acceptances.accept(sessions, tools, to, ids.show("xfr", made.id), terms)
    with sessions.begin(PLATFORM) as session:
        theirs = session.scalars(Certificate.visible(to)).all()
        assert all(one.private_key is None for one in theirs)
    row = rig.work(number)
    assert row.organization_id == rig.rig.actor.organization_id
    assert _in_it(row) == {NAME, THIRD}
    assert row.lost == (f"www.{SECOND}",)


def test_proofs_are_written_in_the_zone_of_each_name(rig: Uploads) -> None:
    second = rig.domain(SECOND)
    with rig.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, rig.rig.actor.organization_id)
        for domain in (rig.rig.domain_id, second):
            account = rows.account(session, owner, kind="dns", provider="memory")
            session.get_one(Domain, domain).dns_account_id = account.id
    number = _ask(rig, NAME, f"*.{SECOND}", SECOND)
    authority = rig.rig.authority
    authority.offered = None
    orders = authority.order

    def order(names: Any, profile: Any = None, replaces: Any = None) -> Any:
        made = orders(names, profile, replaces)
        return replace(made, status="pending", challenges=tuple(_challenges(names)))

    authority.order = order
    rig.work(number)
    with rig.sessions.begin(PLATFORM) as session:
        found = session.execute(
            sa.select(LedgerEntry.name, LedgerEntry.organization_domain_id, LedgerEntry.zone)
        ).all()
    assert sorted(map(tuple, found)) == sorted(
        [
            (f"_acme-challenge.{NAME}", rig.rig.domain_id, "example.com"),
            (f"_acme-challenge.{SECOND}", second, SECOND),
            (f"_acme-challenge.{SECOND}", second, SECOND),
        ]
    )


def _challenges(names: Any) -> Any:
    from nameplate.core.orders import Challenge

    for number, name in enumerate(names):
        bare = name.removeprefix("*.")
        yield Challenge(f"c:{number}", "dns-01", bare, f"t{number}", f"t{number}.thumb", "pending")


def test_dns_01_needs_somebody_who_writes_each_zone(rig: Uploads) -> None:
    rig.domain(SECOND)
    with rig.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, rig.rig.actor.organization_id)
        account = rows.account(session, owner, kind="dns", provider="memory")
        session.get_one(Domain, rig.rig.domain_id).dns_account_id = account.id
    assert code(_ask, rig, NAME, challenge="dns-01") == ""
    assert code(_ask, rig, NAME, f"*.{SECOND}") == "dns_account_missing"


def test_which_certificate_covers_a_host_is_one_index_read(rig: Uploads) -> None:
    _, second, _ = _issued(rig)
    with rig.sessions.begin(PLATFORM) as session:
        if session.connection().dialect.name != "sqlite":
            pytest.skip("EXPLAIN is another on each database")
        given = {"domains": [second], "hosts": [f"www.{SECOND}", f"*.{SECOND}"]}
        text = str(
            coverage._OF_HOSTS.params(given).compile(
                session.connection().engine, compile_kwargs={"literal_binds": True}
            )
        )
        plan = [
            row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")
        ]
    assert any("certificate_names_domain_host_index" in one for one in plan), plan
    assert not any(one.startswith("SCAN") for one in plan), plan


def test_names_go_with_their_rows(rig: Uploads) -> None:
    number, _, _ = _issued(rig)
    with rig.sessions.begin(PLATFORM) as session:
        session.execute(sa.delete(Certificate).where(Certificate.id == number))
        left = session.scalars(
            sa.select(CertificateName).where(CertificateName.ssl_certificate_id == number)
        )
        assert left.all() == []


def test_an_obstacle_belongs_to_the_domain_of_the_name_that_it_is_at() -> None:
    row = Certificate(organization_domain_id=1)
    homes = {NAME: 1, f"www.{SECOND}": 2, SECOND: 3, f"*.{THIRD}": 4}
    for place, home in (
        (NAME, 1),
        (SECOND, 3),
        (f"www.{SECOND}", 2),
        (f"_acme-challenge.www.{SECOND}", 2),
        (f"_acme-challenge.{THIRD}", 4),
        ("net", 3),
        ("", 1),
        ("example.edu", 1),
    ):
        assert coverage.home_at(row, homes, place) == home, place


def _stop(rig: Uploads, *hosts: str, kind: str = "http-01") -> int:
    """Ask for a certificate whose last host leads elsewhere."""
    bad, good = hosts[-1], rig.rig.internet
    fetch_at = good.fetch_at

    def fetch(address: str, host: str, path: str, **options: Any) -> Any:
        if host == bad:
            return Fetched(HttpOutcome.TIMEOUT)
        return fetch_at(address, host, path, **options)

    internet: Any = good
    internet.fetch_at = fetch
    rig.rig.add_account(name="checked", provider="acme")
    return _ask(rig, *hosts, challenge=kind)


def test_a_host_of_another_domain_is_watched_and_that_domain_is_waited_for(rig: Uploads) -> None:
    second = rig.domain(SECOND)
    rig.bind(f"www.{SECOND}", second)
    number = _stop(rig, NAME, f"www.{SECOND}")
    row = rig.work(number)
    assert (row.trouble_code, row.waits_for) == ("host_points_elsewhere", f"domain:{second}")
    rig.rig.certificate_id = number
    rig.rig.age()
    assert rig.rig.causes() == 0
    for home in (rig.rig.domain_id, second):
        said = _condition(rig, home)
        assert f"www.{SECOND}" in said.message
        assert any(f"www.{SECOND}" in one for one in said.expected), said
        assert not any(NAME in one for one in said.expected), said
    del rig.rig.internet.fetch_at
    assert rig.rig.causes() == 1
    assert rig.rig.is_due()
    assert _in_it(rig.work(number)) == {NAME, f"www.{SECOND}"}


def test_the_look_before_a_renewal_asks_every_host(rig: Uploads) -> None:
    number, second, _ = _issued(rig)
    bound = rig.bind(f"www.{SECOND}", second)
    tools = rig.rig.offline.tools
    with rig.sessions.begin(PLATFORM) as session:
        account = session.scalars(sa.select(Account)).one()
        account.config = {**account.config, "caa_identities": ["ca.example"]}
        server = session.get_one(Server, session.get_one(Binding, bound).server_id)
        server.meet("proxy_broken", "It does not answer.", None, datetime.now(UTC))
        row = session.get_one(Certificate, number)
        look = rehearsals.of(session, tools, row, datetime.now(UTC))
    assert look.request is not None
    assert set(look.request.hosts) == set(HOSTS)
    assert [(one.code, one.host) for one in look.risks(tools)] == [
        ("server_stopped", f"www.{SECOND}")
    ]
    assert {host for _, host, _ in rig.rig.internet.asked} == set(HOSTS)
    _act(rig, domains.remove, second, tools=True)
    with rig.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, number)
        look = rehearsals.of(session, tools, row, datetime.now(UTC))
    assert look.request is not None
    assert set(look.request.hosts) == {NAME, THIRD}, "as it would be ordered"
    assert look.known == ()


def test_a_generation_that_lacks_a_name_is_not_served_in_place_of_the_new_one(rig: Uploads) -> None:
    number, second, _ = _issued(rig)
    rig.served(rig.bind())
    _act(rig, domains.suspend, second, "unpaid")
    assert rig.work(number).former_generation == 1, "it has all names of the second"
    _act(rig, domains.resume, second)
    row = rig.work(number)
    assert (row.generation, row.former_generation) == (3, None)
