"""The whole background surface on one page: which rows are worked on, and by which use case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.db import Sessions, refresh_statistics
from nameplate.leases import Lease
from nameplate.models import (
    Binding,
    Certificate,
    DanglingScan,
    Domain,
    NameChallenge,
    NameGrant,
    QuarantinedName,
    Record,
    RegisteredName,
    Server,
    Verification,
)
from nameplate.models.orm import Work
from nameplate.usecases import idempotency, work
from nameplate.usecases.certificates import (
    budgets,
    campaigns,
    issuance,
    orders_together,
    watches,
)
from nameplate.usecases.claims import (
    contests,
    grants,
    mailed_codes,
    proving,
    quarantine,
    readiness,
    registration_watches,
)
from nameplate.usecases.dns import together, zones
from nameplate.usecases.operations import forgotten, processes
from nameplate.usecases.propagation import checks, dangling
from nameplate.usecases.registrations import reconciling
from nameplate.usecases.serving import agents_together, asks, looks, probes, proxies
from nameplate.usecases.tenants import embed_tokens, user_sessions
from nameplate.usecases.tools import Tools

Peer = Callable[[Any, work.Authority], str | None]
"""Returns whom the work on a row (also a `DueRow`) depends on: `account:7`, `server:3`."""


def _never(_row_id: int) -> bool:
    return False


def _nobody(_row: object, _authority: work.Authority) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Brings one row at a time forward; many rows in parallel threads."""

    kind: type[Work]
    reconcile: Callable[[Sessions, Tools, Lease], work.StepOutcome | str | None]
    """Takes one step; returns what was refused and recorded on the row, or its code, if anything."""
    peer: Peer = _nobody
    """On whom the work depends: bulkheads count the steps with it, and who waits for the same is
    woken when one comes through."""
    rests: Callable[[int], bool] = _never
    """Tells whether a row that is due is left alone yet; never one that is urgent."""
    together: (
        Callable[
            [Sessions, Tools, Sequence[Lease]], tuple[Sequence[work.StepOutcome], Sequence[Lease]]
        ]
        | None
    ) = None
    """Takes one step with several rows; also returns those that need a step of their own."""
    company: Peer | None = None
    """Which rows those may be: rows of one peer unless this says otherwise."""
    width: int = 1
    """How many rows that may be."""
    is_spread: bool = False
    """They are spread over the free threads first, and worked on together where there are more."""
    is_wide: bool = False
    """Rows whose method only asks the DNS are looked at by `WideLooks`, without a thread for each."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Looks at many rows together."""

    kind: type[Work]
    sweep: Callable[[Sessions, Tools, Sequence[Lease]], Sequence[work.StepOutcome] | None]
    """Takes one step with each; returns what became of those that changed for better or worse."""
    width: int = 200
    peer: Peer = _nobody


Handler = Reconciler | Sweep

HANDLERS: tuple[Handler, ...] = (
    Reconciler(Verification, proving.reconcile, proving.peer, is_wide=True),  # is the proof there?
    Reconciler(NameGrant, grants.reconcile),  # who may use what is lent
    Reconciler(NameChallenge, contests.reconcile),  # does the holder still prove the name?
    Reconciler(QuarantinedName, quarantine.reconcile),  # has a released name left?
    Reconciler(  # what domains want, to their DNS providers
        Domain,
        zones.reconcile,
        zones.peer,
        together=together.reconcile,
        company=zones.company,
        width=together.WIDTH,
    ),
    Sweep(Record, checks.sweep),  # do the authoritative servers answer with it?
    Reconciler(  # order, prove, finalize, install, renew
        Certificate,
        issuance.reconcile,
        issuance.peer,
        together=orders_together.reconcile,
        width=orders_together.WIDTH,
        is_spread=True,
    ),
    Reconciler(  # what a proxy serves
        Server,
        proxies.reconcile,
        proxies.peer,
        proxies.is_resting,
        together=agents_together.reconcile,
        company=agents_together.company,
        width=agents_together.WIDTH,
    ),
    Sweep(Binding, probes.sweep),  # certificate, proxy, probe, health
    Reconciler(RegisteredName, reconciling.reconcile, reconciling.peer),  # what is bought, and kept
    Sweep(
        DanglingScan, dangling.sweep, width=dangling.WIDTH
    ),  # can a stranger take what it leads to?
)

CHORES: tuple[Callable[[Session, datetime], object], ...] = (
    user_sessions.forget_old,  # sessions that have ended, after a month
    embed_tokens.forget_old,  # tokens of the last hour
    idempotency.purge,  # answers kept for repeated requests, after a day
    mailed_codes.forget_old,  # messages with codes, after a month
    budgets.forget_old,  # budgets that are whole again
    looks.forget_old,  # health checks of yesterday
    asks.forget_old,  # suffixes of unknown names that nobody asks for any more
    watches.forget_old,  # names that no certificate waits for
    campaigns.settle,  # replacements of many certificates that are all done
    processes.forget_old,  # heartbeats of processes that were killed
    dangling.plan_ahead,  # names that nobody has looked at yet
    dangling.forget_old,  # records that dangle no more, after three months
    registration_watches.plan_ahead,  # names that no registry was asked about yet
    registration_watches.forget_old,  # domains that nobody holds any more
    forgotten.wake,  # rows that should have work and have no time
    readiness.complete,  # domains of which nobody has noted whether they are ready
    refresh_statistics,  # for the planner of SQLite
)
"""Tidying up, every ten minutes by whichever worker comes first."""
