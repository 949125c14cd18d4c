"""Trying a server: whether its address resolves, its ports answer, and its proxy takes what it is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core.actor import Actor
from nameplate.core.addresses import is_address
from nameplate.core.errors import NameplateError
from nameplate.db import Sessions, database_now
from nameplate.models import Server
from nameplate.ports.prober import Failure, ProbeTarget
from nameplate.ports.proxy import Inspector
from nameplate.usecases.serving import agents, hosted, servers
from nameplate.usecases.tools import Tools

_SECONDS = 5.0
"""How long one port is waited for."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    name: str
    """`address`, `http`, `https`, `proxy`, `agent` or `collision`."""
    ok: bool
    message: str
    fix: str = ""
    """What to do; empty when there is nothing to do."""


def run(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> Sequence[Check]:
    """Try a server from here, and have its proxy configured again soon; nothing else changes.

    A tenant is told about the address only: what listens at an address that it chose is not for it to
    know, nor is the proxy. No transaction is open meanwhile. What does not work is a value. Raises
    NotFound.
    """

    def read(session: Session) -> Server:
        row = servers.get(session, actor, reference)
        if row.proxy is not None and actor.is_platform:
            row.wake(database_now(session))
        return row

    row = sessions.run(actor, read)
    checks = [address(tools, row.address)]
    if row.is_by_agent and actor.is_platform:
        checks += [_agent(row, sessions), _configured(row)]
    elif row.proxy is not None and actor.is_platform:
        checks += [*_ports(tools, row), *_proxy(tools, row)]
    return checks


def address(tools: Tools, host: str) -> Check:
    """Tell whether the address of a server is one, or a name that has one."""
    if is_address(host):
        return Check("address", ok=True, message=f"{host} is an IP address.")
    found = tools.resolver.addresses(host)
    if found:
        return Check("address", ok=True, message=f"{host} resolves to {', '.join(found)}.")
    return Check(
        "address",
        ok=False,
        message=f"{host} does not resolve to an IP address.",
        fix=f"Publish A or AAAA records for {host}, or correct the address of the server.",
    )


def _ports(tools: Tools, row: Server) -> Sequence[Check]:
    """Tell whether somebody accepts connections where the proxy should."""
    try:
        told = servers.reach(row)
    except NameplateError as error:
        return [
            Check("proxy", ok=False, message=error.detail, fix="Correct `proxy` of the server.")
        ]
    at = told.probe_address or row.address
    ports = (("http", told.http_port), ("https", told.https_port))
    looks = tools.prober.look_many(
        [
            # Connecting is enough: without a binding no proxy of ours answers more than that.
            ProbeTarget(at, port, hostname=row.address, scheme="http", timeout=_SECONDS)
            for _, port in ports
        ]
    )
    return [
        Check(name, ok=True, message=f"{at} accepts connections on port {port}.")
        if look.connected
        else Check(
            name,
            ok=False,
            message=f"{at} does not accept connections on port {port}{_why(look.failure)}.",
            fix="Start the proxy, open the port in the firewall, or correct `proxy` of the server.",
        )
        for (name, port), look in zip(ports, looks, strict=True)
    ]


def _why(failure: Failure | None) -> str:
    return f" ({failure.value.replace('_', ' ')})" if failure else ""


def _proxy(tools: Tools, row: Server) -> Sequence[Check]:
    """Tell what came of the last attempt to configure the proxy, and what is in its way."""
    if hosted.is_hosted(
        row
    ):  # a service is tried by its account, and has no configuration of others
        return [_configured(row)]
    try:
        found = tools.proxy(row)
    except NameplateError as error:
        return [
            Check("proxy", ok=False, message=error.detail, fix="Correct `proxy` of the server.")
        ]
    met = found.collisions() if isinstance(found, Inspector) else ()
    return [
        _configured(row),
        *(Check("collision", ok=one.is_harmless, message=one.message, fix=one.fix) for one in met),
    ]


def _agent(row: Server, sessions: Sessions) -> Check:
    """Tell whether the server's agent reports."""
    with sessions.look() as session:
        now = database_now(session)
    if agents.is_there(row, now):
        told = row.agent_report.report.version if row.agent_report else ""
        return Check("agent", ok=True, message=f"The agent (Nameplate {told}) reports.")
    return Check(
        "agent", ok=False, message=agents.silence(row),
        fix="Start it on the machine of the proxy, and run `nameplate agent --check` there.",
    )  # fmt: skip


def _configured(row: Server) -> Check:
    trouble = row.trouble_message
    if trouble:
        return Check(
            "proxy", ok=False, message=trouble,
            fix="Correct the problem in the message. The proxy is being configured again now.",
        )  # fmt: skip
    if row.configured_at is None:
        return Check(
            "proxy", ok=True, message="The proxy has not been configured yet. This happens with the "
            "first binding.",
        )  # fmt: skip
    return Check("proxy", ok=True, message="The proxy took its last configuration.")
