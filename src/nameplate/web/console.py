"""The console: one page for every address that is not the API's, under a policy without exceptions."""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from nameplate.core.errors import Unavailable
from nameplate.web.assets import INDEX, Asset, Assets

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

API_PATHS = (
    "/v1/", "/setup/", "/errors/", "/edge/", "/agent/", "/.well-known/",
    "/openapi.json", "/healthz", "/readyz", "/metrics",
)  # fmt: skip
"""Where the API answers: a whole path, or all that begins with one that ends in a slash."""
SHARED = "nameplate-elements.js"
"""The one file that pages of others load."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types vue"
)
"""Scripts and styles come from files of this host only; a text becomes markup nowhere."""
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",  # `no-referrer` would take `Origin` from forms, too
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_OTHERS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_FOREVER, _ASKED = "public, max-age=31536000, immutable", "no-cache"
_FILES, _NAMES = "assets/", "domains/"
_OK, _NOT_MODIFIED, _NOT_FOUND, _UNAVAILABLE = 200, 304, 404, 503


class Console:
    """The ASGI application of the page and its files."""

    def __init__(self, assets: Assets | None = None) -> None:
        """Serve these files, or those that the package has."""
        self._assets = assets or Assets()

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one GET or HEAD."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            name, found = self._found(_path(scope))
        except Unavailable as error:
            await _missing(scope, headers, send, error)
            return
        if found is None:
            fields = dict(_HEADERS) | {"Content-Type": "text/plain", "Cache-Control": _ASKED}
            await _send(scope, send, _NOT_FOUND, fields, b"There is no such file.\n")
            return
        fields = dict(_HEADERS)
        if name == SHARED:
            fields |= _OTHERS
        fields["Cache-Control"] = _FOREVER if found.is_immutable else _ASKED
        fields |= {"ETag": found.etag, "Vary": "Accept-Encoding"}
        known = [one.strip() for one in headers.get(b"if-none-match", "").split(",")]
        if found.etag in known or f"W/{found.etag}" in known:
            await _send(scope, send, _NOT_MODIFIED, fields, b"")
            return
        fields["Content-Type"] = found.kind
        body = found.content
        if found.compressed is not None and _takes_gzip(headers.get(b"accept-encoding", "")):
            body = found.compressed
            fields["Content-Encoding"] = "gzip"
        await _send(scope, send, _OK, fields, body)

    def _found(self, path: str) -> tuple[str, Asset | None]:
        """Return the file that is asked for; every other address is one of the page's own.

        Raises Unavailable `web_assets_missing`.
        """
        if not self._assets.are_built:
            raise Unavailable(
                "web_assets_missing",
                "The web page is not built. Run `make web`, or install a released package. The API works.",
            )
        name = path.removeprefix("/")
        found = self._assets.get(name)
        is_page = "." not in name.rpartition("/")[2] or name.startswith(_NAMES)
        if found is None and is_page and not name.startswith(_FILES):
            return INDEX, self._assets.get(INDEX)
        return name, found


def beside(console: ASGIApp, api: ASGIApp) -> ASGIApp:
    """Return an application that gives what is the API's to the API, and shows the page elsewhere."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        shown = scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}
        await (console if shown and not is_api(_path(scope)) else api)(scope, receive, send)

    return dispatch


def is_api(path: str) -> bool:
    """Tell whether the API answers at a path."""
    return any(
        path.startswith(one) or path == one.rstrip("/") if one.endswith("/") else path == one
        for one in API_PATHS
    )


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _takes_gzip(accepted: str) -> bool:
    for one in accepted.split(","):
        name, _, quality = one.partition(";")
        if name.strip().lower() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


async def _missing(
    scope: Scope, headers: Mapping[bytes, str], send: Send, error: Unavailable
) -> None:
    """Say what to do: in a sentence to a person, as a problem document (RFC 9457) to a program."""
    document = {
        "type": f"/errors/{error.code}",
        "title": "Service Unavailable",
        "status": _UNAVAILABLE,
        "detail": error.detail,
        "code": error.code,
    }
    fields = dict(_HEADERS) | {"Cache-Control": "no-store", "Retry-After": "60"}
    if "text/html" in headers.get(b"accept", ""):
        fields["Content-Type"] = "text/plain; charset=utf-8"
        body = f"{error.detail}\n\n{error.code}\n".encode()
    else:
        fields["Content-Type"] = "application/problem+json"
        body = json.dumps(document).encode()
    await _send(scope, send, _UNAVAILABLE, fields, body)


async def _send(
    scope: Scope, send: Send, status: int, fields: Mapping[str, str], body: bytes
) -> None:
    raw = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    if status != _NOT_MODIFIED:
        raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
