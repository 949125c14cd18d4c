"""One bad day from the break to the end: what is seen within ten seconds, and when all is well again."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.badday.fault import Fault, Said
from tests.badday.tenants import Tenant
from tests.badday.town import Town

WITHIN = 10.0
"""Seconds within which a fault must be said."""
SLOWEST = 60.0
"""Seconds after the repair by which all must be well."""
_QUIET = ('outcome="ok"}', 'outcome="lease_lost"}', 'outcome="given_back"}')
_TELLING = (
    "nameplate_bindings_failing",
    'nameplate_bindings{health="degraded"}',
    "nameplate_records_unseen",
)
LATE = 4.0
"""Seconds that due rows or a clock may be late before that counts."""
AGEING = 3.0
"""Seconds that a step has to fail once more when the outage is made to look old."""


@dataclass(slots=True)
class Picture:
    """What Nameplate said while something was wrong."""

    said: Said | None
    said_after: float
    ready: bool | None
    listed: bool | None
    """What the list of domains says; None when it does not tell."""
    log: str = ""
    metrics: str = ""
    wait_code: int = 0
    """Exit code of `domain wait --timeout 0`."""
    shown: str = ""
    """Output of `domain show`."""
    complaints: list[str] = field(default_factory=list)
    """What is not as it should be."""


@dataclass(slots=True)
class Day:
    """How one bad day went."""

    fault: Fault
    picture: Picture
    recovered_after: float | None

    @property
    def complaints(self) -> list[str]:
        """What is not as it should be."""
        late = [] if self.recovered_after is not None else ["not well within the time"]
        return [*self.picture.complaints, *late]


def live(town: Town, fault: Fault) -> Day:
    """Break, look, let it last, repair, and wait until all is well."""
    town.wait(
        f"all well before {fault.name}",
        lambda: town.all_well() and town.settled() and town.outage.is_quiet(),
        60,
    )
    hit = town.tenants[fault.at]
    marks, metrics = town.nameplate.marks(), town.nameplate.metrics()
    try:
        fault.breaks(town)
        began = time.monotonic()
        fault.wants(town)
        picture = _look(town, fault, hit, began, marks=marks, before=metrics)
        town.outage.age()
        time.sleep(AGEING)
        if fault.ready:
            _await_ready(town, hit)
        picture.complaints += _lies(town, fault, hit)
        picture.complaints += [] if fault.common else _others(town, hit)
    finally:
        fault.repairs(town)
    try:
        recovered = town.wait(
            f"all well after {fault.name}", lambda: town.all_well() and town.settled(), SLOWEST
        )
    except AssertionError as error:
        picture.complaints.append(str(error)[:6000])
        return Day(fault, picture, None)
    finally:
        town.tidy()
    return Day(fault, picture, recovered)


def _look(
    town: Town,
    fault: Fault,
    hit: Tenant,
    began: float,
    *,
    marks: Mapping[str, int],
    before: Mapping[str, float],
) -> Picture:
    """Ask until the fault is said, and then what everything else says."""
    said = None
    while said is None and time.monotonic() - began < WITHIN:
        said = fault.says(town, hit)
        if said is None:
            time.sleep(0.25)
    after = time.monotonic() - began
    domain = town.domain(hit)
    picture = Picture(said, after, domain.get("ready"), town.listed_ready(hit))
    if said is None:
        picture.complaints.append(f"nothing is said within {WITHIN:g} s: {_told(domain)}")
    picture.wait_code = town.nameplate.command("domain", "wait", hit.name, "--timeout", "0").code
    picture.shown = town.nameplate.command("domain", "show", hit.name).output
    runs = town.nameplate.refused is None
    while runs and not (picture.metrics and (picture.log or fault.silent)):
        picture.metrics = _news(before, town.nameplate.metrics())
        lines = town.nameplate.said_since(marks)
        picture.log = next((_line(one) for one in lines), "")
        if time.monotonic() - began > WITHIN:
            break
        time.sleep(0.25)
    if picture.wait_code == 0 and not fault.ready:
        picture.complaints.append("`domain wait` ends with 0")
    if runs and not picture.log and not fault.silent:
        picture.complaints.append("the log says nothing")
    if runs and not picture.metrics:
        picture.complaints.append("the metrics say nothing")
    return picture


def _await_ready(town: Town, hit: Tenant) -> None:
    """Give what is wanted time to come about in spite of the fault."""
    began = time.monotonic()
    while not town.ready(hit) and time.monotonic() - began < WITHIN:
        time.sleep(0.25)


def _lies(town: Town, fault: Fault, hit: Tenant) -> list[str]:
    """Return what is said that is not so."""
    found = []
    domain = town.domain(hit)
    if domain and domain["ready"] is not fault.ready:
        found.append(f"ready is {domain['ready']}: {_told(domain)}")
    served = hit.visit() == 200
    if served is not fault.served:
        found.append(f"visitors are {'' if served else 'not '}served")
    if domain and domain["ready"] and not served:
        found.append("ready, and visitors are not served")
    for one in domain.get("conditions", ()):
        idle = not one["fix"] or one["fix"].startswith("No action")
        if one["status"] is not True and idle:
            found.append(f"nothing to do: {one}")
    listed = town.listed_ready(hit)
    if listed is not None and domain and listed != domain["ready"]:
        found.append(f"the list says ready {listed}")
    return found


def _others(town: Town, hit: Tenant) -> list[str]:
    found = []
    for tenant in town.tenants.values():
        if tenant is hit:
            continue
        domain = town.domain(tenant)
        if not domain.get("ready"):
            found.append(f"the other's domain {tenant.name} is not ready: {_told(domain)}")
        if tenant.visit() != 200:
            found.append(f"visitors of the other's domain {tenant.name} are not served")
    return found


def _told(domain: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{one['type']} {one['status']} {one['reason']}: {one['message']} [{one['fix']}]"
        for one in domain.get("conditions", ())
    )


def _line(entry: Mapping[str, Any]) -> str:
    code = entry.get("code") or entry.get("outcome") or ""
    return f"{entry['event']} {code}".strip()


def _news(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Return the number that tells most: what is down, what waits, what failed."""
    telling = (
        *((name, value) for name, value in after.items() if _tells(name, value)),
        *(
            (name, value - before.get(name, 0))
            for name, value in after.items()
            if name.startswith("nameplate_steps_total") and not name.endswith(_QUIET)
        ),
        *(
            (name, value)
            for name, value in after.items()
            if name in _TELLING and value > before.get(name, 0)
        ),
    )
    found = next(((name, value) for name, value in telling if value or "up" in name), None)
    return "" if found is None else f"{found[0].removeprefix('nameplate_')} {found[1]:.0f}"


def _tells(name: str, value: float) -> bool:
    if name == "nameplate_database_up":
        return value == 0
    if name == "nameplate_clock_ahead_seconds":
        return abs(value) > LATE
    return name.startswith("nameplate_oldest_due_seconds") and value > LATE
