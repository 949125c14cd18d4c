"""Accounts at an ACME server (RFC 8555 section 7.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

from acme import messages

from nameplate.adapters.ca import problems
from nameplate.adapters.ca.connection import AcmeConnection
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret


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
    url = connection.resource("newAccount")
    if url is None:
        raise problems.malformed("the directory lacks newAccount")
    try:
        existing = messages.NewRegistration(only_return_existing=True)
        return connection.url(connection.post(url, existing).location())
    except Refused as error:
        if error.code != "acme_account_does_not_exist":
            raise
    answer = connection.post(url, _account(connection, contact, eab, terms_agreed=terms_agreed))
    return connection.url(answer.location())


def _account(
    connection: AcmeConnection,
    contact: Sequence[str],
    eab: ExternalAccount | None,
    *,
    terms_agreed: bool,
) -> messages.NewRegistration:
    binding = None
    if eab is not None:
        try:
            binding = messages.ExternalAccountBinding.from_data(
                connection.signer.jwk.public_key(),
                eab.key_id,
                eab.hmac_key.reveal(),
                connection.directory(),
            )
        except ValueError:
            raise Refused(
                "acme_eab_malformed",
                "The HMAC key of the external account is not base64url. Copy it again from "
                "the authority.",
            ) from None
    return messages.NewRegistration.from_data(
        contact=tuple(f"mailto:{address}" for address in contact),
        external_account_binding=binding,
        terms_of_service_agreed=terms_agreed,
    )
