"""The rows of a bulk load: each is a function of the random seed and of its number.

Nothing is remembered from row to row, so a load of any size needs the same memory, and a child
knows its parent's columns without asking. Certificates, verifications and bindings share the number
of their domain. Times stand as text that all three databases read as UTC. No row holds a key.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from nameplate.core.names import without_wildcard
from nameplate.seeding import words
from nameplate.seeding.records import record

Row = tuple[Any, ...]

APPLICATIONS = 3
"""For each organization."""
SERVERS = 10
"""Shared by the platform."""
PLATFORM_BASE = "seeded-platform.net"
"""Registrable domain of the names that the platform itself lends."""

_MASK = (1 << 64) - 1
_HOURS = 24
_YEAR = 365 * _HOURS


@dataclass(frozen=True, slots=True)
class Size:
    """How much a bulk load makes. Raises ValueError below one of each (records: below none)."""

    organizations: int
    domains: int
    records_per_domain: int

    def __post_init__(self) -> None:
        if self.organizations < 1 or self.domains < 1 or self.records_per_domain < 0:
            raise ValueError("a bulk load has at least one organization and one domain")


@dataclass(frozen=True, slots=True)
class Load:
    """The rows of one table, made while they are read."""

    table: str
    columns: tuple[str, ...]
    numbers: int
    """How many numbers are tried; those that give no row are passed over."""
    make: Callable[[int], Sequence[Row]]
    """Rows of one number; numbers start at 1."""

    def rows(self, tick: Callable[[int], None]) -> Iterator[Row]:
        """Yield the rows in order, telling `tick` every 4,096 numbers how many are done."""
        for number in range(1, self.numbers + 1):
            yield from self.make(number)
            if not number & 4095:
                tick(number)
        tick(self.numbers)


@dataclass(slots=True)
class Seeded:
    """What all rows of one domain are made from."""

    number: int
    organization: int
    kind: str
    status: str
    base: str
    subdomain: str | None
    dice: int
    """64 random bits."""

    @property
    def name(self) -> str:
        """The full name."""
        return f"{self.subdomain}.{self.base}" if self.subdomain else self.base

    @property
    def proved(self) -> bool:
        """Whether the domain was verified and still is."""
        return self.status in {"active", "verified"}


class SeedWorld:
    """All rows of one bulk load. `at` is the moment that every time is counted from."""

    def __init__(self, size: Size, seed: int, at: datetime) -> None:
        """Take what decides every row."""
        self.size = size
        self._seed = seed * 0x9E3779B97F4A7C15
        hours = range(-2 * _YEAR, 2 * _YEAR + 1)
        self._moments = [f"{at + timedelta(hours=h):%Y-%m-%d %H:%M:%S.%f}" for h in hours]

    def loads(self) -> tuple[Load, ...]:
        """Return the loads of all tables, parents first."""
        size = self.size
        of = partial(Load, numbers=size.domains)
        return (
            Load("organizations", _ORGANIZATIONS, size.organizations, self._organization),
            Load("applications", _APPLICATIONS, size.organizations, self._applications),
            Load("servers", _SERVERS, SERVERS, self._server),
            of("organization_domains", _DOMAINS, make=self._domain),
            of("dns_records", _RECORDS, make=self._records),
            of("ssl_certificates", _CERTIFICATES, make=self._certificate),
            of("certificate_names", _CERTIFICATE_NAMES, make=self._certificate_name),
            of("domain_verifications", _VERIFICATIONS, make=self._verification),
            of("application_domain_bindings", _BINDINGS, make=self._binding),
            Load("name_locks", ("base",), size.domains + 1, self._lock),
            of("name_holdings", _HOLDINGS, make=self._holding),
        )

    def at(self, hours: int) -> str:
        """Return the moment so many hours from `at`, at most two years off."""
        return self._moments[hours + 2 * _YEAR]

    def domain(self, number: int) -> Seeded:
        """Return what the rows of this domain share."""
        dice = self.dice(number)
        kind = words.DOMAIN_TYPES[dice >> 8 & 255]
        # One organization in the load is large: every tenth domain is the first one's.
        spread = 0 if dice % 10 == 0 else (dice >> 32) % self.size.organizations
        label = f"{words.ADJECTIVES[dice >> 24 & 31]}{words.NOUNS[dice >> 29 & 31]}{number}"
        base = PLATFORM_BASE if kind == "platform" else f"{label}.{words.SUFFIXES[dice >> 4 & 15]}"
        subdomain = {"platform": label, "wildcard": "*", "custom": None}.get(
            kind, words.LABELS[dice >> 40 & 7]
        )
        status = words.DOMAIN_STATUSES[dice >> 16 & 255]
        return Seeded(number, spread + 1, kind, status, base, subdomain, dice)

    def dice(self, number: int) -> int:
        """Return 64 bits that depend on the seed and `number` alone (splitmix64)."""
        bits = (self._seed + number * 0x9E3779B97F4A7C15) & _MASK
        bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _MASK
        return bits ^ bits >> 31

    def _organization(self, number: int) -> Sequence[Row]:
        dice = self.dice(-number)
        noun = words.NOUNS[dice & 31]
        parent = 1 + (dice >> 8) % (number - 1) if number > 1 and dice >> 5 & 7 == 0 else None
        name = f"{words.ADJECTIVES[dice >> 40 & 31].title()} {noun.title()}"
        slug, host, seed = f"{noun}-{number}", f"host-{number}", f"{dice:x}{number:048x}"[-48:]
        return ((number, parent, name, slug, host, 1, seed),)

    def _applications(self, organization: int) -> Sequence[Row]:
        first = (organization - 1) * APPLICATIONS + 1
        return tuple(
            (
                first + n,
                organization,
                words.LABELS[n].title(),
                f"app-{first + n}",
                "127.0.0.1",
                8000 + n,
            )
            for n in range(APPLICATIONS)
        )

    def _server(self, number: int) -> Sequence[Row]:
        return ((number, f"Edge {number}", f"edge{number}.{PLATFORM_BASE}", f"edge-{number}"),)

    def _domain(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        dice = it.dice
        proved = self.at(-((dice >> 44) % _YEAR) - 1) if it.proved else None
        until = self.at((dice >> 50) % (90 * _HOURS)) if it.proved else None
        registered = it.kind in {"custom", "application"}
        expires = self.at((dice >> 34) % _YEAR - 30 * _HOURS) if registered else None
        due = self.at((dice >> 20) % 720 - 24) if it.status != "expired" else None
        outside = int(dice >> 55 & 3 > 0 and registered)
        created = self.at(-((dice >> 30) % _YEAR) - 1)
        row = (
            number, it.organization, it.base, it.subdomain, it.status, it.kind, outside,
            "dns_txt" if it.proved else None, proved, until,
            it.name.removeprefix("*.") if it.proved else None, expires, due, created, created,
        )  # fmt: skip
        return (row,)

    def _records(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        first = (number - 1) * self.size.records_per_domain + 1
        served = it.status == "active"
        checked = self.at(-((it.dice >> 52) % _HOURS))
        return tuple(
            record(it, first + place, place, served=served, at=checked)
            for place in range(self.size.records_per_domain)
        )

    def _certificate(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        if it.status != "active":
            return ()
        dice = self.dice(~number)
        status = words.CERTIFICATE_STATUSES[dice & 255]
        age = 80 * _HOURS if status in {"expired", "renewing"} else (dice >> 8) % (60 * _HOURS)
        expires = -_HOURS if status == "expired" else 90 * _HOURS - age
        due = self.at(expires - 30 * _HOURS + (dice >> 20) % 48)
        fingerprint = hashlib.sha256(dice.to_bytes(8, "big")).hexdigest()
        kind = "wildcard" if it.kind == "wildcard" else "letsencrypt"
        issued = self.at(-age)
        row = (
            number, it.organization, number, kind, "CN=R11,O=Let's Encrypt,C=US", it.name,
            f'["{it.name}"]', f"{dice:016x}", fingerprint, issued, self.at(expires), due,
            int(dice >> 30 & 15 > 0), status, due, issued, issued,
        )  # fmt: skip
        return (row,)

    def _certificate_name(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        return ((it.organization, number, it.name, number),) if it.status == "active" else ()

    def _verification(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        dice = self.dice(number + (1 << 40))
        open_ = it.status == "pending_verification"
        status = "verified" if it.proved else ("pending" if open_ else "expired")
        method = "dns_txt" if it.kind == "wildcard" else words.METHODS[dice & 255]
        token = hashlib.sha256(f"{dice}:{number}".encode()).hexdigest()[:40]
        begun = self.at(-((dice >> 8) % 720) - 1)
        row = (
            number, it.organization, number, method, token,
            f"_nameplate-challenge.{without_wildcard(it.name)}",
            f"nameplate-verification={token}", status, int(dice >> 20 & 7),
            begun if it.proved else None, self.at((dice >> 24) % 720 if open_ else -1),
            self.at((dice >> 36) % 48 - 1) if open_ else None, begun, begun,
        )  # fmt: skip
        return (row,)

    def _binding(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        if it.status != "active":
            return ()
        dice = self.dice(number + (1 << 41))
        application = (it.organization - 1) * APPLICATIONS + 1 + (dice >> 8) % APPLICATIONS
        host = it.name.replace("*.", "app.")
        looked = self.at(-(dice >> 16 & 1))
        row = (
            number, it.organization, application, number, 1 + (dice >> 20) % SERVERS,
            "app" if it.kind == "wildcard" else None, host, words.PROXIES[dice & 255], number, looked,
            words.HEALTH[dice >> 24 & 255], words.BINDING_STATUSES[dice >> 32 & 255],
            0, self.at((dice >> 44) % 3 - 1), looked, looked,
        )  # fmt: skip
        return (row,)

    def _lock(self, number: int) -> Sequence[Row]:
        if number > self.size.domains:
            return ((PLATFORM_BASE,),)
        it = self.domain(number)
        return ((it.base,),) if it.proved and it.base != PLATFORM_BASE else ()

    def _holding(self, number: int) -> Sequence[Row]:
        it = self.domain(number)
        if not it.proved:
            return ()
        scope = "exact" if it.kind == "platform" else "subtree"
        name = without_wildcard(it.name)
        return ((name, scope, it.base, it.organization, number, self.at(-1)),)


_TIMES = ("created_at", "updated_at")
_ORGANIZATIONS = (
    "id", "parent_organization_id", "name", "slug", "external_id", "is_active", "challenge_seed",
)  # fmt: skip
_APPLICATIONS = (
    "id", "organization_id", "name", "external_id", "upstream_host", "upstream_port",
)  # fmt: skip
_SERVERS = ("id", "name", "address", "external_id")
_DOMAINS = (
    "id", "organization_id", "domain_name", "subdomain", "status", "domain_type",
    "managed_externally", "verification_method", "verified_at", "verification_expires_at",
    "holding_name", "expires_at", "next_action_at", *_TIMES,
)  # fmt: skip
_RECORDS = (
    "id", "organization_id", "organization_domain_id", "recordable_type", "recordable_id",
    "record_type", "name", "value", "value_digest", "ttl", "priority", "weight", "port", "status",
    "last_synced_at", "propagated", *_TIMES,
)  # fmt: skip
_CERTIFICATES = (
    "id", "organization_id", "organization_domain_id", "certificate_type", "issuer", "common_name",
    "subject_alternative_names", "serial_number", "fingerprint", "issued_at", "expires_at",
    "next_renewal_attempt_at", "auto_renew", "status", "next_action_at", *_TIMES,
)  # fmt: skip
_CERTIFICATE_NAMES = (
    "organization_id", "ssl_certificate_id", "hostname", "organization_domain_id",
)  # fmt: skip
_VERIFICATIONS = (
    "id", "organization_id", "organization_domain_id", "verification_method",
    "verification_token", "verification_record_name", "verification_record_value", "status",
    "verification_attempts", "verified_at", "expires_at", "next_action_at", *_TIMES,
)  # fmt: skip
_BINDINGS = (
    "id", "organization_id", "application_id", "organization_domain_id", "server_id", "subdomain",
    "hostname", "proxy_type", "ssl_certificate_id", "last_health_check_at", "health_status",
    "status", "is_primary", "next_action_at", *_TIMES,
)  # fmt: skip
_HOLDINGS = ("name", "scope", "base", "organization_id", "organization_domain_id", "held_at")
