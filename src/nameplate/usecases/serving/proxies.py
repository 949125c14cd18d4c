"""Telling proxies what to serve: one server's lease is the one writer of its configuration.

A server is looked at when something changed, and regularly: what it should serve, read from rows as
a digest, is compared with what its proxy was last configured with. Only a difference is work. How
every attempt ended is on the server's row.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import backoff, ids
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease, seen
from nameplate.models import Binding, BindingPlacement, Certificate, Server, readiness
from nameplate.models.announcement import announce
from nameplate.models.channels import WORK
from nameplate.models.presence import Presence
from nameplate.ports.proxy import (
    Config,
    PairKeeper,
    Proxy,
    PulledProxy,
    Route,
    RouteRefused,
    Withdrawer,
)
from nameplate.usecases import work
from nameplate.usecases.serving import (
    agents,
    departures,
    hosted,
    offers,
    proxy_forms,
    rendering,
    routes,
    served_now,
)
from nameplate.usecases.serving.agents import ServedNow
from nameplate.usecases.serving.pacing import PACING
from nameplate.usecases.serving.routes import Difference, ServedRoute, WantedRoute
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

REGULARLY = timedelta(seconds=30)
"""How often a server is compared with its rows when nobody wakes it."""
AGAIN_AFTER_FAILURE = timedelta(seconds=20)
"""When at the latest a proxy that failed is tried again."""
AGAIN_AFTER_REFUSAL = timedelta(minutes=5)
"""When a binding that a proxy refused is tried again, should nobody change it."""
DOUBT_EVERY = timedelta(seconds=10)
"""How often a proxy is told everything again because of what probes see."""
WAITS = "Waiting for the server. Its proxy cannot be configured now."
_SERVED = (BindingStatus.CONFIGURING, BindingStatus.ACTIVE)
_BATCH = 500
_SHOWN = 20


def peer(row: Server | DueRow, _authority: work.Authority) -> str:
    """Return the server itself: its proxy is what the work depends on."""
    return f"server:{row.id}"


def doubt(session: Session, server_id: int, now: datetime) -> None:
    """Have a server told everything again even though nothing changed here: it may have forgotten.

    A server that is in doubt already, was told a moment ago or is failing keeps to its schedule.
    """
    statement = Server.waking(now).where(
        Server.id == server_id,
        Server.configured_fingerprint.is_not(None),
        Server.configured_at < now - DOUBT_EVERY,
        Server.trouble_code.is_(None),
    )
    _rouse(session, statement.values(configured_fingerprint=None))


def retry(session: Session, server_id: int, now: datetime) -> None:
    """Have a server that cannot be configured tried now: a host answers through its proxy again."""
    statement = Server.waking(now).where(Server.id == server_id, Server.trouble_code.is_not(None))
    _rouse(session, statement)


def wake(
    session: Session,
    server_id: int,
    now: datetime,
    *,
    patiently: bool = False,
    urgent: bool = False,
) -> None:
    """Have a server look at what it should serve; before all else where something is served no more.

    With `patiently`, one whose last attempt failed keeps to its schedule.
    """
    statement = Server.waking(now, urgent=urgent).where(Server.id == server_id)
    if patiently:
        statement = statement.where(Server.trouble_code.is_(None))
    _rouse(session, statement)


def _rouse(session: Session, statement: sa.Update) -> None:
    """Wake a server without reading it, after everything else that is to be written before it."""
    session.flush()
    quiet = statement.values(updated_at=Server.updated_at)
    if session.connection().execute(quiet).rowcount:
        announce(session, WORK)


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> str | None:
    """Make one proxy serve exactly the bindings that it should, and have those probed.

    Returns the code of what is wrong with the proxy.
    """
    server = work.read(sessions, Server, lease, lambda _session, row: row)
    if server.proxy is None or server.deleted_at is not None:
        work.record(sessions, Server, lease, _rest, release=True)
        return None
    if _is_resting(server, lease):
        work.record(sessions, Server, lease, partial(_again, lease=lease), release=True)
        return None
    began = time.monotonic()
    proxy: Proxy | Withdrawer | None = None
    try:
        agents.note(server)
        departures.advance(sessions, tools, lease)
        if server.is_by_agent:
            proxy = agents.reported(server)
            told = agents.follow(sessions, tools, lease)
            _followed(sessions, tools, lease, server, told)
            return None
        proxy = hosted.connect(sessions, tools, lease, server)
        difference = work.read(sessions, Server, lease, _compare(tools, proxy))
        if difference.fingerprint({}) == server.configured_fingerprint and not server.trouble_code:
            later = hosted.look(sessions, lease, proxy)
            unchanged = partial(_unchanged, lease=lease, later=later)
            work.record(sessions, Server, lease, unchanged, release=True)
            return None
        outcome = _configure(sessions, tools, lease, proxy, difference)
        later = hosted.look(sessions, lease, proxy)
    except work.Superseded:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the server's row tells it
        return _failed(sessions, tools, lease, proxy, error)
    _configured(sessions, tools, lease, outcome, later)
    if not isinstance(proxy, PulledProxy):  # one that fetches sets its own pace
        PACING.note(lease.id, time.monotonic() - began)
    return None


def _followed(
    sessions: Sessions, tools: Tools, lease: Lease, server: Server, told: ServedNow | None
) -> None:
    """Record what an agent has come to; without anything new its next report wakes the server."""
    if told is None:
        later = partial(_unchanged, lease=lease)
        work.record(sessions, Server, lease, later, release=True, stopped=True)
    elif told.fingerprint == server.configured_fingerprint and not server.trouble_code:
        work.record(sessions, Server, lease, partial(_unchanged, lease=lease), release=True)
    else:
        _configured(sessions, tools, lease, told)


def _is_resting(server: Server, lease: Lease) -> bool:
    """Tell whether another process has told the proxy a moment ago what took long."""
    if server.urgency or server.trouble_code or server.configured_at is None:
        return False
    return PACING.remaining(lease.id, (lease.now() - server.configured_at).total_seconds()) > 0


def is_resting(server_id: int) -> bool:
    """Tell whether a server that is due may wait: more goes into its next configuration."""
    return PACING.rests(server_id)


def _compare(tools: Tools, proxy: Proxy) -> Callable[[Session, Server], Difference]:
    form = proxy_forms.form(proxy)

    def compared(session: Session, row: Server) -> Difference:
        wanted = routes.wanted(session, row.id, row.server_group_id)
        stopped = routes.stopped(
            session, row.id, tools.suspended_answer, wanted, row.server_group_id
        )
        return Difference(form, wanted, routes.served(session, row.id), stopped)

    return compared


def _configure(
    sessions: Sessions, tools: Tools, lease: Lease, proxy: Proxy, difference: Difference
) -> ServedNow:
    """Have the proxy serve all that it takes: a route that is refused is its owner's problem alone."""
    refused: dict[str, str] = {}
    kept_back: dict[str, str] = {}
    config: Config | None = None
    revision = offers.offer(sessions, lease, proxy, difference.fingerprint({}))
    later = sessions if isinstance(proxy, PairKeeper) and proxy.writes_new_pairs_only else None
    given = _given(sessions, tools, lease, difference, later)
    for _ in range(offers.MAX_REFUSALS):
        kept = [route for route in given if route.id not in refused]
        try:
            config = replace(proxy.render(kept), revision=revision)
            tools.checkpoint("proxy:rendered")
            work.confirm(sessions, Server, lease)
            proxy.apply(config)
        except RouteRefused as error:
            if not error.reasons.keys() - refused.keys():
                raise  # naming nothing new it would name it for ever
            back = difference.step_back(error.reasons.keys() - kept_back.keys())
            if back is None:
                refused |= error.reasons
                continue
            kept_back |= {one: error.reasons.get(one, error.detail) for one in back.names}
            difference = back.difference
            given = _given(sessions, tools, lease, difference, later)
            continue
        tools.checkpoint("proxy:applied")
        left = {ids.parse(one, "bnd") for one in refused}
        served = [row for row in difference.wanted if row.binding not in left]
        theirs = _of_bindings(difference, refused)
        return ServedNow(difference.fingerprint(refused), served, theirs, kept_back)
    return ServedNow(None, (), _of_bindings(difference, refused))


def _of_bindings(difference: Difference, refused: Mapping[str, str]) -> dict[str, str]:
    """Return the refusals that bindings are told of: one that is stopped just answers nothing."""
    known = {row.binding for row in difference.wanted}
    return {one: why for one, why in refused.items() if ids.parse(one, "bnd") in known}


def _given(
    sessions: Sessions, tools: Tools, lease: Lease, difference: Difference, later: Sessions | None
) -> tuple[Route, ...]:
    def rendered(session: Session, row: Server) -> tuple[Route, ...]:
        return rendering.rendered(session, tools.keyring, difference.told, row, later)

    return work.read(sessions, Server, lease, rendered)


def _rest(_session: Session, row: Server) -> None:
    row.next_action_at = None


def _again(_session: Session, row: Server, *, lease: Lease) -> None:
    row.next_action_at = lease.now()


def _unchanged(
    _session: Session, row: Server, *, lease: Lease, later: timedelta | None = None
) -> None:
    row.next_action_at = lease.now() + (later or REGULARLY)


def _configured(
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    outcome: ServedNow,
    later: timedelta | None = None,
) -> None:
    """Record what the proxy serves now: of the bindings first, then of the server.

    Whoever works on a binding wakes its server while holding the binding, so nobody may hold a
    server and then ask for a binding.
    """

    def change(_session: Session, row: Server) -> None:
        now = lease.now()
        row.next_action_at = now + (later or REGULARLY) if outcome.fingerprint else now
        if outcome.fingerprint is None:
            return
        if row.trouble_code is not None:
            log.info("proxy_recovered", extra={"server": ids.show("srv", row.id)})
        row.succeed(outcome.fingerprint, now)

    sessions.run(PLATFORM, lambda session: _tell_bindings(session, lease, outcome))
    tools.checkpoint("proxy:recorded")
    unfinished = outcome.fingerprint is None
    work.record(sessions, Server, lease, change, release=True, stopped=unfinished)


def _tell_bindings(session: Session, lease: Lease, outcome: ServedNow) -> None:
    """Record of each binding how it is served, and have those looked at that were waiting for it."""
    if seen(session, Server, lease) is None:
        raise work.Superseded
    now = lease.now()
    refused = [ids.parse(one, "bnd") for one in outcome.refused]
    told = [row for row in outcome.served if is_news(row, lease.id)]
    kept = {(row.binding, row.in_group) for row in outcome.served}
    gone: list[ServedRoute] = []
    if outcome.fingerprint is not None:
        there = routes.served(session, lease.id)
        gone = [row for row in there if (row.binding, row.in_group) not in kept]
    _lock(session, {*refused, *(row.binding for row in told), *(row.binding for row in gone)})
    _refuse(session, lease.id, refused, outcome, now)
    if outcome.fingerprint is None:
        return
    _keep_back(session, lease.id, outcome, now)
    alone = [row for row in told if not row.in_group]
    if alone:
        session.connection().execute(Binding.serving(lease.id), served_now.told(alone))
    if len(alone) < len(told):
        served_now.note(session, lease.id, [row for row in told if row.in_group])
    if told:
        _mark(session, [row.binding for row in told])
    waiting = [row.binding for row in told if _is_looked_at(row)]
    for batch in _batches(waiting):
        session.execute(
            Binding.waking(now).where(Binding.id.in_(batch)),
            execution_options={"synchronize_session": False},
        )
    _forget(session, lease.id, gone)


def _lock(session: Session, bindings: Collection[int]) -> None:
    """Lock bindings in the order of their ids, as everybody does who changes several."""
    if session.connection().dialect.name == "sqlite":
        return
    for batch in _batches(sorted(bindings)):
        query = sa.select(Binding.id).where(Binding.id.in_(batch)).order_by(Binding.id)
        session.execute(query.with_for_update(key_share=True)).all()


def _refuse(
    session: Session, server_id: int, refused: Sequence[int], outcome: ServedNow, now: datetime
) -> None:
    """Record of locked bindings why they were left out, unless they left service meanwhile.

    One on a group of servers is served by the others: only its placement here says so.
    """
    for batch in _batches(refused):
        query = Binding.visible(PLATFORM).where(Binding.id.in_(batch)).order_by(Binding.id)
        for binding in session.scalars(query.with_for_update(key_share=True)):
            why = outcome.refused[ids.show("bnd", binding.id)]
            if binding.server_id != server_id:  # in a group, or moving away from here
                served_now.refuse(session, server_id, binding, why)
                binding.wake(now)
            elif binding.status in _SERVED:
                binding.fail(why)
                binding.next_action_at = now + AGAIN_AFTER_REFUSAL
    session.flush()


def _keep_back(session: Session, server_id: int, outcome: ServedNow, now: datetime) -> None:
    """Record whose proxy has refused a new certificate, and whose takes now what it refused before."""
    back = [ids.parse(one, "bnd") for one in outcome.kept_back]
    for batch in _batches(sorted(back)):
        query = Binding.visible(PLATFORM).add_columns(Certificate.serial_number)
        query = query.join(Certificate, Certificate.id == Binding.ssl_certificate_id)
        for binding, serial in session.execute(query.where(Binding.id.in_(batch))):
            at: Presence = binding
            if binding.server_id != server_id:
                at = served_now.placement(session, server_id, binding)
            at.refuse(serial, outcome.kept_back[ids.show("bnd", binding.id)], now)
    session.flush()
    taken = [
        row
        for row in outcome.served
        if row.refused_serial is not None and row.serial == row.refused_serial
    ]
    for batch in _batches([row.binding for row in taken if not row.in_group]):
        session.connection().execute(Binding.taking().where(Binding.id.in_(batch)))
    for batch in _batches([row.binding for row in taken if row.in_group]):
        session.connection().execute(BindingPlacement.taking(server_id, batch))


def _is_looked_at(row: WantedRoute) -> bool:
    """Tell whether a probe is to see soon what a proxy was just told."""
    return row.status is BindingStatus.CONFIGURING or row.serial != row.served_serial


def is_news(row: WantedRoute, server_id: int) -> bool:
    """Tell whether a route is served otherwise than its binding was told."""
    before = (row.served_server, row.served_digest, row.served_serial)
    return before != (server_id, row.digest, row.serial)


def _forget(session: Session, server_id: int, gone: Sequence[ServedRoute]) -> None:
    for batch in _batches([row.binding for row in gone if not row.in_group]):
        session.connection().execute(Binding.withdrawing().where(Binding.id.in_(batch)))
    for batch in _batches([row.binding for row in gone if row.in_group]):
        served_now.forget(session, server_id, batch)
    _mark(session, [row.binding for row in gone])


def _mark(session: Session, bindings: Sequence[int]) -> None:
    """Have the readiness of the domains worked out anew: who serves a host is part of it."""
    for batch in _batches(bindings):
        readiness.mark_bound(session, Binding.__table__.c.id.in_(batch))


def _batches(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))


def _failed(
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    proxy: Proxy | Withdrawer | None,
    error: Exception,
) -> str:
    """Record why the proxy does not serve what it should; take out of service what must not stay.

    Returns the code of the failure.
    """
    told = _told(error)
    code, reason = told.code, told.detail
    still = [row.shown for row in _withdrawn(sessions, lease, proxy)]
    known = work.read(sessions, Server, lease, lambda _, row: row.trouble_message)
    shown = {"server": ids.show("srv", lease.id), "code": code, "reason": reason}
    if not isinstance(error, NameplateError):
        log.error("proxy_step_failed", extra=shown, exc_info=error)
    if still:
        log.error("still_served", extra={**shown, "hosts": still[:_SHOWN], "count": len(still)})
    if known != reason:
        sessions.run(PLATFORM, partial(_hold_up, server_id=lease.id))

    def change(_session: Session, row: Server) -> None:
        now = lease.now()
        row.fail(code, reason, still, now)
        due = min(
            backoff.after_failure(row.attempts, now, tools.jitter()), now + AGAIN_AFTER_FAILURE
        )
        asked = error.retry_after if isinstance(error, Unavailable) else None
        row.next_action_at = work.soon(tools, max(due, now + (asked or timedelta(0))), now)

    work.record(sessions, Server, lease, change, release=True, stopped=True)
    return code


def _hold_up(session: Session, *, server_id: int) -> None:
    """Say of the bindings that wait for a server why they wait."""
    statement = Binding.holding_up(server_id, WAITS)
    waiting = Binding.visible(PLATFORM).with_only_columns(Binding.id)
    found = session.scalars(
        waiting.where(
            Binding.server_id == server_id,
            Binding.status == BindingStatus.CONFIGURING,
            Binding.served_server_id.is_(None),
        )
    ).all()
    _lock(session, found)
    for batch in _batches(sorted(found)):
        session.connection().execute(statement.where(Binding.id.in_(batch)))


def _told(error: Exception) -> NameplateError:
    """Return what went wrong with a code and a sentence."""
    if isinstance(error, NameplateError):
        return error
    detail = f"An unexpected {type(error).__name__} occurred. The worker's log has the details."
    return Refused("proxy_step_failed", detail)


def _withdrawn(
    sessions: Sessions, lease: Lease, proxy: Proxy | Withdrawer | None
) -> Sequence[ServedRoute]:
    """Have the proxy close what it must not serve any more; return what may be served still."""

    def leaving(session: Session, row: Server) -> list[ServedRoute]:
        difference = Difference(
            "", routes.wanted(session, row.id, row.server_group_id), routes.served(session, row.id)
        )
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

    def forget(session: Session) -> None:
        _lock(session, [row.binding for row in gone])
        _forget(session, lease.id, gone)

    sessions.run(PLATFORM, forget)
    return ()
