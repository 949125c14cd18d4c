"""The control plane for custom domains: claim, prove, point, secure, serve, watch.

What a program that embeds Nameplate uses is here, and is imported when it is first used: a worker has
no web framework in memory, and a command line starts fast (ADR 12).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nameplate import usecases
    from nameplate.api.app import create as create_app
    from nameplate.bootstrap import keyring, sessions, tools
    from nameplate.core.actor import PLATFORM, Actor
    from nameplate.core.errors import NameplateError
    from nameplate.core.secret import Secret
    from nameplate.db import Sessions
    from nameplate.edge import create as create_edge
    from nameplate.settings import Settings
    from nameplate.usecases.operations.schema import upgrade
    from nameplate.usecases.tools import Tools
    from nameplate.worker.loop import Worker

__all__ = [
    "PLATFORM",
    "Actor",
    "NameplateError",
    "Secret",
    "Sessions",
    "Settings",
    "Tools",
    "Worker",
    "__version__",
    "create_app",
    "create_edge",
    "keyring",
    "sessions",
    "tools",
    "upgrade",
    "usecases",
]

__version__ = "0.1.0"

_PLACES = {
    "PLATFORM": ("core.actor", "PLATFORM"),
    "Actor": ("core.actor", "Actor"),
    "NameplateError": ("core.errors", "NameplateError"),
    "Secret": ("core.secret", "Secret"),
    "Sessions": ("db", "Sessions"),
    "Settings": ("settings", "Settings"),
    "Tools": ("usecases.tools", "Tools"),
    "Worker": ("worker.loop", "Worker"),
    "create_app": ("api.app", "create"),
    "create_edge": ("edge", "create"),
    "keyring": ("bootstrap", "keyring"),
    "sessions": ("bootstrap", "sessions"),
    "tools": ("bootstrap", "tools"),
    "upgrade": ("usecases.operations.schema", "upgrade"),
}
"""The module of each name, below this package, and what the name is called there."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the checker reads the imports above
    """Import what is asked for (PEP 562)."""
    if name == "usecases":
        return import_module("nameplate.usecases")
    if name not in _PLACES:
        raise AttributeError(f"module 'nameplate' has no attribute {name!r}")
    module, found = _PLACES[name]
    return getattr(import_module(f"nameplate.{module}"), found)


def __dir__() -> list[str]:
    """Return what there is, imported or not."""
    return sorted({*globals(), *__all__})
