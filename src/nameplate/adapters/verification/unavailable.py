"""Methods that cannot be used: no plug-in is installed, or the operator must set up something."""

from collections.abc import Sequence
from typing import NoReturn

from nameplate.core.errors import Refused
from nameplate.ports.verification import ProofScope


class NotAvailable:
    """Refuses to instruct and to check with `Refused("method_not_available")`."""

    scope = ProofScope.EXACT

    def __init__(self, method: str, available: Sequence[str], lacking: str | None = None) -> None:
        """Refuse `method`, and name the `available` ones instead; say what the operator must do."""
        self._method = method
        self._available = available
        self._lacking = "" if lacking is None else f": the operator must {lacking}"

    def instruct(self, name: str, token: str) -> NoReturn:  # noqa: ARG002  # the port's signature
        """Refuse."""
        self._refuse()

    def check(self, name: str, token: str) -> NoReturn:  # noqa: ARG002  # the port's signature
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Refused(
            "method_not_available",
            f"The method {self._method} is not available{self._lacking}. "
            f"Use {' or '.join(self._available)}.",
        )
