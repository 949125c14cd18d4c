"""Configurations of proxies that fetch them: `GET /edge/traefik/SERVER.json`.

A proxy sends the token of its server in `X-Nameplate-Edge-Secret`. Nothing is rendered while the
server's revision stays what it was, and while the database is away the last good answer is given.
"""

import asyncio
import hashlib
import logging
import re
import threading
from collections import defaultdict
from dataclasses import dataclass

from nameplate.core import edge_tokens, ids
from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.usecases.serving import offers
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

PATH = re.compile(r"/edge/traefik/(srv_[0-9a-z]{14})\.json")

_MAX_REFUSED = 1000
"""Servers that fetched nothing yet of which a wrong token is told in the log: anybody may name any."""


@dataclass(frozen=True, slots=True)
class ConfigurationDocument:
    """One configuration, ready to be sent."""

    revision: int
    body: bytes
    etag: bytes


class Documents:
    """The latest document of each server that asked here. Threads may share it."""

    def __init__(self, sessions: Sessions, tools: Tools, secret: Secret) -> None:
        """Render from the database; `secret` is the edge's, which the tokens are made of."""
        self._sessions = sessions
        self._tools = tools
        self._secret = secret
        self._kept: dict[int, ConfigurationDocument] = {}
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._failing: set[int] = set()
        self._refused: set[str] = set()

    def opens(self, server: str, token: bytes) -> bool:
        """Tell whether a token is that of the server, which need not exist."""
        is_open = edge_tokens.opens(self._secret, server, token)
        if is_open:
            self._refused.discard(server)
        elif server not in self._refused and (
            len(self._refused) < _MAX_REFUSED or self._has_fetched(server)
        ):
            self._refused.add(server)
            log.warning("edge_token_wrong", extra={"server": server})
        return is_open

    def _has_fetched(self, server: str) -> bool:
        number = self._number(server)
        return number is not None and number in self._kept

    @staticmethod
    def _number(server: str) -> int | None:
        """Return the id behind what a proxy names, None when it names none."""
        try:
            return ids.parse(server, ids.Prefix.SERVER)
        except Invalid:
            return None

    async def of(self, server: str) -> ConfigurationDocument | None:
        """Return the document of a server; None when it fetches none.

        Raises Refused when there is none that its proxy could serve, and `OSError` when none is known.
        """
        number = self._number(server)
        return None if number is None else await asyncio.to_thread(self._current, number)

    def _current(self, server_id: int) -> ConfigurationDocument | None:
        with self._locks[server_id]:  # a rendering is waited for, not repeated
            try:
                found = self._fresh(server_id)
            except Refused:
                raise
            except Exception as error:  # noqa: BLE001 - the database is away, whatever it says
                self._tell(server_id, error)
                kept = self._kept.get(server_id)
                if kept is None:
                    raise OSError("no document is known") from None
                return kept
            self._failing.discard(server_id)
            return found

    def _fresh(self, server_id: int) -> ConfigurationDocument | None:
        kept = self._kept.get(server_id)
        offered = offers.revision(self._sessions, server_id)
        if kept is not None and kept.revision == offered:
            return kept
        made = None if offered is None else offers.document(self._sessions, self._tools, server_id)
        if made is None:
            self._kept.pop(server_id, None)
            return None
        digest = hashlib.sha256(made.body).hexdigest()[:32]
        found = ConfigurationDocument(made.revision, made.body, f'"{digest}"'.encode())
        self._kept[server_id] = found
        return found

    def _tell(self, server_id: int, error: Exception) -> None:
        """Log when a server's document can be made no more, not at each request."""
        if server_id not in self._failing:
            shown = {"server": ids.show("srv", server_id), "error": type(error).__name__}
            log.warning("edge_document_stale", extra=shown)
        self._failing.add(server_id)
