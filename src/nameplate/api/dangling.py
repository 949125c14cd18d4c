"""Dangling records: what leads a name to something that somebody else can take."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing, Listed, Read, TransactionCall
from nameplate.api.diagnosis import RecordFixShape
from nameplate.api.routing import router
from nameplate.api.shapes import Page, Reference, Shape, example
from nameplate.core import ids
from nameplate.core.dangling.found import Severity
from nameplate.core.ids import Prefix
from nameplate.core.turns import Turn
from nameplate.models import DanglingRecord, DanglingState
from nameplate.usecases.propagation import dangling

routes = router("dangling-records")

_EXAMPLE: dict[str, Any] = {
    "organization": ids.show(Prefix.ORGANIZATION, 1),
    "domain": ids.show(Prefix.DOMAIN, 1),
    "name": "blog.example.com",
    "problem": "dangling_cname",
    "subject": "acme.github.io",
    "severity": "medium",
    "state": "open",
    "turn": "you",
    "message": "blog.example.com leads to acme.github.io at GitHub Pages, where it is not set up. Whoever "
    "adds the name there may be able to answer for it, and get certificates for it.",
    "fix": "Remove the record, or set blog.example.com up again at GitHub Pages.",
    "records": [
        {
            "action": "remove",
            "type": "CNAME",
            "name": "blog.example.com",
            "value": "acme.github.io.",
        }
    ],
    "evidence": ["ns1.example.net (192.0.2.53): CNAME acme.github.io."],
    "last_seen_at": "2026-11-23T09:30:00Z",
    "ended_at": None,
}
_ANY = "any"


class DanglingRecordShape(Shape):
    """A dangling record, from when it was found until it was seen to be gone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [example(Prefix.DANGLING_RECORD, "dangling-records", **_EXAMPLE)]
        }
    )

    object: Literal["dangling_record"] = "dangling_record"
    organization: str
    domain: str
    name: str = Field(description="Name that was looked at.")
    problem: str = Field(description="Stable machine-readable code of the cause.")
    subject: str = Field(description="What it leads to: a target, an address, a name server.")
    severity: Severity = Field(
        description="`high`: a stranger can take what the name leads to. `medium`: it leads nowhere, or a "
        "stranger may be able to take it. `low`: it widens what a mistake elsewhere can do."
    )
    state: DanglingState
    turn: Turn = Field(description="Who must act.")
    message: str
    fix: str = Field(description="What to do.")
    records: list[RecordFixShape] = Field(description="Exactly what to change in DNS.")
    evidence: list[str] = Field(description="What was seen.")
    last_seen_at: datetime
    ended_at: datetime | None = Field(description="When it was seen to be gone.")


class ProblemCount(BaseModel):
    """How often one problem was found."""

    problem: str
    severity: Severity
    count: int


class OrganizationCount(BaseModel):
    """How many records of one organization dangle."""

    organization: str
    count: int


class DanglingReportShape(BaseModel):
    """How many records dangle, of everything that the caller may see."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "dangling_report",
                    "count": 1,
                    "problems": [{"problem": "dangling_cname", "severity": "medium", "count": 1}],
                    "organizations": [
                        {"organization": ids.show(Prefix.ORGANIZATION, 1), "count": 1}
                    ],
                    "domains": 40,
                    "unseen_domains": 0,
                }
            ]
        }
    )

    object: Literal["dangling_report"] = "dangling_report"
    count: int = Field(description="Open dangling records.")
    problems: list[ProblemCount]
    organizations: list[OrganizationCount] = Field(
        description="Up to 20 organizations, the one with the most dangling records first."
    )
    domains: int = Field(description="Domains whose names are looked at daily.")
    unseen_domains: int = Field(description="Those not looked at within the last two days.")


def show(_call: TransactionCall, row: DanglingRecord) -> DanglingRecordShape:
    """Return a dangling record as callers see it."""
    identity = ids.show(Prefix.DANGLING_RECORD, row.id)
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    same = ("created_at", "updated_at", "name", "problem", "subject", "severity", "state", "turn")
    more = ("message", "fix", "evidence", "last_seen_at", "ended_at")
    return DanglingRecordShape(
        id=identity,
        metadata={},
        links={"self": f"/v1/dangling-records/{identity}", "domain": f"/v1/domains/{domain}"},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=domain,
        records=[
            RecordFixShape(action=one.action, type=one.type, name=one.name, value=one.value)
            for one in row.fixes
        ],
        **{name: getattr(row, name) for name in (*same, *more)},
    )


@routes.get("/dangling-records", operation_id="list_dangling_records")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    severity: Annotated[Severity | None, Query(description="Only this severity.")] = None,
    state: Annotated[
        Literal["open", "ended", "any"], Query(description="Only objects in this state.")
    ] = "open",
) -> Page[DanglingRecordShape]:
    """List dangling records: of the organization, or of all with a platform token."""
    selected = listing.select(domain=domain, severity=severity, state=state)
    wanted = selected.pop("state")
    selected["state"] = None if wanted == _ANY else DanglingState(wanted)
    return listing.page(call, show, dangling.page(call.session, call.actor, **selected))


@routes.get("/dangling-records:report", operation_id="report_dangling_records")
def report(call: Read) -> DanglingReportShape:
    """Count dangling records by problem and organization: of all with a platform token."""
    found = dangling.report(call.session, call.actor)
    return DanglingReportShape(
        count=sum(found.counts.values()),
        problems=[
            ProblemCount(problem=problem, severity=severity, count=count)
            for (problem, severity), count in sorted(found.counts.items())
        ],
        organizations=[
            OrganizationCount(organization=ids.show(Prefix.ORGANIZATION, id_), count=count)
            for id_, count in found.organizations.items()
        ],
        domains=found.domains,
        unseen_domains=found.unseen,
    )


@routes.get("/dangling-records/{dangling_record}", operation_id="show_dangling_record")
def get(call: Read, dangling_record: str) -> DanglingRecordShape:
    """Show a dangling record."""
    return call.one(show, dangling.get(call.session, call.actor, dangling_record))


class ScanShape(BaseModel):
    """A look at the names of one domain."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"object": "dangling_scan", "domain": ids.show(Prefix.DOMAIN, 1), "count": 0}
            ]
        }
    )

    object: Literal["dangling_scan"] = "dangling_scan"
    domain: str
    count: int = Field(description="Open dangling records of the domain, up to 100.")


@routes.post("/domains/{domain}:scan", operation_id="scan_domain")
def scan(call: Crossing, domain: str) -> ScanShape:
    """Look for dangling records of a held domain now. A look of the last minute counts as this one."""
    domain_id = dangling.scan(call.sessions, call.tools, call.actor, domain)
    with call.sessions.begin(call.actor, read_only=True) as session:
        found = dangling.of_domain(session, call.actor, domain_id)
    return ScanShape(domain=ids.show(Prefix.DOMAIN, domain_id), count=len(found))
