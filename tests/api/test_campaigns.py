"""Campaigns and deployments by the API: of one's own certificates only."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.client import Api
from tests.api.conftest import World

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import CertificateStatus
from nameplate.models import Certificate

ISSUER = "CN=E7,O=Let's Encrypt,C=US"


def _issued(world: World) -> str:
    """Have acme's certificate issued, and return its id."""
    identity = world.ids["certificates"]
    with world.as_acme.sessions.begin(PLATFORM) as session:
        row = session.get_one(Certificate, ids.parse(identity, "crt"))
        now = datetime.now(UTC)
        row.certificate, row.issuer, row.serial_number = "PEM", ISSUER, "0a"
        row.generation, row.status = 1, CertificateStatus.ACTIVE
        row.issued_at, row.expires_at = now - timedelta(days=1), now + timedelta(days=89)
        row.next_renewal_attempt_at = now + timedelta(days=59)
    return identity


def _campaigns(api: Api) -> Any:
    return api.get("/v1/certificate-campaigns")["data"]


def test_one_is_started_and_shown(world: World) -> None:
    identity = _issued(world)
    acme, globex = world.as_acme, world.as_globex
    assert _campaigns(acme) == []
    started = acme.post("/v1/certificate-campaigns", {"issuer": "encrypt", "reason": "Trial."})
    (shown,) = _campaigns(acme)
    assert started["campaign"] == shown
    assert (shown["total"], shown["done"], shown["remaining"], shown["failing"]) == (1, 0, 1, 0)
    assert (shown["issuers"], shown["reason"], shown["ended_at"]) == ([ISSUER], "Trial.", None)
    assert _campaigns(globex) == []
    certificate = acme.get(f"/v1/certificates/{identity}")
    assert certificate["campaign"]["id"] == shown["id"]
    assert certificate["campaign"]["done"] is False
    listed = acme.get(f"/v1/certificates?campaign={shown['id']}")["data"]
    assert [one["id"] for one in listed] == [identity]
    assert globex.get(f"/v1/certificates?campaign={shown['id']}")["data"] == []
    assert globex.post("/v1/certificate-campaigns", {"issuer": "encrypt"})["campaign"] is None


def test_what_is_refused(world: World) -> None:
    acme = world.as_acme
    for body, code in (
        ({}, "campaign_selection_missing"),
        ({"issuer": "E7", "due_at": "2020-01-01T00:00:00Z"}, "campaign_due_invalid"),
        ({"issuer": "E7", "organization": "globex"}, "organization_not_found"),
    ):
        answer = acme.send("POST", "/v1/certificate-campaigns", body)
        assert answer.code == code, answer.raw
    refused = acme.send("POST", "/v1/certificate-campaigns", {"issuer": "E7", "due_at": "soon"})
    assert refused.status == 422


def test_the_deployment_is_shown_and_filtered(world: World) -> None:
    identity = _issued(world)
    acme = world.as_acme
    shown = acme.get(f"/v1/certificates/{identity}")
    assert shown["deployment"]["state"] == "unbound"
    assert (shown["emergency"], shown["unused_since"]) == (None, None)
    assert acme.get("/v1/certificates")["data"][0]["deployment"] is None
    for state, count in (("unbound", 1), ("deployed", 0), ("deployed_partial", 0)):
        assert len(acme.get(f"/v1/certificates?deployment={state}")["data"]) == count
    assert acme.send("GET", "/v1/certificates?deployment=x").status == 422
