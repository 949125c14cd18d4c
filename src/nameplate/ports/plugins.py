"""What every plug-in says of itself: its title, its settings, its credentials."""

from dataclasses import dataclass
from typing import Any

from nameplate.core.configuration import Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One provider, authority, proxy or proof method, as an entry point names it.

    The class for each group is beside its port and adds `connect`.
    """

    title: str
    """What people call it."""
    configuration: type[Any]
    """A frozen dataclass whose fields are made by `setting` (`nameplate.core.configuration`)."""
    credentials: tuple[Credential, ...] = ()
    takes_other_credentials: bool = False
    """The platform, and no tenant, may give credentials under other names too."""
