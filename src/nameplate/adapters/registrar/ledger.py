"""What the sandbox registrar remembers: names, operations and charges, in a file or in memory."""

import fcntl
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from nameplate.core.delegation_signing import Ds
from nameplate.core.money import Money
from nameplate.ports.registrar import (
    Act,
    Operation,
    OperationState,
    Registration,
    RegistrationState,
)

_MOMENTS = frozenset({"registered_at", "expires_at", "started_at", "ends_at", "until", "at"})


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that was taken."""

    name: str
    act: Act
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """An operation: what it does when its time has come."""

    id: str
    act: Act
    name: str
    years: int
    amount: int
    started_at: datetime
    ends_at: datetime
    fails: bool = False
    state: OperationState = OperationState.IN_PROGRESS

    def told(self, currency: str) -> Operation:
        """Return it as the port has it."""
        return Operation(
            self.state,
            self.id,
            self.act,
            self.name,
            self.started_at,
            order_id=f"order-{self.id}",
            transaction_id=f"transaction-{self.id}",
            charged=Money(self.amount, currency),
            detail="The registry refused it." if self.state is OperationState.FAILED else "",
        )


@dataclass(frozen=True, slots=True)
class Stale:
    """What reading shows of a name until a moment, although it has changed."""

    until: datetime
    shown: Registration | None


@dataclass
class Ledger:
    """All of it at one moment."""

    names: dict[str, Registration] = field(default_factory=dict)
    operations: dict[str, Pending] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    stale: dict[str, Stale] = field(default_factory=dict)
    ds: dict[str, list[Ds]] = field(default_factory=dict)
    played: list[str] = field(default_factory=list)
    """Faults that were played once."""
    contacts: dict[str, str] = field(default_factory=dict)
    """Of each name a digest of its contact: nothing that says who that is."""
    under_way: dict[str, Pending] = field(default_factory=dict)
    """Of each name the operation that goes on; it is among the operations too."""

    def __post_init__(self) -> None:
        """Find what goes on among the operations."""
        for one in self.operations.values():
            self.keep(one)

    def keep(self, one: Pending) -> None:
        """Keep an operation as it is now."""
        self.operations[one.id] = one
        if one.state is OperationState.IN_PROGRESS:
            self.under_way[one.name] = one
        elif one.name in self.under_way and self.under_way[one.name].id == one.id:
            del self.under_way[one.name]

    def as_json(self) -> str:
        """Return it as text."""
        return json.dumps(
            {
                "names": {key: _plain(one) for key, one in self.names.items()},
                "operations": {key: _plain(one) for key, one in self.operations.items()},
                "charges": [_plain(one) for one in self.charges],
                "stale": {
                    key: {
                        "until": one.until.isoformat(),
                        "shown": None if one.shown is None else _plain(one.shown),
                    }
                    for key, one in self.stale.items()
                },
                "ds": {key: [_plain(one) for one in all_] for key, all_ in self.ds.items()},
                "played": self.played,
                "contacts": self.contacts,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Ledger":
        """Read what `as_json` wrote."""
        found = json.loads(text)
        return cls(
            {key: _registration(one) for key, one in found["names"].items()},
            {key: _pending(one) for key, one in found["operations"].items()},
            [Charge(**{**_moments(one), "act": Act(one["act"])}) for one in found["charges"]],
            {
                key: Stale(
                    datetime.fromisoformat(one["until"]),
                    None if one["shown"] is None else _registration(one["shown"]),
                )
                for key, one in found["stale"].items()
            },
            {key: [Ds(**one) for one in all_] for key, all_ in found["ds"].items()},
            found["played"],
            found.get("contacts", {}),
        )


def _plain(value: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the dataclasses here
    found = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {
        name: one.isoformat() if isinstance(one, datetime) else one for name, one in found.items()
    }


def _moments(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value else value
        for name, value in found.items()
    }


def _registration(found: dict[str, Any]) -> Registration:
    given = _moments(found)
    made = Registration(**{**given, "state": RegistrationState(given["state"])})
    return replace(made, name_servers=tuple(made.name_servers), statuses=tuple(made.statuses))


def _pending(found: dict[str, Any]) -> Pending:
    given = _moments(found)
    return Pending(**{**given, "act": Act(given["act"]), "state": OperationState(given["state"])})


class LedgerStore:
    """One ledger that threads share, and processes where it is a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._ledger = Ledger()
        self._lock = threading.RLock()

    @contextmanager
    def open(self) -> Iterator[Ledger]:
        """Hand out the ledger for one change; what was changed is kept, whatever is raised."""
        with self._lock:
            if self._path is None:
                yield self._ledger
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("w") as guard:
                fcntl.flock(guard, fcntl.LOCK_EX)
                text = self._path.read_text() if self._path.exists() else ""
                ledger = Ledger.from_json(text) if text else Ledger()
                try:
                    yield ledger
                finally:
                    fresh = self._path.with_suffix(".new")
                    fresh.write_text(ledger.as_json())
                    fresh.replace(self._path)
