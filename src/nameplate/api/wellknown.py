"""What the whole Internet may ask: answers to http-01 challenges, and the page of what is down."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from nameplate.api.deps import surface
from nameplate.core import maintenance
from nameplate.usecases.certificates import reachability

routes = APIRouter(tags=["public"], default_response_class=PlainTextResponse)


@routes.get(
    "/.well-known/acme-challenge/{token}",
    operation_id="answer_challenge",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/plain": {"example": "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"}}},
        404: {"content": {"text/plain": {"example": "not found"}}},
    },
)  # fmt: skip
def answer_challenge(
    request: Request, token: str, host: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """Answer an http-01 challenge for this host (RFC 8555 section 8.3), or our own look at the path."""
    here = surface(request)
    found = reachability.presented(here.sessions, here.tools.keyring, host, token)
    if found is None:
        return PlainTextResponse("not found", 404)
    return PlainTextResponse(found)


@routes.get(
    maintenance.PATH,
    operation_id="answer_unavailable",
    response_class=HTMLResponse,
    status_code=maintenance.STATUS,
    include_in_schema=False,
)
def answer_unavailable() -> Response:
    """Answer in the place of an application that is down, for a proxy without a page of its own."""
    again = {"Retry-After": maintenance.RETRY_AFTER}
    return HTMLResponse(maintenance.PAGE, maintenance.STATUS, again)
