"""What an ACME server says went wrong (RFC 8555 section 6.7), as Nameplate's errors."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from acme import messages
from josepy.errors import Error as JoseError

from nameplate.core.errors import RateLimited, Refused, Unavailable

MAX_WAIT = timedelta(days=7)
"""The longest `Retry-After` that is believed: the longest period of Let's Encrypt's limits."""
MAX_TEXT = 1000
"""Characters kept of what a server says."""

_TRY_LATER = {"serverInternal", "badNonce"}
_NOT_FOUND = 404
_TOO_MANY = 429
_SERVER_ERROR = 500


def malformed(what: str) -> Unavailable:
    """Return the error for an answer that is not ACME: a proxy's page, an outage, a broken server."""
    return Unavailable("ca_answer_malformed", f"The authority's answer cannot be used: {what}.")


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Turn whatever a strange answer does to the parser into `Unavailable`."""
    try:
        yield
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise malformed(f"{type(error).__name__} while reading it") from error


def text(error: messages.Error | None) -> str:
    """Return what an error says, with the part of each name, as one plain line."""
    if error is None:
        return ""
    kind = str(error.typ).rpartition(":")[2]
    parts = [str(error.detail or error.title or kind)]
    if kind not in {"", "blank"} and error.detail:
        parts[0] += f" ({kind})"
    for part in error.subproblems or ():
        about = f"{part.identifier.value}: " if part.identifier else ""
        parts.append(about + text(part))
    return plain("; ".join(parts))


def plain(words: str) -> str:
    """Return a foreign text without control characters and not too long."""
    shown = "".join(c if c.isprintable() else " " for c in words[: MAX_TEXT * 2])
    return " ".join(shown.split())[:MAX_TEXT]


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server asks to wait (RFC 9110 section 10.2.3), between zero and 7 days.

    A date is measured against the `Date` of the same answer: our clock may be wrong.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[+-]?\d{1,30}", value):
        seconds = min(max(int(value), 0), int(MAX_WAIT.total_seconds()))
        return timedelta(seconds=seconds)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), MAX_WAIT)


def is_bad_nonce(status: int, body: bytes) -> bool:
    """Tell whether a request failed only for its nonce (RFC 8555 section 6.5)."""
    return status == 400 and b":badNonce" in body  # noqa: PLR2004 - the status of RFC 8555


def is_account_unknown(status: int, body: bytes) -> bool:
    """Tell whether a request failed because the server does not know the account (any more)."""
    return status >= 400 and b":accountDoesNotExist" in body  # noqa: PLR2004 - an error, RFC 9110


def is_key_doubted(status: int, body: bytes) -> bool:
    """Tell whether a request may have failed because the account has another key by now."""
    doubts = (b":malformed", b":unauthorized", b":accountDoesNotExist")
    return status >= 400 and any(one in body for one in doubts)  # noqa: PLR2004 - an error, RFC 9110


def check(
    status: int, headers: Mapping[str, str], body: bytes, *, part_of_order: bool = False
) -> None:
    """Raise what an unsuccessful answer means: `RateLimited`, `Unavailable` or `Refused`.

    Where a `part_of_order` was asked for that is not found, the server has forgotten the order.
    """
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success, RFC 9110 section 15.3
        return
    if status == _NOT_FOUND and part_of_order:
        raise Refused(
            "acme_order_lost", "The authority does not know the order any more. A new one is made."
        )
    error = _problem(body)
    kind = str(error.typ).rpartition(":")[2] if error else ""
    said = text(error) or f"HTTP status {status}"
    wait = retry_after(headers)
    if kind == "rateLimited" or status == _TOO_MANY:
        raise RateLimited("acme_rate_limited", f"The authority limits requests: {said}", wait)
    if status >= _SERVER_ERROR or kind in _TRY_LATER:
        raise Unavailable("acme_unavailable", f"The authority cannot answer now: {said}", wait)
    if not re.fullmatch(r"[A-Za-z]{1,40}", kind):
        raise malformed(f"HTTP status {status} without an ACME error")
    slug = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()
    raise Refused(f"acme_{slug}", f"The authority rejected the request: {said}")


def _problem(body: bytes) -> messages.Error | None:
    try:
        value: Any = json.loads(body)
        return messages.Error.from_json(value) if isinstance(value, dict) else None
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        return None
