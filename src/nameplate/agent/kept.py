"""The agent's own copy of the last good state: sealed with a key of its token, mode 0600."""

import contextlib
import json
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nameplate.agent.channel import read_state
from nameplate.core import agent_protocol as protocol
from nameplate.core import value_codec
from nameplate.core.errors import Refused
from nameplate.core.secret import Secret
from nameplate.ports.agents import AgentState

_MAGIC = b"nameplate-agent-1\n"
_NONCE_BYTES = 12


class KeptState:
    """One file. Who has another token, or none, cannot read it, nor put another in its place."""

    def __init__(self, path: Path, token: Secret) -> None:
        """Keep the state in the file `path`."""
        self._path = path
        self._cipher = AESGCM(protocol.copy_key(token))

    def read(self) -> AgentState | None:
        """Return the state, None when none is kept.

        Raises Refused `copy_unreadable` for one that another token sealed or that was changed.
        """
        try:
            found = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(str(error.strerror)) from None
        body = found.removeprefix(_MAGIC)
        nonce, sealed = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
        try:
            plain = self._cipher.decrypt(nonce, sealed, _MAGIC)
        except (InvalidTag, ValueError):
            raise self._unreadable("another token sealed it, or it was changed") from None
        return read_state(plain)

    def write(self, state: AgentState) -> None:
        """Replace the copy in one step. Raises Refused `copy_unwritable`."""
        plain = json.dumps(value_codec.encoded(state), separators=(",", ":")).encode()
        nonce = secrets.token_bytes(_NONCE_BYTES)
        content = _MAGIC + nonce + self._cipher.encrypt(nonce, plain, _MAGIC)
        fresh = self._path.with_name(f".{self._path.name}.new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                fresh.unlink()
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise Refused(
                "copy_unwritable",
                f"The agent cannot keep its copy at {self._path}: {error.strerror}. Without it nothing new is "
                "served: it would be forgotten with a restart.",
            ) from None

    def forget(self) -> None:
        """Remove the copy."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    def _unreadable(self, why: str) -> Refused:
        return Refused("copy_unreadable", f"The agent's copy at {self._path} is not used: {why}.")
