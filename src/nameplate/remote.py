"""What a command needs that works through the API of a Nameplate elsewhere, and nothing besides.

The agent stands on it too: it must stay far from tables and web frameworks.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nameplate.core import configuration
from nameplate.ports.prober import Prober
from nameplate.ports.proxy import Proxy, ProxyPlace

if TYPE_CHECKING:
    from nameplate.adapters.http.client import Api


def api(url: str, *, timeout: float = 30.0) -> "Api":
    """Connect to the API of a Nameplate elsewhere; `timeout` is that of each network step."""
    from nameplate.adapters.http.client import Api  # noqa: PLC0415 - the clock needs no HTTP

    return Api(url, timeout=timeout)


def proxy(kind: str, settings: Mapping[str, Any], place: ProxyPlace) -> Proxy:
    """Return the adapter of a proxy on this machine. Raises Refused."""
    from nameplate import registry  # noqa: PLC0415 - only the agent needs it

    plugin = registry.proxies().get(kind)
    return plugin.connect(configuration.load(plugin.configuration, settings), place)


def prober() -> Prober:
    """Return what looks through the proxy on this machine."""
    from nameplate.adapters.proxy.probe import HttpProber  # noqa: PLC0415 - only the agent needs it

    return HttpProber()


def clock() -> datetime:
    """Return the wall clock: the one place in Nameplate that asks it."""
    return datetime.now(UTC)
