"""What workers count, and what the metrics show of it."""

import logging

import pytest
import sqlalchemy as sa
from tests.api.client import LOCAL, Api
from tests.worker.busy import Busy, going, until

from nameplate.api.app import create
from nameplate.api.inprocess import InProcess
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Unavailable
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Domain, StepCount, Verification
from nameplate.worker.counts import StepCounts
from nameplate.worker.loop import Worker


def test_counts_of_several_workers_add_up(sessions: Sessions) -> None:
    for _ in range(2):
        counts = StepCounts()
        counts.count("binding", "ok", 3)
        counts.count("binding", "timeout")
        counts.write(sessions, at_once=True)
        counts.write(sessions, at_once=True)
    with sessions.begin(PLATFORM) as session:
        found = session.execute(sa.select(StepCount.outcome, StepCount.steps)).all()
    assert {tuple(row) for row in found} == {("ok", 6), ("timeout", 2)}


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_steps_and_oldest_due_are_in_the_metrics(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    busy = Busy(sessions)
    acme = busy.organization("acme")

    def check(_name: str, _token: str) -> None:
        raise Unavailable("resolver_unavailable", "no name server answers")

    busy.offline.method.check = check  # type: ignore[assignment]  # a world without DNS
    row = busy.claim(acme, "shop.com")

    def tried() -> bool:
        with sessions.begin(PLATFORM, read_only=True) as session:
            query = sa.select(Verification.attempts).where(
                Verification.organization_domain_id == row
            )
            return bool(session.scalar(query))

    with caplog.at_level(logging.WARNING), going(Worker(sessions, busy.tools)):
        assert until(tried, 10) is not None
    said = [one for one in caplog.records if one.message == "step_failed"]
    line = said[0].__dict__
    assert (line["code"], line["kind"], line["domain"]) == (
        "resolver_unavailable",
        "verification",
        "shop.com",
    )
    assert line["object"].startswith("ver_")
    assert line["cause"] == "no name server answers"
    assert line["failing_for"] < 60
    app = create(sessions, busy.tools, local_token=Secret(LOCAL))
    text = Api(sessions, busy.tools, InProcess(app)).send("GET", "/metrics").raw.decode()
    assert 'nameplate_steps_total{kind="verification",outcome="resolver_unavailable"}' in text
    assert 'nameplate_oldest_due_seconds{kind="binding"} 0.0' in text
    assert 'nameplate_certificates{state="pending"} 0.0' in text
    assert 'nameplate_certificate_deployments{state="deployed_partial"} 0.0' in text
    assert 'nameplate_forgotten_rows{kind="binding"} 0.0' in text
    assert "nameplate_still_served 0.0" in text
    assert 'nameplate_edge_asks_total{outcome="recursive"} 0.0' in text
    assert "nameplate_bindings_failing 0.0" in text


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_what_is_refused_and_recorded_is_counted_and_said(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    busy = Busy(sessions)
    busy.server()
    acme = busy.organization("acme")
    row = busy.claim(acme, "shop.com")
    with caplog.at_level(logging.WARNING), going(Worker(sessions, busy.tools)):
        assert until(lambda: _proved(sessions, row), 20) is not None
        busy.bind(acme, "shop.com", ssl_enabled=True)
        said = until(
            lambda: any(getattr(one, "code", "") == "ca_account_missing" for one in caplog.records),
            10,
        )
    assert said is not None
    with sessions.begin(PLATFORM) as session:
        assert (session.get_one(StepCount, ("certificate", "ca_account_missing"))).steps > 0


def _proved(sessions: Sessions, row: int) -> bool:
    with sessions.begin(PLATFORM, read_only=True) as session:
        return session.get_one(Domain, row).verified_at is not None
