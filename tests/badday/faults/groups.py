"""Half of the servers of Epsilon's group have a bad day."""

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Fault, condition
from tests.badday.faults.acts import want_host_of
from tests.badday.faults.proxy import SPOILT
from tests.badday.town import Town

SERVER = "edge-epsilon-2"


def spoil(town: Town) -> None:
    """Have one nginx of the group refuse every configuration."""
    with town.group[1].main.open("a") as file:
        file.write(SPOILT)


def mend(town: Town) -> None:
    """Have it take them again."""
    main = town.group[1].main
    main.write_text(main.read_text().removesuffix(SPOILT))


FAULTS = (
    Fault(
        "Half of the servers of a group are down",
        breaks=lambda t: t.group[1].stop(),
        says=condition("serving", "server_behind", tells=(SERVER, "proxy")),
        turn=Turn.OPERATOR,
        ready=True,
        at="epsilon",
        repairs=lambda t: t.group[1].start_again(),
    ),
    Fault(
        "Half of the servers of a group refuse every configuration; a host is added",
        breaks=spoil,
        wants=want_host_of("epsilon"),
        says=condition("serving", "server_behind", tells=(SERVER, "no_such_directive")),
        turn=Turn.OPERATOR,
        ready=True,
        at="epsilon",
        repairs=mend,
    ),
)
