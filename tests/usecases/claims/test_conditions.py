"""Why a domain is not ready yet: each step says where it stands and what to do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.databases import sessions_over
from tests.models import world
from tests.models.world import NOW
from tests.proof import prove
from tests.usecases.offline import DNS_TXT, Offline
from tests.usecases.seen_dns import SeenDns

from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.adapters.verification.file_upload import PATH, FileUpload
from nameplate.core.conditions import Condition
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, RecordStatus
from nameplate.db import database_now
from nameplate.models import ChangedRecords, Domain, Organization, VerificationMethodName
from nameplate.usecases.claims import conditions, instructions

FILE = VerificationMethodName.FILE_UPLOAD
NOBODY: Any = None
"""Instructions are pure: no method looks anywhere here."""
TOOLS = replace(
    Offline(sessions_over("sqlite://")).tools,
    methods={DNS_TXT: DnsTxt(SeenDns()), FILE: FileUpload(NOBODY)},
)


@pytest.fixture
def domain(lite: Session) -> Domain:
    return world.domain(lite, world.organization(lite), verification_token="t-1")


def every(session: Session, domain: Domain) -> Sequence[Condition]:
    return conditions.of(session, TOOLS, domain)


def told(session: Session, domain: Domain, kind: str) -> Condition | None:
    session.flush()
    return next((one for one in every(session, domain) if one.type == kind), None)


def reason(session: Session, domain: Domain, kind: str) -> tuple[str, bool | None] | None:
    found = told(session, domain, kind)
    return None if found is None else (found.reason, found.status)


def proof(session: Session, domain: Domain, **columns: Any) -> Any:
    return world.verification(session, domain, **{"verification_token": "t-1", **columns})


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
    prove(lite, domain, NOW)
    found = told(lite, domain, "ownership")
    assert found is not None
    assert (found.status, found.since) == (True, NOW)


def test_what_to_publish_is_kept_for_the_present_token(lite: Session, domain: Domain) -> None:
    proof(lite, domain)
    proof(lite, domain, verification_token="old")
    (found,) = instructions.of(lite, TOOLS, domain)
    assert found.purpose is Purpose.OWNERSHIP
    assert found.instruction.get("value") == "nameplate-verification=t-1"
    assert found.instruction.get("relative_name") == "_nameplate-challenge"


def test_a_file_is_told_with_its_address(lite: Session, domain: Domain) -> None:
    proof(lite, domain, verification_method=FILE)
    (found,) = instructions.of(lite, TOOLS, domain)
    assert found.instruction.kind == "file"
    assert found.instruction.get("url") == f"http://acme.com{PATH}"
    ownership = told(lite, domain, "ownership")
    assert ownership is not None
    assert ownership.fix == found.instruction.sentence
    assert ownership.expected == ("t-1",)


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
    domain.drift = ChangedRecords(NOW, None, [one])
    found = told(lite, domain, "drift")
    assert found is not None
    assert (found.observed, found.expected) == (("nothing",), ("192.0.2.1 TTL 60",))
    assert found.since == NOW
    domain.drift = ChangedRecords(NOW, NOW, [one])
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
    assert "renew the certificate" in found.fix, "nobody tries again"
    bad.next_action_at = NOW
    waiting = told(lite, domain, "certificate")
    assert waiting is not None
    assert "retries automatically" in waiting.fix
    bad.fail("challenge_invalid", "No TXT found.", NOW)
    failed = told(lite, domain, "certificate")
    assert failed is not None
    assert (failed.reason, failed.message) == ("challenge_invalid", "No TXT found.")
    bad.status = CertificateStatus.RENEWING
    assert reason(lite, domain, "certificate") == ("renewal_failing", True)
    bad.renewal_error_message = None
    assert reason(lite, domain, "certificate") == ("active", True)


def test_every_binding_has_to_answer(lite: Session, domain: Domain) -> None:
    assert reason(lite, domain, "serving") == ("no_binding", False)
    app = world.application(lite, lite.get_one(Organization, domain.organization_id))
    seen: dict[str, Any] = {
        "status": BindingStatus.ACTIVE,
        "last_health_check_at": database_now(lite),
        "server_id": world.server(lite, None).id,
    }
    failing = {**seen, "status": BindingStatus.ERROR, "last_health_check_at": None}
    first = world.binding(lite, app, domain, error_message="No.", **failing)
    found = told(lite, domain, "serving")
    assert found is not None
    assert (found.reason, found.message) == ("binding_error", "No.")
    world.binding(lite, app, domain, hostname="x.acme.com", subdomain="x", **seen)
    assert reason(lite, domain, "serving") == ("binding_error", False)
    first.status, first.last_health_check_at = seen["status"], seen["last_health_check_at"]
    assert reason(lite, domain, "serving") == ("probed", True)


def test_a_registration_that_ends_warns_without_holding_up(lite: Session, domain: Domain) -> None:
    assert told(lite, domain, "registration") is None
    domain.expires_at = database_now(lite) + timedelta(days=3)
    assert reason(lite, domain, "registration") == ("registration_ends", True)


def test_ready_is_when_every_step_is_done(lite: Session, domain: Domain) -> None:
    prove(lite, domain, NOW)
    domain.activate()
    assert not conditions.ready(every(lite, domain))
    app = world.application(lite, lite.get_one(Organization, domain.organization_id))
    world.binding(
        lite, app, domain, status=BindingStatus.ACTIVE, last_health_check_at=database_now(lite),
        server_id=world.server(lite, None).id,
    )  # fmt: skip
    assert conditions.ready(every(lite, domain))
