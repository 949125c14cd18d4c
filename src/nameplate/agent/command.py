"""`nameplate agent`: wiring, and what `--check` tries."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nameplate import remote
from nameplate.agent.channel import AgentChannel, check_url
from nameplate.agent.kept import KeptState
from nameplate.agent.looks import Lookout
from nameplate.agent.process import AgentParts, AgentProcess
from nameplate.agent.responder import Responder
from nameplate.agent.serving import ServingProxy
from nameplate.core import agent_protocol as protocol
from nameplate.core import configuration
from nameplate.core.errors import NameplateError
from nameplate.core.secret import Secret
from nameplate.ports.agents import AgentState
from nameplate.ports.prober import ProbeTarget
from nameplate.ports.proxy import Inspector, Proxy, ProxyConfiguration, ProxyPlace, Upstream

_TIMEOUT = protocol.POLL_SECONDS + 15.0
_COPY = "state"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """What an agent is told on its machine; everything else comes from the API."""

    url: str
    token: Secret
    home: Path
    """Where the sealed copy is kept, and by default what the proxy is given."""
    host: str
    port: int
    """Where challenges are answered for the proxy."""

    @property
    def folder(self) -> Path:
        """The agent's own folder."""
        return self.home / "agent"


@dataclass(frozen=True, slots=True)
class AgentCheckResult:
    """One thing that was tried."""

    name: str
    ok: bool
    message: str


class Agent:
    """An agent with its responder."""

    def __init__(self, settings: AgentSettings, clock: Callable[[], float]) -> None:
        """Wire everything and take the responder's port; nothing runs yet. Raises `NameplateError`."""
        channel = _channel(settings)
        self.responder = Responder(settings.host, settings.port, channel.challenge)
        parts = AgentParts(
            channel=channel,
            kept=KeptState(settings.folder / _COPY, settings.token),
            serving=ServingProxy(partial(_connected, settings)),
            lookout=Lookout(remote.prober(), clock),
        )
        self.process = AgentProcess(parts, clock=clock)

    def run(self) -> None:
        """Work until stopped. Raises `Revoked`."""
        self.responder.start()
        try:
            self.process.run()
        finally:
            self.responder.stop()


def _channel(settings: AgentSettings) -> AgentChannel:
    return AgentChannel(remote.api(check_url(settings.url), timeout=_TIMEOUT), settings.token)


def _connected(settings: AgentSettings, state: AgentState) -> Proxy:
    """Return the adapter that a state asks for, with this machine's own places."""
    found = configuration.load(ProxyConfiguration, _known(state.proxy))
    own = Upstream(settings.host, settings.port)
    if found.challenge_upstream:
        host, _, port = found.challenge_upstream.rpartition(":")
        own = Upstream(host.strip("[]"), int(port))
    folder = found.folder or str(settings.folder / "proxy")
    given = dict(state.proxy)
    given.pop("type", None)
    kind = str(state.proxy.get("type", ""))
    return remote.proxy(kind, given, ProxyPlace(folder, own, None, state.address))


def _known(proxy: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in proxy.items() if name != "type"}


def check(settings: AgentSettings) -> Iterator[AgentCheckResult]:
    """Try what an agent needs on this machine, and change nothing."""
    try:
        state = _channel(settings).state(0)
    except NameplateError as error:
        yield AgentCheckResult("api", ok=False, message=f"{error.detail} [{error.code}]")
        with suppress(NameplateError):
            yield _copied(settings)
        return
    if state is None:
        message = (
            "The API accepts the token and has nothing for this server yet. Is a worker running?"
        )
        yield AgentCheckResult("api", ok=True, message=message)
        return
    routes = len(state.routes)
    yield AgentCheckResult(
        "api",
        ok=True,
        message=f"The API answers for {state.server}: revision {state.revision}, {routes} routes.",
    )
    yield from _proxy(settings, state)


def _copied(settings: AgentSettings) -> AgentCheckResult:
    """Tell whether there is a copy to serve from while the API is away."""
    try:
        kept = KeptState(settings.folder / _COPY, settings.token).read()
    except NameplateError as error:
        return AgentCheckResult("copy", ok=False, message=f"{error.detail} [{error.code}]")
    if kept is None:
        return AgentCheckResult("copy", ok=False, message="There is no copy to serve from.")
    message = f"Revision {kept.revision} of {kept.server} is kept and served meanwhile."
    return AgentCheckResult("copy", ok=True, message=message)


def _proxy(settings: AgentSettings, state: AgentState) -> Iterator[AgentCheckResult]:
    """Tell whether the proxy's adapter takes the settings, and whether the proxy's ports answer."""
    try:
        adapter = _connected(settings, state)
        adapter.render(state.routes)
        found = configuration.load(ProxyConfiguration, _known(state.proxy))
    except NameplateError as error:
        yield AgentCheckResult("proxy", ok=False, message=f"{error.detail} [{error.code}]")
        return
    yield AgentCheckResult(
        "proxy", ok=True, message=f"The settings of {state.proxy.get('type')} fit."
    )
    for one in adapter.collisions() if isinstance(adapter, Inspector) else ():
        message = f"{one.message} {one.fix}"
        yield AgentCheckResult("collision", ok=one.is_harmless, message=message)
    at = found.probe_address or "127.0.0.1"
    ports = {"http": found.http_port, "https": found.https_port}
    looks = remote.prober().look_many(
        [
            ProbeTarget(at, port, state.address, scheme="http", timeout=5.0)
            for port in ports.values()
        ]
    )
    for (name, port), look in zip(ports.items(), looks, strict=True):
        does = "accepts connections" if look.connected else "does not accept connections"
        yield AgentCheckResult(name, ok=look.connected, message=f"{at} {does} on port {port}.")
