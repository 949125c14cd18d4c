"""The page: files that `make web` builds, served beside the API without a look into the database."""

from pathlib import Path

from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
MISSING = "The page is not built. Run `make web` in a checkout, or install the released wheel."
_PLACES = frozenset(
    {"", "domains", "certificates", "bindings", "registrations", "applications", "servers"}
    | {"accounts", "tokens", "events", "invitation", "sign-in"}
)
"""First parts of the console's own addresses."""
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; trusted-types vue; "
        "require-trusted-types-for 'script'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-cache"}


def beside(api: ASGIApp, folder: Path = STATIC) -> ASGIApp:
    """Return an application that serves the page in `folder`, and whatever else by `api`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        answer = _answer(scope, folder) if scope["type"] == "http" else None
        await (api if answer is None else answer)(scope, receive, send)

    return application


def _answer(scope: Scope, folder: Path) -> Response | None:
    """Return the file that a path means, None when it is none of the page's."""
    path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix("/")
    if scope["method"] not in {"GET", "HEAD"}:
        return None
    if path == "nameplate-elements.js":
        headers = {**_FRESH, "Access-Control-Allow-Origin": "*"}
        return _file(folder / path, headers)
    if path.startswith("assets/") and "/" not in path[7:]:
        return _file(folder / path, _FOREVER)
    if path.partition("/")[0] in _PLACES:
        return _file(folder / "index.html", _FRESH)
    return None


def _file(path: Path, headers: dict[str, str]) -> Response:
    if path.is_file():
        return FileResponse(path, headers={**_HEADERS, **headers})
    if path.parent.is_dir():
        return PlainTextResponse("There is no such file.", 404, headers=_HEADERS)
    return PlainTextResponse(MISSING, 503, headers=_HEADERS)
