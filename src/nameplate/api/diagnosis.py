"""Why a name does not work: findings with evidence, who must act, and the record that fixes it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.core import ids
from nameplate.core.diagnosis.finding import Certainty, DiagnosisFinding, FixAction, Weight
from nameplate.core.ids import Prefix
from nameplate.core.turns import Turn
from nameplate.usecases.claims import diagnosis
from nameplate.usecases.claims.diagnosis import Diagnosis

routes = router("domains")

_RECORD = "_nameplate-challenge.shop.example.com"
_VALUE = "nameplate-verification=k7m2p4qw6xz3v5n7b9c2d4f6h8j2l4n6k7m2p4qw"
_EXAMPLE: dict[str, Any] = {
    "object": "diagnosis",
    "name": "shop.example.com",
    "domain": ids.show(Prefix.DOMAIN, 1),
    "zone": "example.com",
    "ok": False,
    "checked_at": "2026-11-29T09:30:00Z",
    "findings": [
        {
            "check": "name_doubled",
            "weight": "blocks",
            "confidence": "certain",
            "message": f"The record was created as {_RECORD}.example.com: your DNS host appends "
            "example.com to the name by itself.",
            "fix": "Enter the name _nameplate-challenge.shop instead of the full name.",
            "turn": "you",
            "records": [
                {
                    "action": "remove",
                    "type": "TXT",
                    "name": f"{_RECORD}.example.com",
                    "value": _VALUE,
                },
                {"action": "add", "type": "TXT", "name": _RECORD, "value": _VALUE},
            ],
            "evidence": [f"ns1.example.net (192.0.2.53): TXT '{_VALUE}'"],
            "next_check_at": "2026-11-29T09:31:00Z",
        }
    ],
}


class RecordFixShape(BaseModel):
    """A record to add or to remove."""

    action: FixAction
    type: str
    name: str = Field(description="Fully qualified name of the record.")
    value: str


class FindingShape(BaseModel):
    """One cause, with what was seen of it."""

    check: str = Field(description="Stable machine-readable code of the cause.")
    weight: Weight = Field(
        description="`blocks`: it does not work because of this. `risk`: it can fail at any time. "
        "`note`: nothing must be done."
    )
    confidence: Certainty
    message: str
    fix: str = Field(description="What to do; empty when nothing must be done.")
    turn: Turn | None = Field(description="Who must act; null when no action is needed.")
    records: list[RecordFixShape] = Field(description="Exactly what to change in DNS.")
    evidence: list[str] = Field(description="What each server answered.")
    next_check_at: datetime | None = Field(
        description="When it can look different by itself, or when Nameplate checks the proof again."
    )


class DiagnosisShape(BaseModel):
    """What is wrong with a name, the most important finding first."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    object: Literal["diagnosis"] = "diagnosis"
    name: str
    domain: str | None = Field(
        description="Id of the domain; null when the organization has not claimed the name."
    )
    zone: str | None = Field(description="Zone that contains the name; null when there is none.")
    ok: bool = Field(description="Whether no action is needed.")
    checked_at: datetime
    findings: list[FindingShape]


def show(found: Diagnosis) -> DiagnosisShape:
    """Return a diagnosis as callers see it."""
    return DiagnosisShape(
        name=found.name,
        domain=None if found.domain_id is None else ids.show(Prefix.DOMAIN, found.domain_id),
        zone=found.zone or None,
        ok=not found.must_act,
        checked_at=found.at,
        findings=[finding_shape(one, found.looks_again(one)) for one in found.findings],
    )


def finding_shape(one: DiagnosisFinding, next_check_at: datetime | None) -> FindingShape:
    """Return a finding as callers see it."""
    return FindingShape(
        check=one.check,
        weight=one.weight,
        confidence=one.confidence,
        message=one.message,
        fix=one.fix,
        turn=one.turn,
        records=[
            RecordFixShape(action=fix.action, type=fix.type, name=fix.name, value=fix.value)
            for fix in one.records
        ],
        evidence=list(one.evidence),
        next_check_at=next_check_at,
    )


@routes.get("/domains/{domain}/diagnosis", operation_id="diagnose_domain")
def get(world: Crossing, domain: str) -> DiagnosisShape:
    """Find out why a name does not work. The name need not be claimed."""
    return show(diagnosis.diagnose(world.sessions, world.tools, world.actor, domain))
