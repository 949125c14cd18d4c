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

_RRSET: dict[str, Any] = {
    "name": "www.example.com",
    "type": "A",
    "ttl": 300,
    "values": ["192.0.2.7"],
    "proxied": False,
}
_RECORD: dict[str, Any] = {"type": "A", "name": "www", "value": "192.0.2.7", "ttl": 300}


class RecordGiven(BaseModel):
    """One record to want."""

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
    """A file to read records from."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    format: Format
    content: str


class PlanNew(Body):
    """What is wanted; nothing at all is the records as they are: what waits, and what has drifted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"records": [_RECORD]}]})

    records: list[RecordGiven] | None = Field(default=None, max_length=200_000)
    file: ZoneFile | None = None
    source: Literal["zone", "names", "drift"] | None = Field(
        default=None,
        description="`zone`: what the provider has. `names`: what the Internet sees at the usual "
        "names. `drift`: what somebody else made of our records.",
    )
    replace: bool = Field(
        default=False, description="The domain wants nothing but this; otherwise other names stay."
    )
    adopt: bool = Field(
        default=False, description="Wanted values that others put into the zone become ours."
    )


class PlanApply(Body):
    """How to apply a plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"force": False}]})

    force: bool = Field(default=False, description="Although it changes much (`unsafe`).")


class RRsetShape(BaseModel):
    """All records of one name and type."""

    name: str
    type: str
    ttl: int
    values: list[str]
    proxied: bool


class ChangeShape(BaseModel):
    """One record set before and after."""

    action: Literal["create", "update", "delete"]
    before: RRsetShape | None
    after: RRsetShape | None


class BlockedShape(BaseModel):
    """A record set that cannot be had, and why."""

    name: str
    type: str
    code: str
    detail: str


class OutcomeShape(BaseModel):
    """What became of one change."""

    name: str
    type: str
    result: str
    detail: str


class PlanShape(Shape):
    """What would be done at the provider, or what became of it."""

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
    zone: str = Field(description="Apex of the zone at the provider.")
    status: PlanStatus
    origin: PlanOrigin
    is_empty: bool = Field(description="Applying it would change nothing, there or here.")
    unsafe: str | None = Field(description="Why it takes force, with the numbers.")
    edits: int = Field(description="Records of the domain that are added, changed or removed.")
    changes: list[ChangeShape] = Field(
        description="In the order in which they are made; the first 1,000 unless `full`."
    )
    changes_total: int
    blocked: list[BlockedShape]
    foreign: list[str] = Field(
        description="Wanted values that are there already and belong to others: `adopt` takes them."
    )
    adopted: int = Field(description="Values of others that become ours.")
    drift: list[str] = Field(description="What somebody else changed, in words.")
    warnings: list[str]
    untouched: int = Field(description="Record sets that stay exactly as they are.")
    existing: int = Field(description="Record sets in the zone when the plan was made.")
    expires_at: datetime
    forced: bool
    created_by: str | None
    applied_by: str | None
    applied_at: datetime | None
    outcomes: list[OutcomeShape] = Field(description="What did not simply succeed.")
    undoes: str | None = Field(description="The plan that this one takes back.")
    error_message: str | None


class ExportShape(BaseModel):
    """Records as a file."""

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
    """Read the zone and make a plan of what would change; nothing is changed."""
    wish = _wish(world.tools, body or PlanNew())
    return show(None, plans.make(world.sessions, world.tools, world.actor, domain, wish))


def _wish(tools: Tools, body: PlanNew) -> drafts.Edits:
    """Return what the body wants. Raises Invalid `sources_several`."""
    if sum(one is not None for one in (body.records, body.file, body.source)) > 1:
        detail = "Give records, a file or a source: one of them."
        raise Invalid("sources_several", detail, [Problem("/source", "sources_several", detail)])
    how = {"replace": body.replace, "adopt": body.adopt}
    if body.records is not None:
        return transfers.from_records([one.model_dump() for one in body.records], **how)
    if body.file is not None:
        return transfers.from_file(body.file.format, body.file.content, **how)
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
    """Make a plan that takes back the last one that was applied; apply it to do so."""
    return show(None, plans.undo(world.sessions, world.tools, world.actor, domain))


@routes.get("/plans", operation_id="list_plans")
def list_(
    call: Read,
    listing: Listed,
    domain: Annotated[Reference | None, Query()] = None,
    status: Annotated[PlanStatus | None, Query()] = None,
) -> Page[PlanShape]:
    """List plans."""
    selected = listing.select(domain=domain, status=status)
    return listing.page(call, show, plans.page(call.session, call.actor, **selected))


@routes.get("/plans/{plan}", operation_id="show_plan")
def get(
    call: Read,
    plan: str,
    full: Annotated[bool, Query(description="Every change, however many.")] = False,  # noqa: FBT002 - a query parameter
) -> PlanShape:
    """Show a plan, or what became of it."""
    return show(call, plans.get(call.session, call.actor, plan), full=full)


@routes.post(
    "/plans/{plan}:apply", operation_id="apply_plan", responses=errors.documented(429, 502)
)
def apply(world: Crossing, plan: str, body: PlanApply | None = None) -> PlanShape:
    """Carry a plan out, if the zone still is as it was seen."""
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
    format: Annotated[Format, Query()] = "bind",  # noqa: A002 - the field's own name
    live: Annotated[bool, Query(description="As the provider has them now.")] = False,  # noqa: FBT002 - a query parameter
) -> ExportShape:
    """Return the records as a file."""
    content, count = transfers.export(
        world.sessions, world.tools, world.actor, domain, form=format, live=live
    )
    return ExportShape(format=format, records=count, content=content)
