"""What an error code means: where every `doc_url` leads, for programs and for browsers."""

import re
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header
from starlette.responses import HTMLResponse, JSONResponse, Response

from nameplate.api.errors import documented

if TYPE_CHECKING:
    from nameplate.core.error_catalogue import Entry

routes = APIRouter(tags=["public"])

_QUOTED = re.compile(r"`([^`]+)`")
_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Vary": "Accept",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{code} - Nameplate</title>
</head>
<body>
<h1><code>{code}</code></h1>
<p>{title}</p>
<h2>What to do</h2>
<p>{fix}</p>
<p>Who acts next: {turn}.{statuses}</p>
</body>
</html>
"""
_EXAMPLE = {
    "object": "error_code",
    "type": "/errors/domain_exists",
    "code": "domain_exists",
    "turn": "you",
    "title": "The organization has already added this name.",
    "fix": "Use the domain that exists, or remove it first.",
    "statuses": [409],
}


@routes.get(
    "/errors/{code}",
    operation_id="explain_error",
    response_class=JSONResponse,
    responses={
        200: {
            "content": {
                "application/json": {"example": _EXAMPLE},
                "text/html": {"example": "<!doctype html>..."},
            }
        },
        **documented(404),
    },
)
def explain_error(
    code: str, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response:
    """Explain an error code and what to do, as JSON or as a page for browsers."""
    from nameplate.core import error_catalogue  # noqa: PLC0415 - whoever asks pays for the texts

    entry = error_catalogue.explain(code)
    if _wants_page(accept):
        return HTMLResponse(_page(code, entry), headers=_HEADERS)
    found = {"object": "error_code", "type": f"/errors/{code}", "code": code, **asdict(entry)}
    return JSONResponse(found, headers=_HEADERS)


def _wants_page(accept: str) -> bool:
    """Tell whether HTML is named before JSON, as every browser does and no program."""
    kinds = [kind.partition(";")[0].strip().lower() for kind in accept.split(",")]
    named = [kind for kind in kinds if kind in {"text/html", "application/json"}]
    return named[:1] == ["text/html"]


def _page(code: str, entry: "Entry") -> str:
    statuses = ", ".join(str(status) for status in entry.statuses)
    return _PAGE.format(
        code=escape(code),
        title=_html(entry.title),
        fix=_html(entry.fix),
        turn=entry.turn,
        statuses=f" HTTP status: {statuses}." if statuses else "",
    )


def _html(text: str) -> str:
    return _QUOTED.sub(r"<code>\1</code>", escape(text, quote=False))
