"""Accounts connected to what they are accounts at."""

from collections.abc import Callable
from datetime import datetime
from threading import Lock
from typing import TypeVar

from nameplate.core import configuration
from nameplate.core.encryption import KeyRing
from nameplate.models import Account
from nameplate.ports.ca import AuthorityPlugin, CertificateAuthority
from nameplate.ports.dns import DnsProvider, DnsProviderPlugin
from nameplate.ports.pacing import Paced, TakeTurn
from nameplate.ports.registrar import Registrar, RegistrarPlugin
from nameplate.registry import Registry
from nameplate.usecases.tenants import accounts

T = TypeVar("T")


def dns_provider(
    plugins: Registry[DnsProviderPlugin], ring: KeyRing, take: TakeTurn | None = None
) -> Callable[[Account], DnsProvider]:
    """Return what connects an account at a DNS provider; `take` counts its requests over all processes.

    It raises Refused as the registry does, `setting_missing`, `setting_invalid`,
    `credential_missing`, and as `KeyRing.open` does.
    """

    def make(account: Account) -> DnsProvider:
        plugin = plugins.get(account.provider)
        config = configuration.load(plugin.configuration, account.config)
        return _paced(plugin.connect(config, accounts.credentials(account, ring)), take)

    return _kept(make)


def authority(
    plugins: Registry[AuthorityPlugin], ring: KeyRing, clock: Callable[[], datetime]
) -> Callable[[Account], CertificateAuthority]:
    """Return what connects an account at an authority; it raises as `dns_provider` says."""

    def make(account: Account) -> CertificateAuthority:
        plugin = plugins.get(account.provider)
        config = configuration.load(plugin.configuration, account.config)
        return plugin.connect(config, accounts.credentials(account, ring), clock)

    return _kept(make)


def registrar(
    plugins: Registry[RegistrarPlugin],
    ring: KeyRing,
    clock: Callable[[], datetime],
    take: TakeTurn | None = None,
) -> Callable[[Account], Registrar]:
    """Return what connects an account at a registrar; as `dns_provider` otherwise."""

    def make(account: Account) -> Registrar:
        plugin = plugins.get(account.provider)
        config = configuration.load(plugin.configuration, account.config)
        return _paced(plugin.connect(config, accounts.credentials(account, ring), clock), take)

    return _kept(make)


def _paced(made: T, take: TakeTurn | None) -> T:
    if take is not None and isinstance(made, Paced):
        made.pace_by(take)
    return made


def _kept(make: Callable[[Account], T]) -> Callable[[Account], T]:
    """Keep one adapter for each state of an account: connections and nonces are worth keeping."""
    made: dict[int, tuple[datetime, T]] = {}
    lock = Lock()

    def get(account: Account) -> T:
        with lock:
            found = made.get(account.id)
        if found is not None and found[0] == account.updated_at:
            return found[1]
        fresh = make(account)
        with lock:
            made[account.id] = (account.updated_at, fresh)
        return fresh

    return get
