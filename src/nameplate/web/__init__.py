"""The web page: what `make web` has built, served beside the API, and what browsers may do with it."""

from nameplate.web.assets import Assets
from nameplate.web.console import API_PATHS, Console, beside

__all__ = ["API_PATHS", "Assets", "Console", "beside"]
