"""From where Cloudflare asks origins: shipped, kept, refreshed once a month, and never nonsense."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nameplate.adapters.vendors.cloudflare_networks import CloudflareNetworks, read
from nameplate.core.cloudflare_networks import SHIPPED
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome

NOW = datetime(2026, 11, 29, tzinfo=UTC)
FOUR = [one for one in SHIPPED.networks if ":" not in one]
SIX = [one for one in SHIPPED.networks if ":" in one]


def listed(four: Any = FOUR, six: Any = SIX) -> bytes:
    """Return what the API answers."""
    found = {"ipv4_cidrs": four, "ipv6_cidrs": six, "etag": "38f79d05"}
    return json.dumps({"success": True, "errors": [], "messages": [], "result": found}).encode()


@dataclass
class Site:
    """Cloudflare's API as a fetcher sees it."""

    body: bytes = field(default_factory=listed)
    category: HttpOutcome = HttpOutcome.ANSWERED
    asked: list[str] = field(default_factory=list)

    def fetch(self, host: str, path: str, **more: Any) -> Fetched:
        self.asked.append(f"{more['scheme']}://{host}{path}")
        return Fetched(self.category, (Hop("", "192.0.2.1", 200, {}),), self.body)


@dataclass
class Clock:
    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


def test_the_list_is_fetched_when_it_is_older_than_a_month_and_kept(tmp_path: Path) -> None:
    clock, kept = Clock(SHIPPED.at + timedelta(days=29)), tmp_path / "networks.json"
    site = Site(listed([*FOUR, "203.0.112.0/24"]))
    networks = CloudflareNetworks(site, clock, kept=kept)
    assert networks.newest() == SHIPPED
    assert site.asked == []
    clock.at = NOW
    found = networks.newest()
    assert site.asked == ["https://api.cloudflare.com/client/v4/ips"]
    assert ("203.0.112.0/24" in found.networks, found.at) == (True, NOW)
    later = CloudflareNetworks(Site(category=HttpOutcome.UNREACHABLE), clock, kept=kept)
    assert later.newest() == found, "kept for the next process"
    clock.at = NOW + timedelta(days=31)
    assert later.newest() == found, "an old list stays while there is no answer"


def test_without_an_answer_it_is_asked_for_once_a_day(tmp_path: Path) -> None:
    clock, site = Clock(), Site(category=HttpOutcome.TIMEOUT)
    networks = CloudflareNetworks(site, clock, kept=tmp_path / "n")
    for _ in range(3):
        assert networks.newest() == SHIPPED
    assert len(site.asked) == 1
    clock.at += timedelta(days=1)
    networks.newest()
    assert len(site.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"[" * 60_000, listed(six=[]), listed(FOUR[:3], SIX[:1]),
        listed([*FOUR, "0.0.0.0/0"]), listed([*FOUR, "10.0.0.0/16"]), listed([*FOUR, "1.2.3.4/8"]),
        listed(six=[*SIX, "::/0"]), listed([*FOUR, "a; } server {"]), listed("0.0.0.0/0"),
        listed([f"203.{one}.0.0/24" for one in range(250)]),
    ],
)  # fmt: skip
def test_nonsense_changes_nothing(tmp_path: Path, body: bytes) -> None:
    kept = tmp_path / "networks.json"
    assert CloudflareNetworks(Site(body), Clock(), kept=kept).newest() == SHIPPED
    assert not kept.exists()


@pytest.mark.parametrize(
    "kept",
    [
        "", "{}", '{"fetched_at": "2027-01-01T00:00:00+00:00", "networks": ["203.0.112.0/24"]}',
        '{"fetched_at": "2026-11-28T00:00:00+00:00", "networks": ["0.0.0.0/0"]}',
    ],
)  # fmt: skip
def test_a_kept_file_that_cannot_be_is_not_used(tmp_path: Path, kept: str) -> None:
    (tmp_path / "n").write_text(kept)
    site = Site(category=HttpOutcome.TIMEOUT)
    assert CloudflareNetworks(site, Clock(), kept=tmp_path / "n").newest() == SHIPPED


def test_what_is_shipped_is_what_reading_makes_of_it() -> None:
    assert set(read(listed())) == set(SHIPPED.networks)
