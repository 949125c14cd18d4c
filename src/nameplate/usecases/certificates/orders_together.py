"""Carrying the orders of several certificates together: each keeps its own lease, key and order.

The steps are those of `order.py`. What they read and store is read and stored for all at once, and
while the authority works on one order, the others go on. Orders that wait for an authority are looked at
so, too: many may, for long. Only the everyday case is carried so: everything else is left to a step of
its own, which finds whatever was stored.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from time import monotonic, sleep

from sqlalchemy.orm import Session

from nameplate.core import issuance as steps
from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.issuance import Download, Finalize, Respond, Wait
from nameplate.core.orders import Order
from nameplate.db import Sessions
from nameplate.leases import Lease, seen_together
from nameplate.models import Certificate, ChallengeType
from nameplate.usecases import holders, work
from nameplate.usecases.certificates import (
    account_keys,
    budgets,
    coverage,
    emergency,
    generations,
    issuance,
    order,
    outages,
    preferences,
    rollout,
    stored_orders,
    usage,
)
from nameplate.usecases.certificates.caa_looks import SeenCaa
from nameplate.usecases.certificates.coverage import Coverage
from nameplate.usecases.certificates.generations import Issued
from nameplate.usecases.certificates.order import (
    CertificateRequest,
    Created,
    Issuer,
    OpenOrder,
)
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

WIDTH = 8
"""Certificates that one step takes at most: their rows are locked together."""
MAX_LOOKS = 4
"""How often one that the authority still works on is looked at, before its row is left for a while."""
MOMENT = 0.05
"""Seconds between two such looks when there is nothing else to do."""


SLOW = 1.0
"""Seconds that a look at one certificate's hosts may take before the others go elsewhere."""


@dataclass(slots=True)
class _Carried:
    """One certificate on its way, with its order once there is one."""

    lease: Lease
    issuer: Issuer
    request: CertificateRequest
    opened: OpenOrder | None = None
    shown: Order | None = None
    """The order as the authority showed it last; None: it is to be looked at."""
    issued: Issued | None = None
    looks: int = 0
    until: datetime | None = None
    """When to look at it again, when that is not to be in this step."""


_Wanted = list[tuple[Lease, CertificateRequest]]
_Opened = list[tuple[Lease, OpenOrder]]


def reconcile(
    sessions: Sessions, tools: Tools, leases: Sequence[Lease]
) -> tuple[list[work.StepOutcome], list[Lease]]:
    """Bring the certificates forward until each has to wait or is installed.

    Returns why some failed, and which are left to a step of their own.
    """
    step = _JointStep(sessions, tools)
    wanted, opened = step.read(leases)
    begun = step.store(step.order(step.looked_at(wanted)))
    complete = step.carry([*step.resumed(opened), *begun])
    step.rest()
    step.install(complete)
    return step.outcomes, step.left


class _JointStep:
    """One step with several certificates, phase by phase."""

    def __init__(self, sessions: Sessions, tools: Tools) -> None:
        self._sessions, self._tools = sessions, tools
        self.outcomes: list[work.StepOutcome] = []
        self.left: list[Lease] = []
        self._resting: dict[Lease, tuple[OpenOrder, datetime]] = {}
        """Orders that the authority works on, and until when to leave them alone."""
        self._caa: SeenCaa = {}
        """What was seen of CAA in this step, of which several names may be below one."""

    def read(self, leases: Sequence[Lease]) -> tuple[_Wanted, _Opened]:
        """Return what is to be ordered, and orders under way, of those that are an everyday case."""
        wanted: _Wanted = []
        opened: _Opened = []
        with self._sessions.look() as session:
            rows = seen_together(session, Certificate, leases)
            plain = [
                (lease, row)
                for lease, row in rows
                if _is_plain(lease, row, self._tools)
                and (
                    row.pending_private_key is not None
                    or preferences.again(session, self._tools, row, {}) is None
                )
            ]
            allowed = _allowed(session, [row for _, row in plain])
            accounts_of = cache(partial(ca_accounts.authority_accounts, session))
            for lease, row in plain:
                if row.id not in allowed:
                    continue
                with suppress(Refused):  # its own step says so
                    there = Coverage(row.wanted_names, row.lost)  # asked for all of them at once
                    one = stored_orders.read(
                        session, self._tools, row, there, lambda _, *owner: accounts_of(*owner)
                    )
                    if isinstance(one, CertificateRequest):
                        wanted.append((lease, one))
                    elif one.is_told:
                        opened.append((lease, one))
        mine = {lease for lease, _ in (*wanted, *opened)}
        self.left += [lease for lease, _ in rows if lease not in mine]
        return wanted, opened

    def resumed(self, opened: _Opened) -> list[_Carried]:
        """Return orders that were told of their proofs in a step before, to be looked at once."""
        found: list[_Carried] = []
        for lease, one in opened:
            try:
                authority = self._tools.authority(one.request.account)
            except NameplateError:
                self.left.append(lease)  # its own step says so
                continue
            issuer = Issuer(self._sessions, self._tools, lease, authority)
            found.append(_Carried(lease, issuer, one.request, one, looks=MAX_LOOKS))
        return found

    def looked_at(self, wanted: Sequence[tuple[Lease, CertificateRequest]]) -> list[_Carried]:
        """Return those that the authority will reach, with the authority of choice.

        Name servers that take long keep nobody else: those behind are given back.
        """
        found: list[_Carried] = []
        is_slow = False
        for lease, request in wanted:
            if is_slow:
                with suppress(work.Superseded):
                    work.give_back(self._sessions, Certificate, lease)
                continue
            began = monotonic()
            if lease.is_half_over():
                self.left.append(lease)
                continue
            try:
                if (one := self._looked_at(lease, request)) is not None:
                    found.append(one)
            except work.Superseded:
                continue
            except NameplateError:
                self.left.append(lease)  # its own step says so
            is_slow = monotonic() - began > SLOW
        return found

    def _looked_at(self, lease: Lease, request: CertificateRequest) -> _Carried | None:
        seen = issuance.look(self._sessions, self._tools, lease, request, self._caa)
        if not isinstance(seen, CertificateRequest):
            issuance.await_repair(self._sessions, self._tools, lease, request, seen)
            return None
        authority = self._tools.authority(seen.account)
        return _Carried(lease, Issuer(self._sessions, self._tools, lease, authority), seen)

    def order(self, wanted: Sequence[_Carried]) -> list[_Carried]:
        """Create the orders; return those that there are now."""

        def create(one: _Carried) -> None:
            one.opened, one.shown = one.issuer.order(one.request)

        return self._each(wanted, create)

    def store(self, ordered: Sequence[_Carried]) -> list[_Carried]:
        """Store the orders with their keys and tokens; return those whose rows nobody else has."""
        created = [
            Created(one.lease, one.opened, one.shown)
            for one in ordered
            if one.opened is not None and one.shown is not None
        ]
        if not created:
            return []
        kept = set(order.store(self._sessions, self._tools, created))
        return [one for one in ordered if one.lease in kept]

    def carry(self, begun: Sequence[_Carried]) -> list[_Carried]:
        """Take steps in turn until each order waits, failed or has its certificate; return the last."""
        complete: list[_Carried] = []
        under_way = list(begun)
        while under_way:
            before = len(under_way)
            under_way = self._each(under_way, self._look_and_act)
            complete += [one for one in under_way if one.issued is not None]
            under_way = [one for one in under_way if one.opened is not None and not one.issued]
            if len(under_way) == before and all(one.looks > 1 for one in under_way):
                for one in under_way:  # it takes its time for all of them
                    self._leave(one)
                break
            if under_way and all(one.looks for one in under_way):
                sleep(MOMENT)
        return complete

    def _look_and_act(self, one: _Carried) -> None:
        """Take the next step of one order at its authority."""
        if one.opened is None:
            return
        one.issuer.keep_lease()
        shown = one.shown or one.issuer.look(one.opened)
        one.shown = None
        if one.opened.following(shown) is not one.opened:
            self.left.append(one.lease)  # begun anew with another key of the account
            one.opened = None
            return
        match one.opened.next_step(shown, one.lease.now()):
            case Respond(untold):
                one.issuer.tell(one.opened, untold)
            case Finalize():
                one.shown = one.issuer.finalize(one.opened, shown)
                one.looks = 0
            case Download():
                one.issued = one.issuer.complete(one.opened, shown)
            case Wait(until):
                one.looks, one.until = one.looks + 1, until
                if shown.retry_after is not None or one.looks > MAX_LOOKS:
                    self._leave(one)
            case _:
                self.left.append(one.lease)
                one.opened = None

    def _leave(self, one: _Carried) -> None:
        """Look no more at an order in this step."""
        if one.opened is not None and one.until is not None:
            self._resting[one.lease] = one.opened, one.until
        one.opened = None

    def rest(self) -> None:
        """Store what is known of orders that the authority works on, all in one transaction."""

        def change(_session: Session, rows: Sequence[tuple[Lease, Certificate]]) -> list[bool]:
            return [
                order.await_authority(self._tools, row, *self._resting[lease], lease.now())
                for lease, row in rows
            ]

        work.record_together(
            self._sessions, Certificate, list(self._resting), change,
            release=lambda _: True, stopped=bool,
        )  # fmt: skip

    def install(self, complete: Sequence[_Carried]) -> None:
        """Put the certificates in place, all in one transaction."""
        issued = {one.lease: (one.request, one.issued) for one in complete}
        jitter = self._tools.jitter()

        def change(session: Session, rows: Sequence[tuple[Lease, Certificate]]) -> list[None]:
            for lease, _ in rows:
                request, _issued = issued[lease]
                budgets.forgive(session, request.account, request.hosts)
            put = [(row, made) for lease, row in rows if (made := issued[lease][1]) is not None]
            for row, _ in put:
                hosts = row.wanted_names
                rollout.keep_former(self._tools.keyring, row, hosts, rows[0][0].now())
            generations.install_all(session, put, jitter, rows[0][0].now())
            return [None] * len(rows)

        work.record_together(
            self._sessions, Certificate, list(issued), change, release=lambda _: True
        )
        for account in {one.request.account.id: one.request.account for one in complete}.values():
            outages.end(self._sessions, account)
        if complete:
            self._tools.checkpoint("certificate:installed")

    def _each(self, some: Sequence[_Carried], act: Callable[[_Carried], None]) -> list[_Carried]:
        """Do something for each; return those for which it went well.

        When the authority is away for one it is not asked for the others.
        """
        done: list[_Carried] = []
        away: NameplateError | None = None
        for one in some:
            try:
                if away is None:
                    act(one)
                    done.append(one)
                else:
                    self._stop(one, away)
            except work.Superseded:
                continue
            except NameplateError as error:
                away = error if outages.is_fault(error) else None
                with suppress(work.Superseded):
                    self._blame(one, error)
                    self._stop(
                        one, account_keys.explained(self._sessions, one.request.account, error)
                    )
        return done

    def _blame(self, one: _Carried, error: NameplateError) -> None:
        """Count what was the authority's own fault, as `issuance` does."""
        if one.opened is not None:
            return
        if len(one.request.accounts) > 1:
            issuance.blame(self._sessions, one.lease, one.request, error)
        elif outages.is_fault(error):
            outages.note(self._sessions, one.request.account, one.lease.now())

    def _stop(self, one: _Carried, error: NameplateError) -> None:
        """Record why one does not go on, as a step of its own would."""
        if isinstance(error, Refused | Invalid):
            issuance.give_up(self._sessions, self._tools, one.lease, steps.failure(error))
        else:
            work.postpone(self._sessions, self._tools, Certificate, one.lease, error, _peer)
        self.outcomes.append(work.StepOutcome(error.code, row_id=one.lease.id))


def _peer(session: Session, row: Certificate) -> str | None:
    return issuance.peer(row, issuance.preferring(session, row))


def _is_plain(lease: Lease, row: Certificate, tools: Tools) -> bool:
    """Tell whether a generation is under way, or to be begun, that Nameplate itself proves."""
    is_proved_here = row.acme_challenge_type in {None, ChallengeType.HTTP_01}
    is_due = issuance.is_due(row, lease.now())
    is_odd = row.is_let_go or usage.is_left(row, tools, lease.now()) or coverage.is_wide(row)
    return is_proved_here and is_due and not is_odd and not emergency.is_on(row, lease.now())


def _allowed(session: Session, rows: Sequence[Certificate]) -> set[int]:
    """Return the ids of those that are wanted and whose names their organization holds."""
    asked = [
        (row.organization_id, row.subject_alternative_names or (), row.organization_domain_id)
        for row in rows
    ]
    held = holders.held_by_live(session, asked) if asked else []
    owned = [row for row, is_held in zip(rows, held, strict=True) if is_held]
    return usage.all_wanted(session, owned)
