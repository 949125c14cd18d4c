"""nginx has a bad day, or what Nameplate was told of it is wrong."""

from pathlib import Path
from typing import Any

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change, want_host
from tests.badday.faults.disks import filled, freed
from tests.badday.town import Town

SPOILT = "\nno_such_directive on;\n"
SERVER = "edge-alpha"


def proxy(**settings: Any) -> Act:
    """Reach Alpha's proxy by other settings."""
    return change("servers", "server", lambda town: {"proxy": {**town.alpha.proxy, **settings}})


def spoil_nginx(town: Town) -> None:
    """Write into the operator's part of nginx's configuration what nginx refuses."""
    with town.nginx.main.open("a") as file:
        file.write(SPOILT)


def mend_nginx(town: Town) -> None:
    """Take it out again."""
    main = town.nginx.main
    main.write_text(main.read_text().removesuffix(SPOILT))


def managed(town: Town) -> Path:
    """Return the folder that Nameplate manages."""
    return town.nginx.folder / "managed"


FAULTS = (
    Fault(
        "nginx is down",
        breaks=lambda t: t.nginx.stop(),
        says=condition("serving", "binding_unhealthy", tells=(SERVER, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        repairs=lambda t: t.nginx.start_again(),
        quick=True,
    ),
    Fault(
        "nginx refuses every configuration; a host is added",
        breaks=spoil_nginx,
        wants=want_host,
        says=condition("serving", "binding_configuring", tells=(SERVER, "no_such_directive")),
        turn=Turn.OPERATOR,
        repairs=mend_nginx,
    ),
    Fault(
        "The server's `proxy` names a wrong pid file; a host is added",
        breaks=proxy(pid_file="/nonexistent/nginx.pid"),
        wants=want_host,
        says=condition("serving", "binding_configuring", tells=(SERVER, "pid")),
        turn=Turn.OPERATOR,
        repairs=proxy(),
    ),
    Fault(
        "The server's `proxy` names a program that is not there; a host is added",
        breaks=proxy(executable="/nonexistent/nginx"),
        wants=want_host,
        says=condition("serving", "binding_configuring", tells=(SERVER, "nginx cannot be run")),
        turn=Turn.OPERATOR,
        repairs=proxy(),
        quick=True,
    ),
    Fault(
        "The disk of nginx's folder is full; a host is added",
        breaks=filled(managed),
        wants=want_host,
        says=condition("serving", "binding_configuring", tells=(SERVER, "disk is full")),
        turn=Turn.OPERATOR,
        repairs=freed(managed),
    ),
    Fault(
        "The server's address is wrong",
        breaks=change("servers", "server", lambda _: {"address": "127.0.0.99"}),
        says=condition("serving", "binding_unhealthy", tells=(SERVER,)),
        turn=Turn.OPERATOR,
        repairs=change("servers", "server", lambda t: {"address": t.alpha.address}),
    ),
)
