"""Whether the process lives, can work, and how much is waiting: for supervisors and Prometheus."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from nameplate.api import errors
from nameplate.api.deps import surface
from nameplate.core.actor import PLATFORM
from nameplate.core.deployment import DeploymentState
from nameplate.core.errors import Conflict, NameplateError, Unavailable
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, HealthStatus, RecordStatus
from nameplate.db import Sessions, database_now
from nameplate.models import Binding, Certificate, Record, Server, StepCount
from nameplate.usecases import work
from nameplate.usecases.certificates import deployments
from nameplate.usecases.operations import forgotten, revisions
from nameplate.usecases.serving import asks

routes = APIRouter(tags=["operations"])

COUNTED_EVERY = 5.0
"""Seconds between two counts of rows, however often somebody scrapes."""
ANSWERS_WITHIN = 2.0
"""Seconds that the database has to answer a scrape or a check before it counts as away."""
MAX_COUNTED = 10_000
"""Due rows are counted up to here: beyond, the exact number matters no more."""
EXPIRY_DAYS = (0, 1, 7, 14, 30, 60, 90)


class Health(BaseModel):
    """State of the process."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: str


@routes.get("/healthz", operation_id="healthz")
def healthz() -> Health:
    """Check that the process is running."""
    return Health(status="ok")


@routes.get("/readyz", operation_id="readyz", responses=errors.documented(503))
def readyz(request: Request) -> Health:
    """Check that the database answers and that its schema matches this version."""
    if not request.app.state.metrics.database_answers():
        raise Unavailable(
            "database_unavailable",
            f"The database has not answered within {ANSWERS_WITHIN:g} s. Check that it is running, "
            "and the network on the way to it.",
        )
    try:
        with surface(request).sessions.begin(PLATFORM, read_only=True) as session:
            revisions.require(session.connection())
    except Conflict as error:
        raise Unavailable(error.code, error.detail) from None
    except NameplateError:
        raise
    except sa.exc.SQLAlchemyError:
        raise Unavailable(
            "database_unavailable", "The database does not answer as expected. Check its log."
        ) from None
    return Health(status="ok")


@routes.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": "nameplate_due_rows 0"}}}},
)
def metrics(request: Request) -> Response:
    """Return metrics for Prometheus. They contain no names of tenants."""
    registry: CollectorRegistry = request.app.state.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class Metrics:
    """The numbers of one application; nothing is global, so that tests can have many."""

    def __init__(self, sessions: Sessions, clock: Callable[[], datetime]) -> None:

        self.registry = CollectorRegistry()
        self._requests = Counter(
            "nameplate_http_requests",
            "Requests by route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "nameplate_http_request_seconds",
            "Seconds until the response was sent.",
            ("method", "route"),
            registry=self.registry,
        )
        self._waiting = _Waiting(sessions, clock)
        self.registry.register(self._waiting)

    def database_answers(self) -> bool:
        """Tell within two seconds whether the database answers."""
        return self._waiting.answers()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        known = method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"} else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)


class _Waiting(Collector):
    """Whether the database answers, asked at each scrape; and bounded counts of its rows, kept a while."""

    def __init__(self, sessions: Sessions, clock: Callable[[], datetime]) -> None:
        self._sessions = sessions
        self._clock = clock
        self._ahead = 0.0
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._found: list[Metric] = []
        self._asking: threading.Thread | None = None

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("nameplate_database_up", "1 if the database answers, else 0.")
        answers = self.answers()
        up.add_metric([], 1 if answers else 0)
        yield up
        if answers:
            yield GaugeMetricFamily(
                "nameplate_clock_ahead_seconds",
                "How far the clock of this machine is ahead of the database's.",
                self._ahead,
            )
            yield from self._found

    def describe(self) -> list[Metric]:
        """Name nothing beforehand, so that registering asks no database."""
        return []

    def answers(self) -> bool:
        """Ask in a thread of its own: a connection that hangs holds nobody up.

        While one question is without an answer, the database is away and no other is asked.
        """
        with self._lock:
            return self._asked()

    def _asked(self) -> bool:
        if self._asking is not None and self._asking.is_alive():
            return False
        answered = threading.Event()
        self._asking = threading.Thread(target=self._ask, args=(answered,), daemon=True)
        self._asking.start()
        self._asking.join(ANSWERS_WITHIN)
        return answered.is_set()

    def _ask(self, answered: threading.Event) -> None:
        with (
            suppress(NameplateError, sa.exc.SQLAlchemyError),
            self._sessions.begin(PLATFORM, read_only=True) as session,
        ):
            self._ahead = (self._clock() - database_now(session)).total_seconds()
            answered.set()  # whatever the counts meet: tables may not be there yet
            if time.monotonic() - self._looked_at > COUNTED_EVERY:
                self._found = [
                    *_due(session),
                    _expiring(session),
                    _certificates(session),
                    _at_risk(session),
                    _deployments(session),
                    *_bindings(session),
                    _unseen(session),
                    _steps(session),
                    _asks(session),
                    _forgotten(session),
                    _still_served(session),
                ]
                self._looked_at = time.monotonic()


def _due(session: Session) -> list[Metric]:
    rows = GaugeMetricFamily(
        "nameplate_due_rows", "Rows that are due, counted up to 10000.", labels=["table"]
    )
    oldest = GaugeMetricFamily(
        "nameplate_oldest_due_seconds",
        "Seconds since the oldest of them became due.",
        labels=["kind"],
    )
    now = database_now(session)
    for kind in work.KINDS:
        due = (
            kind.visible(PLATFORM)
            .with_only_columns(kind.next_action_at)
            .where(kind.next_action_at <= now)
        )
        some = due.limit(MAX_COUNTED).subquery()
        count = session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
        first = session.scalar(due.order_by(kind.next_action_at).limit(1))
        rows.add_metric([kind.__tablename__], count)
        oldest.add_metric(
            [kind.__name__.lower()], 0 if first is None else max(0, (now - first).total_seconds())
        )
    return [rows, oldest]


def _expiring(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "nameplate_certificates_expiring",
        "Served certificates that expire within this number of days.",
        labels=["within_days"],
    )
    now = database_now(session)
    served = Certificate.visible(PLATFORM).where(
        Certificate.status.in_([CertificateStatus.ACTIVE, CertificateStatus.RENEWING]),
        Certificate.is_wanted(),
    )
    ends = Certificate.expires_at
    cases = [
        sa.func.count(sa.case((ends <= now + timedelta(days=days), 1))) for days in EXPIRY_DAYS
    ]
    row = session.execute(served.with_only_columns(*cases)).one()
    for days, count in zip(EXPIRY_DAYS, row, strict=True):
        family.add_metric([str(days)], count)
    return family


def _certificates(session: Session) -> Metric:
    family = GaugeMetricFamily("nameplate_certificates", "Certificates by state.", labels=["state"])
    states = Certificate.visible(PLATFORM).with_only_columns(Certificate.status, sa.func.count())
    found = {row[0]: row[1] for row in session.execute(states.group_by(Certificate.status))}
    for status in CertificateStatus:
        family.add_metric([status.value], found.get(status, 0))
    return family


def _at_risk(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "nameplate_certificates_at_risk",
        "Certificates whose next renewal would fail, as it was seen before its time.",
    )
    found = Certificate.visible(PLATFORM).where(Certificate.at_risk_since.is_not(None))
    count = sa.select(sa.func.count()).select_from(found.subquery())
    family.add_metric([], session.scalar(count) or 0)
    return family


def _deployments(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "nameplate_certificate_deployments",
        "Certificates that proxies should serve, by how far they have come.",
        labels=["state"],
    )
    now = database_now(session)
    served = Certificate.visible(PLATFORM).where(Certificate.serial_number.is_not(None))
    for state in DeploymentState:
        if state is not DeploymentState.UNBOUND:
            some = served.with_only_columns(sa.func.count()).where(deployments.is_in(state, now))
            family.add_metric([state.value], session.scalar(some) or 0)
    return family


def _bindings(session: Session) -> list[Metric]:
    family = GaugeMetricFamily(
        "nameplate_bindings", "Active bindings by health.", labels=["health"]
    )
    failing = GaugeMetricFamily(
        "nameplate_bindings_failing", "Active bindings whose last health check failed."
    )
    active = Binding.visible(PLATFORM).where(Binding.status == BindingStatus.ACTIVE)
    states = active.with_only_columns(
        Binding.health_status, sa.func.count(), sa.func.count(Binding.failing_since)
    )
    rows = session.execute(states.group_by(Binding.health_status)).all()
    found = {row[0]: row[1] for row in rows}
    for health in HealthStatus:
        family.add_metric([health.value], found.get(health, 0))
    failing.add_metric([], sum(row[2] for row in rows))
    return [family, failing]


def _unseen(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "nameplate_records_unseen",
        "Written records that not every authoritative server shows, counted up to 10000.",
    )
    unseen = Record.visible(PLATFORM).where(
        Record.status == RecordStatus.ACTIVE, Record.propagated.is_(False)
    )
    some = unseen.with_only_columns(Record.id).limit(MAX_COUNTED).subquery()
    family.add_metric([], session.scalar(sa.select(sa.func.count()).select_from(some)) or 0)
    return family


def _steps(session: Session) -> Metric:
    """Return what all workers have added up, however many processes they are."""
    family = CounterMetricFamily(
        "nameplate_steps", "Steps of all workers by kind and outcome.", labels=["kind", "outcome"]
    )
    for row in session.scalars(sa.select(StepCount).order_by(StepCount.kind, StepCount.outcome)):
        family.add_metric([row.kind, row.outcome], row.steps)
    return family


def _asks(session: Session) -> Metric:
    family = CounterMetricFamily(
        "nameplate_edge_asks",
        "Questions whether a certificate may be obtained, by how the edge answered and why.",
        labels=["outcome"],
    )
    for outcome, asked in asks.totals(session).items():
        family.add_metric([outcome.value], asked)
    return family


def _forgotten(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "nameplate_forgotten_rows",
        "Rows whose state waits for work and that have no time: must be 0.",
        labels=["kind"],
    )
    for kind, count in forgotten.count(session).items():
        family.add_metric([kind], count)
    return family


def _still_served(session: Session) -> Metric:
    family = GaugeMetricFamily(
        "nameplate_still_served",
        "Hosts and paths that proxies still serve although they must not: must be 0.",
    )
    failing = Server.visible(PLATFORM).where(Server.trouble_code.is_not(None))
    told = session.scalars(failing.with_only_columns(Server.still_served))
    family.add_metric([], sum(len(hosts or ()) for hosts in told))
    return family
