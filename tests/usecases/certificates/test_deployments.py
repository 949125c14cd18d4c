"""Which server does not serve a certificate, why, since when, and who must act."""

from datetime import UTC, datetime

import pytest
from tests.models import world as rows

from nameplate.core.actor import PLATFORM
from nameplate.core.deployment import DeploymentState
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.core.turns import Turn
from nameplate.db import Sessions
from nameplate.usecases.certificates import deployments
from nameplate.usecases.certificates.deployments import Deployment

NOW = datetime.now(UTC)


def _look(sessions: Sessions, *, shared: bool = True, binding: dict[str, object], server: dict[str, object]) -> Deployment:  # fmt: skip
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        domain = rows.domain(session, owner)
        machine = rows.server(session, None if shared else owner, name="edge", **server)
        row = rows.certificate(
            session, domain, serial_number="02", certificate="PEM", status=CertificateStatus.ACTIVE
        )
        given = {
            "status": BindingStatus.ACTIVE, "activated_at": NOW, "seen_serial": "01",
            "server_id": machine.id, "ssl_certificate_id": row.id, **binding,
        }  # fmt: skip
        rows.binding(session, rows.application(session, owner), domain, **given)
        bound = deployments.presenters(session, [row.id])[row.id]
        return deployments.of(row, bound, NOW)


@pytest.mark.parametrize(("shared", "turn"), [(True, Turn.OPERATOR), (False, Turn.YOU)])
def test_whose_server_it_is(sessions: Sessions, shared: bool, turn: Turn) -> None:
    failing = {"trouble_code": "proxy_refused", "trouble_message": "No.", "trouble_since": NOW}
    found = _look(sessions, shared=shared, binding={}, server=failing)
    (one,) = found.missing
    assert (found.state, one.turn, one.since) == (DeploymentState.DEPLOYED_PARTIAL, turn, NOW)
    assert found.trouble == "edge (acme.com): The proxy cannot be configured: No."


@pytest.mark.parametrize(
    ("binding", "words", "turn"),
    [
        ({"refused_serial": "02", "refusal": "Too new."}, "refuses the certificate: Too new.", Turn.OPERATOR),
        ({"served_serial": "02", "error_message": "Closed."}, "did not see it. Closed.", Turn.OPERATOR),
        ({}, "not seen to serve it yet", Turn.NAMEPLATE),
        ({"server_id": None}, "The server was removed.", Turn.YOU),
    ],
)  # fmt: skip
def test_why(sessions: Sessions, binding: dict[str, object], words: str, turn: Turn) -> None:
    (one,) = _look(sessions, binding=binding, server={}).missing
    assert words in one.reason
    assert one.turn is turn
    assert one.seen_serial == "01"


@pytest.mark.parametrize(
    "binding",
    [
        {"activated_at": None},
        {"status": BindingStatus.DISABLED},
        {"status": BindingStatus.PENDING},
        {"ssl_enabled": False},
        {"deleted_at": NOW},
    ],
)
def test_bindings_that_do_not_count(sessions: Sessions, binding: dict[str, object]) -> None:
    assert _look(sessions, binding=binding, server={}).state is DeploymentState.UNBOUND
