"""What applying a template would do to the records that are there. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nameplate.core import rdata, zone_rules
from nameplate.core.rdata.text import joined
from nameplate.core.templates import spf
from nameplate.core.templates.template import Beside, TemplateRecord, TemplateZone

TTL = 3600
"""Seconds, where no record of that name and type says otherwise."""


class TemplateEffect(StrEnum):
    """What becomes of one record of a template."""

    ADD = "add"
    CHANGE = "change"
    EXISTS = "exists"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Existing:
    """A record that the domain has."""

    id: int
    type: str
    name: str
    """Absolute."""
    value: str
    """Whole canonical rdata."""
    ttl: int
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What applying does to one record."""

    action: TemplateEffect
    type: str
    name: str
    """Relative to the domain, `@` for itself."""
    value: str
    """Whole canonical rdata that is wanted in the end."""
    ttl: int
    record_id: int | None = None
    """The record that is there: that is changed, or stands in the way."""
    before: str | None = None
    detail: str = ""
    """Why it is in conflict, and what to do."""


def compare(
    site: TemplateZone, wanted: Sequence[TemplateRecord], existing: Sequence[Existing]
) -> list[Effect]:
    """Return what becomes of each wanted record. Raises `Invalid` for a value that cannot be."""
    asked = [(one, _canonical(site, one)) for one in wanted]
    values = {(one.type, one.name, text) for one, text in asked}
    return [_effect(site, one, text, existing, values) for one, text in asked]


def _canonical(site: TemplateZone, one: TemplateRecord) -> str:
    owner = zone_rules.owner_name(one.name, site.name)
    return rdata.parse(one.type, one.value, origin=site.name, owner=owner).text


def _effect(
    site: TemplateZone,
    one: TemplateRecord,
    text: str,
    existing: Sequence[Existing],
    values: set[tuple[str, str, str]],
) -> Effect:
    owner = zone_rules.owner_name(one.name, site.name)
    here = [row for row in existing if row.name == owner]
    same = [row for row in here if row.type == one.type]
    ttl = same[0].ttl if same else TTL
    there = next((row for row in same if row.value == text), None)
    if there is not None:
        return Effect(TemplateEffect.EXISTS, one.type, one.name, text, there.ttl, there.id)
    alone = _not_alone(one, here)
    if alone is not None:
        return _conflict(one, text, alone, f"{owner} already has {alone.type} {alone.value[:80]}")
    if one.marker:
        rivals = [row for row in same if _begins(row, one.marker)]
    else:
        rivals = [row for row in same if (row.type, one.name, row.value) not in values]
    if one.beside is Beside.STAYS or not rivals:
        return Effect(TemplateEffect.ADD, one.type, one.name, text, ttl)
    first = rivals[0]
    if one.beside is Beside.CONFLICTS:
        return _conflict(one, text, first, f"{owner} has another {one.type}, {first.value[:80]}")
    if len(rivals) > 1:
        detail = (
            f"{owner} has {len(rivals)} records of the kind {one.marker}, but only one is allowed"
        )
        return _conflict(one, text, first, detail)
    after = text if one.beside is Beside.CHANGES else _merged(one, first)
    action = TemplateEffect.EXISTS if after == first.value else TemplateEffect.CHANGE
    return Effect(action, one.type, one.name, after, first.ttl, first.id, first.value)


def _not_alone(one: TemplateRecord, here: Sequence[Existing]) -> Existing | None:
    """Return what a CNAME would be beside, or the CNAME beside which this would be (RFC 1034)."""
    if one.type == "CNAME":
        return next((row for row in here if row.type != "CNAME"), None)
    return next((row for row in here if row.type == "CNAME"), None)


def _begins(row: Existing, marker: str) -> bool:
    text = joined(row.value)
    return spf.is_spf(text) if marker == spf.MARKER else text.lower().startswith(marker.lower())


def _merged(one: TemplateRecord, row: Existing) -> str:
    text = spf.merged(joined(row.value), one.value)
    return rdata.parse("TXT", text, origin="").text


def _conflict(one: TemplateRecord, text: str, row: Existing, what: str) -> Effect:
    todo = "Detach and remove it" if row.automatic else "Remove it"
    detail = f"{what}. {todo} first to replace it."
    return Effect(
        TemplateEffect.CONFLICT, one.type, one.name, text, row.ttl, row.id, row.value, detail
    )
