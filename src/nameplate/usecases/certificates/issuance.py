"""The reconciler of one certificate: what is wanted now, and what to do when it fails.

One for the first generation and every renewal. `order.py` carries the order; order URL and key are
stored before any of its names is proved, every later intent before the authority hears of it, under
the lease's fence. What is served stays in its columns until the next generation is complete.
Nothing is ordered before a look shows that the authority will reach the hosts (`reachability.py`), nor
for a certificate that was made for a binding when none uses it any more.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from nameplate.core import backoff, names, renewal
from nameplate.core import issuance as steps
from nameplate.core.certificate_preferences import ChosenPreferences
from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.issuance import Fail
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease
from nameplate.models import Account, Certificate, ChallengeProgress, ChallengeType
from nameplate.usecases import work
from nameplate.usecases.certificates import (
    account_keys,
    askers,
    authority_choice,
    budgets,
    coverage,
    delegations,
    draft_proofs,
    emergency,
    expiry,
    generations,
    notices,
    order,
    outages,
    preferences,
    reachability,
    rehearsals,
    renewal_info,
    revocations,
    rollout,
    stored_orders,
    succession,
    usage,
    watches,
)
from nameplate.usecases.certificates.caa_looks import CaaObstacle, SeenCaa
from nameplate.usecases.certificates.coverage import Coverage
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

ORDER_LOST = "acme_order_lost"
_AT_ONCE = {ORDER_LOST, account_keys.CODE}
"""The authority does not know the order any more, or the account by the key of its proofs."""
Errand = revocations.DueRevocation | renewal_info.InfoQuestion | rehearsals.RehearsalLook
"""What is done beside orders."""
_Begun = order.CertificateRequest | order.OpenOrder | Errand | Fail | None
_NEXT_CHALLENGE = timedelta(seconds=5)
"""When the next challenge is tried in an emergency: nothing was ordered with the one before."""
_MANY = 4
"""Names of a certificate whose looks may take longer than a lease."""


def peer(row: Certificate | DueRow, authority: work.Authority) -> str | None:
    """Return the account at the authority that issues the certificate.

    While its hosts do not lead here, what a step depends on is the servers that its owner chose.
    """
    if isinstance(row, DueRow) and (row.waits_for or "").startswith("domain:"):
        return f"resolvers:{row.organization_id}"
    known = row.acme_challenge_data if isinstance(row, Certificate) else None
    account = known.account_id if known is not None else None
    if account is None and row.organization_id is not None:
        account = authority(row.organization_id)
    return None if account is None else f"account:{account}"


def preferring(session: Session, row: Certificate) -> work.Authority:
    """Return what says with which account the certificate is ordered."""
    return partial(ca_accounts.authority_id, session, preferred=row.authorities)


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> str | None:
    """Bring one certificate forward until it has to wait for somebody; return why it failed."""
    try:
        failure = _obtain(sessions, tools, lease)
    except (Refused, Invalid) as error:
        failure = steps.failure(error)
    if failure is None:
        return None
    give_up(sessions, tools, lease, failure)
    return failure.code


def _obtain(sessions: Sessions, tools: Tools, lease: Lease) -> Fail | None:
    """Carry the order of a generation that is wanted, or let the row rest."""
    begun = _state(sessions, tools, lease)
    if isinstance(begun, order.CertificateRequest):
        return _begin(sessions, tools, lease, begun)
    if isinstance(begun, order.OpenOrder):
        return order.carry(sessions, tools, lease, begun)
    if isinstance(begun, Fail):
        return begun
    note = None if begun is None else begun.carry_out(tools)

    def rest(session: Session, row: Certificate) -> None:
        again = None if note is None else note.keep(session, row, tools.jitter(), lease.now())
        _rest(session, tools, row, lease.now())
        if again is not None:
            row.next_action_at = min(row.next_action_at or again, again)

    work.record(sessions, Certificate, lease, rest, release=True)
    if note is not None:
        tools.checkpoint("certificate:noted")
    return None


def _state(sessions: Sessions, tools: Tools, lease: Lease) -> _Begun:
    """Return where the row stands, once it says which of its names are lost."""

    def read(session: Session, row: Certificate) -> _Begun | Coverage | ChosenPreferences:
        return _begun(session, tools, row, lease.now())

    begun = work.read(sessions, Certificate, lease, read)
    if not isinstance(begun, Coverage | ChosenPreferences):
        return begun
    known = begun

    def change(session: Session, row: Certificate) -> None:
        if isinstance(known, ChosenPreferences):
            former = row.acme_challenge_type
            preferences.apply(row, row.wanted_names, known)
            if former is ChallengeType.DNS_PERSIST_01 is not row.acme_challenge_type:
                draft_proofs.take_back(session, row, lease.now())
            return
        if known.is_strayed(row):
            generations.forget(session, row, lease.now())
        row.lose(known.lost)

    work.record(sessions, Certificate, lease, change, release=False)
    again = work.read(sessions, Certificate, lease, read)
    return (
        None if isinstance(again, Coverage | ChosenPreferences) else again
    )  # it changes: looked at again at once


def _begin(
    sessions: Sessions, tools: Tools, lease: Lease, request: order.CertificateRequest
) -> Fail | None:
    """Order a generation with the authority that may issue it, when that will reach the hosts."""
    found = look(sessions, tools, lease, request)
    if not isinstance(found, order.CertificateRequest):
        await_repair(sessions, tools, lease, request, found)
        return None
    try:
        return order.carry(sessions, tools, lease, found)
    except NameplateError as error:
        if len(found.accounts) > 1:
            blame(sessions, lease, found, error)
        elif outages.is_fault(error):
            outages.note(sessions, found.account, lease.now())
        raise


def look(
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    request: order.CertificateRequest,
    seen: SeenCaa | None = None,
) -> order.CertificateRequest | reachability.Unreached | CaaObstacle:
    """Return the request with the authority of choice, or what keeps all of them from issuing.

    `seen` is what was seen of CAA in the same step.
    """
    led = request.delegation
    many = len(request.hosts if led is None else led.targets) >= _MANY
    with work.kept(sessions, Certificate, lease) if many else nullcontext():
        unreached = None
        if request.is_looked_at and led is not None:
            unreached = delegations.look(tools, led)
        elif request.is_looked_at:
            unreached = reachability.look(tools, request.hosts, request.ports, request.kind)
        return unreached or authority_choice.choose(sessions, tools, request, lease.now(), seen)


def blame(
    sessions: Sessions, lease: Lease, request: order.CertificateRequest, error: NameplateError
) -> None:
    """Note with which account it was tried, and count what was its authority's own fault."""
    tried = ChallengeProgress(request.account.id, reason=request.reason)

    def change(_session: Session, row: Certificate) -> None:
        if row.pending_private_key is None:
            row.acme_challenge_data = tried

    work.record(sessions, Certificate, lease, change, release=False)
    if outages.is_fault(error):
        outages.count(sessions, request.account, lease.now())


def await_repair(
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    request: order.CertificateRequest,
    unreached: reachability.Unreached | CaaObstacle,
) -> None:
    """Look again later: a change of what stops it wakes the row, and so does time."""
    port = request.ports.get(unreached.name)
    watched = watches.of_obstacle(unreached, request.delegation, request.kind, port)
    waits_for, every = None, None
    if isinstance(unreached, reachability.Unreached):
        waits_for, every = unreached.waits_for, unreached.every

    def change(session: Session, row: Certificate) -> None:
        now = lease.now()
        row.attempts = row.attempts + 1 if row.trouble_code == unreached.code else 1
        home = coverage.home_at(row, request.homes, unreached.name)
        peer = waits_for or f"domain:{home}"
        row.meet(unreached.code, unreached.message, peer, now)
        row.acme_challenge_data = ChallengeProgress(
            addresses=unreached.addresses, records=unreached.records
        )
        again = backoff.next_visit(row.attempts, row.trouble_since or now, now)
        if every is not None:
            again = work.watched(session, Certificate, row, again, now, every=every)
        if row.watch_key is None or row.attempts == 1 or not emergency.is_on(row, now):
            watches.watch(session, row, watched, now)
        if emergency.is_on(row, now) and emergency.change_challenge(session, tools, row):
            again = min(again, now + _NEXT_CHALLENGE)
        row.next_action_at = work.soon(tools, again, now)
        _expire(session, row, now)

    work.record(sessions, Certificate, lease, change, release=True, stopped=True)


def _begun(
    session: Session, tools: Tools, row: Certificate, now: datetime
) -> _Begun | Coverage | ChosenPreferences:
    """Return where the generation stands, or what else is to be done when none is obtained now.

    A coverage is returned where the row does not say yet which of its names are lost, what was chosen
    where it does not say yet what is preferred now.
    """
    wide = not _gone(row) and coverage.is_wide(row)
    there = coverage.read(session, row) if wide else None
    if there is not None and there.differs(row):
        return there
    if not (is_due(row, now) or (there is not None and there.is_outdated(row))):
        return revocations.due(session, row) or _look(session, tools, row, now)
    there = there or coverage.read(session, row)
    if not there.hosts or row.is_let_go:
        return None
    if usage.is_left(row, tools, now) or not usage.is_wanted(session, row):
        return None
    if row.pending_private_key is None and not emergency.is_on(row, now):
        chosen = preferences.again(session, tools, row, there.homes)
        if chosen is not None:
            return chosen
    return _order(session, tools, row, there, now)


def _look(session: Session, tools: Tools, row: Certificate, now: datetime) -> Errand | None:
    """Return what to ask for a certificate that serves.

    An authority that has never made a suggestion is asked for one at each look, after all else.
    """
    question, rehearsal = renewal_info.question, rehearsals.due
    if row.renewal_info_due_at is None:
        return rehearsal(session, tools, row, now) or question(session, row, now)
    return question(session, row, now) or rehearsal(session, tools, row, now)


def _order(
    session: Session, tools: Tools, row: Certificate, there: Coverage, now: datetime
) -> order.CertificateRequest | order.OpenOrder | Fail:
    """Return the order of what a certificate may cover, given up where an emergency ends it."""
    begun = stored_orders.read(session, tools, row, there)
    if isinstance(begun, order.CertificateRequest):
        return emergency.adapted(row, begun, now)
    if emergency.ends_order(row, now) and row.trouble_code is not None:
        return Fail(row.trouble_code, row.trouble_message or "", retry=True)
    return begun


def _rest(session: Session, tools: Tools, row: Certificate, now: datetime) -> None:
    """Say when to look again at a certificate of which nothing is to be obtained now."""
    if _gone(row):
        row.next_action_at = None
        generations.forget(session, row, now)
        if row.acme_challenge_type is ChallengeType.DNS_PERSIST_01:
            draft_proofs.take_back(session, row, now)
        return
    draft_proofs.settle(session, tools, row, now)
    if row.is_uploaded:
        succession.settle(session, row, now)
        _expire(session, row, now)
        usage.note(session, row, now)
        rollout.look(session, row, now)
        return
    usage.settle(session, row, tools, now)
    if row.is_let_go or not is_due(row, now):
        row.next_action_at = generations.next_look(row, now)
    elif not coverage.read(session, row).hosts:
        row.next_action_at = None
        if row.certificate is None:
            row.say("domain_not_proved", "Waiting for proof of ownership of the domain.")
    else:
        row.next_action_at = now  # it has changed since it was looked at
    _expire(session, row, now)
    rollout.look(session, row, now)


def _expire(session: Session, row: Certificate, now: datetime) -> None:
    if row.expires_at is not None and row.expires_at <= now:
        row.expire()
    expiry.announce(session, row, now)


def _gone(row: Certificate) -> bool:
    return row.deleted_at is not None or row.status is CertificateStatus.REVOKED


def is_due(row: Certificate, now: datetime) -> bool:
    """Tell whether a generation is under way or due."""
    return not (_gone(row) or row.is_uploaded) and (
        row.pending_private_key is not None or _due(row, now)
    )


def _due(row: Certificate, now: datetime) -> bool:
    if row.certificate is None:
        return True
    due = row.next_renewal_attempt_at
    # Somebody woke it, see `give_up`; another trouble than that of the renewal is no reason.
    failed = row.renewal_error_code is not None
    held = failed and (due is None or row.trouble_code == row.renewal_error_code)
    return held or (due is not None and due <= now)


def give_up(sessions: Sessions, tools: Tools, lease: Lease, failure: Fail) -> None:
    """Record why this generation failed, and when the next one is tried; what is served stays.

    For one that cannot succeed by itself no try is planned, only the look that finds what is served
    expired. Whoever wakes the row has it tried again: a request to renew, a change of the account,
    the domain proved once more.

    An authority that refuses to begin an order is asked again by one certificate every moment: that
    spends nothing of its limits for proofs that fail. When that one comes through it wakes the others.
    """

    def change(session: Session, row: Certificate) -> None:
        now = lease.now()
        is_begun, ordered = row.pending_private_key is not None, coverage.ordered_names(row)
        stopped = failure.retry and (failure.code in _AT_ONCE or not is_begun)
        waits_for = peer(row, preferring(session, row)) if stopped else None
        _count(session, row, failure, now)
        generations.forget(session, row, now)
        known = row.renewal_error_code
        # What the authority has forgotten is begun anew at once, unless that was done just before.
        at_once = failure.code in _AT_ONCE and failure.code != row.renewal_error_code
        row.fail(failure.code, failure.reason, now)
        if stopped:
            row.meet(failure.code, failure.reason, waits_for, now)
        elif row.trouble_code is not None:
            row.overcome()
        if known != row.renewal_error_code:
            notices.tell_failure(session, "certificate.failed", row)
        if emergency.is_on(row, now):
            emergency.next_attempt(session, tools, row)
        if failure.retry:
            wait = renewal.retry_at(
                row.renewal_attempts,
                now,
                tools.jitter(),
                row.expires_at,
                is_cut_off=failure.is_cut_off,
            )
            if stopped:
                wait = _asking_again(session, row, failure, wait, now)
            again = now if at_once else wait
            row.next_action_at = row.next_renewal_attempt_at = work.soon(tools, again, now)
        else:
            row.next_renewal_attempt_at = None
            row.next_action_at = _expiry(row, now)
        watches.watch(
            session, row, None if stopped else _cause(session, tools, row, failure, ordered), now
        )
        _expire(session, row, now)

    work.record(sessions, Certificate, lease, change, release=True, stopped=True)


def _asking_again(
    session: Session, row: Certificate, failure: Fail, due: datetime, now: datetime
) -> datetime:
    """Return when a certificate asks its authority again that begins no order for it."""
    if failure.code in _AT_ONCE:  # there was an order, which counts
        return work.watched(session, Certificate, row, due, now, every=work.WATCH_REFUSAL)
    return askers.next_due(session, row, due, now)


def _cause(
    session: Session, tools: Tools, row: Certificate, failure: Fail, ordered: Sequence[str]
) -> watches.Watched | None:
    """Return whose change has a failed proof tried again, None where that is nothing that we can see."""
    hosts = failure.names or ordered or row.subject_alternative_names or ()
    if not (failure.retry and hosts and (failure.names or failure.code == "acme_caa")):
        return None
    name = names.without_wildcard(hosts[0])
    homes = {name: coverage.home(session, row, name)}
    kind = draft_proofs.kind(session, tools, row, [name], homes)
    return watches.of_failure(
        name,
        failure.code,
        delegations.read(session, tools.challenge_zone, row, [name], homes, kind=kind),
        kind=kind,
        port=reachability.ports(session, row, [name]).get(name) if tools.special_use else None,
    )


def _count(session: Session, row: Certificate, failure: Fail, now: datetime) -> None:
    """Count the names that the authority found no proof of: it allows few of those."""
    known = row.acme_challenge_data
    if failure.names and known is not None and known.account_id is not None:
        account = session.get(Account, known.account_id)
        if account is not None:
            budgets.count_failures(session, account, failure.names, now)


def _expiry(row: Certificate, now: datetime) -> datetime | None:
    """Return when what is served stops being valid, None when it is not or has already."""
    return row.expires_at if row.expires_at is not None and row.expires_at > now else None
