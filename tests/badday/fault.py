"""What a bad day is: what breaks, what is asked for meanwhile, what must be said, how it is repaired."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nameplate.core.error_catalogue.entry import Turn

if TYPE_CHECKING:
    from tests.badday.tenants import Tenant
    from tests.badday.town import Town

Act = Callable[["Town"], object]


def nothing(_town: "Town") -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """What Nameplate says of a fault where it says it."""

    where: str
    """A condition of the domain, or what else says it."""
    code: str
    sentence: str
    fix: str = ""


Says = Callable[["Town", "Tenant"], Said | None]
"""Returns what is said of the fault by now, None while nothing is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    breaks: Act
    repairs: Act
    says: Says
    turn: Turn
    """Who has to act."""
    wants: Act = nothing
    """What somebody asks for while it is broken: without it nothing would be amiss."""
    ready: bool = False
    """Whether the domain is ready all the same, because what was there goes on."""
    served: bool = True
    """Whether visitors of the domain are served meanwhile."""
    common: bool = False
    """It hits everybody."""
    at: str = "alpha"
    """Whom it hits."""
    silent: bool = False
    """Nothing runs that could write a line into the log."""
    quick: bool = False
    """Belongs to the short form."""


def condition(kind: str, *reasons: str, tells: Sequence[str] = ()) -> Says:
    """Expect a condition of the domain that does not hold (or warns) for one of `reasons`.

    Its sentence has all the words of `tells`, such as the server and what is wrong with it.
    """

    def says(town: "Town", tenant: "Tenant") -> Said | None:
        for one in town.domain(tenant).get("conditions", ()):
            idle = not one["fix"] or one["fix"].startswith("No action")
            is_told = all(word in one["message"] for word in tells)
            if one["type"] == kind and one["reason"] in reasons and is_told and not idle:
                return Said(f"`{kind}`", one["reason"], one["message"], one["fix"])
        return None

    return says


def refusal(path: str, *codes: str) -> Says:
    """Expect that a request is answered with one of these error codes."""

    def says(town: "Town", _tenant: "Tenant") -> Said | None:
        status, answer = town.nameplate.ask("GET", path)
        code = answer.get("code", "")
        if status < 400 or code not in codes:
            return None
        return Said(f"`GET {path}` {status}", code, answer.get("detail", ""))

    return says


def metric(name: str, least: float) -> Says:
    """Expect a number of `/metrics` of this size or more, whatever its sign."""

    def says(town: "Town", _tenant: "Tenant") -> Said | None:
        value = town.nameplate.metrics().get(name, 0.0)
        if abs(value) < least:
            return None
        return Said("`/metrics`", name, f"{value:g}")

    return says


def start_refused(code: str) -> Says:
    """Expect that Nameplate refuses to start with this code."""

    def says(town: "Town", _tenant: "Tenant") -> Said | None:
        refused = town.nameplate.refused
        if refused is None or f"[{code}]" not in refused.complaint:
            return None
        return Said(f"`nameplate serve` ends with {refused.code}:", code, refused.complaint.strip())

    return says


def either(*several: Says) -> Says:
    """Expect one of several."""

    def says(town: "Town", tenant: "Tenant") -> Said | None:
        return next((said for one in several if (said := one(town, tenant))), None)

    return says
