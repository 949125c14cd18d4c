"""A proxy has a bad day."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change, want_host, want_host_of_beta
from tests.badday.town import Town
from tests.servers.process import ServerMissing

SPOILT = "\nno_such_directive on;\n"


def proxy(**settings: Any) -> Act:
    """Reach Alpha's proxy by other settings."""
    return change("servers", "server", lambda town: {"proxy": {**town.alpha.proxy, **settings}})


def caddy(settings: Callable[[Town], dict[str, Any]] = lambda _: {}) -> Act:
    """Reach Beta's proxy by other settings."""

    def body(town: Town) -> dict[str, Any]:
        return {"proxy": {**town.beta.proxy, **settings(town)}}

    return change("servers", "server", body, beta=True)


def refused_by_caddy(town: Town) -> dict[str, Any]:
    """Return an operator's own part of Caddy's configuration that Caddy refuses."""
    return {"base": {**town.beta.proxy["base"], "apps": {"no_such_app": {}}}}


def spoil_nginx(town: Town) -> None:
    """Write into the operator's part of nginx's configuration what nginx refuses."""
    with town.nginx.main.open("a") as file:
        file.write(SPOILT)


def mend_nginx(town: Town) -> None:
    """Take it out again."""
    main = town.nginx.main
    main.write_text(main.read_text().removesuffix(SPOILT))


def fill_disk(town: Town) -> None:
    """Leave no byte free where nginx's configuration is."""
    if not _filler(town).parent.is_mount():
        raise ServerMissing("mounting a small disk needs root")
    with contextlib.suppress(OSError), _filler(town).open("wb", buffering=0) as file:
        while file.write(bytes(512)):
            pass


def free_disk(town: Town) -> None:
    """Make room again."""
    _filler(town).unlink(missing_ok=True)


def _filler(town: Town) -> Path:
    return town.nginx.folder / "managed" / "filler"


FAULTS = (
    Fault(
        "nginx is down",
        breaks=lambda t: t.nginx.stop(),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.OPERATOR,
        served=False,
        repairs=lambda t: t.nginx.start_again(),
        quick=True,
    ),
    Fault(
        "nginx refuses every configuration; a host is added",
        breaks=spoil_nginx,
        wants=want_host,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        repairs=mend_nginx,
    ),
    Fault(
        "The server's `proxy` names a wrong pid file; a host is added",
        breaks=proxy(pid_file="/nonexistent/nginx.pid"),
        wants=want_host,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        repairs=proxy(),
    ),
    Fault(
        "The server's `proxy` names a program that is not there; a host is added",
        breaks=proxy(executable="/nonexistent/nginx"),
        wants=want_host,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        repairs=proxy(),
        quick=True,
    ),
    Fault(
        "The disk of nginx's folder is full; a host is added",
        breaks=fill_disk,
        wants=want_host,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        repairs=free_disk,
    ),
    Fault(
        "The server's address is wrong",
        breaks=change("servers", "server", lambda _: {"address": "127.0.0.99"}),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.OPERATOR,
        repairs=change("servers", "server", lambda t: {"address": t.alpha.address}),
    ),
    Fault(
        "Caddy is down",
        breaks=lambda t: t.caddy.server.stop(),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.OPERATOR,
        served=False,
        beta=True,
        repairs=lambda t: t.caddy.start_again(),
    ),
    Fault(
        "Caddy is down, and comes back with nothing but its first configuration",
        breaks=lambda t: t.caddy.server.stop(),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.OPERATOR,
        served=False,
        beta=True,
        repairs=lambda t: t.caddy.start_empty(),
    ),
    Fault(
        "Caddy's admin API is not where the server's `proxy` says; a host is added",
        breaks=caddy(lambda _: {"admin_url": "http://127.0.0.1:9"}),
        wants=want_host_of_beta,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        beta=True,
        repairs=caddy(),
    ),
    Fault(
        "Caddy refuses the operator's own part of its configuration; a host is added",
        breaks=caddy(refused_by_caddy),
        wants=want_host_of_beta,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        beta=True,
        repairs=caddy(),
    ),
)
