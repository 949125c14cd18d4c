"""Challenges as authorities offer them (RFC 8555 section 8, RFC 8737, and two drafts)."""

import re
from collections.abc import Mapping

from acme import messages

from nameplate.adapters.ca import problems
from nameplate.core import draft_challenges
from nameplate.core.orders import Challenge

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,256}")
_WITH_TOKEN = {"http-01", "dns-01", "tls-alpn-01", draft_challenges.ACCOUNT}


def read(
    body: Mapping[str, object], thumbprint: str, account_url: str, directory_url: str
) -> Challenge | None:
    """Return a challenge, of which the caller knows name and URL; None: it cannot be answered.

    That is one of a kind that is not known, and one of dns-persist-01 that is malformed. Its record
    names the account by its own URL, whatever else the authority would take.
    """
    kind, token, issuers = str(body["type"]), "", tuple[str, ...]()
    if kind in _WITH_TOKEN:
        token = _token(body["token"])
    elif kind == draft_challenges.PERSIST:
        issuers = draft_challenges.issuers(body.get("issuer-domain-names"))
        if not issuers or not draft_challenges.can_be_named(account_url, directory_url):
            return None
    else:
        return None
    given = body.get("error")
    error = messages.Error.from_json(given) if isinstance(given, dict) else None
    return Challenge(
        url="",
        type=kind,
        name="",
        token=token,
        key_authorization=f"{token}.{thumbprint}",
        status=str(body.get("status", "pending")),
        error=problems.text(error),
        is_cut_off=error is not None and error.code == "connection",
        account_url=account_url,
        issuers=issuers,
    )


def _token(given: object) -> str:
    """Return the token: it goes into paths and records (RFC 8555 section 8.3 and 11.4)."""
    if not isinstance(given, str) or not _TOKEN.fullmatch(given):
        raise problems.malformed("a challenge has a token that is not base64url")
    return given
