"""The vendors' own descriptions of their answers, read where the shared test data is."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "providers"


def require(vendor: str) -> Path:
    """Return the folder of a vendor's data; skip the test when it is not on this machine."""
    folder = FOLDER / vendor
    if not folder.is_dir():
        pytest.skip(f"{vendor}: the vendor's schemas are not in ../shared/data/providers")
    return folder


@cache
def cloudflare(name: str) -> jsonschema.Draft202012Validator:
    """Return the validator of one type of the official SDK."""
    path = FOLDER / "cloudflare-sdk-schema" / f"{name}.json"
    return jsonschema.Draft202012Validator(json.loads(path.read_text()))


@cache
def cloudflare_definition(name: str, definition: str) -> jsonschema.Draft202012Validator:
    """Return the validator of one definition inside such a schema."""
    path = FOLDER / "cloudflare-sdk-schema" / f"{name}.json"
    whole = json.loads(path.read_text())
    return jsonschema.Draft202012Validator(
        {"$defs": whole["$defs"], "$ref": f"#/$defs/{definition}"}
    )


_MESSAGES = {
    "type": "array",
    "uniqueItems": True,
    "items": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "integer", "minimum": 1000},
            "message": {"type": "string"},
            "documentation_url": {"type": "string"},
            "source": {"type": "object", "properties": {"pointer": {"type": "string"}}},
        },
    },
}
_NUMBERS = ("count", "page", "per_page", "total_count", "total_pages")


@cache
def cloudflare_envelope(*, success: bool) -> jsonschema.Draft202012Validator:
    """Return the validator of what is around every result, which the SDK's types leave out.

    As Cloudflare's OpenAPI has it (github.com/cloudflare/api-schemas): the schemas
    `dns-records_api-response-common`, `-common-failure` and `-collection`.
    """
    properties: dict[str, Any] = {
        "success": {"const": success},
        "errors": _MESSAGES,
        "messages": _MESSAGES,
        "result_info": {
            "type": "object",
            "properties": {key: {"type": "number"} for key in _NUMBERS},
        },
    }
    required = ["errors", "messages", "success"]
    if not success:
        properties["result"] = {"const": None}
        required.append("result")
    return jsonschema.Draft202012Validator(
        {"type": "object", "required": required, "properties": properties}
    )


CLOUDFLARE_SSL = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "required": ["id", "value"],
        "properties": {
            "id": {"const": "ssl"},
            "value": {"enum": ["off", "flexible", "full", "strict", "origin_pull"]},
            "editable": {"type": "boolean"},
            "modified_on": {"type": ["string", "null"]},
        },
    }
)
"""A zone's setting `ssl`, as Cloudflare's SDK has it (`zones.SSL`); it is not among the shared schemas."""
_TEXT, _NUMBER = {"type": ["string", "null"]}, {"type": ["number", "null"]}
CLOUDFLARE_DNSSEC = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "status": {"enum": ["active", "pending", "disabled", "pending-disabled", "error"]},
            "flags": _NUMBER,
            "key_tag": _NUMBER,
            "modified_on": _TEXT,
            **dict.fromkeys(
                ("algorithm", "digest", "digest_algorithm", "digest_type", "ds", "key_type"), _TEXT
            ),
            "public_key": _TEXT,
            "dnssec_multi_signer": {"type": "boolean"},
            "dnssec_presigned": {"type": "boolean"},
            "dnssec_use_nsec3": {"type": "boolean"},
        },
    }
)
"""A zone's signing, as Cloudflare's SDK has it (`dns.DNSSEC`); it is not among the shared schemas."""
_HUNDRED = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 100}
CLOUDFLARE_PURGE = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {"hosts": _HUNDRED, "files": _HUNDRED},
    }
)
"""Purges by host and by address, as Cloudflare's SDK has them (`cache.CachePurgeParams`), with the most
operations that the documentation allows on every plan."""


@cache
def digitalocean(place: str) -> jsonschema.Draft4Validator:
    """Return the validator of the JSON that a file (and `#/pointer`) of the OpenAPI describes."""
    root = FOLDER / "digitalocean-openapi" / "specification"
    name, _, pointer = place.partition("#")
    described = _resolved(root / name, pointer)
    content = described.get("content")
    return jsonschema.Draft4Validator(
        content["application/json"]["schema"] if content else described
    )


@cache
def _document(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _resolved(path: Path, pointer: str = "") -> Any:
    """Return a part of an OpenAPI file with every `$ref` filled in."""
    node = _document(path)
    for word in filter(None, pointer.split("/")):
        node = node[word]
    return _filled(node, path)


def _filled(node: Any, path: Path) -> Any:
    if isinstance(node, list):
        return [_filled(one, path) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name, _, pointer = node["$ref"].partition("#")
        return _resolved((path.parent / name).resolve() if name else path, pointer)
    filled = {
        key: _filled(value, path)
        for key, value in node.items()
        if key not in {"example", "examples", "headers", "description"}
    }
    if filled.pop("nullable", False):  # OpenAPI 3.0 has it where JSON Schema has a type
        filled["type"] = [filled["type"], "null"]
    return filled
