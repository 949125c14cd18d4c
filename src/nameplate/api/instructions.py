"""Instructions as callers see them: kind, fields and sentence, whatever the kind."""

from pydantic import BaseModel, Field

from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.instructions import Instruction
from nameplate.usecases.claims.to_publish import ToPublish


class FieldShape(BaseModel):
    """One field of an instruction."""

    name: str
    value: str


class InstructionShape(BaseModel):
    """A record, file or tag that the owner must publish and keep as long as the domain."""

    purpose: str
    done: bool = Field(description="Whether nothing is to be done about it now.")
    is_published: bool = Field(description="Whether the last check saw it published.")
    kind: str = Field(
        description="`dns_record`, `file`, `tag`, `email`, `name_servers`, `undecided` or a kind "
        "of a proof method."
    )
    sentence: str = Field(description="What to do now, in one sentence.")
    fields: list[FieldShape] = Field(
        description="Fields in the order of use. A name may occur more than once."
    )
    type: str = Field(description="Record type; the same as `kind` when it is not a record.")
    name: str | None = Field(description="Fully qualified name of the record.")
    relative_name: str | None = Field(
        description="Name to enter where the provider appends the zone."
    )
    zone: str | None
    value: str | None
    values: list[str] | None = Field(description="Name servers of a delegation.")
    note: str | None = Field(description="`sentence` of a delegation.")
    url: str | None
    path: str | None
    content: str | None
    page: str | None = Field(description="Page whose head has the tag.")
    tag: str | None


def show(told: ToPublish) -> InstructionShape:
    """Return one instruction; everything after `fields` repeats them under their own names."""
    one = told.instruction
    servers = list(one.all("name_server")) or None
    return InstructionShape(
        purpose=told.purpose,
        done=told.done,
        is_published=told.is_published,
        kind=one.kind,
        sentence=one.sentence,
        fields=[FieldShape(name=name, value=value) for name, value in one.fields],
        type=one.get("type") or one.kind,
        name=one.get("name"),
        relative_name=one.get("relative_name"),
        zone=one.get("zone"),
        value=one.get("value"),
        values=servers,
        note=one.sentence if servers else None,
        url=one.get("url"),
        path=one.get("path"),
        content=one.get("content"),
        page=one.get("page"),
        tag=one.get("tag"),
    )


def example(purpose: Purpose, one: Instruction) -> dict[str, object]:
    """Return what `show` gives, for the documentation."""
    return show(ToPublish(purpose, one)).model_dump(mode="json")
