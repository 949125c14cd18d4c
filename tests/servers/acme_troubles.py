"""What can go wrong at an endpoint of an authority, in the words of RFC 8555: each by its name."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

from cryptography import x509

from nameplate.adapters.ca.local import LocalAuthority, create_root
from nameplate.core import keys
from nameplate.core.certificates import csr, split_chain
from tests.servers.acme_proxy import Answer, Cut, Exchange, Trouble

ERROR = "urn:ietf:params:acme:error:"
_STATES = {"order", "authorization", "challenge"}
"""Endpoints whose objects say themselves what is wrong."""
REJECTED = "n7.rejected-identifier-neworder.example.com"
"""The name that the authority refuses, of 25."""
SLOW = 3.0
PROCESSING = 6.0
"""Seconds."""


def _json(answer: Answer) -> dict[str, Any] | None:
    try:
        value = json.loads(answer.body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _problem(
    kind: str,
    status: int,
    exchange: Exchange,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Answer:
    body = {"type": ERROR + kind, "detail": f"The proxy says {kind}.", "status": status, **more}
    told = {"Content-Type": "application/problem+json", "Replay-Nonce": exchange.nonce()}
    return Answer(status, {**told, **(headers or {})}, json.dumps(body).encode())


def _said(kind: str, status: int, exchange: Exchange) -> Answer:
    """Say it as the reason why an object is invalid, or instead of an answer."""
    return (
        _invalid(exchange, kind)
        if exchange.endpoint in _STATES
        else _problem(kind, status, exchange)
    )


def _changed(exchange: Exchange, status: str, **more: Any) -> Answer:
    """Let the authority act, and show another status of the object."""
    answer = exchange.pass_on()
    body = _json(answer)
    if body is None or answer.status >= 300 or "status" not in body:
        return answer
    changed = {**body, "status": status, **more}
    for challenge in changed.get("challenges", ()):
        challenge.update(status=status, **more)
    answer.body = json.dumps(changed).encode()
    return answer


def _invalid(exchange: Exchange, kind: str = "serverInternal") -> Answer:
    error = {"type": ERROR + kind, "detail": f"The proxy says {kind}.", "status": 403}
    return _changed(exchange, "invalid", error=error)


def _bad_nonce(exchange: Exchange, every: int = 1) -> Answer:
    if exchange.number % every:
        return exchange.pass_on()
    if exchange.endpoint == "newNonce":
        answer = exchange.pass_on()
        answer.headers["Replay-Nonce"] = f"neverGivenOut{exchange.number:08d}"
        return answer
    return _problem("badNonce", 400, exchange)


def _limited(exchange: Exchange, wait: Callable[[], str | None]) -> Answer:
    value = wait()
    headers = {"Date": format_datetime(datetime.now(UTC), usegmt=True)}
    return _problem(
        "rateLimited",
        429,
        exchange,
        headers if value is None else {**headers, "Retry-After": value},
    )


def _date(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def _cut_after(exchange: Exchange) -> Answer:
    exchange.pass_on()
    raise Cut


def _cut_before(_exchange: Exchange) -> Answer:
    raise Cut


def _slow(exchange: Exchange) -> Answer:
    answer = exchange.pass_on()
    if exchange.number < 2:
        time.sleep(SLOW)
    return answer


def _body(exchange: Exchange, change: Callable[[bytes], bytes]) -> Answer:
    answer = exchange.pass_on()
    answer.body = change(answer.body)
    return answer


def _html(exchange: Exchange) -> Answer:
    answer = _body(exchange, lambda _: b"<!doctype html><title>Welcome</title><p>Please log in.")
    answer.headers["Content-Type"] = "text/html"
    return answer


def _without(exchange: Exchange, header: str) -> Answer:
    answer = exchange.pass_on()
    answer.headers.pop(header, None)
    return answer


def _wrong_type(exchange: Exchange) -> Answer:
    answer = exchange.pass_on()
    answer.headers["Content-Type"] = "application/octet-stream"
    return answer


class _Processing:
    """Shows objects as being worked on, for some time after the first look."""

    def __init__(self) -> None:
        self._until: float | None = None

    def __call__(self, exchange: Exchange) -> Answer:
        self._until = self._until or time.monotonic() + PROCESSING
        if time.monotonic() > self._until:
            return exchange.pass_on()
        answer = _changed(exchange, "processing")
        answer.headers["Retry-After"] = "1"
        return answer


def _subproblems(exchange: Exchange) -> Answer:
    part = {
        "type": f"{ERROR}rejectedIdentifier",
        "detail": "Policy forbids issuing for the name.",
        "identifier": {"type": "dns", "value": REJECTED},
    }
    return _problem("rejectedIdentifier", 403, exchange, subproblems=[part])


def _wrong_key(exchange: Exchange) -> Answer:
    """Answer with a good certificate of the same name whose key is somebody else's."""
    answer = exchange.pass_on()
    if exchange.endpoint != "certificate":
        answer.body = _other_chain(["somebody.example.com"])
        return answer
    leaf = x509.load_pem_x509_certificate(split_chain(answer.body)[0])
    extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    answer.body = _other_chain(extension.value.get_values_for_type(x509.DNSName))
    return answer


def _other_chain(names: list[str]) -> bytes:
    key, root = create_root("Another", datetime.now(UTC))
    authority = LocalAuthority(key, root, clock=lambda: datetime.now(UTC))
    order = authority.order(names)
    return authority.download(authority.finalize(order, csr(keys.new_key(), names))) + root


_WRONG_CHAIN = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

TROUBLES: Mapping[str, Callable[[], Trouble]] = {
    "bad_nonce_always": lambda: _bad_nonce,
    "bad_nonce_half": lambda: partial(_bad_nonce, every=2),
    "rate_limited_seconds": lambda: partial(_limited, wait=lambda: "2"),
    "rate_limited_date": lambda: partial(_limited, wait=lambda: _date(3)),
    "rate_limited_past": lambda: partial(_limited, wait=lambda: _date(-3600)),
    "rate_limited_absent": lambda: partial(_limited, wait=lambda: None),
    "rate_limited_huge": lambda: partial(_limited, wait=lambda: "99999999999"),
    "rate_limited_garbage": lambda: partial(_limited, wait=lambda: "soon, perhaps"),
    "unavailable_503": lambda: lambda e: Answer(503, {"Retry-After": "1"}, b"upstream is away"),
    "internal_500": lambda: lambda e: _problem("serverInternal", 500, e),
    "html": lambda: _html,
    "empty": lambda: lambda e: _body(e, lambda _: b""),
    "truncated": lambda: lambda e: _body(e, lambda body: body[: len(body) // 2]),
    "cut_before": lambda: _cut_before,
    "cut_after": lambda: _cut_after,
    "slow": lambda: _slow,
    "invalid": lambda: _invalid,
    "processing": _Processing,
    "valid_too_early": lambda: lambda e: _changed(e, "valid"),
    "caa": lambda: partial(_said, "caa", 403),
    "dns": lambda: partial(_said, "dns", 400),
    "connection": lambda: partial(_said, "connection", 400),
    "unauthorized": lambda: partial(_said, "unauthorized", 403),
    "rejected_identifier": lambda: _subproblems,
    "already_replaced": lambda: lambda e: _problem("alreadyReplaced", 409, e),
    "wrong_key": lambda: _wrong_key,
    "malformed_chain": lambda: lambda e: _body(e, lambda _: _WRONG_CHAIN),
    "account_unknown": lambda: lambda e: _problem("accountDoesNotExist", 400, e),
    "no_location": lambda: lambda e: _without(e, "Location"),
    "no_nonce": lambda: lambda e: _without(e, "Replay-Nonce"),
    "wrong_content_type": lambda: _wrong_type,
}
