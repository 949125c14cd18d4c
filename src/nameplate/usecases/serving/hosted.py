"""Servers whose proxy a service runs, such as Cloudflare: by which account, and how it sees each host."""

from collections.abc import Mapping, Sequence
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
from nameplate.models import Account, AccountKind, Binding, Domain, Server, SslProvider
from nameplate.models.custom_hostnames import SeenHost
from nameplate.ports.hosted_proxy import HostedProxy, HostStage, HostState
from nameplate.ports.proxy import Proxy
from nameplate.usecases import lookup, work
from nameplate.usecases.tools import Tools

WHILE_WAITING = timedelta(seconds=30)
"""How often hosts are looked at while one of them waits for something."""
USUALLY = timedelta(minutes=5)
RETRY_EVERY = timedelta(minutes=10)
"""How often the service is asked to look again at what it has given up."""
_SERVED = (BindingStatus.CONFIGURING, BindingStatus.ACTIVE)
_TOGETHER = 500


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


def note_issuer(domain: Domain, row: Binding, server: Server) -> None:
    """Record on a locked domain who issues certificates for a binding that comes to a server."""
    if not row.ssl_enabled:
        return
    if issues_itself(server):
        domain.ssl_provider = SslProvider.CLOUDFLARE
    elif domain.ssl_provider is SslProvider.CLOUDFLARE:
        domain.ssl_provider = SslProvider.LETSENCRYPT


def connect(sessions: Sessions, tools: Tools, lease: Lease, server: Server) -> Proxy:
    """Connect a server's proxy, by its account where it has one.

    Raises Refused `setting_invalid` when the server's owner has no such account at the service.
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
        raise Refused("setting_invalid", detail) from None
    made = Binding.seen_hosts(server.id)
    ids = {seen.state.id for seen in session.scalars(made) if seen is not None}
    return _Access(account, frozenset(ids - {""}))


def look(sessions: Sessions, lease: Lease, proxy: Proxy) -> timedelta | None:
    """Record how the service sees each host, and wake the bindings of those that changed.

    Returns when to look again; None where no service runs the proxy.
    """
    if not isinstance(proxy, HostedProxy):
        return None
    states = proxy.states()

    def change(session: Session) -> _Looked:
        return _record(session, lease.id, states, lease.now())

    looked = sessions.run(PLATFORM, change)
    if looked.given_up:
        proxy.retry(looked.given_up)
    return looked.later


class _Looked(NamedTuple):
    """What comes of a look at the hosts of a server."""

    later: timedelta
    """When to look again."""
    given_up: Sequence[str]
    """The service's ids of hosts at which it is to look again now."""


def _record(
    session: Session, server_id: int, states: Mapping[str, HostState], now: datetime
) -> _Looked:
    columns = (Binding.id, Binding.hostname, Binding.status, Binding.served_server_id, Binding.seen_host)  # fmt: skip
    query = Binding.visible(PLATFORM).where(Binding.server_id == server_id).order_by(Binding.id)
    changed: dict[int, SeenHost | None] = {}
    given_up: list[str] = []
    is_waiting = is_lost = False
    for number, hostname, status, served_by, seen in session.execute(query.with_only_columns(*columns)):  # fmt: skip
        state = states.get(hostname)
        if status in _SERVED:
            is_waiting |= state is None or state.stage is HostStage.WAITING
            is_lost |= state is None and served_by == server_id
        found = _seen(status, seen, state, now)
        if found is not None and found.retried_at == now:
            given_up.append(found.state.id)
        if found != seen:
            changed[number] = found
    _tell(session, changed, now)
    if is_lost:  # somebody has removed it there: it is made again
        lost = sa.update(Server).where(Server.id == server_id)
        session.execute(lost.values(configured_fingerprint=None, updated_at=Server.updated_at))
    return _Looked(WHILE_WAITING if is_waiting else USUALLY, given_up)


def _seen(
    status: BindingStatus, before: SeenHost | None, state: HostState | None, now: datetime
) -> SeenHost | None:
    """Return what is known of a binding's host from now on.

    A binding that is not to be served learns nothing: the host may be another organization's by now.
    """
    if status not in _SERVED:
        if status is BindingStatus.ERROR:  # it was refused: why that was stays
            return SeenHost(state) if state is not None else before
        is_same = before is not None and state is not None and before.state.id == state.id
        return before if is_same else None
    if state is None:
        return None
    asked = None if before is None else before.retried_at
    if state.is_given_up and (asked is None or asked < now - RETRY_EVERY):
        asked = now
    return SeenHost(state, asked)


def _tell(session: Session, changed: Mapping[int, SeenHost | None], now: datetime) -> None:
    numbers = sorted(changed)
    for start in range(0, len(numbers), _TOGETHER):
        some = Binding.visible(PLATFORM).where(Binding.id.in_(numbers[start : start + _TOGETHER]))
        for row in session.scalars(some.order_by(Binding.id).with_for_update(key_share=True)):
            is_news = (row.seen_host and row.seen_host.state) != _state(changed[row.id])
            row.seen_host = changed[row.id]
            if is_news and row.status in _SERVED:
                row.wake(now)
        session.flush()


def _state(seen: SeenHost | None) -> HostState | None:
    return None if seen is None else seen.state


def obstacle(row: Binding, server: Server) -> str | None:
    """Return why the service does not serve a binding's host yet, None when it does or has no say."""
    if not is_hosted(server):
        return None
    if row.seen_host is None:
        return "Waiting for the state of the host at the service."
    state = row.seen_host.state
    return None if state.stage is HostStage.SERVED else state.message
