"""Telling proxies what to serve: one server's lease is the one writer of its configuration.

A server is looked at when something changed, and regularly: what it should serve, read from rows as
a digest, is compared with what its proxy was last configured with. Only a difference is work. How
every attempt ended is on the server's row.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import backoff, ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.leases import Lease, seen
from nameplate.models import Binding, Server
from nameplate.ports.proxy import Config, Proxy, RouteRefused, Withdrawer
from nameplate.usecases import work
from nameplate.usecases.serving import routes
from nameplate.usecases.serving.routes import Difference, ServedRoute, WantedRoute
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

REGULARLY = timedelta(seconds=30)
"""How often a server is compared with its rows when nobody wakes it."""
AGAIN_AFTER_FAILURE = timedelta(minutes=1)
"""When at the latest a proxy that failed is tried again."""
AGAIN_AFTER_REFUSAL = timedelta(minutes=5)
"""When a binding that a proxy refused is tried again, should nobody change it."""
DOUBT_EVERY = timedelta(seconds=10)
"""How often a proxy is told everything again because of what probes see."""
WAITS = "Waiting for the server. Its proxy cannot be configured now."
_BATCH = 500
_SHOWN = 20
MAX_REFUSALS = 20
"""Configurations that a proxy may refuse within one step, each for the sake of other routes."""


@dataclass(frozen=True, slots=True)
class _ServedNow:
    """What a proxy was made to serve."""

    fingerprint: str | None
    """None: not done yet, because many routes were refused."""
    served: Sequence[WantedRoute]
    refused: dict[str, str]
    """Route id -> why it was left out."""


def peer(_session: Session, row: Server) -> str | None:
    """Return the server itself: its proxy is what the work depends on."""
    return f"server:{row.id}"


def doubt(session: Session, server_id: int, now: datetime) -> None:
    """Have a server told everything again even though nothing changed here: it may have forgotten.

    A server that is in doubt already, was told a moment ago or is failing keeps to its schedule.
    """
    session.connection().execute(
        sa.update(Server)
        .where(
            Server.id == server_id,
            Server.configured_fingerprint.is_not(None),
            Server.configured_at < now - DOUBT_EVERY,
            Server.error_code.is_(None),
        )
        .values(configured_fingerprint=None, next_action_at=now, updated_at=Server.updated_at)
    )


def wake(session: Session, server_id: int, now: datetime, *, patiently: bool = False) -> None:
    """Have a server look at what it should serve.

    With `patiently`, one whose last attempt failed keeps to its schedule.
    """
    statement = sa.update(Server).where(Server.id == server_id)
    if patiently:
        statement = statement.where(Server.error_code.is_(None))
    values = {"next_action_at": now, "updated_at": Server.updated_at}
    session.connection().execute(statement.values(values))


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> None:
    """Make one proxy serve exactly the bindings that it should, and have those probed."""
    server = work.read(sessions, Server, lease, lambda _session, row: row)
    if server.proxy is None or server.deleted_at is not None:
        work.record(sessions, Server, lease, _rest, release=True)
        return
    proxy: Proxy | None = None
    try:
        proxy = tools.proxy(server)
        difference = work.read(sessions, Server, lease, _compare(proxy))
        if difference.fingerprint({}) == server.configured_fingerprint and not server.error_code:
            work.record(sessions, Server, lease, partial(_unchanged, lease=lease), release=True)
            return
        outcome = _configure(sessions, tools, lease, proxy, difference)
    except work.Superseded:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the server's row tells it
        _failed(sessions, tools, lease, proxy, error)
        return
    _configured(sessions, tools, lease, outcome)


def _compare(proxy: Proxy) -> Callable[[Session, Server], Difference]:
    form = routes.form(proxy)
    return lambda session, row: Difference(
        form, routes.wanted(session, row.id), routes.served(session, row.id)
    )


def _configure(
    sessions: Sessions, tools: Tools, lease: Lease, proxy: Proxy, difference: Difference
) -> _ServedNow:
    """Have the proxy serve all that it takes: a route that is refused is its owner's problem alone."""
    refused: dict[str, str] = {}
    config: Config | None = None
    given = work.read(
        sessions, Server, lease,
        lambda session, _: routes.rendered(session, tools.keyring, difference.wanted),
    )  # fmt: skip
    for _ in range(MAX_REFUSALS):
        kept = [route for route in given if route.id not in refused]
        try:
            config = proxy.render(kept)
            tools.checkpoint("proxy:rendered")
            work.confirm(sessions, Server, lease)
            proxy.apply(config)
        except RouteRefused as error:
            if not error.reasons.keys() - refused.keys():
                raise  # naming nothing new it would name it for ever
            refused |= error.reasons
            continue
        tools.checkpoint("proxy:applied")
        served = [row for row in difference.wanted if row.id not in refused]
        return _ServedNow(difference.fingerprint(refused), served, refused)
    return _ServedNow(None, (), refused)


def _rest(_session: Session, row: Server) -> None:
    row.next_action_at = None


def _unchanged(_session: Session, row: Server, *, lease: Lease) -> None:
    row.next_action_at = lease.now() + REGULARLY


def _configured(sessions: Sessions, tools: Tools, lease: Lease, outcome: _ServedNow) -> None:
    """Record what the proxy serves now: of the bindings first, then of the server.

    Whoever works on a binding wakes its server while holding the binding, so nobody may hold a
    server and then ask for a binding.
    """

    def change(_session: Session, row: Server) -> None:
        now = lease.now()
        row.next_action_at = now + REGULARLY if outcome.fingerprint else now
        if outcome.fingerprint is None:
            return
        if row.error_code is not None:
            log.info("proxy_recovered", extra={"server": ids.show("srv", row.id)})
        row.succeed(outcome.fingerprint, now)

    sessions.run(PLATFORM, lambda session: _tell_bindings(session, lease, outcome))
    tools.checkpoint("proxy:recorded")
    work.record(sessions, Server, lease, change, release=True)


def _tell_bindings(session: Session, lease: Lease, outcome: _ServedNow) -> None:
    """Record of each binding how it is served, and have those looked at that were waiting for it."""
    if seen(session, Server, lease) is None:
        raise work.Superseded
    now = lease.now()
    for batch in _batches([ids.parse(one, "bnd") for one in outcome.refused]):
        query = Binding.visible(PLATFORM).where(Binding.id.in_(batch)).order_by(Binding.id)
        for binding in session.scalars(query):
            binding.fail(outcome.refused[ids.show("bnd", binding.id)])
            binding.next_action_at = now + AGAIN_AFTER_REFUSAL
    if outcome.fingerprint is None:
        return
    told = [row for row in outcome.served if _is_news(row, lease.id)]
    if told:
        session.connection().execute(
            Binding.serving(lease.id),
            [{"row": row.binding, "digest": row.digest, "serial": row.serial} for row in told],
        )
    waiting = [row.binding for row in told if row.status is BindingStatus.CONFIGURING]
    for batch in _batches(waiting):
        session.connection().execute(Binding.waking(now).where(Binding.id.in_(batch)))
    kept = {row.binding for row in outcome.served}
    _forget(session, [row for row in routes.served(session, lease.id) if row.binding not in kept])


def _is_news(row: WantedRoute, server_id: int) -> bool:
    before = (row.served_server, row.served_digest, row.served_serial)
    return before != (server_id, row.digest, row.serial)


def _forget(session: Session, gone: Sequence[ServedRoute]) -> None:
    for batch in _batches([row.binding for row in gone]):
        session.connection().execute(Binding.withdrawing().where(Binding.id.in_(batch)))


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))


def _failed(
    sessions: Sessions, tools: Tools, lease: Lease, proxy: Proxy | None, error: Exception
) -> None:
    """Record why the proxy does not serve what it should; take out of service what must not stay."""
    told = _told(error)
    code, reason = told.code, told.detail
    still = [row.shown for row in _withdrawn(sessions, lease, proxy)]
    known = work.read(sessions, Server, lease, lambda _, row: row.error_message)
    shown = {"server": ids.show("srv", lease.id), "code": code, "reason": reason}
    expected = isinstance(error, NameplateError)
    log.warning("proxy_not_configured", extra=shown, exc_info=None if expected else error)
    if still:
        log.error("still_served", extra={**shown, "hosts": still[:_SHOWN], "count": len(still)})
    if known != reason:
        sessions.run(
            PLATFORM, lambda s: s.connection().execute(Binding.holding_up(lease.id, WAITS))
        )

    def change(_session: Session, row: Server) -> None:
        now = lease.now()
        row.fail(code, reason, still, now)
        due = min(
            backoff.after_failure(row.attempts, now, tools.jitter()), now + AGAIN_AFTER_FAILURE
        )
        asked = error.retry_after if isinstance(error, Unavailable) else None
        row.next_action_at = work.soon(tools, max(due, now + (asked or timedelta(0))), now)

    work.record(sessions, Server, lease, change, release=True)


def _told(error: Exception) -> NameplateError:
    """Return what went wrong with a code and a sentence."""
    if isinstance(error, NameplateError):
        return error
    detail = f"An unexpected {type(error).__name__} occurred. The worker's log has the details."
    return Refused("proxy_step_failed", detail)


def _withdrawn(sessions: Sessions, lease: Lease, proxy: Proxy | None) -> Sequence[ServedRoute]:
    """Have the proxy close what it must not serve any more; return what may be served still."""

    def leaving(session: Session, row: Server) -> list[ServedRoute]:
        difference = Difference("", routes.wanted(session, row.id), routes.served(session, row.id))
        return difference.leaving

    gone = work.read(sessions, Server, lease, leaving)
    if not gone or not isinstance(proxy, Withdrawer):
        return gone
    try:
        work.confirm(sessions, Server, lease)
        proxy.withdraw([row.place for row in gone])
    except work.Superseded:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the hosts are told as still served
        log.warning("withdraw_failed", extra={"reason": str(_told(error))})
        return gone
    sessions.run(PLATFORM, lambda session: _forget(session, gone))
    return ()
