"""Settings, read once, from the environment only: `NAMEPLATE_<NAME>`."""

import os
from pathlib import Path

from pydantic import Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def _data_folder() -> Path:
    """Return the user's data folder (XDG Base Directory Specification)."""
    share = os.environ.get("XDG_DATA_HOME", "")
    base = Path(share) if share.startswith("/") else Path.home() / ".local" / "share"
    return base / "nameplate"


class Settings(BaseSettings):
    """What an operator can set; each is described in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix="NAMEPLATE_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default_factory=_data_folder)
    """Folder of everything that Nameplate keeps in files."""
    database_url: SecretStr | None = None
    """Address of the database for the application role; a SQLite file in `home` without it."""
    system_database_url: SecretStr | None = None
    """Address for the system role, which sees every organization; `database_url` without it."""
    keyring_file: Path | None = None
    """File of the keys that seal secrets; `keyring` in `home` without it."""
    keyring: SecretStr | None = None
    """The content of that file, where secrets come from the environment."""
    host: str = "127.0.0.1"
    """Address that the API listens at."""
    port: int = Field(default=8080, ge=1, le=65535)
    """Port that the API listens at."""

    serve_worker: bool = True
    """Whether `nameplate serve` does background work too."""
    worker_threads: int = Field(default=8, ge=1, le=64)
    """Rows that one worker works on at once."""
    challenge_upstream: str | None = None
    """`host:port` at which proxies reach this API for ACME challenges; `host` and `port` without it."""
    edge_secret: SecretStr | None = None
    """What proxies must send in `X-Nameplate-Edge-Secret` to ask the edge; nothing without it."""
    edge_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks in which the platform's own proxies answer: a file found there proves nothing."""
    egress_allow: tuple[IPvAnyNetwork, ...] = ()
    """Private networks that verification may reach all the same."""
    dns_recursor: str | None = None
    """`address:port` of the resolver that finds zones' servers; /etc/resolv.conf without it."""
    public_resolvers: tuple[str, ...] = ("1.1.1.1:53", "8.8.8.8:53", "9.9.9.9:53")
    """Public resolvers whose answers are shown beside the authoritative ones; `[]` asks none."""
    dns_servers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Private zones and their servers: {"corp.example": ["10.0.0.53:53"]}."""
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
    sandbox_http_port: int = Field(default=80, ge=1, le=65535)
    """Where a sandbox looks for verification files instead of port 80."""

    @property
    def url(self) -> SecretStr:
        """Address of the database for the application role."""
        return self.database_url or SecretStr(f"sqlite:///{self.home / 'nameplate.db'}")

    @property
    def system_url(self) -> SecretStr:
        """Address of the database for the system role."""
        return self.system_database_url or self.url

    @property
    def keyring_path(self) -> Path:
        """Where the keys are, unless `keyring` has them."""
        return self.keyring_file or self.home / "keyring"
