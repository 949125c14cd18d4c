"""The whole background surface on one page: which rows are worked on, and by which use case."""

from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.db import Sessions, refresh_statistics
from nameplate.leases import DueRow, Lease
from nameplate.models import Binding, Certificate, Domain, Record, Server, Verification
from nameplate.models.orm import Work
from nameplate.usecases import idempotency
from nameplate.usecases.certificates import budgets, issuance
from nameplate.usecases.claims import verifications
from nameplate.usecases.dns import zones
from nameplate.usecases.operations import forgotten
from nameplate.usecases.propagation import checks
from nameplate.usecases.serving import probes, proxies
from nameplate.usecases.tools import Tools

Peer = Callable[[DueRow, AbstractSet[int]], Hashable | None]
"""Whom a step will speak with; the set: organizations with an authority of their own."""


def _nobody(_row: DueRow, _own: AbstractSet[int]) -> None:
    return None


def _resolvers(row: DueRow, _own: AbstractSet[int]) -> Hashable:
    return "resolvers", row.organization_id


def _provider(row: DueRow, _own: AbstractSet[int]) -> Hashable | None:
    return None if row.account_id is None else ("provider", row.account_id)


def _authority(row: DueRow, own: AbstractSet[int]) -> Hashable:
    return "authority", row.organization_id if row.organization_id in own else None


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Brings one row at a time forward; many rows in parallel threads."""

    kind: type[Work]
    reconcile: Callable[[Sessions, Tools, Lease], str | None]
    """Takes one step; returns the code of what was refused and recorded on the row, if anything."""
    peer: Peer = _nobody


@dataclass(frozen=True, slots=True)
class Sweep:
    """Looks at many rows together."""

    kind: type[Work]
    sweep: Callable[[Sessions, Tools, Sequence[Lease]], None]
    width: int = 200


Handler = Reconciler | Sweep

HANDLERS: tuple[Handler, ...] = (
    Reconciler(Verification, verifications.reconcile, _resolvers),  # is the proof published?
    Reconciler(Domain, zones.reconcile, _provider),  # what the domain wants, to its DNS provider
    Sweep(Record, checks.sweep),  # do the authoritative servers answer with it?
    Reconciler(
        Certificate, issuance.reconcile, _authority
    ),  # order, prove, finalize, install, renew
    Reconciler(Server, proxies.reconcile),  # what a proxy serves
    Sweep(Binding, probes.sweep),  # certificate, proxy, probe, health
)

CHORES: tuple[Callable[[Session, datetime], object], ...] = (
    idempotency.purge,  # answers kept for repeated requests, after a day
    budgets.forget_old,  # budgets that are whole again
    forgotten.wake,  # rows that should have work and have no time
    refresh_statistics,  # for the planner of SQLite
)
"""Tidying up, every ten minutes by whichever worker comes first."""
