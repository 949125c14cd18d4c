"""Settings to a running Nameplate: the only package that names a concrete adapter."""

from nameplate.bootstrap.connecting import tools
from nameplate.bootstrap.installation import Installation
from nameplate.bootstrap.looks import vantage
from nameplate.bootstrap.store import (
    collect_rarely,
    edge_secret,
    facts,
    keyring,
    prepare,
    ready,
    ring_source,
    sessions,
)

__all__ = [
    "Installation",
    "collect_rarely",
    "edge_secret",
    "facts",
    "keyring",
    "prepare",
    "ready",
    "ring_source",
    "sessions",
    "tools",
    "vantage",
]
