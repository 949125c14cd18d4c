"""Tools without a network, for use cases whose rules are the point of the test."""

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from nameplate.adapters.verification.memory import MemoryMethod
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.encryption import KeyRing
from nameplate.db import Sessions
from nameplate.leases import Lease, lease
from nameplate.models import VerificationMethodName
from nameplate.models.orm import Work
from nameplate.ports.resolver import LookupResult
from nameplate.ports.verification import ProofScope
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

DNS_TXT = VerificationMethodName.DNS_TXT


def _nothing(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("this test reaches for the network")


class _NoDns:
    """A resolver that finds no name server of any name."""

    def authoritative(self, *_: Any, **__: Any) -> LookupResult:
        return LookupResult("", ())

    def addresses(self, _name: str) -> tuple[str, ...]:
        return ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return _nothing


class _Silent:
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # somebody looks at it, as a printer of values does
            raise AttributeError(name)
        return _nothing


@dataclass
class Offline:
    """A database, an organization, and a world in which proofs can be published."""

    sessions: Sessions
    method: MemoryMethod = field(default_factory=MemoryMethod)

    def __post_init__(self) -> None:
        silent: Any = _Silent()
        resolver: Any = _NoDns()
        exact = MemoryMethod(ProofScope.EXACT)
        exact.published = self.method.published
        self.tools = Tools(
            keyring=KeyRing({"test": bytes(range(32))}, "test"),
            resolver=resolver,
            methods={**dict.fromkeys(VerificationMethodName, exact), DNS_TXT: self.method},
            dns_provider=_nothing,
            authority=_nothing,
            proxy=_nothing,
            prober=silent,
            fetcher=silent,
            clock=lambda: datetime.now(UTC),
            random=secrets.token_bytes,
            jitter=lambda: 0.5,
        )

    def organization(self, name: str) -> Actor:
        """Add an organization and return who acts for it."""
        with self.sessions.begin(PLATFORM) as session:
            return Actor(organizations.add(session, PLATFORM, name=name).id, name)

    def leased(self, kind: type[Work], row_id: int, *, after: timedelta = timedelta(0)) -> Lease:
        """Lease one row as a worker would `after` from now."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, row_id)
            row.next_action_at = datetime(2026, 1, 1, tzinfo=UTC)
        with self.sessions.begin(PLATFORM) as session:
            now = datetime.now(UTC) + after
            found = lease(session, kind, limit=1, seconds=60, now=now)
        (one,) = [one for one in found if one.id == row_id]
        return Lease(one.id, one.fence, one.until, now, time.monotonic())
