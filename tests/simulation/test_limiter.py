"""Thirty days at an authority with Let's Encrypt's limits, with a tenant that tries to use them up."""

import random
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NameplateError
from nameplate.core.lifecycle import CertificateStatus, DomainStatus
from nameplate.models import AccountKind, Certificate, CertificateWatch, Organization
from nameplate.usecases.certificates import requests, watches
from tests.databases import Templates, sessions_over
from tests.models import world as rows
from tests.simulation.clock import BEGINS, SimulatedClock
from tests.simulation.internet import SimulatedInternet
from tests.simulation.limiter import DAY, HOUR, LimitedAuthority
from tests.simulation.worker import SimulatedWorker
from tests.usecases.offline import Offline


@dataclass(frozen=True)
class Scale:
    """How much goes on."""

    days: float
    organizations: int
    names: int
    """Of all ordinary organizations together."""
    hostile_names: int
    hostile_domains: int


SHORT = Scale(days=0.25, organizations=3, names=15, hostile_names=54, hostile_domains=1)
WHOLE = Scale(days=30, organizations=8, names=300, hostile_names=1000, hostile_domains=34)


@dataclass(frozen=True)
class Wish:
    """A certificate that somebody asks for."""

    at: datetime
    organization: int
    domain: str
    hosts: tuple[str, ...]


@dataclass
class Run:
    """One installation over one period."""

    scale: Scale
    with_hostile: bool
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    asked: dict[tuple[str, ...], datetime] = field(default_factory=dict)
    """When an ordinary organization asked for these names."""
    refused_wishes: Counter[str] = field(default_factory=Counter)
    steps: int = 0

    def __post_init__(self) -> None:
        self.flaps: set[str] = set()
        self.authority = LimitedAuthority(self.clock, self._is_broken, _lifetime)

    def _is_broken(self, name: str) -> bool:
        return name.startswith("unproved")

    def _leads_elsewhere(self, name: str) -> bool:
        return name.startswith("elsewhere") or name in self.flaps

    def live(self, templates: Templates, folder: Any, patch: pytest.MonkeyPatch) -> None:
        """Let the period pass."""
        kind = "hostile" if self.with_hostile else "quiet"
        with templates.sqlite(folder / f"{kind}.db") as url:
            sessions = sessions_over(url)
            self.clock.govern(sessions, patch)
            self._build(Offline(sessions))
            self._pass()
            sessions.dispose()

    def _build(self, world: Offline) -> None:
        rng = random.Random(4)
        internet: Any = SimulatedInternet(world.tools.keyring, self._leads_elsewhere)
        self.tools = replace(
            world.tools, resolver=internet, fetcher=internet, clock=self.clock,
            jitter=rng.random, authority=lambda _account: self.authority,
        )  # fmt: skip
        self.sessions = world.sessions
        with self.sessions.begin(PLATFORM) as session:
            rows.account(session, None, kind=AccountKind.CA, provider="letsencrypt", name="LE")
        self.actors = [
            world.organization(f"org{number}") for number in range(self.scale.organizations + 1)
        ]
        self.worker = SimulatedWorker(
            self.sessions, self.tools, self.clock, (Certificate,), turn=timedelta(seconds=1)
        )
        self.domains: set[str] = set()

    def _pass(self) -> None:
        end = BEGINS + timedelta(days=self.scale.days)
        wishes = ordinary(self.scale)
        if self.with_hostile:
            wishes += hostile(self.scale)
        wishes.sort(key=lambda one: one.at)
        moments = sorted({one.at for one in wishes} | set(_hours(self.scale.days)))
        for at in moments:
            if at.date() != self.clock().date():
                print(
                    f"{at:%d %B}: {self.worker.steps:,} steps, {dict(self.authority.counts)}",
                    flush=True,
                )
            for _ in self.worker.until(at):
                pass
            while wishes and wishes[0].at <= self.clock():
                self._wish(wishes.pop(0))
            if at in set(_hours(self.scale.days)) and self.with_hostile:
                self._spite()
        for _ in self.worker.until(end):
            pass
        self.steps = self.worker.steps

    def _wish(self, wish: Wish) -> None:
        actor = self.actors[wish.organization]
        with self.sessions.begin(PLATFORM) as session:
            if wish.domain not in self.domains:
                owner = session.get_one(Organization, actor.organization_id)
                rows.domain(session, owner, wish.domain, status=DomainStatus.VERIFIED)
                self.domains.add(wish.domain)
        with self.sessions.begin(actor) as session:
            requests.issue(
                session, self.tools, actor, wish.domain, now=self.clock(), hosts=wish.hosts
            )
        if wish.organization:
            now = self.clock()  # later than `at` where spite took its time
            self.asked.setdefault(wish.hosts, now)

    def _spite(self) -> None:
        """Once an hour the hostile tenant renews, deletes and asks again, and lets its names flap."""
        actor, rng = self.actors[0], random.Random(str(self.clock()))
        with self.sessions.begin(actor, read_only=True) as session:
            query = Certificate.visible(actor).order_by(Certificate.id)
            mine = [(row.id, row.status) for row in session.scalars(query)]
        served = [one for one, status in mine if status is CertificateStatus.ACTIVE]
        for one in rng.sample(served, min(2, len(served))):
            with self.sessions.begin(actor) as session:
                requests.renew(session, actor, ids.show("crt", one), self.clock())
        for one, _ in rng.sample(mine, min(1, len(mine))):
            self._ask_again(actor, one)
        self._flap(rng)

    def _ask_again(self, actor: Actor, number: int) -> None:
        """Remove a certificate and ask for the same set."""
        try:
            with self.sessions.begin(actor) as session:
                row = session.get_one(Certificate, number)
                domain, hosts = (
                    ids.show("dom", row.organization_domain_id),
                    row.subject_alternative_names,
                )
                requests.remove(session, actor, ids.show("crt", number), self.clock())
                requests.issue(session, self.tools, actor, domain, now=self.clock(), hosts=hosts)
        except NameplateError as error:
            self.refused_wishes[error.code] += 1

    def _flap(self, rng: random.Random) -> None:
        """Have what is watched look different than before, a few times in a row."""
        for _ in range(3):
            with self.sessions.begin(PLATFORM) as session:
                query = sa.select(CertificateWatch.name).order_by(CertificateWatch.key).limit(40)
                watched = [one for one in session.scalars(query) if "hostile" in one]
            self.flaps ^= set(rng.sample(watched, min(8, len(watched))))
            for one in self.sessions.run(PLATFORM, lambda s: watches.due(s, self.tools, 200)):
                watches.note(self.sessions, one, watches.look(self.tools, one))
            for _ in self.worker.until(self.clock() + timedelta(seconds=20)):
                pass

    def waits(self) -> dict[int, list[float]]:
        """Return how many seconds the certificates took that can be had."""
        found: dict[int, list[float]] = {}
        for hosts, at in self.asked.items():
            if not hosts[0].startswith(("unproved", "elsewhere")):
                done = self.authority.issued.get(hosts, [BEGINS + 1000 * DAY])[0]
                found.setdefault(_owner(hosts), []).append((done - at).total_seconds())
        return found


def _owner(hosts: Sequence[str]) -> int:
    return int(hosts[0].split(".")[-3 if hosts[0].endswith(".co.uk") else -2].split("-")[0][3:])


def _hours(days: float) -> list[datetime]:
    return [BEGINS + number * HOUR for number in range(1, int(days * 24))]


def _lifetime(name: str) -> timedelta:
    return timedelta(hours=160) if ".brief" in name else 90 * DAY


def _kind(rng: random.Random) -> str:
    """Every fifth name is broken: half of these as Nameplate sees it, half for the authority alone."""
    draw = rng.random()
    return "unproved" if draw < 0.1 else "elsewhere" if draw < 0.2 else "www"


def ordinary(scale: Scale) -> list[Wish]:
    """Return what ordinary organizations ask for, in the course of the period."""
    rng = random.Random(1)
    found = []
    last = timedelta(days=scale.days) - min(4 * HOUR, timedelta(days=scale.days / 4))
    for number in range(scale.names):
        owner = 1 + number % scale.organizations
        suffix = "co.uk" if owner == 2 else "com"
        domain = f"org{owner}-{number // (2 * scale.organizations)}.{suffix}"
        if rng.random() < 0.2:
            domain = f"org{owner}-brief{number}.{suffix}"
        brief = ".brief" if "brief" in domain else ""
        hosts = [f"{_kind(rng)}{number}{brief}.{domain}"]
        if rng.random() < 0.3:
            hosts.append(f"api{number}{brief}.{domain}")
        found.append(Wish(BEGINS + last * rng.random(), owner, domain, tuple(hosts)))
    return found


def hostile(scale: Scale) -> list[Wish]:
    """Return what the hostile tenant asks for: nearly all in the first hour, each set several times."""
    rng = random.Random(2)
    found = []
    for number in range(scale.hostile_names):
        domain = f"hostile-{number % scale.hostile_domains}.com"
        kind = rng.choices(["www", "unproved", "elsewhere"], [75, 20, 5])[0]
        label = number // 3 if rng.random() < 0.5 else number  # the same sets again and again
        hosts = (f"{kind}{label}.{domain}",)
        found.append(Wish(BEGINS + timedelta(seconds=10 + number), 0, domain, hosts))
    return found


def compare(scale: Scale, templates: Templates, folder: Any, patch: pytest.MonkeyPatch) -> None:
    """Live the period twice, and compare what the ordinary organizations got."""
    quiet, loud = Run(scale, with_hostile=False), Run(scale, with_hostile=True)
    for run in (quiet, loud):
        run.live(templates, folder, patch)
        _told(run)
    assert (quiet.authority.refusals, loud.authority.refusals) == ([], [])
    ratios = {}
    for owner, before in quiet.waits().items():
        after = loud.waits()[owner]
        ratios[owner] = statistics.mean(after) / statistics.mean(before)
    print("by organization:", {owner: round(one, 3) for owner, one in ratios.items()})
    assert max(ratios.values()) <= 1.2


def _told(run: Run) -> None:
    every = sorted(one for of in run.waits().values() for one in of)
    print(
        "\nhostile:" if run.with_hostile else "\nquiet:", dict(run.authority.counts),
        f"rateLimited {len(run.authority.refusals)}", run.authority.refusals[:3],
        f"steps {run.steps}", f"issued {sum(map(len, run.authority.issued.values()))}",
        f"seconds: mean {statistics.mean(every):.1f} median {statistics.median(every):.1f} "
        f"p95 {every[int(len(every) * 0.95)]:.1f} most {every[-1]:.1f} of {len(every)}",
    )  # fmt: skip


def test_a_day(templates: Templates, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(SHORT, templates, tmp_path, monkeypatch)


@pytest.mark.torture
@pytest.mark.timeout(6 * 3600)
def test_thirty_days(templates: Templates, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compare(WHOLE, templates, tmp_path, monkeypatch)
