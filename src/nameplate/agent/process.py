"""The agent's work: one thread asks for news, one looks through the proxy, one applies and reports.

asking ──(state)──▶ kept copy ──▶ applied ──▶ reported
│ the API is away: the last good state is served, for as long as it takes
└ the token is revoked: the copy is removed, the proxy is left as it is, the agent ends
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from nameplate import __version__
from nameplate.agent.channel import AgentChannel, Revoked
from nameplate.agent.kept import KeptState
from nameplate.agent.looks import FORGOTTEN, Lookout
from nameplate.agent.serving import AppliedState, ServingProxy
from nameplate.core import agent_protocol as protocol
from nameplate.core import configuration
from nameplate.core.errors import NameplateError, Refused
from nameplate.ports.agents import AgentLook, AgentReport, AgentState
from nameplate.ports.proxy import ProxyConfiguration

log = logging.getLogger(__name__)

_TICK = 0.5
_APPLY_AGAIN = 10.0
"""Seconds after which a proxy that failed, or seems to have forgotten, is told again."""
_MAX_PAUSE = 15.0
"""Seconds between two questions while the API is away."""


@dataclass(frozen=True, slots=True)
class AgentParts:
    """What an agent is made of; each part may be another one in tests."""

    channel: AgentChannel
    kept: KeptState
    serving: ServingProxy
    lookout: Lookout


class AgentProcess:
    """One agent. `run` returns when it is stopped, or raises `Revoked`."""

    def __init__(self, parts: AgentParts, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Work with these parts; nothing runs yet."""
        self._parts = parts
        self._clock = clock
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._stopping = threading.Event()
        self._state: AgentState | None = None
        """The newest that was kept."""
        self._applied: AppliedState | None = None
        self._applied_at = 0.0
        self._doubts = False
        self._refusal: NameplateError | None = None
        """Why what came last was not taken."""
        self._looks: dict[str, AgentLook] = {}
        """What is to be reported, by binding."""
        self._looked_at: dict[str, float] = {}
        self._reported: AgentReport | None = None
        self._reported_at = float("-inf")
        self._revoked: Revoked | None = None
        self._away: str | None = None

    def stop(self) -> None:
        """End soon; any thread may call this, a signal's handler too."""
        self._stopping.set()
        self._awake.set()

    def run(self) -> None:
        """Serve what is kept, then follow the API until stopped. Raises `Revoked`."""
        self._begin()
        threads = [
            threading.Thread(target=work, name=f"nameplate-agent-{name}", daemon=True)
            for name, work in (("asking", self._ask), ("looking", self._look))
        ]
        for thread in threads:
            thread.start()
        while not self._stopping.is_set():
            self._awake.wait(_TICK)
            self._awake.clear()
            try:
                self._apply_when_due()
                self._report_when_due()
            except Revoked as error:
                self._revoked = error
            if self._revoked is not None:
                self._end()
                raise self._revoked

    def _begin(self) -> None:
        """Serve the kept copy: the API may be away for days."""
        try:
            self._state = self._parts.kept.read()
        except Refused as error:
            log.warning("agent_copy_unreadable", extra={"reason": error.detail})
        if self._state is not None:
            shown = {"server": self._state.server, "revision": self._state.revision}
            log.info("agent_copy_read", extra=shown)
            self._parts.serving.expect(self._state)

    def _end(self) -> None:
        """Say that the token is no more, and keep nothing that it opened."""
        self._stopping.set()
        self._parts.kept.forget()
        detail = self._revoked.detail if self._revoked else ""
        log.error("agent_token_revoked", extra={"reason": detail, "proxy": "left as it is"})

    def _ask(self) -> None:
        """Follow the API; whatever it says that cannot be believed changes nothing."""
        failures = 0
        while not self._stopping.is_set():
            after = self._state.revision if self._state else 0
            try:
                found = self._parts.channel.state(after)
                if found is not None:
                    self._take(found)
                self._heard(None)
                failures = 0
            except Revoked as error:
                self._revoked = error
                self._awake.set()
                return
            except NameplateError as error:
                failures += 1
                self._heard(error)
                self._stopping.wait(min(0.5 * 2.0**failures, _MAX_PAUSE))
            except Exception:
                failures += 1
                log.exception("agent_question_failed")
                self._stopping.wait(_MAX_PAUSE)

    def _heard(self, error: NameplateError | None) -> None:
        """Log when the API goes and when it is back; report what was refused of what it sent."""
        code = None if error is None else error.code
        if code != self._away:
            if error is not None:
                log.warning("agent_api_away", extra={"code": code, "reason": error.detail})
            elif self._away is not None:
                log.info("agent_api_back")
        self._away = code
        refusal = error if isinstance(error, Refused) else None
        if (refusal and refusal.code) != (self._refusal and self._refusal.code):
            self._refusal = refusal
            self._awake.set()

    def _take(self, found: AgentState) -> None:
        """Keep a newer state and have it applied. Raises Refused for an older one."""
        known = self._state
        if known is not None and found.server != known.server:
            raise Refused("state_malformed", "The state is that of another server.")
        if known is not None and found.revision < known.revision:
            raise Refused(
                "state_older",
                f"The API sent revision {found.revision}, which is older than revision {known.revision}, "
                "so it is not applied. If the API's database was restored from a backup, give the agent "
                "a new token.",
            )
        self._parts.kept.write(found)
        with self._lock:
            self._state = found
        self._awake.set()

    def _apply_when_due(self) -> None:
        state, done, now = self._state, self._applied, self._clock()
        if state is None:
            return
        is_new = done is None or done.state is not state
        again = (done is not None and done.error is not None) or self._doubts
        if not is_new and not (again and now >= self._applied_at + _APPLY_AGAIN):
            return
        self._doubts = False
        done = self._parts.serving.apply(state)
        self._applied, self._applied_at = done, self._clock()
        if is_new or done.error is None:
            with self._lock:
                self._parts.lookout.watch(state.checks)
        shown = {"revision": state.revision, "routes": len(state.routes)}
        if done.error is not None:
            reason = {"code": done.error.code, "reason": done.error.detail}
            log.warning("agent_proxy_failed", extra={**shown, **reason})
        elif is_new or again:
            log.info("agent_applied", extra={**shown, "refused": len(done.refused)})

    def _report_when_due(self) -> None:
        """Report what is new, and now and then that nothing is."""
        told = self._told()
        with self._lock:
            looks, self._looks = self._looks, {}
            now = self._clock()
            aged = [
                replace(one, age=now - self._looked_at.get(one.id, now)) for one in looks.values()
            ]
        due = self._clock() >= self._reported_at + protocol.REPORT_SECONDS
        if told is None or not (due or looks or told != self._reported):
            return
        try:
            self._parts.channel.report(replace(told, looks=tuple(aged)))
        except Revoked:
            raise
        except NameplateError:
            self._reported_at = self._clock() - protocol.REPORT_SECONDS + _MAX_PAUSE / 3
            self._reported = told
            with self._lock:
                self._parts.lookout.forget_told(aged)
            return
        self._reported, self._reported_at = told, self._clock()

    def _told(self) -> AgentReport | None:
        """Return what there is to say of the proxy; None before anything was tried."""
        done, refusal = self._applied, self._refusal
        if done is None and refusal is None:
            return None
        error = refusal or (done.error if done else None)
        served = done.state if done and done.error is None else None
        return AgentReport(
            version=__version__,
            revision=done.state.revision if done else 0,
            fingerprint=served.fingerprint if served else "",
            code=error.code if error else None,
            message=error.detail if error else "",
            refused=dict(done.refused) if done else {},
            kept_back=dict(done.kept_back) if done else {},
            still_served=done.still_served if done else (),
        )

    def _look(self) -> None:
        while not self._stopping.wait(_TICK):
            try:
                self._look_when_due()
            except Exception:
                log.exception("agent_look_failed")
                self._stopping.wait(_APPLY_AGAIN)

    def _look_when_due(self) -> None:
        state, done = self._state, self._applied
        next_at = self._parts.lookout.next_at
        if state is None or done is None or next_at is None or next_at > self._clock():
            return
        settings = configuration.load(ProxyConfiguration, state.proxy)
        address = settings.probe_address or "127.0.0.1"
        found = self._parts.lookout.look(address, settings.http_port, settings.https_port)
        now = self._clock()
        with self._lock:
            for one in found:
                self._looks[one.id] = one
                self._looked_at[one.id] = now
        if any(one.failure in FORGOTTEN for one in found):
            self._doubts = True
        if found:
            self._awake.set()
