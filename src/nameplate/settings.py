"""Settings, read once, from the environment only: `NAMEPLATE_<NAME>`.

A dataclass and not pydantic-settings, which takes 12 MB of every worker (ADR 12).
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from nameplate.core.egress import Network
from nameplate.core.errors import Invalid, Problem
from nameplate.core.secret import Secret

PREFIX = "NAMEPLATE_"
_SWITCH = {"true": True, "1": True, "yes": True, "on": True} | {
    "false": False, "0": False, "no": False, "off": False
}  # fmt: skip


def _data_folder() -> Path:
    """Return the user's data folder (XDG Base Directory Specification)."""
    share = os.environ.get("XDG_DATA_HOME", "")
    base = Path(share) if share.startswith("/") else Path.home() / ".local" / "share"
    return base / "nameplate"


def _switch(text: str) -> bool:
    try:
        return _SWITCH[text.lower()]
    except KeyError:
        raise ValueError("`true` or `false`") from None


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not (is_number and least <= int(text) <= most):
            raise ValueError(f"a number from {least} to {most}")
        return int(text)

    return read


def _list(text: str) -> tuple[str, ...]:
    found = _json(text)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError('a JSON list of texts, as in ["a", "b"]')
    return tuple(found)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(map(ip_network, _list(text)))
    except ValueError:
        raise ValueError('a JSON list of networks, as in ["10.0.0.0/8"]') from None


def _servers(text: str) -> dict[str, tuple[str, ...]]:
    try:
        return {zone: _list(json.dumps(servers)) for zone, servers in _json(text).items()}
    except (AttributeError, ValueError):
        raise ValueError('a JSON object, as in {"corp.example": ["10.0.0.53:53"]}') from None


def _tables(text: str) -> dict[str, Mapping[str, Any]]:
    found = _json(text)
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError('a JSON object of objects, as in {"meta_tag": {"page_size": 65536}}')
    return found


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


Port = Annotated[int, _number(1, 65_535)]
OptionalPort = Annotated[int | None, _number(1, 65_535)]
_READERS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    str | None: str,
    Path: Path,
    Path | None: Path,
    Secret | None: Secret,
    bool: _switch,
    tuple[str, ...]: _list,
    tuple[Network, ...]: _networks,
    Mapping[str, tuple[str, ...]]: _servers,
    Mapping[str, Mapping[str, Any]]: _tables,
}
"""How a text becomes a value, by the setting's type; numbers bring their own, with its bounds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What an operator can set; each is described in docs/reference/settings.md."""

    home: Path = field(default_factory=_data_folder)
    """Folder of everything that Nameplate keeps in files."""
    database_url: Secret | None = None
    """Address of the database for the application role; a SQLite file in `home` without it."""
    system_database_url: Secret | None = None
    """Address for the system role, which sees every organization; `database_url` without it."""
    keyring_file: Path | None = None
    """File of the keys that seal secrets; `keyring` in `home` without it."""
    keyring: Secret | None = None
    """The content of that file, where secrets come from the environment."""
    host: str = "127.0.0.1"
    """Address that the API listens at."""
    port: Port = 8080
    """Port that the API listens at."""
    edge_host: str | None = None
    """Address that the edge's own port listens at; `host` without it."""
    edge_port: OptionalPort = None
    """Port of the edge and of ACME challenges alone, answered beside the API; the API's without it."""

    serve_worker: bool = True
    """Whether `nameplate serve` does background work too."""
    worker_threads: Annotated[int, _number(1, 64)] = 8
    """Rows that one worker works on at once."""
    challenge_upstream: str | None = None
    """`host:port` at which proxies reach ACME challenges; where the edge listens without it."""
    edge_secret: Secret | None = None
    """What proxies must send in `X-Nameplate-Edge-Secret`, or as `secret` in the query, to ask the
    edge; without it, `/edge/route` needs what is in the file `edge-secret` in `home`, `/edge/ask`
    nothing."""
    edge_networks: tuple[Network, ...] = ()
    """Networks in which the platform's own proxies answer: a file found there proves nothing."""
    egress_allow: tuple[Network, ...] = ()
    """Private networks that verification may reach all the same."""
    dns_recursor: str | None = None
    """`address:port` of the resolver that finds zones' servers; /etc/resolv.conf without it."""
    public_resolvers: tuple[str, ...] = ("1.1.1.1:53", "8.8.8.8:53", "9.9.9.9:53")
    """Public resolvers whose answers are shown beside the authoritative ones; `[]` asks none."""
    dns_servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Private zones and their servers: {"corp.example": ["10.0.0.53:53"]}."""
    proof_methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What proof methods have to be told: {"meta_tag": {"page_size": 65536}}."""
    domain_connect_provider_id: str | None = None
    """Who the platform is in Domain Connect, by custom its domain name; without it, no such links."""
    domain_connect_provider_name: str | None = None
    """What DNS hosts call the platform before their customers; the id without it."""
    domain_connect_service_id: str = "custom-domain"
    """Id of the platform's template at DNS hosts."""
    domain_connect_service_name: str = "Custom domain"
    """What DNS hosts call the service before their customers."""
    domain_connect_key_file: Path | None = None
    """File of the RSA private key (PEM) that signs links; only its owner may read it."""
    domain_connect_key_host: str = "_dcpubkeyv1"
    """Label at which the public key is published; a new one for each new key."""
    domain_connect_key_domain: str | None = None
    """Domain below which it is published; the provider id without it."""
    sandbox: bool = False
    """Admit names below `.test` and its kind, and look again every second: never in production."""
    sandbox_http_port: Port = 80
    """Where a sandbox looks for verification files instead of port 80."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read every setting that the environment has; an empty variable counts as none.

        Raises `Invalid` with code `settings_invalid`, which names each wrong variable and what is
        expected there, and repeats no value.
        """
        given: dict[str, Any] = {}
        problems = []
        for name, kind in get_type_hints(cls, include_extras=True).items():
            variable = PREFIX + name.upper()
            text = environment.get(variable)
            read = kind.__metadata__[0] if kind not in _READERS else _READERS[kind]
            try:
                if text:
                    given[name] = read(text)
            except ValueError as error:
                problems.append(Problem(variable, "setting_invalid", f"must be {error}"))
        if problems:
            said = "; ".join(f"{one.pointer} {one.detail}" for one in problems)
            raise Invalid("settings_invalid", said, problems)
        return cls(**given)

    @property
    def url(self) -> Secret:
        """Address of the database for the application role."""
        return self.database_url or Secret(f"sqlite:///{self.home / 'nameplate.db'}")

    @property
    def system_url(self) -> Secret:
        """Address of the database for the system role."""
        return self.system_database_url or self.url

    @property
    def edge_address(self) -> tuple[str, int]:
        """Where proxies find the edge and the answers to challenges."""
        if self.edge_port is None:
            return self.host, self.port
        return self.edge_host or self.host, self.edge_port

    @property
    def edge_secret_path(self) -> Path:
        """Where the edge's secret is, unless `edge_secret` has it."""
        return self.home / "edge-secret"

    @property
    def keyring_path(self) -> Path:
        """Where the keys are, unless `keyring` has them."""
        return self.keyring_file or self.home / "keyring"
