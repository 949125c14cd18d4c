"""The routes' own class: query strings are strict, and answers are kept for repeated requests."""

import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from nameplate.api import errors
from nameplate.core.errors import Invalid, Problem

_METADATA = re.compile(r"metadata\[[A-Za-z0-9_.-]{1,40}\]")


class ParsedRequest(Request):
    """A request whose body was parsed and checked before: it is not parsed once more."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return what the middleware has read."""
        return self.state.json


class ApiRoute(APIRoute):
    """A route that refuses unknown query parameters and hands its answer to the transaction."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler, inside the scope that commits the transaction."""
        original = super().get_route_handler()
        known = _query_names(self.dependant)

        async def handler(request: Request) -> Response:
            _check_query(request, known)
            response = await original(ParsedRequest(request.scope, request.receive))
            body = getattr(request.state, "kept_body", None) or bytes(response.body).decode()
            request.state.answer = (response.status_code, body)
            return response

        return handler


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
