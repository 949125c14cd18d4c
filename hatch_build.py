"""What the wheel needs beside Python: the page, built with node when the wheel is built.

An editable installation is built without it (`make web` builds it then), and so is everything with
`NAMEPLATE_SKIP_WEB` set. A source archive brings the page with it.
"""

import importlib.util
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILDER = Path(__file__).parent / "web" / "build.py"


def builder() -> ModuleType | None:
    """Return the program that builds the page, None where there is nothing to build it from."""
    if not BUILDER.exists() or os.environ.get("NAMEPLATE_SKIP_WEB"):
        return None
    spec = importlib.util.spec_from_file_location("nameplate_web_build", BUILDER)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PageBuildHook(BuildHookInterface[Any]):
    """Builds the page before its files are collected."""

    def dependencies(self) -> list[str]:
        """Ask for node when something has to be built."""
        found = builder()
        return [] if found is None or found.is_fresh() else [found.NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, unless the installation is editable."""
        del build_data
        found = builder()
        if found is not None and version != "editable":
            found.build()
