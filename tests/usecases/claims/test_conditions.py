"""Why a domain is not ready yet: each step says where it stands and what to do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.world import NOW

from nameplate.core.conditions import Condition
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, DomainStatus, RecordStatus
from nameplate.db import database_now
from nameplate.models import Domain, Organization
from nameplate.usecases.claims import conditions


@pytest.fixture
def domain(lite: Session) -> Domain:
    row = world.domain(lite, world.organization(lite), verification_token="t-1")
    row.dns_config = None
    return row


def told(session: Session, domain: Domain, kind: str) -> Condition | None:
    session.flush()
    return next((one for one in conditions.of(session, domain) if one.type == kind), None)


def reason(session: Session, domain: Domain, kind: str) -> tuple[str, bool | None] | None:
    found = told(session, domain, kind)
    return None if found is None else (found.reason, found.status)


def proof(session: Session, domain: Domain, **columns: Any) -> Any:
    given = {
        "verification_token": "t-1",
        "verification_record_name": "_nameplate-challenge.acme.com",
        "verification_record_value": "nameplate-verification=t-1",
        **columns,
    }
    return world.verification(session, domain, **given)


def test_what_the_last_look_saw_is_told(lite: Session, domain: Domain) -> None:
    log = [{"reason": "txt_absent", "observed": ["ns1: nothing"]}]
    proof(lite, domain, verification_logs=log, error_message="No TXT record.", next_action_at=NOW)
    found = told(lite, domain, "ownership")
    assert found is not None
    assert (found.status, found.reason, found.message) == (False, "txt_absent", "No TXT record.")
    assert found.observed == ("ns1: nothing",)
    assert found.expected == ("nameplate-verification=t-1",)
    assert "_nameplate-challenge.acme.com" in found.fix
    assert found.next_check_at == NOW


def test_without_a_proof_one_is_to_be_added(lite: Session, domain: Domain) -> None:
    found = told(lite, domain, "ownership")
    assert found is not None
    assert (found.reason, found.expected) == ("pending_verification", ())
    assert "Add a verification" in found.fix


def test_a_proved_name(lite: Session, domain: Domain) -> None:
    domain.verify(NOW, NOW)
    found = told(lite, domain, "ownership")
    assert found is not None
    assert (found.status, found.since) == (True, NOW)


def test_what_to_publish_is_kept_for_the_present_token(lite: Session, domain: Domain) -> None:
    proof(lite, domain)
    proof(lite, domain, verification_token="old", verification_record_value="old")
    (found,) = conditions.instructions(lite, domain)
    assert found["value"] == "nameplate-verification=t-1"
    assert found["relative_name"] == "_nameplate-challenge"


def test_a_file_is_told_with_its_address(lite: Session, domain: Domain) -> None:
    proof(
        lite, domain, verification_record_name=None, verification_record_value=None,
        verification_file_path="/.well-known/x.txt", verification_file_content="t-1",
    )  # fmt: skip
    (found,) = conditions.instructions(lite, domain)
    assert (found["type"], found["url"]) == ("file", "http://acme.com/.well-known/x.txt")
    ownership = told(lite, domain, "ownership")
    assert ownership is not None
    assert ownership.fix == "Serve t-1 at /.well-known/x.txt."


def test_records_are_seen_or_waited_for_and_errors_come_first(
    lite: Session, domain: Domain
) -> None:
    assert told(lite, domain, "dns") is None
    row = world.record(lite, domain, name="a", status=RecordStatus.ACTIVE, propagated=True)
    assert reason(lite, domain, "dns") == ("propagated", True)
    world.record(lite, domain, name="off", status=RecordStatus.DISABLED)
    assert reason(lite, domain, "dns") == ("propagated", True)
    row.propagated = False
    assert reason(lite, domain, "dns") == ("record_active", False)
    world.record(lite, domain, name="b", status=RecordStatus.ERROR, error_message="Quota.")
    found = told(lite, domain, "dns")
    assert found is not None
    assert (found.reason, found.message) == ("record_error", "Quota.")
    assert "Correct the record" in found.fix


def test_drift_is_told_until_it_is_repaired(lite: Session, domain: Domain) -> None:
    side = {"values": ["192.0.2.1"], "ttl": 60}
    one = {"name": "www.acme.com", "type": "A", "observed": None, "expected": side}
    drift = {"since": NOW.isoformat(), "records": [one]}
    domain.drift = drift
    found = told(lite, domain, "drift")
    assert found is not None
    assert (found.observed, found.expected) == (("nothing",), ("192.0.2.1 TTL 60",))
    assert found.since == NOW
    domain.drift = {**drift, "repaired_at": NOW.isoformat()}
    assert told(lite, domain, "drift") is None


def test_certificates_are_good_or_the_bad_one_is_told(lite: Session, domain: Domain) -> None:
    assert told(lite, domain, "certificate") is None
    for days in (30, 10):
        world.certificate(
            lite, domain, status=CertificateStatus.ACTIVE, expires_at=NOW + timedelta(days=days)
        )
    found = told(lite, domain, "certificate")
    assert found is not None
    assert f"{NOW + timedelta(days=10):%Y-%m-%d}" in found.message
    bad = world.certificate(lite, domain, renewal_error_message="Rate limited.")
    found = told(lite, domain, "certificate")
    assert found is not None
    assert (found.reason, found.message) == ("certificate_pending", "Rate limited.")
    assert "tries again" in found.fix
    bad.status = CertificateStatus.RENEWING
    assert reason(lite, domain, "certificate") == ("active", True)


def test_one_binding_that_answers_is_enough(lite: Session, domain: Domain) -> None:
    assert reason(lite, domain, "serving") == ("no_binding", False)
    app = world.application(lite, lite.get_one(Organization, domain.organization_id))
    first = world.binding(lite, app, domain, status=BindingStatus.ERROR, error_message="No.")
    found = told(lite, domain, "serving")
    assert found is not None
    assert (found.reason, found.message) == ("binding_error", "No.")
    world.binding(
        lite, app, domain, hostname="x.acme.com", subdomain="x", status=BindingStatus.ACTIVE
    )
    first.status = BindingStatus.ACTIVE
    assert reason(lite, domain, "serving") == ("probed", True)


def test_a_registration_that_ends_warns_without_holding_up(lite: Session, domain: Domain) -> None:
    assert told(lite, domain, "registration") is None
    domain.expires_at = database_now(lite) + timedelta(days=3)
    assert reason(lite, domain, "registration") == ("registration_ends", True)


def test_ready_is_when_every_step_is_done(lite: Session, domain: Domain) -> None:
    domain.status = DomainStatus.ACTIVE
    assert not conditions.ready(conditions.of(lite, domain))
    app = world.application(lite, lite.get_one(Organization, domain.organization_id))
    world.binding(lite, app, domain, status=BindingStatus.ACTIVE)
    assert conditions.ready(conditions.of(lite, domain))
