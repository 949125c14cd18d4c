"""What a proxy gets that fetches its configuration, and which revision of it that is.

    a worker finds a difference ─▶ a new revision on the server's row ─▶ the edge renders and answers
    the proxy shows the revision that it serves ─▶ the worker records what is served

Revisions only grow, and whoever renders one reads the revision before the routes: what a proxy shows
as revision 7 or later holds everything that the worker saw when it wrote 7.
"""

from dataclasses import dataclass, replace

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Server
from nameplate.ports.proxy import Proxy, PulledProxy, RouteRefused
from nameplate.usecases import work
from nameplate.usecases.serving import hosted, rendering, routes
from nameplate.usecases.serving.routes import Difference
from nameplate.usecases.tools import Tools

MAX_REFUSALS = 20
"""Configurations of a proxy that are refused within one step, each for the sake of other routes."""


@dataclass(frozen=True, slots=True)
class OfferedDocument:
    """A configuration as a proxy fetches it. It holds private keys: it is neither logged nor shown."""

    revision: int
    body: bytes


def offer(sessions: Sessions, lease: Lease, proxy: Proxy, fingerprint: str) -> int:
    """Have the edge answer with what the rows say now; return the revision of it.

    Nothing is written for a proxy that is told instead, or while the fingerprint is the same.
    """
    if not isinstance(proxy, PulledProxy):
        return 0
    return work.record(
        sessions, Server, lease, lambda _session, row: row.offer(fingerprint), release=False
    )


def revision(sessions: Sessions, server_id: int) -> int | None:
    """Return the revision that a server is offered; None when there is no such server."""
    query = Server.visible(PLATFORM).with_only_columns(Server.offered_revision)
    found = sessions.first(query.where(Server.id == server_id), {})
    return None if found is None else found[0]


def document(sessions: Sessions, tools: Tools, server_id: int) -> OfferedDocument | None:
    """Return what a server's proxy gets; None when there is none that fetches.

    Only that server's routes and keys are in it, and none that cannot be served.
    """
    with sessions.look() as session:
        query = Server.visible(PLATFORM).where(Server.id == server_id)
        row = session.scalars(query).one_or_none()
        if row is None or row.proxy is None or hosted.is_hosted(row):
            return None
        offered, proxy = row.offered_revision, tools.proxy(row)
        if not isinstance(proxy, PulledProxy):
            return None
        found = routes.wanted(session, server_id, row.server_group_id)
        found += routes.stopped(
            session, server_id, tools.suspended_answer, found, row.server_group_id
        )
        given = rendering.rendered(session, tools.keyring, found, row)
    refused: set[str] = set()
    kept_back: set[str] = set()
    for _ in range(MAX_REFUSALS):
        kept = [route for route in given if route.id not in refused]
        try:
            config = replace(proxy.render(kept), revision=offered)
            return OfferedDocument(offered, proxy.document(config))
        except RouteRefused as error:
            if not error.reasons.keys() - refused:
                raise
            back = Difference("", found, ()).step_back(error.reasons.keys() - kept_back)
            if back is None:
                refused |= error.reasons.keys()
                continue
            kept_back |= set(back.names)
            found = list(back.difference.wanted)
            with sessions.look() as session:
                given = rendering.rendered(session, tools.keyring, found, row)
    raise Refused("proxy_refused", "Too many routes of the server cannot be served.")
