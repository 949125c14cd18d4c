"""Errors as HTTP answers: the only place with HTTP numbers (RFC 9457 problem details)."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from nameplate.core.errors import (
    Conflict,
    Invalid,
    NameplateError,
    NotFound,
    NotPermitted,
    Problem,
    RateLimited,
    Refused,
    Unavailable,
)
from nameplate.db import lost_race

PROBLEM_TYPE = "application/problem+json"
RETRY_SECONDS = 5
"""What `Retry-After` says when the other side did not."""

_LOG = logging.getLogger("nameplate.api")

_STATUS: Sequence[tuple[type[NameplateError], int]] = (
    (NotFound, 404),
    (Conflict, 409),
    (Invalid, 422),
    (NotPermitted, 403),
    (RateLimited, 429),
    (Unavailable, 503),
    (Refused, 502),
)
_STATUS_BY_CODE: Mapping[str, int] = {
    "body_malformed": 400,
    "body_too_large": 413,
    "idempotency_key_malformed": 400,
    "invalid_cursor": 400,
    "media_type_unsupported": 415,
    "method_not_available": 422,
    "precondition_failed": 412,
    "second_factor_required": 401,
    "second_factor_wrong": 401,
    "sign_in_refused": 401,
    "unauthenticated": 401,
}
"""Where the kind of an error does not say enough."""
_HTTP_CODES: Mapping[int, tuple[str, str]] = {
    404: ("route_not_found", "No such route. Check the path."),
    405: ("method_not_allowed", "This route does not support this method. See the `Allow` header."),
}
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_RETRYABLE = frozenset({429, 503})

_NO_TOKEN = "Send a valid API token: `Authorization: Bearer np_...`."  # noqa: S105 - a sentence
_CHANGED = "The object has changed since you read it. Read it again, then retry the update."
_INVALID = "The request is invalid. See `errors` for each problem."


class Unauthenticated(NameplateError):
    """No token, or one that is not accepted."""

    def __init__(self) -> None:
        """Give the same message for every kind of invalid token."""
        super().__init__("unauthenticated", _NO_TOKEN)


class PreconditionFailed(Conflict):
    """The object is no longer as the caller knows it."""

    def __init__(self) -> None:
        super().__init__("precondition_failed", _CHANGED)


def status_of(error: NameplateError) -> int:
    """Return the HTTP status of an error."""
    by_code = _STATUS_BY_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def answer(error: NameplateError, request_id: str) -> Response:
    """Return the problem document of an error that Nameplate raised on purpose."""
    wait = getattr(error, "retry_after", None)
    problems = getattr(error, "problems", ())
    return document(
        status_of(error),
        error.code,
        error.detail,
        request_id,
        problems=problems,
        retry_after=None if wait is None else max(1, int(wait.total_seconds())),
    )


def document(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    problems: Sequence[Problem] = (),
    retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return one problem document with everything a person or a program needs to go on."""
    retryable = status in _RETRYABLE
    wait = retry_after or (RETRY_SECONDS if retryable else None)
    body: dict[str, Any] = {
        "type": f"/errors/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "doc_url": f"/errors/{code}",
        "request_id": request_id,
        "errors": [{"pointer": p.pointer, "code": p.code, "detail": p.detail} for p in problems],
        "retryable": retryable,
        "retry_after": wait,
    }
    sent = dict(headers or {})
    if wait is not None:
        sent["Retry-After"] = str(wait)
    if status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = 'Bearer realm="nameplate"'
    return Response(json.dumps(body), status, sent, PROBLEM_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of `app`, the framework's own included, a problem document."""
    app.add_exception_handler(NameplateError, _nameplate)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(sa.exc.IntegrityError, _integrity)
    app.add_exception_handler(sa.exc.OperationalError, _operational)


def request_id(request: Request) -> str:
    """Return the id of this request, as the answer's header shows it."""
    return getattr(request.state, "request_id", "")


def unexpected(error: Exception, identity: str) -> Response:
    """Log a bug with its trace, and tell the caller nothing but the request id."""
    _LOG.error("request %s failed", identity, exc_info=error)
    return document(
        500, "internal_error", "Internal error. Report the request id to the operator.", identity
    )


def _nameplate(request: Request, error: Exception) -> Response:
    assert isinstance(error, NameplateError)  # noqa: S101 - registered for nothing else
    return answer(error, request_id(request))


def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    problems = [_wrong_place(found) for found in error.errors()]
    return document(
        422,
        "request_invalid",
        _INVALID,
        request_id(request),
        problems=problems,
    )


def _wrong_place(found: Mapping[str, Any]) -> Problem:
    """Return pydantic's finding without the input, which may be a secret."""
    where, *path = found["loc"]
    pointer = "".join(f"/{_escaped(part)}" for part in path)
    kind = str(found["type"])
    if kind == "extra_forbidden":
        return Problem(pointer, "field_unknown", "Unknown field, or the field cannot be set.")
    if where != "body":
        pointer = f"{where}{pointer}"
    return Problem(pointer, kind, f"{str(found['msg']).removesuffix('.')}.")


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    code, detail = _HTTP_CODES.get(
        error.status_code,
        ("request_refused", "The request was rejected. Check it against the API reference."),
    )
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed(request))
    return document(error.status_code, code, detail, request_id(request), headers=headers)


def _allowed(request: Request) -> Sequence[str]:
    """Return the methods of a path (RFC 9110 section 10.2.1), of every route that is written for it.

    A path such as `/v1/domains/x:check` fits the route of one object too, which is not meant.
    """
    path = request.scope["path"]
    found = _methods(request, path)
    before, colon, _ = path.rpartition(":")
    of_object = _methods(request, f"{before}:-") if colon else frozenset()
    return sorted(found - of_object or found)


def _methods(request: Request, path: str) -> frozenset[str]:
    """Return the methods that some route takes at a path."""
    scopes = ({**request.scope, "path": path, "method": method} for method in _METHODS)
    return frozenset(
        scope["method"]
        for scope in scopes
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
    )


def _integrity(request: Request, error: Exception) -> Response:
    _LOG.warning("request %s lost a race: %s", request_id(request), type(error).__name__)
    return document(
        409,
        "conflict",
        "The object already exists or was changed at the same time. Read it and try again.",
        request_id(request),
    )


def busy(error: Exception, identity: str) -> Response:
    """Return the answer while the database has no time."""
    _LOG.warning("request %s: %s", identity, type(error).__name__)
    return document(
        503, "database_busy", "The database is busy. Repeat the request.", identity, retry_after=1
    )


def _operational(request: Request, error: Exception) -> Response:
    assert isinstance(error, sa.exc.OperationalError)  # noqa: S101 - registered for nothing else
    request.state.lost_race = lost_race(error)
    return busy(error, request_id(request))


_EXAMPLES: Mapping[int, tuple[str, str]] = {
    400: ("invalid_cursor", "Not a cursor of this list. Start again without `cursor`."),
    401: ("unauthenticated", _NO_TOKEN),
    403: ("platform_only", "Only the platform's operator may add organizations."),
    404: ("domain_not_found", "No such domain."),
    409: ("domain_exists", "`shop.example.com` has already been added."),
    412: ("precondition_failed", _CHANGED),
    413: ("body_too_large", "The body is too large. Send at most 1048576 bytes."),
    415: ("media_type_unsupported", "Send `application/json` without compression."),
    422: ("request_invalid", _INVALID),
    429: ("rate_limited", "Too many requests."),
    502: ("credential_refused", "The provider rejected the credential."),
    503: ("database_unavailable", "The database cannot be reached. Try again shortly."),
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of these error statuses, each with an example."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        code, detail = _EXAMPLES[status]
        problems = [Problem("/name", "missing", "Field required.")] if status == 422 else []  # noqa: PLR2004 - the one with places
        example = json.loads(
            bytes(document(status, code, detail, "req_01", problems=problems).body)
        )
        found[status] = {
            "description": HTTPStatus(status).phrase,
            "content": {
                PROBLEM_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": example,
                }
            },
        }
    return found
