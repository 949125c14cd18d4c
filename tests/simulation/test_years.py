"""Years of renewals: not one second without a valid certificate on an active binding."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, DomainStatus
from nameplate.models import AccountKind, Binding, Certificate, Server
from nameplate.usecases.serving import pacing
from tests.databases import Templates, sessions_over
from tests.models import world as rows
from tests.simulation.clock import BEGINS, SimulatedClock
from tests.simulation.internet import SimulatedInternet
from tests.simulation.worker import SimulatedWorker
from tests.simulation.years import (
    DAY,
    LIFETIMES,
    AdvisingAuthority,
    Machine,
    Prober,
    Visitors,
    YearsAuthority,
    disasters,
)
from tests.usecases.offline import Offline

FAR = timedelta(days=4000)


@dataclass(frozen=True)
class Span:
    """How many certificates of each lifetime, for how long."""

    days: float
    counts: dict[str, int]
    on_one_server: int
    looked_at: int
    """Of so many certificates one has its daily looks, also those that can find nothing new."""


SHORT = Span(365, {"long": 18, "half": 5, "brief": 1}, on_one_server=10, looked_at=40)
WHOLE = Span(1096, {"long": 700, "half": 275, "brief": 25}, on_one_server=20, looked_at=50)


@dataclass
class Years:
    """One installation for years."""

    span: Span
    clock: SimulatedClock = field(default_factory=SimulatedClock)

    def __post_init__(self) -> None:
        self.rng = random.Random(7)
        self.disasters = disasters(self.span.days)
        self.visitors = Visitors(self.clock)
        self.first = AdvisingAuthority(self.clock, self.rng, self.disasters, is_first=True)
        self.second = YearsAuthority(self.clock, self.rng, self.disasters, is_first=False)
        self.machines: dict[int, Machine] = {}

    def live(self, templates: Templates, folder: Any, patch: pytest.MonkeyPatch) -> None:
        """Let the years pass."""
        patch.setattr(pacing, "QUICK", 600.0)
        with templates.sqlite(folder / "years.db") as url:
            self.sessions = sessions_over(url)
            self.clock.govern(self.sessions, patch)
            self._build(Offline(self.sessions))
            self._pass()
            self.visitors.end()
            self._look_at_the_end()
            self.sessions.dispose()

    def _build(self, world: Offline) -> None:
        internet: Any = SimulatedInternet(world.tools.keyring, lambda _: False)
        prober: Any = Prober(self.visitors)
        with self.sessions.begin(PLATFORM) as session:
            first = rows.account(
                session, None, kind=AccountKind.CA, provider="letsencrypt", priority=1
            ).id
            rows.account(session, None, kind=AccountKind.CA, provider="zerossl", priority=2)
        self.tools = replace(
            world.tools, resolver=internet, fetcher=internet, clock=self.clock, prober=prober,
            jitter=self.rng.random, proxy=lambda server: self.machines[server.id],
            authority=lambda account: self.first if account.id == first else self.second,
        )  # fmt: skip
        kinds = [kind for kind, count in self.span.counts.items() for _ in range(count)]
        self.rng.shuffle(kinds)
        size = self.span.on_one_server
        for start in range(0, len(kinds), size):
            self._add(start, kinds[start : start + size])
        self.worker = SimulatedWorker(
            self.sessions, self.tools, self.clock, (Certificate, Server, Binding),
            turn=timedelta(seconds=1),
        )  # fmt: skip

    def _add(self, start: int, kinds: list[str]) -> None:
        """Add an organization with bindings at one server, which begin in the first three weeks."""
        with self.sessions.begin(PLATFORM) as session:
            owner = rows.organization(session)
            app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=8080)
            server = rows.server(session, None, name=f"edge {start}", proxy={"type": "caddy"})
            self.machines[server.id] = Machine(self.visitors, self.rng)
            for number, kind in enumerate(kinds, start):
                host = f"{kind}-{number}.com"
                domain = rows.domain(session, owner, host, status=DomainStatus.VERIFIED)
                rows.binding(
                    session, app, domain, hostname=host, server_id=server.id,
                    health_check_interval=86400,
                    next_action_at=BEGINS + self.rng.random() * 21 * DAY,
                )  # fmt: skip

    def _pass(self) -> None:
        end = BEGINS + timedelta(days=self.span.days)
        for idle_from, idle_until in self.disasters.idle:
            self._work(idle_from)
            self.clock.reach(idle_until)
        self._work(self.disasters.recall_at)
        self._have_advice_asked_for()
        self._work(end)

    def _work(self, until: Any) -> None:
        for _ in self.worker.until(until):
            self._pass_over()

    def _pass_over(self) -> None:
        """Leave out looks at what has not changed: they can only help, and there are millions of them.

        Of servers and bindings all that nobody woke for, unless they fail or a renewal is on its way to
        them; of certificates those before the planned renewal, of most of them.
        """
        now = self.clock()
        later = now + timedelta(seconds=2)
        far = {"next_action_at": now + FAR}
        way = sa.select(Certificate.id).where(Certificate.former_generation.is_not(None))
        under_way = sa.select(Binding.server_id).where(
            Binding.ssl_certificate_id.in_(way), Binding.server_id.is_not(None)
        )
        with self.sessions.begin(PLATFORM) as session:
            quiet = (Server.next_action_at > later, Server.next_action_at < now + 30 * DAY)
            session.execute(
                sa.update(Server)
                .where(*quiet, Server.trouble_code.is_(None), Server.id.not_in(under_way))
                .values(far)
            )
            session.execute(
                sa.update(Binding)
                .where(
                    Binding.next_action_at > now + timedelta(hours=1),
                    Binding.next_action_at < now + 30 * DAY,
                    Binding.status == BindingStatus.ACTIVE,
                )
                .values(far)
            )
            session.execute(self._passing_over_certificates(now))

    def _passing_over_certificates(self, now: datetime) -> sa.Update:
        planned = Certificate.next_renewal_attempt_at
        settled = (
            Certificate.status == CertificateStatus.ACTIVE,
            Certificate.deployed_at.is_not(None),
            Certificate.trouble_code.is_(None),
            Certificate.renewal_error_code.is_(None),
            Certificate.id % self.span.looked_at != 0,
        )
        at = Certificate.next_action_at
        statement = sa.update(Certificate).where(*settled, at > now + timedelta(hours=1))
        return statement.where(at < planned).values(next_action_at=planned)

    def _have_advice_asked_for(self) -> None:
        """Have every certificate look again within a day, as it would have without `_pass_over`."""
        now = self.clock()
        with self.sessions.begin(PLATFORM) as session:
            for row in session.scalars(Certificate.visible(PLATFORM).order_by(Certificate.id)):
                moment = now + self.rng.random() * DAY
                row.next_action_at = min(row.next_action_at or moment, moment)

    def _look_at_the_end(self) -> None:
        with self.sessions.begin(PLATFORM) as session:
            self.bindings = Counter(session.scalars(sa.select(Binding.status)))
            reasons = session.scalars(sa.select(Certificate.authority_reason))
            self.reasons = Counter((one or "").split(";")[0][:60] for one in reasons)


def _needed(span: Span) -> float:
    """Return about how many certificates are needed when nothing fails."""
    total = 0.0
    for kind, count in span.counts.items():
        life = LIFETIMES[kind] / DAY
        total += count * (1 + (span.days - 10) / (life * (0.5 if life < 10 else 0.65)))
    return total


def _live(span: Span, templates: Templates, folder: Any, patch: pytest.MonkeyPatch) -> None:
    years = Years(span)
    years.live(templates, folder, patch)
    issued = years.first.issued + years.second.issued
    orders = years.first.counts["orders"] + years.second.counts["orders"]
    failures = years.first.counts["failures"] + years.second.counts["failures"]
    needed = _needed(span)
    applied = sum(one.applied for one in years.machines.values())
    print(
        f"\n{span.days} days, {dict(span.counts)}: orders {orders} (needed about {needed:.0f}), "
        f"failed {failures}, issued {dict(issued)}, renewals of each "
        f"{ {one: round(issued[one] / span.counts[one] - 1, 1) for one in span.counts} }, "
        f"by the second authority {sum(years.second.issued.values())}, first {dict(years.first.counts)}, "
        f"proxies told {applied}, failed {sum(one.failed for one in years.machines.values())}, "
        f"hosts {len(years.visitors.served)}, gaps {years.visitors.gaps[:5]}, steps "
        f"{years.worker.steps}, codes {dict(years.worker.codes)}, bindings {dict(years.bindings)}"
    )  # fmt: skip
    assert not years.visitors.gaps
    assert years.bindings == {BindingStatus.ACTIVE: sum(span.counts.values())}
    assert len(years.visitors.served) == sum(span.counts.values())
    assert years.second.issued, "the outage sent nobody to the second authority"
    assert years.first.counts["ari"] > 0.5 * needed
    assert sum(issued.values()) < 1.25 * needed
    assert orders - failures < 1.25 * needed


def test_a_year(templates: Templates, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _live(SHORT, templates, tmp_path, monkeypatch)


@pytest.mark.torture
@pytest.mark.timeout(6 * 3600)
def test_three_years(templates: Templates, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _live(WHOLE, templates, tmp_path, monkeypatch)
