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
    addresses: tuple[str, ...] = ()
    """While there is no order because a host does not lead here: where it leads instead."""
    records: tuple[str, ...] = ()
    """Records that its owner must publish before anything is ordered."""

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        found: dict[str, Any] = {
            "account_id": self.account_id,
            "presented": sorted(self.presented),
            "responded": sorted(self.responded),
        }
        seen = {"addresses": self.addresses, "records": self.records}
        return found | {name: list(values) for name, values in seen.items() if values}

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
            tuple(_texts(document.get("addresses"))),
            tuple(_texts(document.get("records"))),
        )


def _urls(value: Any) -> frozenset[str]:  # noqa: ANN401 - whatever stands there
    return frozenset(_texts(value))


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401 - whatever stands there
    return map(str, value if isinstance(value, list) else ())
