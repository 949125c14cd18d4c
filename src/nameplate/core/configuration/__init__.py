"""Configuration of plug-ins: what a schema is made of, and reading JSON by one."""

from nameplate.core.configuration.forms import (
    DomainName,
    Email,
    FilePath,
    Form,
    HostName,
    HostPort,
    IpAddress,
    Port,
    Rate,
    Url,
    between,
    host_and_port,
)
from nameplate.core.configuration.reading import load, misplaced, parse
from nameplate.core.configuration.schema import (
    Credential,
    Credentials,
    Described,
    credential,
    describe,
    setting,
)

__all__ = [
    "Credential",
    "Credentials",
    "Described",
    "DomainName",
    "Email",
    "FilePath",
    "Form",
    "HostName",
    "HostPort",
    "IpAddress",
    "Port",
    "Rate",
    "Url",
    "between",
    "credential",
    "describe",
    "host_and_port",
    "load",
    "misplaced",
    "parse",
    "setting",
]
