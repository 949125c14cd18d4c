"""Methods of the specification for which no plug-in is installed."""

from collections.abc import Sequence
from typing import NoReturn

from nameplate.core.errors import Refused
from nameplate.ports.verification import ProofScope


class NotAvailable:
    """Refuses to instruct and to check with `Refused("method_not_available")`."""

    scope = ProofScope.EXACT

    def __init__(self, method: str, available: Sequence[str]) -> None:
        """Refuse `method`, and name the `available` ones instead."""
        self._method = method
        self._available = available

    def instruct(self, name: str, token: str) -> NoReturn:  # noqa: ARG002  # the port's signature
        """Refuse."""
        self._refuse()

    def check(self, name: str, token: str) -> NoReturn:  # noqa: ARG002  # the port's signature
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Refused(
            "method_not_available",
            f"The method {self._method} is not available. Use {' or '.join(self._available)}.",
        )
