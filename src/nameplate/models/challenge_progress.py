"""How far the challenges of an order are: the JSON of `acme_challenge_data` as a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ChallengeProgress:
    """What was presented for the order being worked on, and for what the authority was told so."""

    account_id: int | None = None
    """The account at the authority with which the order was made, or tried."""
    presented: frozenset[str] = frozenset()
    """URLs of the challenges whose answers stand ready."""
    responded: frozenset[str] = frozenset()
    """URLs of the challenges that the authority was asked to look at."""
    addresses: tuple[str, ...] = ()
    """While there is no order: where a host leads instead of here, or the CAA records that forbid it."""
    records: tuple[str, ...] = ()
    """Records that its owner must publish before anything is ordered."""
    thumbprint: str = ""
    """Of the account's key that the answers were made with (RFC 8555 section 8.1)."""
    reason: str = ""
    """Why that account was chosen, in words for a person."""
    waiting_since: datetime | None = None
    """Since when the authority is waited for."""
    names: tuple[str, ...] = ()
    """What the order is for, where that is not what the certificate covers."""

    def as_json(self) -> dict[str, Any]:
        """Return what goes into the column."""
        found: dict[str, Any] = {
            "account_id": self.account_id,
            "presented": sorted(self.presented),
            "responded": sorted(self.responded),
        }
        more = {
            "addresses": list(self.addresses),
            "records": list(self.records),
            "reason": self.reason,
            "names": list(self.names),
            "thumbprint": self.thumbprint,
            "waiting_since": self.waiting_since and self.waiting_since.isoformat(),
        }
        return found | {name: value for name, value in more.items() if value}

    @classmethod
    def from_json(cls, document: Any) -> Self | None:  # noqa: ANN401 - whatever stands there
        """Return the progress, None when there is none."""
        if not isinstance(document, dict):
            return None
        account = document.get("account_id")
        return cls(
            account if isinstance(account, int) else None,
            presented=_urls(document.get("presented")),
            responded=_urls(document.get("responded")),
            addresses=tuple(_texts(document.get("addresses"))),
            records=tuple(_texts(document.get("records"))),
            reason=str(document.get("reason") or ""),
            names=tuple(_texts(document.get("names"))),
            thumbprint=str(document.get("thumbprint") or ""),
            waiting_since=_moment(document.get("waiting_since")),
        )


def _moment(value: Any) -> datetime | None:  # noqa: ANN401 - whatever stands there
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def _urls(value: Any) -> frozenset[str]:  # noqa: ANN401 - whatever stands there
    return frozenset(_texts(value))


def _texts(value: Any) -> Iterable[str]:  # noqa: ANN401 - whatever stands there
    return map(str, value if isinstance(value, list) else ())
