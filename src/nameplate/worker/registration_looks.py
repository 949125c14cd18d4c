"""The questions to registries: a few at a time, beside all other work."""

import logging
import threading

from nameplate.core.actor import PLATFORM
from nameplate.db import Sessions
from nameplate.ports.registration_data import RegistrationData
from nameplate.usecases.claims import registration_watches
from nameplate.usecases.claims.registration_watches import DueLook
from nameplate.usecases.tools import Tools
from nameplate.worker.threads import worker_pool

POLL = 30.0
"""Seconds between two questions for domains that are due."""
AT_ONCE = 40
THREADS = 4

log = logging.getLogger(__name__)


class RegistrationLooks:
    """The looks of one worker; other workers take other domains."""

    def __init__(self, sessions: Sessions, tools: Tools, stopping: threading.Event) -> None:
        """Look until `stopping` is set."""
        self._sessions, self._tools, self._stopping = sessions, tools, stopping

    def run(self) -> None:
        """Ask about what is due until the worker stops; return at once where nobody is to ask."""
        asking = self._tools.registrations
        if asking is None:
            return
        poll = self._tools.poll.total_seconds() if self._tools.poll else POLL
        while not self._stopping.wait(min(POLL, poll)):
            try:
                self.look(asking)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next time may go well
                log.warning("registrations_not_read", extra={"error": type(error).__name__})

    def look(self, asking: RegistrationData) -> int:
        """Ask about the domains that are due now; return how many that were."""
        found = self._sessions.run(
            PLATFORM, lambda session: registration_watches.due(session, AT_ONCE)
        )
        if found:
            with worker_pool(THREADS, "registry") as pool:
                for one in found:
                    pool.submit(self._look, asking, one)
        return len(found)

    def _look(self, asking: RegistrationData, one: DueLook) -> None:
        if self._stopping.is_set():
            return
        try:
            look = asking.look(one.name)
            if registration_watches.note(self._sessions, self._tools, one, look):
                log.info("registration_changed", extra={"domain": one.name})
        except Exception as error:  # noqa: BLE001 - one domain's surprise must not stop the others
            log.warning("registration_not_seen", extra={"error": type(error).__name__})
