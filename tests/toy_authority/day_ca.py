"""A certificate authority for Nameplate: an own root, certificates that live for days."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from nameplate.adapters.ca.local import LocalAuthority
from nameplate.core.configuration import Credential, Credentials, between, credential, setting
from nameplate.ports.ca import AuthorityConfiguration, AuthorityPlugin, CertificateAuthority


@dataclass(frozen=True, slots=True, kw_only=True)
class DayConfiguration(AuthorityConfiguration):
    """What an account says in its configuration."""

    root: str = setting("The root certificate (PEM).", platform_only=True)
    days: Annotated[int, between(1, 90)] = setting("Days that a certificate lives.", default=7)


def connect(
    config: DayConfiguration, credentials: Credentials, clock: Callable[[], datetime]
) -> CertificateAuthority:
    """Return the authority of one account."""
    key = credential(credentials, "root_key")
    lifetime = timedelta(days=config.days)
    return LocalAuthority(key, config.root.encode(), clock=clock, lifetime=lifetime)


plugin = AuthorityPlugin(
    title="Certificates for days",
    configuration=DayConfiguration,
    credentials=(Credential("root_key", "Private key (PEM) of the root certificate."),),
    connect=connect,
)
