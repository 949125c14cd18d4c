"""The edge: answers proxies, from memory, whether a host is served and where its requests go."""

from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.edge.app import App, beside
from nameplate.edge.challenges import Challenges
from nameplate.edge.documents import Documents
from nameplate.edge.feed import Feed

__all__ = ["Challenges", "Documents", "Edge", "beside", "create"]


class Edge:
    """The ASGI application below /edge, and the feed behind it."""

    def __init__(
        self,
        feed: Feed,
        secret: Secret | None = None,
        *,
        is_ask_open: bool = False,
        configurations: Documents | None = None,
    ) -> None:

        self.feed = feed
        self.app = App(feed, secret, is_ask_open=is_ask_open, configurations=configurations)

    def start(self) -> None:
        """Begin to load and to follow; until the first load every answer is 503."""
        self.feed.start()

    def stop(self) -> None:
        """End the feed's threads."""
        self.feed.stop()


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
    return Edge(Feed(sessions), secret, is_ask_open=is_ask_open, configurations=configurations)
