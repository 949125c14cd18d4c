"""Public authorities with ACME by name: an account there needs no directory URL."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from nameplate.adapters.ca.acme import (
    ACCOUNT_KEY,
    EXTERNAL_KEY,
    EXTERNAL_KEY_ID,
    PREFERRED_CHAIN,
    AcmeAuthority,
    connected,
)
from nameplate.core.authorities import KNOWN
from nameplate.core.configuration import Credentials, Email, setting
from nameplate.ports.ca import AuthorityConfiguration, AuthorityPlugin


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownConfiguration(AuthorityConfiguration):
    """What an account at a public authority says."""

    contact: tuple[Email, ...] = setting(
        "E-mail addresses at which the authority may contact you.", default=()
    )
    preferred_chain: str | None = setting(PREFERRED_CHAIN, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundConfiguration(KnownConfiguration):
    """The same where accounts are bound to a customer of the authority."""

    eab_key_id: str = setting(EXTERNAL_KEY_ID)


def _connect(
    directory_url: str,
    config: KnownConfiguration,
    credentials: Credentials,
    _clock: Callable[[], datetime],
) -> AcmeAuthority:
    key_id = config.eab_key_id if isinstance(config, BoundConfiguration) else None
    return connected(directory_url, config.contact, credentials, key_id=key_id)


def _plugin(name: str) -> AuthorityPlugin:
    known = KNOWN[name]
    is_bound = known.needs_external_account
    schema: type[Any] = BoundConfiguration if is_bound else KnownConfiguration
    return AuthorityPlugin(
        title=known.title,
        configuration=schema,
        credentials=(ACCOUNT_KEY, EXTERNAL_KEY) if is_bound else (ACCOUNT_KEY,),
        connect=partial(_connect, known.directory_url),
        account_key=ACCOUNT_KEY.name,
    )


actalis = _plugin("actalis")
google = _plugin("google")
letsencrypt = _plugin("letsencrypt")
letsencrypt_staging = _plugin("letsencrypt_staging")
sslcom = _plugin("sslcom")
zerossl = _plugin("zerossl")
