"""A proxy has a bad day."""

from typing import Any

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change, want_host


def proxy(**settings: Any) -> Act:
    """Reach Alpha's proxy by other settings."""
    return change("servers", "server", lambda town: {"proxy": {**town.alpha.proxy, **settings}})


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
        breaks=lambda t: t.spoil_nginx(),
        wants=want_host,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        repairs=lambda t: t.mend_nginx(),
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
        breaks=lambda t: t.fill_disk(),
        wants=want_host,
        says=condition("serving", "binding_configuring"),
        turn=Turn.OPERATOR,
        repairs=lambda t: t.free_disk(),
    ),
    Fault(
        "The server's address is wrong",
        breaks=change("servers", "server", lambda _: {"address": "127.0.0.99"}),
        says=condition("serving", "binding_unhealthy"),
        turn=Turn.OPERATOR,
        repairs=change("servers", "server", lambda _: {"address": "127.0.0.1"}),
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
)
