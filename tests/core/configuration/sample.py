"""A schema with a field of every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nameplate.core.configuration import (
    DomainName,
    Email,
    FilePath,
    HostName,
    HostPort,
    IpAddress,
    Port,
    Url,
    setting,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    kind: Literal["a", "b"] = setting("The kind.", default="a")
    names: tuple[HostName, ...] = setting("Names.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    url: Url = setting("Where.")
    own: Url | None = setting("Anybody may say it.", default=None, platform_only=False)
    server: HostPort | None = setting("A server.", default=None)
    port: Port = setting("A port.", default=53)
    ip: IpAddress | None = setting("An address.", default=None)
    file: FilePath | None = setting("A file.", default=None)
    zones: tuple[DomainName, ...] = setting("Zones.", default=())
    mail: tuple[Email, ...] = setting("Mail.", default=())
    flag: bool = setting("A flag.", default=False)
    text: str = setting("A text.", default="")
    options: Mapping[str, str] | None = setting("Options.", default=None)
    inner: Inner | None = setting("An object.", default=None, platform_only=True)


FINE = {"url": "https://api.example.com:8443/v1"}
