"""Caddy has a bad day, or what Nameplate was told of it is wrong."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change, want_host_of
from tests.badday.faults.disks import filled, freed, read_only, writable
from tests.badday.town import Town

SERVER = "edge-beta"


def caddy(settings: Callable[[Town], dict[str, Any]] = lambda _: {}) -> Act:
    """Reach Beta's proxy by other settings."""

    def body(town: Town) -> dict[str, Any]:
        return {"proxy": {**town.beta.proxy, **settings(town)}}

    return change("servers", "server", body, at="beta")


def refused(town: Town) -> dict[str, Any]:
    """Return an operator's own part of Caddy's configuration that Caddy refuses."""
    return {"base": {**town.beta.proxy["base"], "apps": {"no_such_app": {}}}}


def forbid(town: Town) -> None:
    """Have Caddy's admin API answer only who asks for another host."""
    document = town.caddy.running()
    document["admin"] |= {"enforce_origin": True, "origins": ["admin.example.test"]}
    assert town.caddy.api.request("POST", "/load", json=document).status == 200


def managed(town: Town) -> Path:
    """Return the folder that Nameplate manages."""
    return town.caddy.folder / "managed"


FAULTS = (
    Fault(
        "Caddy is down",
        breaks=lambda t: t.caddy.server.stop(),
        says=condition("serving", "binding_unhealthy", tells=(SERVER, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="beta",
        repairs=lambda t: t.caddy.start_again(),
    ),
    Fault(
        "Caddy is down, and comes back with nothing but its first configuration",
        breaks=lambda t: t.caddy.server.stop(),
        says=condition("serving", "binding_unhealthy", tells=(SERVER, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="beta",
        repairs=lambda t: t.caddy.start_empty(),
    ),
    Fault(
        "Caddy hangs",
        breaks=lambda t: t.caddy.server.process.send_signal(signal.SIGSTOP),
        says=condition("serving", "binding_unhealthy", tells=(SERVER, "proxy")),
        turn=Turn.OPERATOR,
        served=False,
        at="beta",
        repairs=lambda t: t.caddy.server.process.send_signal(signal.SIGCONT),
    ),
    Fault(
        "Caddy's admin API is not where the server's `proxy` says; a host is added",
        breaks=caddy(lambda t: {"admin_url": f"http://127.0.0.1:{t.closed_port}"}),
        wants=want_host_of("beta"),
        says=condition("serving", "binding_configuring", tells=(SERVER, "127.0.0.1")),
        turn=Turn.OPERATOR,
        at="beta",
        repairs=caddy(),
    ),
    Fault(
        "Caddy's admin API hangs; a host is added",
        breaks=caddy(lambda t: {"admin_url": f"http://127.0.0.1:{t.silent.port}"}),
        wants=want_host_of("beta"),
        says=condition("serving", "binding_configuring", tells=(SERVER, "No answer after")),
        turn=Turn.OPERATOR,
        at="beta",
        repairs=caddy(),
    ),
    Fault(
        "Caddy's admin API answers only another host; a host is added",
        breaks=forbid,
        wants=want_host_of("beta"),
        says=condition("serving", "binding_configuring", tells=(SERVER, "host not allowed")),
        turn=Turn.OPERATOR,
        at="beta",
        repairs=lambda t: t.caddy.start_again(),
    ),
    Fault(
        "Caddy refuses the operator's own part of its configuration; a host is added",
        breaks=caddy(refused),
        wants=want_host_of("beta"),
        says=condition("serving", "binding_configuring", tells=(SERVER, "no_such_app")),
        turn=Turn.OPERATOR,
        at="beta",
        repairs=caddy(),
    ),
    Fault(
        "The disk of Caddy's folder is full; a host is added",
        breaks=filled(managed),
        wants=want_host_of("beta"),
        says=condition("serving", "binding_configuring", tells=(SERVER, "disk is full")),
        turn=Turn.OPERATOR,
        at="beta",
        repairs=freed(managed),
    ),
    Fault(
        "Caddy's folder cannot be written; a host is added",
        breaks=read_only(managed),
        wants=want_host_of("beta"),
        says=condition("serving", "binding_configuring", tells=(SERVER, "Read-only")),
        turn=Turn.OPERATOR,
        at="beta",
        repairs=writable(managed),
    ),
)
