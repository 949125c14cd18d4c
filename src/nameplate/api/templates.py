"""Record templates: common needs, and applying them to a domain."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.api.deps import Read, Write
from nameplate.api.routing import router
from nameplate.api.shapes import Body, public
from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.templates import CATALOGUE, Template, TemplateEffect, find
from nameplate.usecases.dns import templates
from nameplate.usecases.dns.templates import Applied

routes = router("records")

Key = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Given = Annotated[str, StringConstraints(max_length=4000)]

_PARAMETER: dict[str, Any] = {
    "name": "include",
    "kind": "hosts",
    "description": "Domains whose senders are allowed.",
    "required": False,
    "default": "",
    "choices": [],
    "example": "_spf.example.net",
}
_TEMPLATE: dict[str, Any] = {
    "object": "record_template",
    "name": "spf",
    "title": "SPF: allowed senders",
    "description": "Adds senders to the SPF record of the domain, or creates the record.",
    "parameters": [_PARAMETER],
}


class ParameterShape(BaseModel):
    """A parameter of a template. Its value is a string."""

    name: str
    kind: str = Field(
        description="`host`, `hosts`, `networks`, `emails`, `labels`, `key` or `text`."
    )
    description: str
    required: bool
    default: str
    choices: list[str] = Field(
        description="Allowed values; empty when any value of its kind is allowed."
    )
    example: str


class TemplateShape(BaseModel):
    """A record template."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEMPLATE]})

    object: Literal["record_template"] = "record_template"
    name: str
    title: str
    description: str
    parameters: list[ParameterShape]


class TemplateList(BaseModel):
    """List of record templates."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"object": "list", "data": [_TEMPLATE]}]}
    )

    object: Literal["list"] = "list"
    data: list[TemplateShape]


class TemplateUse(Body):
    """A template to apply, and its parameters."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "template": "spf",
                    "parameters": {"include": "_spf.example.net"},
                    "dry_run": True,
                }
            ]
        }
    )

    template: Key
    parameters: dict[Key, Given] = Field(default_factory=dict, max_length=20)
    dry_run: bool = Field(default=False, description="Show the effects without making changes.")


class EffectShape(BaseModel):
    """Effect of the template on one record."""

    action: TemplateEffect
    type: str
    name: str
    value: str
    ttl: int
    record: str | None = Field(
        description="Id of the record that was added or changed, or is in conflict."
    )
    before: str | None = Field(description="Value before the change.")
    detail: str = Field(description="Why it is in conflict and what to do.")


class AppliedShape(BaseModel):
    """Effects of a template on a domain."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "template_result",
                    "template": "spf",
                    "domain": ids.show(Prefix.DOMAIN, 1),
                    "dry_run": True,
                    "effects": [
                        {
                            "action": "change",
                            "type": "TXT",
                            "name": "@",
                            "value": '"v=spf1 mx include:_spf.example.net ~all"',
                            "ttl": 3600,
                            "record": ids.show(Prefix.RECORD, 1),
                            "before": '"v=spf1 mx ~all"',
                            "detail": "",
                        }
                    ],
                }
            ]
        }
    )

    object: Literal["template_result"] = "template_result"
    template: str
    domain: str
    dry_run: bool
    effects: list[EffectShape]


def show(one: Template) -> TemplateShape:
    """Return a template as callers see it."""
    return TemplateShape(
        name=one.name,
        title=one.title,
        description=one.description,
        parameters=[
            ParameterShape(
                name=parameter.name,
                kind=parameter.kind.value,
                description=parameter.description,
                required=parameter.required,
                default=parameter.default,
                choices=list(parameter.choices),
                example=parameter.example,
            )
            for parameter in one.parameters
        ],
    )


def show_applied(applied: Applied) -> AppliedShape:
    """Return what was done, or would be, as callers see it."""
    return AppliedShape(
        template=applied.template,
        domain=ids.show(Prefix.DOMAIN, applied.domain.id),
        dry_run=applied.dry_run,
        effects=[
            EffectShape(
                action=one.action,
                type=one.type,
                name=one.name,
                value=one.value,
                ttl=one.ttl,
                record=public(Prefix.RECORD, one.record_id),
                before=one.before,
                detail=one.detail,
            )
            for one in applied.effects
        ],
    )


@routes.get("/record-templates", operation_id="list_record_templates")
def list_(_call: Read) -> TemplateList:
    """List record templates and their parameters."""
    return TemplateList(data=[show(one) for one in CATALOGUE.values()])


@routes.get("/record-templates/{template}", operation_id="show_record_template")
def get(_call: Read, template: str) -> TemplateShape:
    """Show a record template."""
    return show(find(template))


@routes.post("/domains/{domain}/records:template", operation_id="apply_record_template")
def apply(call: Write, domain: str, body: TemplateUse) -> AppliedShape:
    """Apply a record template, all records or none. `dry_run` only shows the effects."""
    applied = templates.apply(
        call.session,
        call.actor,
        domain,
        body.template,
        body.parameters,
        now=call.now,
        dry_run=body.dry_run,
    )
    return show_applied(applied)
