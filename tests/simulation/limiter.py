"""An authority with the limits of Let's Encrypt, as https://letsencrypt.org/docs/rate-limits/ states them.

Written from that page alone: it shares nothing with how Nameplate counts. Each limit is a bucket that
is full at first and refilled steadily; an order that finds one empty is refused and remembered. It is
in the place of Pebble, which goes by no clock but the machine's.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nameplate.adapters.ca.local import LocalAuthority, create_root
from nameplate.core import certificates as x509
from nameplate.core.errors import RateLimited, Refused
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.renewal import RenewalInfo

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VALIDATES = timedelta(seconds=4)
"""How long the authority takes to look at a host from all its places."""
TWO_LABEL_SUFFIXES = {"co.uk", "com.au"}


@dataclass
class Bucket:
    """So many acts at once, one more after each `refill`."""

    most: int
    refill: timedelta
    used: timedelta = timedelta(0)
    """What is missing in it, as the time that refills it."""
    at: datetime | None = None

    def missing(self, now: datetime) -> timedelta:
        """Return what is missing now, having refilled it."""
        if self.at is not None:
            self.used = max(self.used - (now - self.at), timedelta(0))
        self.at = now
        return self.used

    def wait(self, now: datetime) -> timedelta:
        """Return how long it takes until one act can be taken from it."""
        return max(self.missing(now) - (self.most - 1) * self.refill, timedelta(0))

    def take(self, now: datetime) -> None:
        self.used = self.missing(now) + self.refill


def orders_bucket() -> Bucket:
    """300 new orders per account every 3 hours: one comes back every 36 seconds."""
    return Bucket(300, timedelta(seconds=36))


def domain_bucket() -> Bucket:
    """50 certificates per registered domain every 7 days: one comes back every 202 minutes."""
    return Bucket(50, 7 * DAY / 50)


def set_bucket() -> Bucket:
    """5 certificates per exact set of identifiers every 7 days: one comes back every 34 hours."""
    return Bucket(5, 7 * DAY / 5)


def failure_bucket() -> Bucket:
    """5 failed authorizations per identifier and account every hour: one every 12 minutes."""
    return Bucket(5, HOUR / 5)


CONSECUTIVE = 1152
"""Failures in a row after which an account and identifier are paused; one is forgiven a day."""


@dataclass(frozen=True)
class Refusal:
    """An order that was refused because of a limit."""

    at: datetime
    limit: str
    names: tuple[str, ...]


class LimitedAuthority(LocalAuthority):
    """Proves names by http-01, which takes a while, and counts."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        is_broken: Callable[[str], bool],
        lifetime_of: Callable[[str], timedelta],
    ) -> None:
        key, root = create_root("Limited authority", clock())
        super().__init__(key, root, clock=clock)
        self._is_broken, self._lifetime_of = is_broken, lifetime_of
        self._orders = orders_bucket()
        self._domains: defaultdict[str, Bucket] = defaultdict(domain_bucket)
        self._sets: defaultdict[frozenset[str], Bucket] = defaultdict(set_bucket)
        self._failures: defaultdict[str, Bucket] = defaultdict(failure_bucket)
        self._in_a_row: defaultdict[str, Bucket] = defaultdict(lambda: Bucket(CONSECUTIVE, DAY))
        self._open: dict[str, Order] = {}
        self._told: dict[str, datetime] = {}
        self._numbers = itertools.count(1)
        self._replaceable: dict[str, tuple[datetime, datetime]] = {}
        """From when on each certificate is best replaced, by its identifier."""
        self.refusals: list[Refusal] = []
        self.issued: dict[tuple[str, ...], list[datetime]] = {}
        self.counts: Counter[str] = Counter()

    def order(
        self, names: Sequence[str], profile: str | None = None, replaces: str | None = None
    ) -> Order:
        now = self._clock()
        self.counts["orders"] += 1
        if replaces is not None and replaces not in self._replaceable:
            raise Refused("acme_replacement_refused", "It was replaced already.")
        # Only a replacement at the suggested time is exempt.
        begins, ends = self._replaceable.get(replaces or "", (now, now))
        is_exempt = begins <= now < ends
        self.counts["exempt"] += is_exempt
        self._limit(tuple(names), now, is_exempt=is_exempt)
        inner = super().order(names, profile)
        url = f"sim:{next(self._numbers)}"
        proofs = tuple(
            Challenge(f"{url}:{name}", "http-01", name, "token", "token.thumb", "pending")
            for name in names
        )
        self._open[url] = replace(inner, status=OrderStatus.PENDING, challenges=proofs)
        if replaces is not None:
            del self._replaceable[replaces]
        return self.refresh(url)

    def _limit(self, names: tuple[str, ...], now: datetime, *, is_exempt: bool) -> None:
        """Refuse an order that a limit does not allow; take it from the buckets otherwise."""
        taken = [] if is_exempt else [
            ("newOrders", self._orders),
            *(("certificatesPerDomain", self._domains[one]) for one in set(map(registered, names))),
            ("exactSet", self._sets[frozenset(names)]),
        ]  # fmt: skip
        looked_at = [
            *(("failedAuthorizations", self._failures[name]) for name in names),
            *(("paused", self._in_a_row[name]) for name in names),
        ]
        for limit, bucket in (*taken, *looked_at):
            wait = bucket.wait(now)
            if wait > timedelta(0):
                self.refusals.append(Refusal(now, limit, names))
                raise RateLimited("acme_rate_limited", f"too many: {limit} {names}", wait)
        for _, bucket in taken:
            bucket.take(now)

    def respond(self, challenge: Challenge) -> None:
        self._told.setdefault(challenge.url, self._clock())

    def refresh(self, order_url: str) -> Order:
        order = self._open.get(order_url)
        if order is None:  # the inner order, while it is made
            return super().refresh(order_url)
        if order.status is OrderStatus.PENDING:
            order = self._open[order_url] = self._validated(order)
        return replace(order, url=order_url)

    def _validated(self, order: Order) -> Order:
        now = self._clock()
        told = [self._told.get(one.url) for one in order.challenges]
        if not all(at is not None and now - at >= VALIDATES for at in told):
            return order
        checked = tuple(self._checked(one, now) for one in order.challenges)
        if any(one.status == "invalid" for one in checked):
            self.counts["failed"] += 1
            return replace(order, status=OrderStatus.INVALID, challenges=checked, error="No proof.")
        return replace(order, status=OrderStatus.READY, challenges=())

    def _checked(self, proof: Challenge, now: datetime) -> Challenge:
        if self._is_broken(proof.name):
            self._failures[proof.name].take(now)
            self._in_a_row[proof.name].take(now)
            return replace(proof, status="invalid", error="Nobody answers.")
        self._in_a_row.pop(proof.name, None)
        return replace(proof, status="valid")

    def finalize(self, order: Order, csr: bytes) -> Order:
        inner = self._open[order.url]
        self._lifetime = min(map(self._lifetime_of, inner.names))
        done = super().finalize(inner, csr)
        self._open[order.url] = done
        self.issued.setdefault(tuple(inner.names), []).append(self._clock())
        return replace(done, url=order.url)

    def download(self, order: Order) -> bytes:
        pem = super().download(order)
        self._replaceable[x509.renewal_id(pem) or ""] = self.renewal_info(pem).window
        return pem

    def renewal_info(self, certificate: bytes) -> RenewalInfo:
        """Suggest the last part of the second third of the lifetime."""
        leaf = x509.load_chain(certificate)[0]
        begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        life = ends - begins
        return RenewalInfo((begins + life * 0.62, begins + life * 0.66), None, DAY)


def registered(name: str) -> str:
    """Return the registered domain of a name."""
    labels = name.split(".")
    return ".".join(labels[-3:] if ".".join(labels[-2:]) in TWO_LABEL_SUFFIXES else labels[-2:])
