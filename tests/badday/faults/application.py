"""An application has a bad day."""

from collections.abc import Callable

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change
from tests.badday.town import Town


def upstream(port: Callable[[Town], int]) -> Act:
    """Lead Alpha's hosts to another port."""
    return change("applications", "application", lambda town: {"upstream_port": port(town)})


FAULTS = (
    Fault(
        "The application refuses connections",
        breaks=lambda t: t.alpha.application.relay.refuse(),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.YOU,
        served=False,
        repairs=lambda t: t.alpha.application.relay.open(),
        quick=True,
    ),
    Fault(
        "The application hangs",
        breaks=lambda t: t.alpha.application.relay.hang(),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.YOU,
        served=False,
        repairs=lambda t: t.alpha.application.relay.open(),
    ),
    Fault(
        "The application answers 500",
        breaks=lambda t: t.alpha.application.origin.answer(500),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.YOU,
        served=False,
        repairs=lambda t: t.alpha.application.origin.answer(200),
    ),
    Fault(
        "The application's upstream port is wrong",
        breaks=upstream(lambda t: t.closed_port),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.OPERATOR,
        served=False,
        repairs=upstream(lambda t: t.alpha.application.relay.port),
        quick=True,
    ),
)
