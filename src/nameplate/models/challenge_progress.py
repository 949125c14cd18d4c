"""How far the challenges of an order are: the JSON of `acme_challenge_data` as a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ChallengeProgress:
    """What was presented for the order being worked on, and for what the authority was told so."""

    account_id: int | None = None
    """The account at the authority with which the order was made."""
    presented: frozenset[str] = frozenset()
    """URLs of the challenges whose answers stand ready."""
    responded: frozenset[str] = frozenset()
    """URLs of the challenges that the authority was asked to look at."""

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        return {
            "account_id": self.account_id,
            "presented": sorted(self.presented),
            "responded": sorted(self.responded),
        }

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the progress, None when there is none."""
        if not isinstance(document, dict):
            return None
        account = document.get("account_id")
        return cls(
            account if isinstance(account, int) else None,
            _urls(document.get("presented")),
            _urls(document.get("responded")),
        )


def _urls(value: Any) -> frozenset[str]:  # noqa: ANN401 - whatever stands there
    found: Iterable[Any] = value if isinstance(value, list) else ()
    return frozenset(map(str, found))
