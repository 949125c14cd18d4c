"""Servers whose proxy a service runs, such as Cloudflare: by which account, and how it sees each host."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NotFound, Refused
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Account, AccountKind, Binding, Server
from nameplate.models.custom_hostnames import SeenHost
from nameplate.ports.hosted_proxy import HostedProxy, HostStage, HostState
from nameplate.ports.proxy import Proxy
from nameplate.usecases import lookup, work
from nameplate.usecases.tools import Tools

WHILE_WAITING = timedelta(seconds=30)
"""How often hosts are looked at while one of them waits for something."""
USUALLY = timedelta(minutes=5)


class _Access(NamedTuple):
    """What it takes to work at the service."""

    account: Account
    ledger: frozenset[str]


def is_hosted(server: Server) -> bool:
    """Tell whether a service runs the server's proxy: it is reached by an account there."""
    return bool((server.proxy or {}).get("account"))


def issues_itself(server: Server) -> bool:
    """Tell whether the service has certificates of its own: Nameplate orders none for its hosts."""
    return is_hosted(server) and (server.proxy or {}).get("certificates", "cloudflare") == "cloudflare"  # fmt: skip


def connect(sessions: Sessions, tools: Tools, lease: Lease, server: Server) -> Proxy:
    """Connect a server's proxy, by its account where it has one.

    Raises Refused `account_not_found` when the server's owner has no such account at the service.
    """
    if not is_hosted(server) or tools.proxy_by_account is None:
        return tools.proxy(server)
    access = work.read(sessions, Server, lease, _access)
    return tools.proxy_by_account(server, access.account, access.ledger)


def _access(session: Session, server: Server) -> _Access:
    named = str((server.proxy or {})["account"])
    kind = str((server.proxy or {})["type"])
    own = Account.visible(PLATFORM).where(
        Account.organization_id.is_(None)
        if server.organization_id is None
        else Account.organization_id == server.organization_id,
        Account.kind == AccountKind.DNS,
        Account.provider == kind,
    )
    try:
        account = lookup.find(session, own, Account, Prefix.ACCOUNT, named, Account.name)
    except NotFound:
        detail = f"The owner of the server has no account {named} at the DNS provider {kind}."
        raise Refused("account_not_found", detail) from None
    made = sa.select(Binding.seen_host).where(
        sa.or_(Binding.server_id == server.id, Binding.served_server_id == server.id),
        Binding.seen_host.is_not(None),
    )
    ids = {seen.state.id for seen in session.scalars(made) if seen is not None}
    return _Access(account, frozenset(ids - {""}))


def look(sessions: Sessions, lease: Lease, proxy: Proxy) -> timedelta | None:
    """Record how the service sees each host, and wake the bindings of those that changed.

    Returns when to look again; None where no service runs the proxy.
    """
    if not isinstance(proxy, HostedProxy):
        return None
    states = proxy.states()

    def change(session: Session) -> timedelta:
        return _record(session, lease.id, states, lease.now())

    return sessions.run(PLATFORM, change)


def _record(
    session: Session, server_id: int, states: Mapping[str, HostState], now: datetime
) -> timedelta:
    query = Binding.visible(PLATFORM).where(Binding.server_id == server_id).order_by(Binding.id)
    is_waiting = is_lost = False
    for row in session.scalars(query.with_for_update(key_share=True)):
        state = states.get(row.hostname)
        is_waiting |= state is None or state.stage is not HostStage.SERVED
        if (row.seen_host and row.seen_host.state) == state:
            continue
        if state is None and row.status is BindingStatus.ERROR:
            continue  # why it was refused stays
        is_lost |= state is None and row.served_server_id == server_id
        row.seen_host = None if state is None else SeenHost(state)
        if row.status in {BindingStatus.CONFIGURING, BindingStatus.ACTIVE}:
            row.wake(now)
    if is_lost:  # somebody has removed it there: it is made again
        lost = sa.update(Server).where(Server.id == server_id)
        session.execute(lost.values(configured_fingerprint=None, updated_at=Server.updated_at))
    return WHILE_WAITING if is_waiting else USUALLY


def obstacle(row: Binding, server: Server) -> str | None:
    """Return why the service does not serve a binding's host yet, None when it does or has no say."""
    if not is_hosted(server):
        return None
    if row.seen_host is None:
        return "Waiting for the state of the host at the service."
    state = row.seen_host.state
    return None if state.stage is HostStage.SERVED else state.message
