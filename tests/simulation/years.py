"""Authorities, proxies and visitors for years of renewals."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from nameplate.adapters.ca.local import LocalAuthority, create_root
from nameplate.core import certificates as x509
from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.core.orders import Order
from nameplate.core.renewal import RenewalInfo
from nameplate.core.serials import hex_serial
from nameplate.ports.prober import ProbeResult, ProbeTarget
from nameplate.ports.proxy import Config, Route
from tests.simulation.clock import BEGINS

DAY = timedelta(days=1)
LIFETIMES = {"long": 90 * DAY, "half": 45 * DAY, "brief": timedelta(hours=160)}
"""By the first word of a name."""
FAILS = 0.1
"""The part of all orders that fails by the authority's own fault, in one of several ways."""


@dataclass
class Disasters:
    """What goes wrong in the course of the years."""

    outages: tuple[tuple[datetime, datetime], ...]
    """When the first authority does not answer."""
    idle: tuple[tuple[datetime, datetime], ...]
    """When no worker runs."""
    recall_at: datetime
    """From when on the first authority wants every fifth certificate replaced that was issued before."""


class YearsAuthority(LocalAuthority):
    """Signs at once for the lifetime that the name asks for, and fails now and then."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        rng: random.Random,
        disasters: Disasters,
        *,
        is_first: bool,
    ) -> None:
        key, root = create_root("First" if is_first else "Second", clock())
        super().__init__(key, root, clock=clock)
        self._rng, self._disasters, self._is_first = rng, disasters, is_first
        self._replaceable: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.issued: Counter[str] = Counter()
        """Certificates by kind of lifetime."""

    def _answer(self) -> None:
        now = self._clock()
        if self._is_first and any(start <= now < end for start, end in self._disasters.outages):
            self.counts["away"] += 1
            raise Unavailable("ca_unreachable", "Nobody answers.")

    def order(
        self, names: Sequence[str], profile: str | None = None, replaces: str | None = None
    ) -> Order:
        self._answer()
        self.counts["orders"] += 1
        draw = self._rng.random()
        if draw < FAILS:
            self.counts["failures"] += 1
        if draw < FAILS * 0.4:
            raise Unavailable("acme_unavailable", "503")
        if draw < FAILS * 0.5:
            raise RateLimited("acme_rate_limited", "Too many requests.", timedelta(minutes=30))
        if draw < FAILS * 0.7:
            raise Refused("acme_server_internal", "The authority failed.")
        if replaces is not None:
            if replaces not in self._replaceable:
                raise Refused("acme_replacement_refused", "It was replaced already.")
            self.counts["ari"] += 1
        self._is_lost = draw < FAILS
        return super().order(names, profile)

    _is_lost = False

    def refresh(self, order_url: str) -> Order:
        self._answer()
        return super().refresh(order_url)

    def finalize(self, order: Order, csr: bytes) -> Order:
        self._answer()
        if self._is_lost:
            self._is_lost = False
            raise Unavailable("ca_unreachable", "The answer was lost.")
        kind = order.names[0].split("-")[0]
        self._lifetime = LIFETIMES[kind]
        done = super().finalize(order, csr)
        self.issued[kind] += 1
        return done

    def download(self, order: Order) -> bytes:
        self._answer()
        pem = super().download(order)
        self._replaceable.add(x509.renewal_id(pem) or "")
        return pem


class AdvisingAuthority(YearsAuthority):
    """The same with renewal information."""

    def renewal_info(self, certificate: bytes) -> RenewalInfo:
        self._answer()
        self.counts["asked"] += 1
        leaf = x509.load_chain(certificate)[0]
        begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        recall = self._disasters.recall_at
        if begins < recall <= self._clock() and leaf.serial_number % 5 == 0:
            self.counts["recalled"] += 1
            why = "https://ca.example/incident"
            return RenewalInfo((recall - DAY, recall), why, DAY)
        life = ends - begins
        return RenewalInfo((begins + life * 0.64, begins + life * 0.68), None, DAY)


@dataclass(frozen=True)
class Leaf:
    """A certificate as visitors see it."""

    begins: datetime
    ends: datetime
    serial: str


@dataclass
class Gap:
    """A time in which visitors of a host saw no valid certificate."""

    host: str
    since: datetime
    until: datetime


@dataclass
class Visitors:
    """What is served at every host, and every second of it that was not valid."""

    clock: Callable[[], datetime]
    served: dict[str, Leaf] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    changes: int = 0
    _read: dict[str, Leaf] = field(default_factory=dict)

    def see(self, routes: Sequence[Route]) -> None:
        """Look at what a proxy serves from now on."""
        now = self.clock()
        for route in routes:
            leaf = self._leaf(route)
            before = self.served.get(route.hostname)
            if before == leaf:
                continue
            if before is not None and before.ends < now:
                self.gaps.append(Gap(route.hostname, before.ends, now))
            if leaf is None or not leaf.begins <= now < leaf.ends:
                if before is not None or leaf is not None:
                    self.gaps.append(Gap(route.hostname, now, now))
                continue
            self.served[route.hostname] = leaf
            self.changes += 1

    def end(self) -> None:
        """Look at what is served at the end."""
        now = self.clock()
        late = [(host, leaf) for host, leaf in self.served.items() if leaf.ends < now]
        self.gaps += [Gap(host, leaf.ends, now) for host, leaf in late]

    def _leaf(self, route: Route) -> Leaf | None:
        pair = route.key_pair
        if pair is None:
            return None
        if pair.id not in self._read:
            leaf = x509.load_chain(pair.bundle.encode())[0]
            serial = hex_serial(leaf.serial_number)
            self._read[pair.id] = Leaf(leaf.not_valid_before_utc, leaf.not_valid_after_utc, serial)
        return self._read[pair.id]


@dataclass
class Machine:
    """A proxy that takes what it is told, except now and then."""

    visitors: Visitors
    rng: random.Random
    applied: int = 0
    failed: int = 0
    _next: Sequence[Route] = ()

    def render(self, routes: Sequence[Route]) -> Config:
        self._next = tuple(routes)
        lines = [f"{one.hostname} {one.key_pair.id if one.key_pair else '-'}" for one in routes]
        return Config({"routes": "\n".join(lines).encode()}, {})

    def apply(self, _config: Config) -> None:
        if self.rng.random() < FAILS:
            self.failed += 1
            raise Unavailable("proxy_unreachable", "Nobody listens.")
        self.applied += 1
        self.visitors.see(self._next)


@dataclass
class Prober:
    """Sees what visitors see."""

    visitors: Visitors

    def look(self, target: ProbeTarget) -> ProbeResult:
        leaf = self.visitors.served.get(target.hostname)
        serial = None if leaf is None else leaf.serial
        return ProbeResult(target, connected=True, serial=serial, status=serial and 200)  # type: ignore[arg-type]  # None or 200

    def look_many(self, targets: Sequence[ProbeTarget]) -> list[Any]:
        return [self.look(one) for one in targets]


def disasters(days: float) -> Disasters:
    """Return when things go wrong, in proportion to the length of the whole."""
    out, idle = BEGINS + timedelta(days=days * 0.4), BEGINS + timedelta(days=days * 0.6)
    return Disasters(
        ((out, out + 3 * DAY),), ((idle, idle + DAY),), BEGINS + timedelta(days=days * 0.8)
    )
