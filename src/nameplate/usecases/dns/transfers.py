"""Records in and out: lists, zone files, the live zone, and what can be found by asking for names.

Each source is a function for `plans.make`: nothing is imported before somebody applied the plan.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nameplate.core import formats, provider_limits
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.names import is_within, relative
from nameplate.core.pointing import LEADING
from nameplate.core.records import RRset, merge
from nameplate.db import Sessions, database_now
from nameplate.ports.resolver import Resolver
from nameplate.usecases import holders, lookup
from nameplate.usecases.dns import edits, file_faults, usual_answers, wanted, zones
from nameplate.usecases.dns.desired import read_desired
from nameplate.usecases.dns.drafts import Edits, PlanContext, RequestedChange
from nameplate.usecases.dns.edits import Spec
from nameplate.usecases.tools import Tools


def from_records(
    records: Sequence[Mapping[str, Any]], *, replace: bool = False, adopt: bool = False
) -> Edits:
    """Want these records: for their names and types, or with `replace` as all of the domain.

    Each has `type`, `name`, `value`, and where they apply `ttl`, `priority`, `weight`, `port`,
    `proxied`. With `adopt` those that others have put into the zone already become ours.
    """

    def wish(scene: PlanContext) -> RequestedChange:
        desired = scene.spelled(edits.given(records, scene.origin))
        return RequestedChange(
            edits.between(scene.desired.lines, desired, everything=replace), adopt
        )

    return wish


def from_file(
    form: str, content: str, *, replace: bool = False, adopt: bool = False, strict: bool = False
) -> Edits:
    """Want the records of a zone file: `bind`, `csv`, `json` or `octodns`.

    Names without a dot are relative to the domain. SOA and the zone's own NS are passed over, and
    said, and so is each record set in which something is wrong, with its line; with `strict` that
    refuses the file. Raises `Invalid` when the file cannot be understood.
    """

    def wish(scene: PlanContext) -> RequestedChange:
        reading = formats.survey(form, content, scene.origin, time.monotonic)
        found = file_faults.fitting(scene, reading, replace=replace, strict=strict)
        rrsets = [
            rrset
            for rrset in reading.rrsets
            if (rrset.type, relative(rrset.name, scene.origin)) not in found.passed
        ]
        made = _wish(scene, rrsets, found.specs, replace=replace, adopt=adopt)
        said = [*found.warnings(reading), *made.warnings]
        return RequestedChange(found.kept(made.edits), adopt, warnings=said)

    return wish


def from_zone(*, adopt: bool = True) -> Edits:
    """Want what the provider has: from the database's side a pull, from the zone's side nothing."""

    def wish(scene: PlanContext) -> RequestedChange:
        return _seen(scene, scene.site.live, adopt=adopt)

    return wish


def from_names(resolver: Resolver, *, adopt: bool = False) -> Edits:
    """Want what the Internet sees at the usual names, for a zone whose present host gives no list.

    Only what is asked for can be found, and the plan says so.
    """

    def wish(scene: PlanContext) -> RequestedChange:
        found = usual_answers.ask(resolver, scene.origin)
        said = (
            "Only commonly used names were checked. Compare the result with the record list "
            "at the current DNS host before you move the zone."
        )
        made = _seen(scene, found, adopt=adopt)
        return RequestedChange(made.edits, adopt, warnings=[*made.warnings, said])

    return wish


def from_drift() -> Edits:
    """Want what somebody else made of our records: the end of a drift without changing the zone."""

    def wish(scene: PlanContext) -> RequestedChange:
        live = {rrset.key: rrset for rrset in merge(scene.site.live)}
        drifts = scene.desired.drifts(scene.site.live)
        seen = [live[one.key] for one in drifts if one.key in live]
        desired = _desired(scene, seen)
        emptied = {
            (line.type, line.name)
            for line in scene.desired.lines
            if (line.owner, line.type) in {one.key for one in drifts}
        }
        return RequestedChange(
            edits.between(scene.desired.lines, desired, emptied=emptied), adopt=True
        )

    return wish


def _desired(scene: PlanContext, rrsets: Sequence[RRset]) -> list[Spec]:
    return scene.spelled(edits.of_rrsets(rrsets, scene.origin, scene.site.zone.name))


def _seen(scene: PlanContext, rrsets: Sequence[RRset], *, adopt: bool) -> RequestedChange:
    """Want what is in the world already, as far as the rules and other records of ours allow."""
    origin, ours = scene.origin, {edits.spec(line).key for line in scene.desired.lines}
    others = {value[:2] for value in scene.desired.others}
    led = {line.name for line in scene.desired.lines if line.is_made}
    desired = [
        one
        for one in _desired(scene, rrsets)
        if one.rrset(origin).key not in others
        and (one.key in ours or one.type not in LEADING or one.name not in led)
    ]
    flattens = provider_limits.flattens(scene.desired.account.provider)
    wrong = {
        key[:2] for key, _ in edits.broken(desired, origin, scene.site.zone.name, flattens=flattens)
    }
    fine = [one for one in desired if one.key[:2] not in wrong]
    return _wish(scene, rrsets, fine, replace=False, adopt=adopt)


def _wish(
    scene: PlanContext,
    rrsets: Sequence[RRset],
    desired: Sequence[Spec],
    *,
    replace: bool,
    adopt: bool,
) -> RequestedChange:
    once, twice = _without_twins(desired)
    kept = {(one.type, one.name) for one in once}
    passed = sorted({f"{r.name} {r.type}" for r in rrsets if _passed_over(scene, r, kept)})
    said = [f"Skipped: {', '.join(passed[:20])}{(' ...' if passed[20:] else '')}."]
    said = said if passed else []
    said += [
        f"{one} differs from another record only in its numbers and was skipped." for one in twice
    ]
    return RequestedChange(
        edits.between(scene.desired.lines, once, everything=replace), adopt, warnings=said
    )


def _passed_over(scene: PlanContext, rrset: RRset, kept: set[tuple[str, str]]) -> bool:
    """Tell whether a record set of the domain's own names was left out."""
    if not is_within(rrset.name, scene.origin):
        return False
    return (rrset.type, relative(rrset.name, scene.origin)) not in kept


def _without_twins(desired: Sequence[Spec]) -> tuple[list[Spec], list[str]]:
    """Part what can be kept from MX and SRV that name one host twice."""
    once: dict[tuple[str, str, str], Spec] = {}
    twice = []
    for one in desired:
        numbered = one.type in {"MX", "SRV"}
        key = (one.type, one.name, one.text.rpartition(" ")[2] if numbered else one.text)
        if key in once:
            twice.append(f"{one.name} {one.type} {one.text}")
        else:
            once[key] = one
    return list(once.values()), twice


def export(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    domain_reference: str,
    *,
    form: str,
    live: bool = False,
) -> tuple[str, int]:
    """Return a domain's records as a file, and how many there are; `live` as the provider has them."""
    if form not in formats.FORMATS:
        known = ", ".join(sorted(formats.FORMATS))
        detail = f"Unknown format {form}. Expected one of {known}."
        raise Invalid("format_unknown", detail, [Problem("query/format", "format_unknown", detail)])
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, domain_reference)
        lines = wanted.lines(session, domain)
    origin = holders.held_name(domain)
    rrsets = merge(line.rrset() for line in lines if line.is_wanted)
    if live:
        with sessions.begin(PLATFORM, read_only=True) as session:
            desired = read_desired(session, domain, tools, database_now(session))
        if desired is None:
            raise Conflict("dns_account_missing", "The domain has no DNS account to read with.")
        rrsets = [
            rrset for rrset in zones.show(tools, desired).live if is_within(rrset.name, origin)
        ]
    return formats.write(form, rrsets, origin), sum(len(rrset.values) for rrset in rrsets)
