"""Write web/src/api/schema.d.ts, the types of the API for the page: `make web-schema`.

The first line of the file has the digest of the description that it was made from, by which a test
knows without node whether it is stale.
"""

# ruff: noqa: INP001 - a program beside the package

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from nameplate import bootstrap
from nameplate.api.app import create
from nameplate.settings import Settings

WEB = Path(__file__).parents[1] / "web"
TARGET = WEB / "src" / "api" / "schema.d.ts"


def described(home: Path) -> dict[str, Any]:
    """Return the description of the API without prose: what the types depend on."""
    settings = Settings(home=home)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    document = create(bootstrap.sessions(settings), tools).openapi()
    found = _bare({"paths": document["paths"], "components": document["components"]})
    assert isinstance(found, dict)  # noqa: S101 - a mapping stays one
    found["components"].pop("securitySchemes", None)
    return {"openapi": "3.1.0", "info": {"title": "Nameplate", "version": "1"}, **found}


def _bare(node: Any, *, names: bool = False) -> Any:  # noqa: ANN401 - any JSON value
    """Leave out prose, limits of values and answers of errors; `names`: the keys are names."""
    if isinstance(node, list):
        return [_bare(one) for one in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _bare(value) for key, value in node.items()}
    found = {}
    for key, value in node.items():
        if key in _PROSE:
            continue
        if key == "responses":
            found[key] = {
                code: _bare(one) | {"description": ""}
                for code, one in value.items()
                if code.startswith("2")
            }
        else:
            found[key] = _bare(value, names=key in {"properties", "schemas", "paths"})
    return found


_OPTION = "--default-non-nullable=false"
"""What has a default may be left out of a request."""

_PROSE = {
    "description", "example", "examples", "title", "summary", "security", "tags", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum",
}  # fmt: skip


def digest(document: dict[str, Any]) -> str:
    """Return what changes when the types do."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def header(document: dict[str, Any]) -> str:
    """Return the first line of the file."""
    return f"// Written by `make web-schema` from the API's description {digest(document)}.\n"


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as folder:
        document = described(Path(folder))
        source, types = Path(folder, "openapi.json"), Path(folder, "schema.d.ts")
        source.write_text(json.dumps(document))
        program = "node_modules/openapi-typescript/bin/cli.js"
        command = [sys.executable, "build.py", program, str(source), "-o", str(types), _OPTION]
        subprocess.run(command, cwd=WEB, check=True, stdout=subprocess.DEVNULL)
        TARGET.write_text(header(document) + types.read_text())


if __name__ == "__main__":
    main()
