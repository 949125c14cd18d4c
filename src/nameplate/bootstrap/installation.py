"""The database and the key ring, for commands that work on them without the API."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy.exc import DatabaseError

from nameplate.adapters import keyring as keyrings
from nameplate.bootstrap.connecting import roots, tools
from nameplate.bootstrap.looks import resolver
from nameplate.bootstrap.store import (
    edge_secret,
    facts,
    keyring,
    prepare,
    ring_source,
    seals,
    sessions,
)
from nameplate.core import edge_tokens
from nameplate.core.actor import PLATFORM
from nameplate.core.egress import EgressPolicy
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import NameplateError
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.remote import clock
from nameplate.settings import Settings
from nameplate.usecases.operations import checkup, installation
from nameplate.usecases.operations.checkup import Finding

if TYPE_CHECKING:
    from nameplate.core.chains import Roots

_UPGRADE = "Run `nameplate db upgrade`, then see the log of the database."


class Installation:
    """The database and the key ring, for commands that work on them without the API."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is opened before it is needed."""
        self._settings = settings

    @property
    def keys_are_ours(self) -> bool:
        """Whether the ring is a file that commands may change, not the environment."""
        return self._settings.keyring is None

    @contextmanager
    def sessions(self, url: str | None) -> Iterator[Sessions]:
        """Connect (lazily) to `url`, or to the database of the settings; disconnect at the end."""
        opened = Sessions(engine(url)) if url else sessions(self._settings)
        try:
            if url:
                installation.check(opened)
            else:
                prepare(self._settings, opened)
            yield opened
        finally:
            opened.dispose()

    def clock(self) -> datetime:
        """Return the time, aware and in UTC."""
        return clock()

    def roots(self) -> "Roots":
        """Return the authorities that visitors trust."""
        return roots(self._settings)

    def presented(self, host: str, address: str, port: int) -> Sequence[bytes]:
        """Return the certificates that a TLS server presents for `host`, each as DER."""
        from nameplate.adapters.http import presented

        return presented.certificates(host, address, port)

    def facts(self) -> dict[str, str]:
        """Return where this process keeps and finds things, without secrets."""
        return facts(self._settings)

    def findings(self, *, over_network: bool) -> list[Finding]:
        """Look at the database, the key ring and what is in the rows; at names `over_network` too.

        What is wrong is a value here, except for settings that cannot be read.
        """
        found = []
        try:
            with self.sessions(None) as opened, opened.begin(PLATFORM, read_only=True) as session:
                found = checkup.of_rows(session)
                if over_network:
                    policy = EgressPolicy(allow=self._settings.egress_allow, deny=())
                    found += checkup.of_names(session, resolver(self._settings, policy))
        except NameplateError as error:
            return [Finding("database", ok=False, message=error.detail)]
        except DatabaseError:
            message = "The database does not answer as expected."
            return [Finding("database", ok=False, message=message, fix=_UPGRADE)]
        try:
            self.keyring()
        except NameplateError as error:
            return [*found, Finding("keyring", ok=False, message=error.detail)]
        if over_network and self._settings.challenge_zone is not None:
            found += self._challenge_zone()
        told = facts(self._settings)
        return [
            Finding("database", ok=True, message=f"{told['database']} answers."),
            Finding("keyring", ok=True, message=f"The key ring is {told['keyring']}."),
            *found,
        ]

    def _challenge_zone(self) -> list[Finding]:
        from nameplate.usecases.certificates import challenge_zone

        with self.sessions(None) as opened:
            return challenge_zone.check(opened, tools(self._settings, self.keyring()))

    def keyring(self) -> KeyRing:
        """Load the key ring."""
        return keyring(self._settings)

    def add_key(self) -> KeyRing:
        """Put a new primary key into the file and return the ring."""
        return keyrings.add_key(self._settings.keyring_path)

    def drop_keys(self, key_ids: Collection[str]) -> KeyRing:
        """Remove these keys from the file, but never the primary, and return the ring."""
        return keyrings.drop_keys(self._settings.keyring_path, key_ids)

    def edge_token(self, server: str) -> Secret:
        """Return what the proxy of a server, by its id, sends to fetch its configuration."""
        return edge_tokens.token(edge_secret(self._settings), server)

    def first_key(self) -> KeyRing:
        """Make the key file with one key, where no secret is sealed yet, and return the ring."""
        path = self._settings.keyring_path
        if not path.exists() and seals(self._settings):
            return keyrings.load(path, None)  # says that it is missing
        return keyrings.first(path)

    @property
    def ring_source(self) -> str:
        """Where the key ring comes from, for messages."""
        return ring_source(self._settings)
