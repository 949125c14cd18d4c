"""What a visitor sees through the proxy, looked at beside it: each binding in its own rhythm."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from nameplate.ports.agents import AgentCheck, AgentLook
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget

FORGOTTEN = frozenset({Failure.TLS_FAILED, Failure.CLOSED, Failure.CONNECTION_FAILED})
"""What a proxy does that lost its configuration, after a restart for instance."""
_MAX_PAUSE = 30.0
_AT_ONCE = 200
"""Bindings that are looked at together."""


class Looking(Protocol):
    """Something that can look at many hosts at once; never raises for what it sees."""

    def look_many(self, targets: Sequence[ProbeTarget]) -> Sequence[ProbeResult]:
        """Return what was seen, in the order of the targets."""
        ...


class Lookout:
    """The looks of one server. One thread at a time."""

    def __init__(self, prober: Looking, clock: Callable[[], float]) -> None:
        """Look by `prober`; `clock` counts seconds."""
        self._prober = prober
        self._clock = clock
        self._checks: dict[str, AgentCheck] = {}
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._told: dict[str, AgentLook] = {}
        """What the API knows, by binding."""

    def watch(self, checks: Sequence[AgentCheck]) -> None:
        """Look at these from now on, at each of them at once: something has changed."""
        now = self._clock()
        self._checks = {one.id: one for one in checks}
        self._due = dict.fromkeys(self._checks, now)
        for known in (self._failures, self._told):
            for gone in known.keys() - self._checks.keys():
                del known[gone]

    @property
    def next_at(self) -> float | None:
        """When the next look is due, by the clock; None when there is nothing to look at."""
        return min(self._due.values(), default=None)

    def look(self, address: str, http_port: int, https_port: int) -> list[AgentLook]:
        """Look at what is due, and return what the API is to be told: news, and what is not well."""
        now = self._clock()
        due = sorted((at, one) for one, at in self._due.items() if at <= now)[:_AT_ONCE]
        checks = [self._checks[one] for _, one in due]
        targets = [
            ProbeTarget(
                address=address,
                port=https_port if one.scheme == "https" else http_port,
                hostname=one.hostname,
                path=one.path,
                scheme=one.scheme,
                timeout=float(one.timeout),
            )
            for one in checks
        ]
        seen = self._prober.look_many(targets) if targets else ()
        pairs = zip(checks, seen, strict=True)
        return [found for one, result in pairs if (found := self._note(one, result)) is not None]

    def _note(self, check: AgentCheck, result: ProbeResult) -> AgentLook | None:
        look = AgentLook(
            id=check.id,
            failure=result.failure,
            message=result.message,
            connected=result.connected,
            serial=result.serial,
            fingerprint=result.fingerprint,
            status=result.status,
            seconds=result.seconds,
        )
        is_well = result.answered
        failures = 0 if is_well else self._failures.get(check.id, 0) + 1
        self._failures[check.id] = failures
        pause = min(1.5**failures, _MAX_PAUSE) if failures else float(check.interval)
        self._due[check.id] = self._clock() + pause
        comparable = replace(look, seconds=0.0)
        if is_well and self._told.get(check.id) == comparable:
            return None
        self._told[check.id] = comparable
        return look

    def forget_told(self, looks: Sequence[AgentLook]) -> None:
        """Tell these again: the API has not heard of them."""
        for one in looks:
            self._told.pop(one.id, None)
            if one.id in self._due:
                self._due[one.id] = self._clock()
