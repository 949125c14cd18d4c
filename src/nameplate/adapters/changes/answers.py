"""What the HTTP answers of DNS providers mean, the same for all of them."""

from collections.abc import Callable, Mapping

from nameplate.adapters.http.client import Api, Reply, retry_after
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable

_OK = range(200, 300)
_CREDENTIAL = frozenset({401, 403})
_TOO_MANY, _SERVER_ERROR = 429, 500
_MAX_LENGTH = 300  # characters of a provider's own sentence that we repeat
_MAX_READ = 4096  # and that we look at


class ChangeRefused(Refused):
    """The provider will not have one of the changes sent, and did none; the others may be fine."""


def is_success(reply: Reply) -> bool:
    """Tell whether the status is of the class of success (RFC 9110 section 15.3)."""
    return reply.status in _OK


def failure(provider: str, reply: Reply, said: str) -> NameplateError:
    """Return the error for an answer that is no success; `said` is the provider's own sentence."""
    if reply.status in _CREDENTIAL:
        return Refused("credential_refused", f"{provider} rejected the credential: {short(said)}")
    if reply.status == _TOO_MANY:
        return RateLimited(
            "rate_limited", f"{provider} limits requests. Try again later.", retry_after(reply)
        )
    if reply.status >= _SERVER_ERROR:
        return Unavailable(
            "provider_failed",
            f"{provider} failed with HTTP status {reply.status}.",
            retry_after(reply),
        )
    return ChangeRefused("change_refused", f"{provider} rejected the change: {short(said)}")


def short(said: str, most: int = _MAX_LENGTH) -> str:
    """Return a provider's words on one line, bounded, without what steers a terminal or hides text."""
    printable = "".join(one if one.isprintable() else " " for one in said[:_MAX_READ])
    return " ".join(printable.split())[:most]


def read(
    api: Api,
    path: str,
    params: Mapping[str, str] | None,
    explain: Callable[[Reply], NameplateError],
) -> Reply:
    """Read, once more when the answer was lost or the server failed: reading changes nothing.

    Raises what `explain` makes of the answer, or `Unavailable("provider_unreachable")`.
    """
    problem: NameplateError | None = None
    for _ in range(2):
        try:
            reply = api.request("GET", path, params=params)
        except RateLimited:
            raise
        except Unavailable as error:
            problem = Unavailable("provider_unreachable", error.detail, error.retry_after)
            continue
        if is_success(reply):
            return reply
        problem = explain(reply)
        if reply.status < _SERVER_ERROR:
            break
    raise problem or AssertionError
