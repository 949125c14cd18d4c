"""What a visitor sees through the proxy, looked at beside it: each binding in its own rhythm."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from nameplate.ports.agents import AgentCheck, AgentDirectLook, AgentLook
from nameplate.ports.prober import Failure, ProbeResult, ProbeTarget

FORGOTTEN = frozenset({Failure.TLS_FAILED, Failure.CLOSED, Failure.CONNECTION_FAILED})
"""What a proxy does that lost its configuration, after a restart for instance."""
_MAX_PAUSE = 30.0
_QUICKLY = 2.0
"""Seconds until the next look while it is not clear whether an application is well."""
_SETTLED = 3
"""Good looks in a row after which it is."""
_TELL_AGAIN = 300.0
"""Seconds after which a look that says nothing new is told all the same: how long it took is shown."""
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
        self._recovering: dict[str, int] = {}
        """Good looks in a row since one that failed, until they are enough."""
        self._told: dict[str, AgentLook] = {}
        """What the API knows, by binding."""
        self._told_at: dict[str, float] = {}

    def watch(self, checks: Sequence[AgentCheck]) -> None:
        """Look at these from now on, at each of them at once: something has changed."""
        now = self._clock()
        self._checks = {one.id: one for one in checks}
        self._due = dict.fromkeys(self._checks, now)
        for known in (self._failures, self._recovering, self._told, self._told_at):
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
        targets = [_target(one, address, http_port, https_port) for one in checks]
        beside = {one.id: _direct(one) for one in checks if one.upstream}
        seen = self._prober.look_many([*targets, *beside.values()]) if targets else ()
        direct = dict(zip(beside, seen[len(targets) :], strict=True))
        pairs = zip(checks, seen, strict=False)
        noted = (self._note(one, result, direct.get(one.id)) for one, result in pairs)
        return [found for found in noted if found is not None]

    def _note(
        self, check: AgentCheck, result: ProbeResult, direct: ProbeResult | None
    ) -> AgentLook | None:
        look = AgentLook(
            id=check.id,
            failure=result.failure,
            message=result.message,
            connected=result.connected,
            serial=result.serial,
            fingerprint=result.fingerprint,
            status=result.status,
            seconds=result.seconds,
            direct=None if direct is None else _told(direct),
        )
        is_well = result.answered and (direct is None or direct.answered)
        was_clear = check.id not in self._recovering
        pause = self._pause(check, is_well=is_well)
        now = self._clock()
        self._due[check.id] = now + pause
        by_itself = None if direct is None else _told(replace(direct, seconds=0.0))
        comparable = replace(look, seconds=0.0, direct=by_itself)
        is_known = was_clear and self._told.get(check.id) == comparable
        if is_well and is_known and now < self._told_at.get(check.id, now) + _TELL_AGAIN:
            return None
        self._told[check.id], self._told_at[check.id] = comparable, now
        return look

    def _pause(self, check: AgentCheck, *, is_well: bool) -> float:
        """Return for how long nobody looks: what is not clear is looked at again soon."""
        if not is_well:
            failures = self._failures[check.id] = self._failures.get(check.id, 0) + 1
            self._recovering[check.id] = 0
            return min(1.5**failures, _MAX_PAUSE)
        self._failures[check.id] = 0
        if check.id not in self._recovering:
            return float(check.interval)
        self._recovering[check.id] += 1
        if self._recovering[check.id] >= _SETTLED:
            del self._recovering[check.id]
        return min(_QUICKLY, float(check.interval))

    def forget_told(self, looks: Sequence[AgentLook]) -> None:
        """Tell these again: the API has not heard of them."""
        for one in looks:
            self._told.pop(one.id, None)
            if one.id in self._due:
                self._due[one.id] = self._clock()


def _target(check: AgentCheck, address: str, http_port: int, https_port: int) -> ProbeTarget:
    return ProbeTarget(
        address=address,
        port=https_port if check.scheme == "https" else http_port,
        hostname=check.hostname,
        path=check.path,
        scheme=check.scheme,
        timeout=float(check.timeout),
    )


def _told(seen: ProbeResult) -> AgentDirectLook:
    return AgentDirectLook(seen.failure, seen.status, seen.seconds)


def _direct(check: AgentCheck) -> ProbeTarget:
    host, _, port = check.upstream.rpartition(":")
    return ProbeTarget(
        address=host.strip("[]"),
        port=int(port),
        hostname=check.hostname,
        path=check.upstream_path,
        scheme="http",
        timeout=float(check.timeout),
        is_upstream=True,
    )
