"""What agents of earlier versions of the protocol are told: all that they can serve as it is meant.

A route that says what an agent does not know is left out, not cut down: without its password, its networks or
its redirect it would be served to whom it is not for. What says nothing new travels as it always did.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields, replace
from typing import Any

from nameplate.core.agent_protocol import DIRECT_LOOKS, NEWEST
from nameplate.core.route_settings import USUAL, RouteSettings
from nameplate.ports.agents import AgentState
from nameplate.ports.proxy import Route

_SHARES = 2
ROUTES: Mapping[str, int] = {
    "weight": _SHARES,
    "redirect": 2,
    "settings": 2,
    "answer": 2,
    "edges": 3,
}
"""Field of a route -> the version since which agents know it. Those that are not here they always knew."""
SETTINGS: Mapping[str, int] = {"basic_auth": 3, "min_tls_version": 3}
"""The same of a route's settings."""


def narrowed(state: AgentState, version: int) -> AgentState:
    """Return a state as an agent of this version understands it."""
    if version >= NEWEST:
        return state
    given = _simplified(state.routes, version)
    unknown = _unknown(given, version)
    checks = state.checks
    if version < DIRECT_LOOKS:
        checks = tuple(replace(one, upstream="", upstream_path="/") for one in checks)
    return replace(
        state, routes=tuple(one for one in given if one.id not in unknown), checks=checks
    )


def left_out(routes: Sequence[Route], version: int) -> dict[str, str]:
    """Return the routes that an agent of this version is not told of, and why, in a sentence."""
    return {
        name: f"The agent of this server is too old for `{what}`, so it does not serve this host and path. "
        "Upgrade Nameplate on its machine."
        for name, what in _unknown(_simplified(routes, version), version).items()
    }


def _simplified(routes: Sequence[Route], version: int) -> tuple[Route, ...]:
    """Return routes whose one target gets everything without its weight, which an older agent can serve."""
    if version >= _SHARES:
        return tuple(routes)
    targets = Counter((one.hostname, one.path) for one in routes)
    return tuple(
        replace(one, weight=100) if one.weight and targets[one.hostname, one.path] == 1 else one
        for one in routes
    )


def _unknown(routes: Sequence[Route], version: int) -> dict[str, str]:
    """Return the first thing that each of these routes says and an agent of this version does not know."""
    found = {}
    for route in routes:
        said = _beyond(route, _ROUTE_FIELDS, ROUTES, version)
        if not said and route.settings != USUAL:
            said = _beyond(route.settings, _SETTING_FIELDS, SETTINGS, version)
        if said:
            found[route.id] = said
    return found


def _beyond(
    value: Route | RouteSettings,
    known: Mapping[str, "Field[Any]"],
    since: Mapping[str, int],
    version: int,
) -> str:
    return next(
        (
            name
            for name, first in since.items()
            if first > version and getattr(value, name) != known[name].default
        ),
        "",
    )


_ROUTE_FIELDS = {one.name: one for one in fields(Route)}
_SETTING_FIELDS = {one.name: one for one in fields(RouteSettings)}
