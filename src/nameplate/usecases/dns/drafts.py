"""Drafts of plans: what somebody wants, what it means for the zone, and how a plan keeps it."""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nameplate.core import caa, names, provider_limits
from nameplate.core.errors import Conflict
from nameplate.core.plan import Drift, Plan
from nameplate.core.rdata.text import rejoined
from nameplate.core.records import RRset
from nameplate.core.spelling import Spelling
from nameplate.models import ChangePlan, Domain, PlanContent
from nameplate.models.plan_content import change_rows
from nameplate.usecases.dns import edits, markers, shelter, zones
from nameplate.usecases.dns.desired import DesiredZone
from nameplate.usecases.dns.edits import Edit, Spec
from nameplate.usecases.dns.wanted import Value
from nameplate.usecases.dns.zones import LiveZone

Edits = Callable[["PlanContext"], "RequestedChange"]
"""What somebody wants, given the domain and its live zone."""


@dataclass(frozen=True, slots=True)
class PlanContext:
    """A domain, its records and its zone, as they are now."""

    domain: Domain
    origin: str
    """The domain's name."""
    desired: DesiredZone
    site: LiveZone
    now: datetime

    def spelled(self, specs: Iterable[Spec]) -> list[Spec]:
        """Return records, each once, with texts cut into strings as the zone or the domain has them."""
        ours = [line.rrset() for line in self.desired.lines if line.type == "TXT"]
        spelling = Spelling([*ours, *self.site.live])
        found: dict[tuple[str, str, str], Spec] = {}
        for one in specs:
            name = names.absolute(one.name, self.origin)
            text = spelling.of((name, one.type, one.text))[2]
            same = rejoined(text) if one.type == "TXT" else text
            spec = one if text == one.text else replace(one, text=text)
            found.setdefault((one.type, one.name, same), spec)
        return list(found.values())


@dataclass(frozen=True, slots=True)
class RequestedChange:
    """Edits of records, and changes of ownership that leave the zone unchanged."""

    edits: Sequence[Edit] = ()
    adopt: bool = False
    """Wanted values that others put into the zone become ours."""
    disowned: Sequence[Value] = ()
    """Values that are ours no more; they stay in the zone."""
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A wish, and what it means for the zone."""

    todo: Plan
    adopted: tuple[Value, ...]
    drifts: tuple[Drift, ...]
    warnings: tuple[str, ...]


def draft(scene: PlanContext, wish: RequestedChange) -> Draft:
    """Return what a wish means for the zone. Pure: the same scene and wish give the same draft."""
    desired, site = scene.desired, scene.site
    edits.keep_clear(desired.lines, wish.edits)
    wanted = edits.after(desired.lines, wish.edits)
    provider = desired.account.provider
    edits.check(
        desired.lines, wish.edits, scene.origin, site.zone.name,
        flattens=provider_limits.flattens(provider),
    )  # fmt: skip
    rrsets = [
        rrset
        for one, _ in wanted
        if ((rrset := one.rrset(scene.origin)).name, one.type, one.text) not in desired.others
    ]
    # Challenges for certificates, and the marker: wanted by no record.
    rrsets += [want.rrset() for want in desired.wants.values() if want.record_id is None]
    owned = desired.entries.keys() - set(wish.disowned)
    hidden = shelter.hosts(desired, site.live, rrsets, owned, site.zone.name)
    rrsets += shelter.copies(desired, hidden, rrsets)
    desired = replace(desired, hidden=tuple(hidden))
    todo = zones.possible(desired, site, rrsets, owned)
    adopted: tuple[Value, ...] = ()
    if wish.adopt and todo.foreign_match:
        adopted = todo.foreign_match
        todo = zones.possible(desired, site, rrsets, owned | set(adopted))
    said = (*wish.warnings, *shelter.told(hidden))
    return Draft(todo, adopted, desired.drifts(site.live), said)


def wanted_fingerprint(desired: DesiredZone) -> str:
    """Return the SHA-256 of the domain's records and of what the ledger says of them."""
    rows = sorted((*line.value, line.ttl, line.proxied, line.is_wanted) for line in desired.lines)
    ours = sorted((*value, entry.purpose.value) for value, entry in desired.entries.items())
    return hashlib.sha256(json.dumps([rows, ours]).encode()).hexdigest()


def warnings(scene: PlanContext, found: Draft, authorities: Collection[str]) -> list[str]:
    """Return warnings: CAA that excludes our authority, and markers of other installations."""
    said = caa.warnings(_wanted_caa(scene, found), scene.origin, authorities)
    return [*found.warnings, *said, *_other_markers(scene)]


def _wanted_caa(scene: PlanContext, found: Draft) -> list[RRset]:
    """Return the CAA sets of the zone as they would be."""
    state = {rrset.key: rrset for rrset in scene.site.live if rrset.type == "CAA"}
    for change in found.todo.changes:
        if change.key[1] == "CAA":
            state.pop(change.key, None)
            if change.after is not None:
                state[change.key] = change.after
    return list(state.values())


def _other_markers(scene: PlanContext) -> list[str]:
    """Say when the zone tells that another installation manages the domain's records."""
    name, rdtype, own = markers.value(scene.domain)
    return [
        f"{name} marks these records as managed by another installation: {value[:100]}."
        for rrset in scene.site.live
        if rrset.key == (name, rdtype)
        for value in rrset.values
        if value != own and "heritage=nameplate" in value
    ]


def content(wish: RequestedChange, found: Draft) -> PlanContent:
    """Return what a plan keeps of a wish and its draft."""
    todo = found.todo
    unsafe = None
    try:
        todo.check_safety(todo.existing)
    except Conflict as error:
        unsafe = error.detail
    return PlanContent(
        edits=[edit.as_json() for edit in wish.edits],
        changed=change_rows(todo.changes),
        blocked=[[b.name, b.type, b.code, b.detail] for b in todo.blocked],
        foreign=[list(value) for value in todo.foreign_match if value not in found.adopted],
        ttl_kept=[list(key) for key in todo.ttl_kept],
        adopted=[list(value) for value in found.adopted],
        disowned=[list(value) for value in wish.disowned],
        drift=[str(one) for one in found.drifts],
        warnings=list(found.warnings),
        untouched=todo.untouched,
        existing=todo.existing,
        unsafe=unsafe,
    )


def stored(row: ChangePlan) -> RequestedChange:
    """Return the wish that a plan was made from."""
    return RequestedChange(
        edits=[Edit.of(sides) for sides in row.content.edits],
        adopt=row.adopting,
        disowned=[value_of(parts) for parts in row.content.disowned],
    )


def value_of(parts: Iterable[str]) -> Value:
    """Return a value that was stored as JSON."""
    name, rdtype, text = parts
    return (name, rdtype, text)
