"""Servers that an agent configures: what it is to serve, and what it says of that.

    a worker finds a difference ─▶ a new revision on the server's row ─▶ the agent fetches and applies it
    the agent reports what runs ─▶ the server is due ─▶ a worker records what is served

Nobody waits for an agent: a step looks at what was reported and ends. A worker believes a report when
revision and fingerprint are those of what the rows say now; anything else is offered again.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.agent_protocol import NEWEST, SILENT_SECONDS
from nameplate.core.errors import Invalid, Refused, Unavailable
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.serials import same_form
from nameplate.db import Sessions, database_now
from nameplate.leases import Lease
from nameplate.models import Application, Binding, BindingPlacement, Server
from nameplate.models.agent_reports import LastLook, LastReport
from nameplate.models.announcement import announce
from nameplate.models.channels import WORK
from nameplate.models.orm import among
from nameplate.models.presence import Presence
from nameplate.ports.agents import AgentCheck, AgentLook, AgentReport, AgentState
from nameplate.ports.prober import ProbeResult, ProbeTarget
from nameplate.ports.proxy import RoutePlace
from nameplate.usecases import work
from nameplate.usecases.serving import agent_versions, rendering, routes, targets
from nameplate.usecases.serving.routes import Difference, WantedRoute
from nameplate.usecases.serving.server_sizes import SIZES
from nameplate.usecases.tools import Tools

SILENT = timedelta(seconds=SILENT_SECONDS)
_MAX_NAMED = 5000
"""Routes that one report can name."""
_MAX_SAID = 500
"""Characters that are kept of a sentence of an agent."""
_LOOKED_UP = 500
_MAX_REVISION = 2**62
_TOKEN = re.compile(r"[A-Za-z0-9_]{1,128}")
"""Ids, serial numbers and digests."""


@dataclass(frozen=True, slots=True)
class ServedNow:
    """What a proxy was made to serve."""

    fingerprint: str | None
    """None: not done yet, because many routes were refused."""
    served: Sequence[WantedRoute]
    refused: dict[str, str]
    """Route id -> why it was left out."""
    kept_back: Mapping[str, str] = field(default_factory=dict)
    """Route id -> why its proxy refused the new certificate and is given the former one."""


@dataclass(frozen=True, slots=True)
class ReportedProxy:
    """A proxy as its agent tells of it: it has closed what the report does not name."""

    report: AgentReport | None
    is_current: bool
    """The agent has what the rows say now."""

    def withdraw(self, places: Sequence[RoutePlace]) -> None:
        """Raise Unavailable `agent_waiting` unless the agent has closed all of these routes."""
        open_ = set(self.report.still_served) if self.report and self.is_current else None
        if open_ is None or any(place.id in open_ for place in places):
            raise Unavailable("agent_waiting", "The agent has not closed these routes.")


CONFIGURED: set[int] = set()
"""Servers of which this process knows that agents configure them: a hint, for what goes together."""


def note(row: Server) -> None:
    """Keep in mind who configures a server."""
    (CONFIGURED.add if row.is_by_agent else CONFIGURED.discard)(row.id)


def states(sessions: Sessions, tools: Tools, server_ids: Collection[int]) -> dict[int, AgentState]:
    """Return what the agents of servers get; servers that no agent configures are left out.

    Only that server's routes and keys are in each. Revisions are read before the rows, so that what an agent
    shows as revision 7 holds everything that the worker saw when it wrote 7.
    """
    with sessions.look() as session:
        found = session.scalars(_BY_IDS, {"ids": sorted(server_ids)})
        rows = [row for row in found if row.is_by_agent]
        if not rows:
            return {}
        checks = _checks(session, rows)
        of_rows = {row: checks[row.id] for row in rows}
        differences = _differences(session, tools, of_rows, beside=False)
        told = {row: differences[row.id].told for row in rows}
        given = rendering.rendered_for_many(session, tools.keyring, told)
        return {
            row.id: AgentState(
                server=ids.show(Prefix.SERVER, row.id),
                revision=row.offered_revision,
                fingerprint=differences[row.id].fingerprint({}),
                address=row.address,
                proxy=row.proxy or {},
                routes=given[row.id],
                checks=checks[row.id],
            )
            for row in rows
        }


def follow(sessions: Sessions, tools: Tools, lease: Lease) -> ServedNow | None:
    """Return what a server's agent has made its proxy serve; None while it has not got so far.

    Offers what is new. Raises what the agent reports as `Refused`, and Unavailable `agent_missing` or
    `agent_silent` when there is no agent to report.
    """

    def read(session: Session, row: Server) -> tuple[Server, Difference, dict[str, str], datetime]:
        difference = difference_of(session, tools, row)
        return row, difference, _too_new(session, tools, row, difference), database_now(session)

    row, difference, too_new, now = work.read(sessions, Server, lease, read)
    fingerprint = difference.fingerprint({})
    told = None if row.agent_report is None else row.agent_report.report
    if fingerprint == row.configured_fingerprint and not row.trouble_code and is_there(row, now):
        return ServedNow(fingerprint, (), {})
    revision = row.offered_revision
    if row.offered_fingerprint != fingerprint:
        revision = work.record(
            sessions, Server, lease, lambda _session, held: held.offer(fingerprint), release=False
        )
    if told is None or row.agent_seen_at is None:
        raise Unavailable(
            "agent_missing",
            "No agent has reported for this server. Run `nameplate agent` beside its proxy with a token "
            f"made by `nameplate token add NAME --server {ids.show(Prefix.SERVER, row.id)}`.",
        )
    if not is_there(row, now):
        raise Unavailable("agent_silent", silence(row))
    if told.code is not None:
        raise Refused(told.code, told.message)
    if told.revision != revision:
        return None
    if told.fingerprint != fingerprint:  # rows went there and back between two steps
        work.record(sessions, Server, lease, lambda _s, held: held.offer_again(), release=False)
        return None
    return _outcome(sessions, lease, difference, told, too_new)


def _protocol(row: Server) -> int:
    """Return the version of the protocol that a server's agent speaks, as far as is known."""
    return NEWEST if row.agent_report is None else row.agent_report.protocol


def _too_new(session: Session, tools: Tools, row: Server, difference: Difference) -> dict[str, str]:
    """Return the routes that an older agent is not told of, and why."""
    if _protocol(row) >= NEWEST:
        return {}
    given = rendering.rendered(session, tools.keyring, difference.told, row)
    return agent_versions.left_out(given, _protocol(row))


def _outcome(
    sessions: Sessions,
    lease: Lease,
    difference: Difference,
    told: AgentReport,
    too_new: Mapping[str, str],
) -> ServedNow:
    """Return the outcome that a report describes, and offer from now on what the proxy takes."""
    kept_back = dict(told.kept_back)
    back = difference.step_back(kept_back.keys()) if kept_back else None
    refused = {**told.refused, **too_new}
    if back is not None:
        difference = back.difference
        kept_back = {one: kept_back.get(one, "It shares a certificate.") for one in back.names}
    else:
        refused |= kept_back
        kept_back = {}
    known = {row.id for row in difference.wanted}
    refused = {one: why for one, why in refused.items() if one in known}
    served = [row for row in difference.wanted if row.id not in refused]
    fingerprint = difference.fingerprint(refused)
    if refused or kept_back:
        work.record(sessions, Server, lease, lambda _s, row: row.offer(fingerprint), release=False)
    return ServedNow(fingerprint, served, refused, kept_back)


def reported(row: Server) -> ReportedProxy:
    """Return a server's proxy as its agent has told of it."""
    told = None if row.agent_report is None else row.agent_report.report
    return ReportedProxy(told, told is not None and told.revision >= row.offered_revision)


def is_there(row: Server, now: datetime) -> bool:
    """Tell whether a server's agent has reported lately."""
    return row.agent_seen_at is not None and row.agent_seen_at > now - SILENT


def silence(row: Server) -> str:
    """Return since when nothing is known of an agent, in a sentence."""
    since = row.agent_seen_at
    if since is None:
        return "No agent has reported for this server."
    return (
        f"The agent of this server has not reported since {since:%Y-%m-%d %H:%M:%S} UTC. Check that "
        "`nameplate agent` runs there, reaches the API and has a token that is accepted."
    )


def report(sessions: Sessions, server_id: int, told: AgentReport, protocol: int = NEWEST) -> None:
    """Note what an agent of this version says of its own server, and have workers look at what is new.

    What it says of bindings that are not on the server is left out: it learns nothing of them.
    """
    looks = {one.id: one for one in told.looks[:_MAX_NAMED]}
    word = LastReport(_bounded(told), protocol)

    def transaction(session: Session) -> None:
        now = database_now(session)
        _note_looks(session, server_id, looks.values(), now)
        query = Server.visible(PLATFORM).where(Server.id == server_id)
        columns = query.with_only_columns(Server.agent_report, Server.agent_seen_at)
        known, seen_at = session.execute(columns).one()
        is_news = known is None or known != word or seen_at is None
        values: dict[str, Any] = {"agent_seen_at": now, "updated_at": Server.updated_at}
        if is_news:
            values["agent_report"] = word
        statement = sa.update(Server)
        if is_news or (seen_at is not None and seen_at < now - SILENT):
            statement = Server.waking(now)
            announce(session, WORK)
        statement = statement.where(Server.id == server_id).values(values)
        session.connection().execute(statement)

    sessions.run(PLATFORM, transaction)


def _bounded(told: AgentReport) -> AgentReport:
    """Return a report without its looks, and with no more text than is kept."""
    return replace(
        told,
        version=_said(told.version)[:40],
        code=None if told.code is None else _code(told.code),
        message=_said(told.message),
        refused=_sentences(told.refused),
        kept_back=_sentences(told.kept_back),
        fingerprint=told.fingerprint if _TOKEN.fullmatch(told.fingerprint) else "",
        revision=min(max(told.revision, 0), _MAX_REVISION),
        still_served=tuple(one for one in told.still_served[:_MAX_NAMED] if _TOKEN.fullmatch(one)),
        looks=(),
    )


def _sentences(told: Mapping[str, str]) -> dict[str, str]:
    some = list(told.items())[:_MAX_NAMED]
    return {name: _said(why) for name, why in some if _TOKEN.fullmatch(name)}


def _said(text: str) -> str:
    """Return a sentence of an agent for people: bounded, in one line, without control characters."""
    return "".join(one if one.isprintable() else " " for one in text[:_MAX_SAID]).strip()


def _code(text: str) -> str:
    is_code = text.isascii() and text.replace("_", "").isalnum() and text == text.lower()
    return text if is_code and len(text) <= 63 else "proxy_refused"  # noqa: PLR2004 - of a code


def _note_looks(
    session: Session, server_id: int, looks: Iterable[AgentLook], now: datetime
) -> None:
    """Note what was seen of the server's own bindings, and have those looked at."""
    seen: dict[int, LastLook] = {}
    for one in looks:
        try:
            number = ids.parse(one.id, Prefix.BINDING)
        except Invalid:
            continue
        at = now - timedelta(seconds=min(max(one.age, 0.0), 3600.0))
        seen[number] = LastLook(_plain(one), at)
    numbers = sorted(seen)
    for start in range(0, len(numbers), _LOOKED_UP):
        found = _own(session, server_id, numbers[start : start + _LOOKED_UP])
        if not found:
            continue
        rows = [{"row": number, "look": seen[number]} for number, _ in found]
        session.connection().execute(Binding.looking(server_id), rows)
        if any(group is not None for _, group in found):
            session.connection().execute(BindingPlacement.looking(server_id), rows)
        session.execute(
            Binding.waking(now).where(Binding.id.in_([number for number, _ in found])),
            execution_options={"synchronize_session": False},
        )


def _own(session: Session, server_id: int, numbers: Sequence[int]) -> list[tuple[int, int | None]]:
    """Lock those of these bindings that are on a server or its group; return them with their groups."""
    group = sa.select(Server.server_group_id).where(Server.id == server_id).scalar_subquery()
    own = Binding.visible(PLATFORM).with_only_columns(Binding.id, Binding.server_group_id)
    own = own.order_by(Binding.id).where(
        Binding.id.in_(numbers),
        sa.or_(Binding.server_id == server_id, Binding.server_group_id == group),
    )
    locked = session.execute(own.with_for_update(key_share=True))
    return [(number, of) for number, of in locked]


def _plain(told: AgentLook) -> AgentLook:
    """Return a look with nothing in it that is not of its form: an agent's machine may be anybody's."""
    return replace(
        told,
        message=_said(told.message),
        serial=told.serial if told.serial and _TOKEN.fullmatch(told.serial) else None,
        fingerprint=told.fingerprint
        if told.fingerprint and _TOKEN.fullmatch(told.fingerprint)
        else None,
        status=_status(told.status),
        seconds=_seconds(told.seconds),
        age=0.0,
        direct=told.direct
        and replace(
            told.direct,
            status=_status(told.direct.status),
            seconds=_seconds(told.direct.seconds),
        ),
    )


def _status(told: int | None) -> int | None:
    return told if told is not None and 100 <= told <= 599 else None  # noqa: PLR2004 - of HTTP


def _seconds(told: float) -> float:
    return min(max(told, 0.0), 3600.0)


class ToldLook(NamedTuple):
    """What an agent saw of a binding."""

    through: ProbeResult
    direct: ProbeResult | None
    """What the application answered by itself."""
    is_new: bool
    """It was made after the last look that was counted."""
    is_assumed: bool = False
    """Nobody looked: the agent is silent, or the server must not be looked through."""


def seen(  # noqa: PLR0917 - one look, and all that it is read against
    row: Binding,
    at: Presence,
    server: Server,
    target: ProbeTarget,
    direct: ProbeTarget | None,
    now: datetime,
) -> ToldLook | None:
    """Return what an agent saw of a binding; None when that says nothing about how it is now.

    A good look counts for as long as the agent is there: it tells of every other one. A bad one counts
    once.
    """
    last = at.agent_look
    if last is None or not is_there(server, now):
        return None
    look = last.look
    through = ProbeResult(
        target, look.failure, look.message, look.connected, look.serial and same_form(look.serial),
        look.fingerprint, look.status, seconds=look.seconds,
    )  # fmt: skip
    by_itself = None
    if direct is not None and look.direct is not None:
        own = look.direct
        by_itself = ProbeResult(direct, own.failure, status=own.status, seconds=own.seconds)
    since = at.looked_at if isinstance(at, BindingPlacement) else row.last_health_check_at
    is_new = since is None or last.at > since
    is_well = all(one.answered and one.failure is None for one in (through, by_itself) if one)
    return ToldLook(through, by_itself, is_new) if is_new or is_well else None


def difference_of(session: Session, tools: Tools, row: Server) -> Difference:
    """Return what a server should serve beside what its bindings were told that it serves."""
    ((_, found),) = differences(session, tools, [row])
    return found


def differences(
    session: Session, tools: Tools, rows: Sequence[Server]
) -> Iterator[tuple[Server, Difference]]:
    """Yield the same of several servers, many of which are read in as many statements as one."""
    for some in SIZES.portions(rows):
        checks = _checks(session, some)
        found = _differences(session, tools, {row: checks[row.id] for row in some}, beside=True)
        yield from ((row, found[row.id]) for row in some)


def _differences(
    session: Session, tools: Tools, checks: Mapping[Server, Sequence[AgentCheck]], *, beside: bool
) -> dict[int, Difference]:
    """Return what servers should serve, `beside` what is served where that is asked for."""
    groups = {row.id: row.server_group_id for row in checks}
    wanted = routes.wanted_of_many(session, groups)
    stopped = routes.stopped_of_many(session, groups, tools.suspended_answer, wanted)
    served = routes.served_of_many(session, groups) if beside else {}
    for server_id, found in wanted.items():
        SIZES.note(server_id, len(found))
    return {
        row.id: Difference(
            _form(row, checks[row]), wanted[row.id], served.get(row.id, ()), stopped[row.id]
        )
        for row in checks
    }


def _form(row: Server, checks: Sequence[AgentCheck]) -> str:
    """Return a digest of all that an agent is told beside routes."""
    proxy = json.dumps(row.proxy, sort_keys=True)
    return routes.digest("agent", NEWEST, _protocol(row), row.address, proxy, *checks)


def _checks(session: Session, rows: Sequence[Server]) -> dict[int, tuple[AgentCheck, ...]]:
    """Return how the bindings of each server are looked at."""
    found: dict[int, list[Any]] = {row.id: [] for row in rows}
    statements = [(_CHECKED, list(found))]
    in_groups = [row.id for row in rows if row.server_group_id is not None]
    statements += [(_CHECKED_IN_GROUPS, in_groups)] if in_groups else []
    for statement, servers in statements:
        for one in session.execute(statement, {"servers": servers}):
            found[one.server].append(one)
    return {server: _told(of_server) for server, of_server in found.items()}


def _told(found: list[Any]) -> tuple[AgentCheck, ...]:
    found.sort(key=lambda one: one.id)
    sharing = Counter((one.hostname, one.path) for one in found)
    return tuple(_check(one, is_shared=sharing[one.hostname, one.path] > 1) for one in found)


def _check(row: Any, *, is_shared: bool) -> AgentCheck:  # noqa: ANN401 - the columns of `_CHECKED`
    is_active = row.activated_at is not None
    own = None
    if is_shared and is_active:
        own = targets.address(
            row.upstream_host, row.upstream_port, row.path, row.health_check_path, row.proxy_config
        )
    return AgentCheck(
        id=ids.show(Prefix.BINDING, row.id),
        hostname=row.hostname.replace("*", "nameplate-probe", 1),
        path=row.health_check_path if is_active else row.path,
        scheme="https" if row.ssl_enabled else "http",
        interval=row.health_check_interval,
        timeout=row.health_check_timeout,
        upstream=f"{own.host}:{own.port}" if own else "",
        upstream_path=own.path if own else "/",
    )


_BY_IDS = Server.visible(PLATFORM).where(among(Server.id, "ids"))
_LOOKED_AT = (
    Binding.visible(PLATFORM)
    .join(Application, Application.id == Binding.application_id)
    .where(Binding.status.in_([BindingStatus.CONFIGURING, BindingStatus.ACTIVE]))
)
_SEEN = (
    Binding.id,
    Binding.hostname,
    Binding.path,
    Binding.health_check_path,
    Binding.activated_at,
    Binding.ssl_enabled,
    Binding.health_check_interval,
    Binding.health_check_timeout,
    Binding.proxy_config,
    Application.upstream_host,
    sa.func.coalesce(Binding.port, Application.upstream_port).label("upstream_port"),
)
_CHECKED = _LOOKED_AT.with_only_columns(Binding.server_id.label("server"), *_SEEN).where(
    among(Binding.server_id, "servers")
)
_CHECKED_IN_GROUPS = (
    _LOOKED_AT.join(Server, Server.server_group_id == Binding.server_group_id)
    .with_only_columns(Server.id.label("server"), *_SEEN)
    .where(among(Server.id, "servers"))
)
