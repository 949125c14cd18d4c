"""The routes' own class: query strings are strict, and a request is one visit to a thread.

What FastAPI would do in a thread each, knowing the caller, opening and ending the transaction, the
endpoint itself and the answer's JSON, is one function here: each visit costs more than most of them.
"""

import functools
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match
from starlette.types import Scope

from nameplate.api import errors
from nameplate.api.deps import Opening, identify, surface
from nameplate.core.errors import Invalid, Problem

NO_CONTENT = 204
_METADATA = re.compile(r"metadata\[[A-Za-z0-9_.-]{1,40}\]")


class ParsedRequest(Request):
    """A request whose body was parsed and checked before: it is not parsed once more."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return what the middleware has read."""
        return self.state.json


class ApiRoute(APIRoute):
    """A route that refuses unknown query parameters and answers inside its transaction."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's own

        super().__init__(path, _in_one_visit(endpoint, options.get("status_code")), **options)
        self._fixed = self.path.partition("{")[0]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether the route is meant; most are told by the beginning of their path."""
        if self._fixed not in scope["path"]:
            return Match.NONE, {}
        return super().matches(scope)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        original = super().get_route_handler()
        known = _query_names(self.dependant)

        async def handler(request: Request) -> Response:
            _check_query(request, known)
            try:
                return await original(ParsedRequest(request.scope, request.receive))
            except RequestValidationError:  # what is wrong is told to known callers only
                await run_in_threadpool(identify, surface(request), request.scope)
                raise

        return handler


def _in_one_visit(endpoint: Callable[..., Any], status: int | None) -> Callable[..., Any]:
    """Return the endpoint with all that happens around it in a thread, its answer's JSON included."""

    @functools.wraps(endpoint)
    def visited(**given: Any) -> Response:  # noqa: ANN401 - values of the request
        name, opening = next(one for one in given.items() if isinstance(one[1], Opening))
        with opening.begin() as call:
            found = endpoint(**{**given, name: call})
            state = opening.request.state
            response = _answer(found, status or 200, getattr(state, "shown", None))
            response.headers.raw.extend(opening.response.headers.raw)
            kept = getattr(state, "kept_body", None) or bytes(response.body).decode()
            state.answer = (response.status_code, kept)
        return response

    return visited


def _answer(
    found: BaseModel | None, status: int, shown: tuple[BaseModel, bytes] | None
) -> Response:
    """Return the answer; `shown` is an object with its JSON, where that is made already."""
    if found is None:
        return Response(None, status) if status == NO_CONTENT else _json(b"null", status)
    if shown is not None and shown[0] is found:
        return _json(shown[1], status)
    return _json(found.__pydantic_serializer__.to_json(found), status)


def _json(content: bytes, status: int) -> Response:
    return Response(content, status, media_type="application/json")


def router(noun: str, **options: Any) -> APIRouter:  # noqa: ANN401 - FastAPI's own options
    """Return the router of one noun below /v1."""
    return APIRouter(
        prefix="/v1",
        route_class=ApiRoute,
        tags=[noun],
        responses=errors.documented(400, 401, 403, 404, 409, 422, 503),
        **options,
    )


def _query_names(dependant: Dependant) -> frozenset[str]:
    names = {param.alias for param in dependant.query_params}
    for below in dependant.dependencies:
        names |= _query_names(below)
    return frozenset(names)


def _check_query(request: Request, known: frozenset[str]) -> None:
    """Raise Invalid `query_unknown` for a parameter that would be ignored."""
    if not request.scope["query_string"]:
        return
    listing = "cursor" in known
    unknown = sorted(
        name
        for name in request.query_params
        if name not in known and not (listing and _METADATA.fullmatch(name))
    )
    if unknown:
        problems = [
            Problem(f"query/{name[:100]}", "query_unknown", "Unknown query parameter.")
            for name in unknown[:10]
        ]
        raise Invalid(
            "query_unknown",
            "The query string has unknown parameters. Remove the ones listed in `errors`.",
            problems,
        )
