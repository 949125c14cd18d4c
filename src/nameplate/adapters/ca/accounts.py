"""Accounts at an ACME server (RFC 8555 section 7.3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acme import messages

from nameplate.adapters.ca import problems
from nameplate.adapters.ca.connection import AcmeConnection
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+=*")


@dataclass(frozen=True, slots=True)
class ExternalAccount:
    """Binds the new account to a customer of the authority (RFC 8555 section 7.3.4)."""

    key_id: str
    hmac_key: Secret
    """Base64url, as the authority shows it."""


def register(
    directory_url: str,
    key: Secret,
    contact: Sequence[str] = (),
    eab: ExternalAccount | None = None,
    *,
    terms_agreed: bool = True,
    verify: str | None = None,
) -> str:
    """Return the account URL of `key` (PEM), registering it unless it already is.

    `contact` holds e-mail addresses. Repeating is harmless: the key decides which account it is.
    Raises `RateLimited`, `Unavailable` or `Refused`.
    """
    connection = AcmeConnection(directory_url, key, None, verify)
    if (known := _known(connection)) is not None:
        return known
    message = _account(connection, contact, eab, terms_agreed=terms_agreed)
    return connection.url(connection.post(_resource(connection), message).location())


def find(directory_url: str, key: Secret, verify: str | None = None) -> str | None:
    """Return the account URL of `key`, None where the server knows no account of it.

    Raises `RateLimited`, `Unavailable` or `Refused`.
    """
    return _known(AcmeConnection(directory_url, key, None, verify))


def _known(connection: AcmeConnection) -> str | None:
    existing = messages.NewRegistration(only_return_existing=True)
    try:
        return connection.url(connection.post(_resource(connection), existing).location())
    except Refused as error:
        if error.code != "acme_account_does_not_exist":
            raise
        return None


def _resource(connection: AcmeConnection) -> str:
    url = connection.resource("newAccount")
    if url is None:
        raise problems.malformed("the directory lacks newAccount")
    return url


def _account(
    connection: AcmeConnection,
    contact: Sequence[str],
    eab: ExternalAccount | None,
    *,
    terms_agreed: bool,
) -> messages.NewRegistration:
    return messages.NewRegistration.from_data(
        contact=tuple(f"mailto:{address}" for address in contact),
        external_account_binding=None if eab is None else _binding(connection, eab),
        terms_of_service_agreed=terms_agreed,
    )


def _binding(connection: AcmeConnection, eab: ExternalAccount) -> dict[str, Any]:
    malformed = Refused(
        "acme_eab_malformed",
        "The HMAC key of the external account is not base64url. Copy it again from the authority.",
    )
    if not _BASE64URL.fullmatch(eab.hmac_key.reveal()):  # its decoder passes over what is not
        raise malformed
    key = connection.signer.jwk.public_key()
    try:
        bound: dict[str, Any] = messages.ExternalAccountBinding.from_data(
            key, eab.key_id, eab.hmac_key.reveal(), connection.directory()
        )
    except ValueError:
        raise malformed from None
    return bound
