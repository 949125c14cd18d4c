"""A reverse proxy that serves bindings."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol, runtime_checkable

from nameplate.core.configuration import Credentials, Form, HostName, HostPort, Port, setting
from nameplate.core.errors import Refused
from nameplate.core.route_settings import USUAL, RouteSettings
from nameplate.core.secret import Secret
from nameplate.ports.plugins import Plugin

EDGE_HEADER = "X-Nameplate-Edge"
"""On every answer of our own proxies: what they serve, any tenant could have put there, so that it
proves control of nothing (security.md, invariant I5)."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where an application answers."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate that a proxy presents."""

    id: str
    """Nameplate's id of the certificate and its generation; names the file."""
    bundle: str
    """Leaf and intermediates, PEM."""
    private_key: Secret
    """PEM."""

    @property
    def digest(self) -> str:
        """A digest of the bundle: a file of that name never changes."""
        return hashlib.sha256(self.bundle.encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """What its files are called: another certificate is another name."""
        return f"{self.id}.{self.digest}"


class LaterKeyPair(KeyPair):
    """A certificate that is read when somebody needs it, which no proxy does that has it already."""

    __slots__ = ("_digest", "_read")

    def __init__(self, name: str, digest: str, read: Callable[[], KeyPair]) -> None:
        """Take id and digest, and what reads the rest."""
        object.__setattr__(self, "id", name)
        object.__setattr__(self, "_digest", digest)
        object.__setattr__(self, "_read", read)

    @property
    def bundle(self) -> str:
        """Leaf and intermediates, PEM."""
        return self._pair().bundle

    @property
    def private_key(self) -> Secret:
        """PEM, read when it is revealed."""
        return Secret.later(lambda: self._pair().private_key)

    @property
    def digest(self) -> str:
        """As of a `KeyPair` that was read."""
        return self._digest  # type: ignore[no-any-return,attr-defined]  # set above

    def _pair(self) -> KeyPair:
        return self._read()  # type: ignore[no-any-return,attr-defined]  # set above

    def __eq__(self, other: object) -> bool:
        """Tell whether the other one is this very pair, without reading it."""
        return isinstance(other, LaterKeyPair) and (self.id, self.digest) == (
            other.id,
            other.digest,
        )

    def __hash__(self) -> int:
        """Return what equal ones have alike."""
        return hash((self.id, self.digest))


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where a host sends its visitors: always another host of the same organization."""

    hostname: str
    """Exact and canonical. Path and query stay as they came; the scheme is https."""
    status: int = 308
    """301 or 308 (RFC 9110 sections 15.4.2 and 15.4.9). A proxy that decides itself keeps the method."""


@dataclass(frozen=True, slots=True)
class Route:
    """One host and path of the Internet, and an application that answers there.

    Routes of one host and path are targets of one route: they differ in id, upstream and weight only.
    """

    id: str
    """The binding's id."""
    hostname: str
    """Canonical host name, or `*.` and one; never anything else. `*` stands for one label."""
    path: str
    """Path prefix, `/` for everything. `/shop` covers `/shop` and `/shop/…`, not `/shopping`."""
    upstream: Upstream
    key_pair: KeyPair | None = None
    """None: plain HTTP only (the certificate is not there yet)."""
    force_https: bool = True
    hsts: bool = True
    weight: int = 100
    """0 to 100: its share among the targets of the host and path. 0: it gets no request."""
    redirect: Redirect | None = None
    """Answered in place of the application, over HTTP and HTTPS."""
    settings: RouteSettings = USUAL
    answer: int | None = None
    """403 or 410: answered in place of everything else, over HTTP and HTTPS."""
    edges: tuple[str, ...] = ()
    """Networks of edges in front. Of a request from there, `allow_ips` judges the last address of its
    `X-Forwarded-For`, which the edge has added."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration of one proxy: file name -> content, ready to be compared."""

    files: Mapping[str, bytes]
    secrets: Mapping[str, Secret]
    """File name -> content for private keys (mode 0600), apart so that no dump shows them."""
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """File name -> the routes it comes from, so that a refusal can name them."""
    later: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """File name -> what reads the content, for certificates that the proxy may have already."""
    revision: int = 0
    """For a `PulledProxy`: which of the server's configurations it is; a later one is larger."""

    def content(self, name: str) -> bytes:
        """Return the content of a file."""
        return self.files[name] if name in self.files else self.later[name]()


class RouteRefused(Refused):
    """Some routes cannot be served; leaving them out and rendering again serves the rest."""

    def __init__(
        self,
        code: str,
        detail: str,
        route_ids: Sequence[str],
        reasons: Mapping[str, str] | None = None,
    ) -> None:
        """Name the routes to leave out in `route_ids`, and the reason of each in `reasons`."""
        super().__init__(code, detail)
        self.route_ids = tuple(route_ids)
        self.reasons = dict(reasons or dict.fromkeys(route_ids, detail))


class Proxy(Protocol):
    """One running proxy. Raises `Refused` or `Unavailable` (nothing changed), and nothing else.

    Every answer carries `EDGE_HEADER`. A host that no route names gets no answer (a 404 of the proxy's own where it cannot close
    a connection), and a request whose Host differs from the name of its TLS handshake is refused. The longest path wins; an exact host wins over a wildcard.
    """

    def render(self, routes: Sequence[Route]) -> Config:
        """Return the configuration for exactly these routes: pure and deterministic.

        Raises `RouteRefused` with every route whose name, path, address or id is not strictly of
        its form, or that contradicts one given before it: of two routes of one path with other
        settings, or with two certificates for one host, the first stays. Targets of a path that
        all have the weight 0 are refused together.
        """
        ...

    def apply(self, config: Config) -> None:
        """Make the proxy serve this configuration, without dropping a request.

        Returns when new connections get it. A configuration that is served already is left alone.
        When the proxy will not have it, the old one keeps serving and `Refused` is raised:
        `RouteRefused` when the fault lies with some routes only.
        """
        ...


@runtime_checkable
class PairKeeper(Protocol):
    """A proxy that keeps the files of key pairs: it is given a `LaterKeyPair` of what it may have."""

    writes_new_pairs_only: bool


@dataclass(frozen=True, slots=True)
class RoutePlace:
    """A route that a proxy serves, as far as it takes to find it there."""

    id: str
    hostname: str
    path: str


@runtime_checkable
class Withdrawer(Protocol):
    """A proxy that can stop serving some routes while it refuses every configuration."""

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Stop answering for exactly these routes, without a whole new configuration.

        They stay closed, over restarts too, until the next `apply` that succeeds. Raises what
        `Proxy` raises when they may still be served.
        """
        ...


@runtime_checkable
class PulledProxy(Protocol):
    """A proxy that fetches its configuration from the edge: `apply` waits until it has done so."""

    def document(self, config: Config) -> bytes:
        """Return what the proxy gets when it asks, private keys included: pure and deterministic.

        Raises `RouteRefused` for routes without which there is a document.
        """
        ...


@dataclass(frozen=True, slots=True)
class Collision:
    """Something in the operator's own configuration that meets what Nameplate writes."""

    message: str
    fix: str
    is_harmless: bool = False
    """The proxy works; a person should know what it does then."""


@runtime_checkable
class Inspector(Protocol):
    """A proxy whose own configuration can be read for what meets Nameplate's."""

    def collisions(self) -> Sequence[Collision]:
        """Return what meets what Nameplate writes; nothing where it cannot be read."""
        ...


PLAIN_PATH = re.compile(r"/[A-Za-z0-9/_.-]*")
"""A path that no proxy's configuration can misread."""
Folder = Annotated[
    str,
    Form(
        "folder",
        "an absolute path of letters, digits and / _ . - only",
        lambda text: PLAIN_PATH.fullmatch(text) is not None,
        leads=True,
    ),
]

AbsolutePath = Annotated[
    str,
    Form(
        "file",
        "the absolute path of a file",
        lambda text: text.startswith("/") and "\x00" not in text,
        leads=True,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyConfiguration:
    """The settings that a server's `proxy` has with any proxy: the schema of each begins with them."""

    reach: Literal["direct", "agent"] = setting(
        "Who configures the proxy: `direct` a worker, which must reach it, or `agent` the program "
        "`nameplate agent` beside it.",
        default="direct",
    )
    folder: Folder | None = setting(
        "Folder that Nameplate owns for fragments, certificates and keys. Default: a folder "
        "in `home`.",
        default=None,
    )
    http_port: Port = setting("Address to which probes without TLS connect.", default=80)
    https_port: Port = setting("Port to which probes connect and redirects point.", default=443)
    probe_address: HostName | None = setting(
        "Host to which probes connect. Default: `address` of the server.", default=None
    )
    challenge_upstream: HostPort | None = setting(
        "Host and port at which the proxy reaches this API for ACME challenges.", default=None
    )

    def conflict(self) -> str | None:
        """Return why these settings cannot be used together, None when they can."""
        return None


@dataclass(frozen=True, slots=True)
class ProxyPlace:
    """What a proxy's adapter is told by this installation, with the server's own words applied."""

    folder: str
    """Absolute path of the folder that Nameplate owns."""
    challenge_upstream: Upstream
    edge_secret: Secret | None = None
    """What the platform's own proxies send when they ask the edge, where the operator set one."""
    address: str = ""
    """Public host name or address of the server."""
    server: str = ""
    """Public id of the server."""
    credentials: Credentials = field(default_factory=dict)
    """Those of the account that the setting `account` names, where there is one."""
    ledger: frozenset[str] = frozenset()
    """A service's own ids of what was made there for this server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyPlugin(Plugin):
    """A proxy in the group `nameplate.proxies` of entry points; its name is the `type`.

    One that can pass TLS handshakes for `acme-tls/1` on has the setting `tls_alpn`, which says that it does.
    """

    configuration: type[ProxyConfiguration] = ProxyConfiguration
    connect: Callable[[Any, ProxyPlace], Proxy]
    """Takes an instance of `configuration` and the place; sends no request yet.

    Raises `Refused` with code `setting_invalid` when they cannot be used together."""
