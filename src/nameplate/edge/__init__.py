"""The edge: answers proxies, from memory, whether a host is served and where its requests go."""

from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.edge.app import App, beside
from nameplate.edge.challenges import Challenges
from nameplate.edge.documents import Documents
from nameplate.edge.feed import Feed
from nameplate.edge.guard import Guard
from nameplate.edge.refusals import RefusalLog

__all__ = ["Challenges", "Documents", "Edge", "beside", "create"]


class Edge:
    """The ASGI application below /edge, the feed behind it, and what it has refused."""

    def __init__(
        self,
        feed: Feed,
        sessions: Sessions,
        secret: Secret | None = None,
        *,
        is_ask_open: bool = False,
        configurations: Documents | None = None,
    ) -> None:

        self.feed = feed
        guard = Guard()
        self.refusals = RefusalLog(sessions, guard)
        self.app = App(
            feed, secret, is_ask_open=is_ask_open, configurations=configurations, guard=guard
        )

    def start(self) -> None:
        """Begin to load and to follow; until the first load every answer is 503."""
        self.feed.start()
        self.refusals.start()

    def stop(self) -> None:
        """End the threads."""
        self.feed.stop()
        self.refusals.stop()


def create(
    sessions: Sessions,
    *,
    secret: Secret | None = None,
    is_ask_open: bool = False,
    configurations: Documents | None = None,
) -> Edge:
    """Return the edge over a database; with `secret`, who does not send it is refused.

    With `is_ask_open` only where hosts lead is kept from others, not whether they are served.
    Proxies that fetch their configuration need `configurations`.
    """
    feed = Feed(sessions)
    return Edge(feed, sessions, secret, is_ask_open=is_ask_open, configurations=configurations)
