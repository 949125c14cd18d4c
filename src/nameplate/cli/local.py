"""What commands need that work on the database and the key ring themselves, not through the API."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret

if TYPE_CHECKING:
    from nameplate.core.chains import Roots

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="URL of the database, for a role that sees every organization. Default: from the "
        "settings. Put a password in NAMEPLATE_SYSTEM_DATABASE_URL, not in the command.",
    ),
]


class LocalFinding(Protocol):
    """One thing that was looked at; what it is, is known where the database is."""

    @property
    def subject(self) -> str:
        """What was looked at."""
        ...

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        ...

    @property
    def message(self) -> str:
        """What was found, in one sentence."""
        ...

    @property
    def fix(self) -> str:
        """What to do; empty when there is nothing to do."""
        ...


class Local(Protocol):
    """The database and the key ring of the settings."""

    @property
    def keys_are_ours(self) -> bool:
        """Whether the ring is a file that commands may change, not the environment."""
        ...

    def sessions(self, url: str | None) -> AbstractContextManager[Any]:
        """Connect (lazily) to `url`, or to the database of the settings; disconnect at the end.

        What it yields are `Sessions`, whose import would slow `--help` down.
        """
        ...

    def clock(self) -> datetime:
        """Return the time, aware and in UTC."""
        ...

    def roots(self) -> "Roots":
        """Return the authorities that visitors trust."""
        ...

    def presented(self, host: str, address: str, port: int) -> Sequence[bytes]:
        """Return the certificates that a TLS server presents for `host`, each as DER."""
        ...

    def facts(self) -> Mapping[str, str]:
        """Return where this process keeps and finds things, without secrets."""
        ...

    def findings(self, *, over_network: bool) -> Sequence[LocalFinding]:
        """Look at the database, the key ring and what is in the rows; at names `over_network` too."""
        ...

    def keyring(self) -> KeyRing:
        """Load the key ring."""
        ...

    def add_key(self) -> KeyRing:
        """Put a new primary key into the file and return the ring."""
        ...

    def drop_keys(self, key_ids: Collection[str]) -> KeyRing:
        """Remove these keys from the file, but never the primary, and return the ring."""
        ...

    def edge_token(self, server: str) -> Secret:
        """Return what the proxy of a server, by its id, sends to fetch its configuration."""
        ...

    def first_key(self) -> KeyRing:
        """Make the key file with one key, where no secret is sealed yet, and return the ring."""
        ...

    @property
    def ring_source(self) -> str:
        """Where the key ring comes from, for messages."""
        ...


_connect: list[Callable[[], Local]] = []


def provide(connect: Callable[[], Local]) -> None:
    """Say where commands find the database and the key ring; done once, at the start."""
    _connect[:] = [connect]


def local() -> Local:
    """Return the database and the key ring of the settings."""
    if not _connect:
        raise Refused("not_local", "This command works only on the machine that has the database.")
    return _connect[0]()
