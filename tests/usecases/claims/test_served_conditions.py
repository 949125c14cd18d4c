"""How far hosts are secured and served: from the rows and the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.core import error_catalogue, ids
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.errors import Unavailable
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, HealthStatus
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, CertificateType, Domain, Organization, Server
from nameplate.usecases.certificates import notices
from nameplate.usecases.claims import conditions, domains, served_conditions
from nameplate.usecases.claims.facts import DomainFacts

DOWN = Unavailable("ca_unreachable", "The authority at ca.example does not answer.")
PEER = "account:7"


@pytest.fixture
def world(sessions: Sessions) -> Offline:
    return Offline(sessions)


class Site:
    """A proved domain with one served binding and its certificate."""

    def __init__(self, world: Offline) -> None:
        self.world = world
        self.actor = world.organization("acme")
        with world.sessions.begin(self.actor) as session:
            self.domain_id = domains.add(session, world.tools, self.actor, name="acme.com").id
        with world.sessions.begin(PLATFORM) as session:
            now = datetime.now(UTC)
            domain = session.get_one(Domain, self.domain_id)
            prove(session, domain, now)
            owner = session.get_one(Organization, self.actor.organization_id)
            app = rows.application(session, owner, upstream_host="127.0.0.1", upstream_port=80)
            certificate = rows.certificate(
                session, domain, certificate="PEM", expires_at=now + timedelta(days=60)
            )
            certificate.activate(now)
            binding = rows.binding(
                session, app, domain, status=BindingStatus.ACTIVE, activated_at=now,
                health_status=HealthStatus.HEALTHY, last_health_check_at=now,
                server_id=rows.server(session, None).id,
            )  # fmt: skip
            self.binding_id, self.certificate_id = binding.id, certificate.id

    def change(self, kind: Any, row_id: int, **columns: Any) -> None:
        with self.world.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, row_id)
            for name, value in columns.items():
                setattr(row, name, value)

    def shown(self, kind: str) -> Any:
        with self.world.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.domain_id)
            found = conditions.of(session, self.world.tools, domain)
            self.ready = conditions.ready(found)
        return next((one for one in found if one.type == kind), None)


def test_a_quiet_site_is_ready(world: Offline) -> None:
    site = Site(world)
    assert site.shown("serving").reason == "probed"
    assert site.ready


def test_a_certificate_that_some_server_does_not_serve_is_said_and_stays_ready(
    world: Offline,
) -> None:
    site = Site(world)
    long_ago = datetime.now(UTC) - timedelta(days=1)
    site.change(Certificate, site.certificate_id, serial_number="02", last_renewed_at=long_ago)
    site.change(
        Binding, site.binding_id, ssl_certificate_id=site.certificate_id, seen_serial="01",
        refused_serial="02", refusal="Too new.", refused_since=long_ago,
    )  # fmt: skip
    found = site.shown("certificate")
    assert (found.reason, found.status, site.ready) == ("deployed_partial", True, True)
    assert found.turn is Turn.OPERATOR
    assert (found.since, found.observed, found.expected) == (long_ago, ("acme.com 01",), ("02",))
    assert "refuses the certificate: Too new." in found.message
    site.change(Binding, site.binding_id, seen_serial="02")
    assert site.shown("certificate").reason == "active"


def test_an_expired_certificate_is_expired_whatever_its_status(world: Offline) -> None:
    site = Site(world)
    past = datetime.now(UTC) - timedelta(seconds=30)
    site.change(
        Certificate, site.certificate_id, expires_at=past, renewal_error_message="CAA forbids it."
    )
    found = site.shown("certificate")
    assert (found.reason, found.status, site.ready) == ("certificate_expired", False, False)
    assert "CAA forbids it." in found.message


def test_a_failing_renewal_is_said_while_the_certificate_is_still_valid(world: Offline) -> None:
    site = Site(world)
    site.change(
        Certificate, site.certificate_id, trouble_code=DOWN.code, trouble_message=DOWN.detail,
        waits_for=PEER,
    )  # fmt: skip
    found = site.shown("certificate")
    assert (found.reason, found.status, site.ready) == ("renewal_failing", True, True)
    assert DOWN.detail in found.message
    assert (found.fix, found.turn) == notices.explained(DOWN.code)


def test_an_unhealthy_application_is_not_ready(world: Offline) -> None:

    site = Site(world)
    site.change(
        Binding, site.binding_id, health_status=HealthStatus.UNHEALTHY,
        error_message="The application answers with status 502.",
    )  # fmt: skip
    found = site.shown("serving")
    assert (found.reason, found.status, site.ready) == ("binding_unhealthy", False, False)
    assert "502" in found.message


def test_a_host_that_does_not_answer_names_its_server_and_what_is_wrong_there(
    world: Offline,
) -> None:
    site = Site(world)
    site.change(Binding, site.binding_id, health_status=HealthStatus.UNHEALTHY)
    with world.sessions.begin(PLATFORM) as session:
        server = session.get_one(Server, session.get_one(Binding, site.binding_id).server_id)
        server.fail("proxy_down", "nginx does not run.", [], datetime.now(UTC))
        name = server.name
    assert site.shown("serving").message == (
        f"acme.com/ does not answer at the server {name}. "
        "The server cannot be configured: nginx does not run."
    )


def test_a_shared_proxy_s_words_about_others_are_for_its_operator_alone(world: Offline) -> None:
    site, said = (
        Site(world),
        "nginx does not know the upstream app.other.example in bnd_29yh7wc782vr0f.conf.",
    )
    site.change(Binding, site.binding_id, health_status=HealthStatus.UNHEALTHY)
    with world.sessions.begin(PLATFORM) as session:
        server = session.get_one(Server, session.get_one(Binding, site.binding_id).server_id)
        server.fail("proxy_refused", said, [], datetime.now(UTC))
        server_id = server.id
    told = site.shown("serving").message
    assert "nginx does not know the upstream" in told
    assert not any(word in told for word in ("other.example", "bnd_29yh7wc782vr0f"))
    site.change(Server, server_id, organization_id=site.actor.organization_id)
    assert said in site.shown("serving").message, "its own server"


def test_one_failed_check_is_said_at_once_and_one_good_one_ends_it(world: Offline) -> None:
    """`degraded` is no excuse: nobody is called ready whose last check failed."""
    site, now = Site(world), datetime.now(UTC)

    def look(level: HealthStatus) -> None:
        with world.sessions.begin(PLATFORM) as session:
            session.get_one(Binding, site.binding_id).record_look(level, now)

    look(HealthStatus.DEGRADED)  # it answers 404
    assert (site.shown("serving").status, site.ready) == (True, True)
    look(HealthStatus.UNHEALTHY)
    found = site.shown("serving")
    assert (found.reason, found.status, site.ready) == ("binding_unhealthy", False, False)
    assert found.since == now
    assert found.observed == ("1 health check failed; degraded.",)
    for _ in range(2):
        look(HealthStatus.UNHEALTHY)
    assert site.shown("serving").observed == ("3 health checks in a row failed; unhealthy.",)
    look(HealthStatus.HEALTHY)
    assert (site.shown("serving").status, site.ready) == (True, True)


def test_a_check_that_is_long_overdue_counts_for_nothing(world: Offline) -> None:

    site = Site(world)
    site.change(
        Binding, site.binding_id, last_health_check_at=datetime.now(UTC) - timedelta(minutes=5)
    )
    found = site.shown("serving")
    assert (found.reason, found.status, site.ready) == ("health_unknown", None, False)


def test_a_provider_that_is_down_is_said(world: Offline) -> None:
    site = Site(world)
    site.change(Domain, site.domain_id, trouble_code=DOWN.code, trouble_message=DOWN.detail)
    found = site.shown("dns")
    assert (found.reason, found.status, site.ready) == (DOWN.code, False, False)
    assert "Nothing to do" not in found.fix


@pytest.mark.parametrize("by_platform", [True, False])
def test_a_suspension_says_who_when_and_why(world: Offline, *, by_platform: bool) -> None:
    site = Site(world)
    actor = PLATFORM if by_platform else site.actor
    with world.sessions.begin(actor) as session:
        reference = ids.show("dom", site.domain_id)
        domains.suspend(session, actor, reference, datetime.now(UTC), "Phishing reports.")
    found = site.shown("suspension")
    who = "platform" if by_platform else "organization"
    assert (found.reason, found.status, site.ready) == (f"suspended_by_{who}", False, False)
    assert "Phishing reports." in found.message
    assert found.since is not None
    assert site.shown("ownership").reason == "proved", "the name is held all the same"


def test_a_certificate_that_no_binding_uses_keeps_no_domain_from_being_ready(
    world: Offline,
) -> None:
    site = Site(world)
    with world.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, site.domain_id)
        unused = rows.certificate(session, domain, common_name="old.acme.com", is_automatic=True).id
    assert site.shown("certificate").reason == "active"
    assert site.ready
    site.change(Certificate, unused, is_automatic=False)
    assert site.shown("certificate").reason == "certificate_pending", "somebody asked for it"
    site.change(Certificate, unused, is_automatic=True)
    site.change(Binding, site.binding_id, ssl_certificate_id=unused)
    assert site.shown("certificate").reason == "certificate_pending", "a binding uses it"
    site.change(Binding, site.binding_id, deleted_at=datetime.now(UTC))
    assert site.shown("certificate").reason == "active"


FAILURES = sorted(code for group in error_catalogue.GROUPS for code in group.codes)
"""Whatever a certificate can fail with, and more."""


def _told(row: Certificate) -> Condition:
    facts = DomainFacts(
        domain=Domain(id=1, full_domain="acme.com", domain_name="acme.com"),
        now=datetime.now(UTC), certificates=[row],
    )  # fmt: skip
    (found,) = served_conditions.certificates(facts)
    return found


@pytest.mark.parametrize("column", ["trouble", "renewal_error"])
@pytest.mark.parametrize("peer", [None, "account:7"])
def test_the_catalogue_alone_says_what_to_do_about_each_failure(
    column: str, peer: str | None
) -> None:
    for code in FAILURES:
        row = Certificate(
            id=1, organization_domain_id=1, status=CertificateStatus.PENDING,
            common_name="acme.com", subject_alternative_names=["acme.com"], waits_for=peer,
            certificate_type=CertificateType.LETSENCRYPT,
        )  # fmt: skip
        setattr(row, f"{column}_code", code)
        setattr(row, f"{column}_message", "Why.")
        entry = error_catalogue.explain(code)
        said = _told(row)
        assert (said.fix, said.turn) == (entry.fix, entry.turn), code


def test_a_failed_proof_is_its_owners_turn() -> None:
    assert error_catalogue.explain("challenge_invalid").turn is Turn.YOU
    assert error_catalogue.explain("acme_caa").turn is Turn.YOU
    assert notices.explained("unheard_of") == notices.explained("certificate_error")
