"""The description of the API (OpenAPI 3.1): every answer with an example."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from nameplate.api.errors import documented
from nameplate.api.shapes import ProblemDocument

DESCRIPTION = """The control plane for custom domains: claim, prove, point, secure, serve, watch.

Authenticate with `Authorization: Bearer np_...`. Paths accept an object's id or its natural key, such
as `/v1/domains/shop.example.com`. Every POST accepts an `Idempotency-Key` header, every PATCH an
`If-Match` header. Errors are problem documents (RFC 9457) with a stable `code`.
"""


def install(app: FastAPI) -> None:
    """Make `app` describe itself with problem documents, security and examples."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # FastAPI's documented way


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        description=DESCRIPTION,
        routes=app.routes,
    )
    components = document["components"]
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= problem.pop("$defs")
    components["schemas"]["Problem"] = problem
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["summary"] = _summary(operation["operationId"])
            if path.startswith("/v1/"):
                operation["security"] = [{"bearer": []}]
                operation.setdefault("parameters", []).extend(_headers(method))
                if method == "patch":  # every one understands If-Match
                    operation["responses"]["412"] = documented(412)[412]
            _as_problem(operation["responses"])
            for response in operation["responses"].values():
                _exemplify(response, components["schemas"])
    return document


def _summary(operation_id: str) -> str:
    """Return the operation's name as a title; FastAPI's own is the same for every noun."""
    return operation_id.replace("_", " ").capitalize().replace(" dns ", " DNS ")


def _headers(method: str) -> list[dict[str, Any]]:
    """Return the headers that every operation of this method understands."""
    if method == "post":
        said = "A repeat with the same key within 24 hours has no effect and the same response."
        limits: dict[str, str | int] = {
            "minLength": 1,
            "maxLength": 255,
            "pattern": r"^[\x21-\x7e]+$",
        }
        return [_header("Idempotency-Key", said, "2f1c6a0e-order-17", **limits)]
    if method == "patch":
        said = "ETag of the object as last read. The response is 412 if it has changed since."
        return [_header("If-Match", said, '"9f86d081884c7d659a2feaa0c55ad015"')]
    return []


def _header(name: str, description: str, example: str, **limits: str | int) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string", **limits},
        "example": example,
    }


def _as_problem(responses: dict[str, Any]) -> None:
    """Drop FastAPI's own form of validation errors, which this API never sends."""
    for response in responses.values():
        content = response.get("content", {})
        if "application/problem+json" in content:
            content.pop("application/json", None)


def _exemplify(response: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Copy the example of the answer's schema to the answer, where tools look for it."""
    content = response.get("content", {}).get("application/json")
    if content is None or "example" in content:
        return
    reference = content.get("schema", {}).get("$ref", "")
    schema = schemas.get(reference.rpartition("/")[2], {})
    if "examples" in schema:
        content["example"] = schema["examples"][0]
    elif "next_cursor" in schema.get("properties", {}):
        item = schema["properties"]["data"]["items"]["$ref"].rpartition("/")[2]
        content["example"] = {
            "object": "list",
            "data": schemas[item]["examples"][:1],
            "has_more": False,
            "next_cursor": None,
        }
