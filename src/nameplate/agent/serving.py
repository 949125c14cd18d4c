"""Having the proxy serve a state: all of it that the proxy takes, and nothing that has left it."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from nameplate.core.errors import NameplateError, Refused
from nameplate.ports.agents import AgentState
from nameplate.ports.proxy import KeyPair, Proxy, Route, RoutePlace, RouteRefused, Withdrawer

log = logging.getLogger(__name__)

MAX_REFUSALS = 20
"""Configurations that are refused within one attempt, each for the sake of other routes."""


@dataclass(frozen=True, slots=True)
class AppliedState:
    """How an attempt ended."""

    state: AgentState
    error: NameplateError | None = None
    """None: the proxy serves the state."""
    refused: Mapping[str, str] = field(default_factory=dict)
    kept_back: Mapping[str, str] = field(default_factory=dict)
    still_served: tuple[str, ...] = ()


class ServingProxy:
    """The proxy beside the agent, and what it was made to serve last. One thread at a time."""

    def __init__(self, connect: Callable[[AgentState], Proxy]) -> None:
        """Make the adapter that a state asks for by `connect`, which may raise."""
        self._connect = connect
        self._served: dict[str, Route] = {}
        """What the proxy serves, by id, as far as this process knows."""

    def expect(self, state: AgentState) -> None:
        """Take it that the proxy serves this state: what a former process had it serve."""
        self._served = {route.id: route for route in state.routes}

    def apply(self, state: AgentState) -> AppliedState:
        """Make the proxy serve a state; whatever goes wrong is a value."""
        proxy: Proxy | None = None
        try:
            proxy = self._connect(state)
            return self._apply(proxy, state)
        except Exception as error:  # noqa: BLE001 - whatever it is, the API is told
            return self._failed(proxy, state, error)

    def _apply(self, proxy: Proxy, state: AgentState) -> AppliedState:
        routes = {route.id: route for route in state.routes}
        refused: dict[str, str] = {}
        kept_back: dict[str, str] = {}
        for _ in range(MAX_REFUSALS):
            given = {one: route for one, route in routes.items() if one not in refused}
            try:
                proxy.apply(proxy.render(list(given.values())))
            except RouteRefused as error:
                if not error.reasons.keys() - refused.keys():
                    raise  # naming nothing new it would name it for ever
                back = self._former(routes, error.reasons.keys() - kept_back.keys())
                if not back:
                    refused |= error.reasons
                    continue
                kept_back |= {one: error.reasons.get(one, error.detail) for one in back}
                routes |= {one: replace(routes[one], key_pair=pair) for one, pair in back.items()}
                continue
            self._served = given
            return AppliedState(state, None, refused, kept_back)
        raise Refused("proxy_refused", "Too many routes of the server cannot be served.")

    def _former(self, routes: Mapping[str, Route], names: Collection[str]) -> dict[str, KeyPair]:
        """Return the key pairs that these routes are served with, where the refused ones are new.

        Routes that share a refused pair go back together: no proxy serves a host with two.
        """
        new = [routes[one].key_pair for one in names if one in routes]
        pairs = {pair.id for pair in new if pair is not None}
        found: dict[str, KeyPair] = {}
        for route in routes.values():
            before = self._served.get(route.id)
            if route.key_pair is None or route.key_pair.id not in pairs or before is None:
                continue
            if before.key_pair is not None and before.key_pair.id != route.key_pair.id:
                found[route.id] = before.key_pair
        return found

    def _failed(self, proxy: Proxy | None, state: AgentState, error: Exception) -> AppliedState:
        """Return why, after having closed what must not be served any more."""
        told = error
        if not isinstance(told, NameplateError):
            log.error("agent_step_failed", exc_info=error)
            kind = type(error).__name__
            detail = f"An unexpected {kind} occurred. The agent's log has the details."
            told = Refused("proxy_step_failed", detail)
        kept = {route.id for route in state.routes}
        gone = [route for route in self._served.values() if route.id not in kept]
        still = tuple(route.id for route in gone)
        if gone and isinstance(proxy, Withdrawer):
            try:
                proxy.withdraw([RoutePlace(one.id, one.hostname, one.path) for one in gone])
            except Exception as failed:  # noqa: BLE001 - they are told as still served
                log.warning("withdraw_failed", extra={"reason": type(failed).__name__})
            else:
                still = ()
                self._served = {one: r for one, r in self._served.items() if one in kept}
        return AppliedState(state, told, still_served=still)
