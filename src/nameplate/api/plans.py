"""Plans of DNS changes: make, look at, apply, take back; and records in and out as files."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api import errors
from nameplate.api.deps import Crossing, Listed, Read, TransactionCall
from nameplate.api.records import Short, Ttl, Value
from nameplate.api.routing import router
from nameplate.api.shapes import Body, Page, Reference, Shape, common, example
from nameplate.core import ids
from nameplate.core.errors import Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import PlanStatus
from nameplate.core.records import RRset
from nameplate.models import ChangePlan, PlanOrigin, RecordType
from nameplate.usecases.dns import drafts, plans, transfers
from nameplate.usecases.tools import Tools

routes = router("plans")

Format = Literal["bind", "csv", "json", "octodns"]
ExportFormat = Annotated[Format, Query(description="Format of the file.")]
Full = Annotated[bool, Query(description="Return all changes instead of the first 1,000.")]
Live = Annotated[
    bool,
    Query(description="Export the live zone at the provider instead of the stored records."),
]

_RRSET: dict[str, Any] = {
    "name": "www.example.com",
    "type": "A",
    "ttl": 300,
    "values": ["192.0.2.7"],
    "proxied": False,
}
_RECORD: dict[str, Any] = {"type": "A", "name": "www", "value": "192.0.2.7", "ttl": 300}


class RecordGiven(BaseModel):
    """A record to add."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    type: RecordType
    name: Annotated[str, StringConstraints(max_length=255)]
    value: Value
    ttl: Ttl = 3600
    priority: Short | None = None
    weight: Short | None = None
    port: Short | None = None
    proxied: bool = False


class ZoneFile(BaseModel):
    """A file with records."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    format: Format
    content: str


class PlanNew(Body):
    """The desired records. An empty body plans pending changes and the repair of drift."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"records": [_RECORD]}]})

    records: list[RecordGiven] | None = Field(default=None, max_length=200_000)
    file: ZoneFile | None = None
    source: Literal["zone", "names", "drift"] | None = Field(
        default=None,
        description="Read the records from `zone` (the zone at the provider), `names` (public DNS "
        "at common names) or `drift` (changes made outside Nameplate).",
    )
    replace: bool = Field(
        default=False, description="Remove the domain's other records. Default: they are kept."
    )
    adopt: bool = Field(
        default=False,
        description="Take ownership of desired values that already exist in the zone.",
    )
    strict: bool = Field(
        default=False,
        description="Refuse a file in which anything is wrong. Default: each record set with a "
        "problem is skipped, and `warnings` name its line.",
    )


class PlanApply(Body):
    """Options for applying a plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"force": False}]})

    force: bool = Field(
        default=False,
        description="Apply even if the plan exceeds the safety thresholds (`unsafe`).",
    )


class RRsetShape(BaseModel):
    """All records of one name and type."""

    name: str
    type: str
    ttl: int
    values: list[str]
    proxied: bool


class ChangeShape(BaseModel):
    """A record set before and after the change."""

    action: Literal["create", "update", "delete"]
    before: RRsetShape | None
    after: RRsetShape | None


class BlockedShape(BaseModel):
    """A record set that cannot be published, and why."""

    name: str
    type: str
    code: str
    detail: str


class OutcomeShape(BaseModel):
    """Result of one change."""

    name: str
    type: str
    result: str
    detail: str


class PlanShape(Shape):
    """Planned changes at the DNS provider, or their results."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.PLAN,
                    "plans",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    domain=ids.show(Prefix.DOMAIN, 1),
                    zone="example.com",
                    status="ready",
                    origin="request",
                    is_empty=False,
                    unsafe=None,
                    edits=1,
                    changes=[{"action": "create", "before": None, "after": _RRSET}],
                    changes_total=1,
                    blocked=[],
                    foreign=[],
                    adopted=0,
                    drift=[],
                    warnings=[],
                    untouched=12,
                    existing=12,
                    expires_at="2026-11-24T09:30:00Z",
                    forced=False,
                    created_by="ops",
                    applied_by=None,
                    applied_at=None,
                    outcomes=[],
                    undoes=None,
                    error_message=None,
                )
            ]
        }
    )

    object: Literal["plan"] = "plan"
    organization: str
    domain: str
    zone: str = Field(description="Name of the zone at the provider.")
    status: PlanStatus
    origin: PlanOrigin
    is_empty: bool = Field(description="Whether applying the plan would change nothing.")
    unsafe: str | None = Field(description="Why the plan requires `force`; null when it does not.")
    edits: int = Field(
        description="Number of the domain's records that are added, changed or removed."
    )
    changes: list[ChangeShape] = Field(
        description="Changes in the order of execution; the first 1,000 unless `full` is set."
    )
    changes_total: int
    blocked: list[BlockedShape]
    foreign: list[str] = Field(
        description="Desired values that already exist but are not managed by Nameplate. `adopt` "
        "takes ownership of them."
    )
    adopted: int = Field(description="Number of existing values that Nameplate takes ownership of.")
    drift: list[str] = Field(description="Descriptions of changes made outside Nameplate.")
    warnings: list[str]
    untouched: int = Field(description="Number of record sets that are not changed.")
    existing: int = Field(
        description="Number of record sets in the zone when the plan was created."
    )
    expires_at: datetime
    forced: bool
    created_by: str | None
    applied_by: str | None
    applied_at: datetime | None
    outcomes: list[OutcomeShape] = Field(description="Changes that were refused, moved or unknown.")
    undoes: str | None = Field(description="Id of the plan that this plan undoes.")
    error_message: str | None


class ExportShape(BaseModel):
    """Records in a file format."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"object": "export", "format": "bind", "records": 0, "content": "$ORIGIN x.test.\n"}
            ]
        }
    )

    object: Literal["export"] = "export"
    format: Format
    records: int
    content: str


def show(_call: TransactionCall | None, row: ChangePlan, *, full: bool = False) -> PlanShape:
    """Return a plan as callers see it."""
    fields = common(row, Prefix.PLAN, "plans")
    domain = ids.show(Prefix.DOMAIN, row.organization_domain_id)
    fields["links"]["domain"] = f"/v1/domains/{domain}"
    content = row.content
    changes = content.changes
    same = (
        "zone", "status", "origin", "expires_at", "forced", "created_by", "applied_by",
        "applied_at", "error_message",
    )  # fmt: skip
    said = ("unsafe", "drift", "warnings", "untouched", "existing")
    return PlanShape(
        **fields,
        **{name: getattr(row, name) for name in same},
        **{name: getattr(content, name) for name in said},
        organization=ids.show(Prefix.ORGANIZATION, row.organization_id),
        domain=domain,
        is_empty=content.is_empty,
        edits=len(content.edits),
        changes=[
            ChangeShape(
                action=change.action.value,
                before=_rrset(change.before),
                after=_rrset(change.after),
            )
            for change in (changes if full else changes[: plans.SHOWN])
        ],
        changes_total=len(changes),
        blocked=[
            BlockedShape(name=name, type=rdtype, code=code, detail=detail)
            for name, rdtype, code, detail in content.blocked
        ],
        foreign=[" ".join(value) for value in content.foreign],
        adopted=len(content.adopted),
        outcomes=[OutcomeShape(**one._asdict()) for one in row.exceptions],
        undoes=None if row.undoes_id is None else ids.show(Prefix.PLAN, row.undoes_id),
    )


def _rrset(rrset: RRset | None) -> RRsetShape | None:
    if rrset is None:
        return None
    return RRsetShape(
        name=rrset.name,
        type=rrset.type,
        ttl=rrset.ttl,
        values=list(rrset.values),
        proxied=rrset.proxied,
    )


@routes.post(
    "/domains/{domain}/records:plan",
    status_code=201,
    operation_id="plan_records",
    responses=errors.documented(429, 502),
)
def plan(world: Crossing, domain: str, body: PlanNew | None = None) -> PlanShape:
    """Create a plan from the live zone and the desired records. Nothing is changed."""
    wish = _wish(world.tools, body or PlanNew())
    return show(None, plans.make(world.sessions, world.tools, world.actor, domain, wish))


def _wish(tools: Tools, body: PlanNew) -> drafts.Edits:
    """Return what the body wants. Raises Invalid `sources_several`."""
    if sum(one is not None for one in (body.records, body.file, body.source)) > 1:
        detail = "Specify only one of `records`, `file` and `source`."
        raise Invalid("sources_several", detail, [Problem("/source", "sources_several", detail)])
    how = {"replace": body.replace, "adopt": body.adopt}
    if body.records is not None:
        return transfers.from_records([one.model_dump() for one in body.records], **how)
    if body.file is not None:
        strict = body.strict
        return transfers.from_file(body.file.format, body.file.content, strict=strict, **how)
    if body.source == "zone":
        return transfers.from_zone(adopt=body.adopt)
    if body.source == "names":
        return transfers.from_names(tools.resolver, adopt=body.adopt)
    if body.source == "drift":
        return transfers.from_drift()
    return plans.as_wanted(adopt=body.adopt)


@routes.post(
    "/domains/{domain}/records:undo",
    status_code=201,
    operation_id="undo_records",
    responses=errors.documented(429, 502),
)
def undo(world: Crossing, domain: str) -> PlanShape:
    """Create a plan that undoes the last applied plan. Apply it to make the changes."""
    return show(None, plans.undo(world.sessions, world.tools, world.actor, domain))


@routes.get("/plans", operation_id="list_plans")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query(description="Only objects of this domain.")] = None,
    status: Annotated[
        PlanStatus | None, Query(description="Only objects with this status.")
    ] = None,
) -> Page[PlanShape]:
    """List plans."""
    selected = listing.select(domain=domain, status=status)
    return listing.page(call, show, plans.page(call.session, call.actor, **selected))


@routes.get("/plans/{plan}", operation_id="show_plan")
def get(
    call: Read,
    plan: str,
    full: Full = False,  # noqa: FBT002 - a query parameter
) -> PlanShape:
    """Show a plan and its results."""
    return show(call, plans.get(call.session, call.actor, plan), full=full)


@routes.post(
    "/plans/{plan}:apply", operation_id="apply_plan", responses=errors.documented(429, 502)
)
def apply(world: Crossing, plan: str, body: PlanApply | None = None) -> PlanShape:
    """Apply a plan if the zone has not changed since the plan was created."""
    force = body is not None and body.force
    return show(None, plans.apply(world.sessions, world.tools, world.actor, plan, force=force))


@routes.get(
    "/domains/{domain}/records:export",
    operation_id="export_records",
    responses=errors.documented(429, 502),
)
def export(
    world: Crossing,
    domain: str,
    format: ExportFormat = "bind",  # noqa: A002 - the field's own name
    live: Live = False,  # noqa: FBT002 - a query parameter
) -> ExportShape:
    """Export the records of a domain as a file."""
    content, count = transfers.export(
        world.sessions, world.tools, world.actor, domain, form=format, live=live
    )
    return ExportShape(format=format, records=count, content=content)
