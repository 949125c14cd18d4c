"""The reconciler of one certificate: what is wanted now, and what to do when it fails.

One for the first generation and every renewal. `order.py` carries the order; order URL and key are
stored before any of its names is proved, every later intent before the authority hears of it, under
the lease's fence. What is served stays in its columns until the next generation is complete.
Nothing is ordered before a look shows that the authority will reach the hosts (`reachability.py`), nor
for a certificate that was made for a binding when none uses it any more.
"""

from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.orm import Session

from nameplate.core import backoff, renewal
from nameplate.core import issuance as steps
from nameplate.core.errors import Invalid, NameplateError, Refused
from nameplate.core.issuance import Fail
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.leases import DueRow, Lease
from nameplate.models import Account, Certificate, ChallengeProgress
from nameplate.usecases import holders, work
from nameplate.usecases.certificates import (
    authority_choice,
    budgets,
    caa_looks,
    delegations,
    expiry,
    generations,
    order,
    outages,
    reachability,
    renewal_info,
    revocations,
    succession,
    usage,
)
from nameplate.usecases.certificates.caa_looks import CaaObstacle
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

ORDER_LOST = "acme_order_lost"
"""The authority does not know the order any more."""
Errand = revocations.DueRevocation | renewal_info.InfoQuestion
"""What is asked of an authority beside orders."""
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
    begun = work.read(
        sessions, Certificate, lease, lambda s, row: _begun(s, tools, row, lease.now())
    )
    if isinstance(begun, order.CertificateRequest):
        return _begin(sessions, tools, lease, begun)
    if isinstance(begun, order.OpenOrder):
        return order.carry(sessions, tools, lease, begun)
    note = None if begun is None else begun.carry_out(tools)

    def rest(session: Session, row: Certificate) -> None:
        again = None if note is None else note.keep(row, tools.jitter(), lease.now())
        _rest(session, row, tools.jitter(), lease.now())
        if again is not None:
            row.next_action_at = min(row.next_action_at or again, again)

    work.record(sessions, Certificate, lease, rest, release=True)
    return None


def _begin(
    sessions: Sessions, tools: Tools, lease: Lease, request: order.CertificateRequest
) -> Fail | None:
    """Order a generation with the authority that may issue it, when that will reach the hosts."""
    found = look(sessions, tools, lease, request)
    if not isinstance(found, order.CertificateRequest):
        await_repair(sessions, tools, lease, found)
        return None
    try:
        return order.carry(sessions, tools, lease, found)
    except NameplateError as error:
        if len(found.accounts) > 1:
            blame(sessions, lease, found, error)
        raise


def look(
    sessions: Sessions, tools: Tools, lease: Lease, request: order.CertificateRequest
) -> order.CertificateRequest | reachability.Unreached | CaaObstacle:
    """Return the request with the authority of choice, or what keeps all of them from issuing."""
    led = request.delegation
    many = len(request.hosts if led is None else led.targets) >= _MANY
    with work.kept(sessions, Certificate, lease) if many else nullcontext():
        unreached = None
        if request.is_looked_at and led is not None:
            unreached = delegations.look(tools, led)
        elif request.is_looked_at:
            unreached = reachability.look(tools, request.hosts, request.ports)
        return unreached or authority_choice.choose(sessions, tools, request, lease.now())


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
    unreached: reachability.Unreached | CaaObstacle,
) -> None:
    """Look again soon: what is seen of the domain's records wakes the row, and so does time.

    Of all certificates of a domain that CAA forbids one looks, and wakes the others.
    """

    def change(session: Session, row: Certificate) -> None:
        now = lease.now()
        row.attempts = row.attempts + 1 if row.trouble_code == unreached.code else 1
        since = row.trouble_since if row.trouble_code == unreached.code else None
        if isinstance(unreached, CaaObstacle):
            waits_for = None
            every: timedelta | None = caa_looks.next_look(since or now, now)
        else:
            waits_for, every = unreached.waits_for, unreached.every
        peer = waits_for or f"domain:{row.organization_domain_id}"
        row.meet(unreached.code, unreached.message, peer, now)
        row.acme_challenge_data = ChallengeProgress(
            addresses=unreached.addresses, records=unreached.records
        )
        again = backoff.next_visit(row.attempts, row.trouble_since or now, now)
        if every is not None:
            again = work.watched(session, Certificate, row, again, now, every=every)
        row.next_action_at = work.soon(tools, again, now)
        _expire(row, now)

    work.record(sessions, Certificate, lease, change, release=True, stopped=True)


def _begun(
    session: Session, tools: Tools, row: Certificate, now: datetime
) -> order.CertificateRequest | order.OpenOrder | Errand | None:
    """Return where the generation stands, or what else is to be done when none is obtained now."""
    if not is_due(row, now):
        return revocations.due(session, row) or renewal_info.question(session, row, now)
    if not _owned(session, row):
        return None
    if row.is_let_go or not usage.is_wanted(session, row):
        return None
    return order.stored(session, tools, row)


def _rest(session: Session, row: Certificate, jitter: float, now: datetime) -> None:
    """Say when to look again at a certificate of which nothing is to be obtained now."""
    if _gone(row):
        row.next_action_at = None
        generations.forget(session, row, now)
        return
    if row.is_uploaded:
        succession.settle(session, row, now)
        _expire(row, now)
        return
    usage.settle(session, row, jitter, now)
    if row.is_let_go or not is_due(row, now):
        row.next_action_at = generations.next_look(row, now)
    elif not _owned(session, row):
        row.next_action_at = None
        if row.certificate is None:
            row.say("domain_not_proved", "Waiting for proof of ownership of the domain.")
    else:
        row.next_action_at = now  # it has changed since it was looked at
    _expire(row, now)


def _expire(row: Certificate, now: datetime) -> None:
    if row.expires_at is not None and row.expires_at <= now:
        row.expire()
    expiry.announce(row, now)


def _gone(row: Certificate) -> bool:
    return row.deleted_at is not None or row.status is CertificateStatus.REVOKED


def is_due(row: Certificate, now: datetime) -> bool:
    """Tell whether a generation is under way or due."""
    return not (_gone(row) or row.is_uploaded) and (
        row.pending_private_key is not None or _due(row, now)
    )


def _owned(session: Session, row: Certificate) -> bool:
    """Tell whether the domain may be secured and the organization holds every name."""
    hosts = row.subject_alternative_names or ()
    domain_id = row.organization_domain_id
    return holders.holds(session, row.organization_id, *hosts, live=domain_id)


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
        is_begun = row.pending_private_key is not None
        stopped = failure.retry and (failure.code == ORDER_LOST or not is_begun)
        waits_for = peer(row, partial(ca_accounts.authority_id, session)) if stopped else None
        _count(session, row, failure, now)
        generations.forget(session, row, now)
        # What the authority has forgotten is begun anew at once, unless that was done just before.
        at_once = failure.code == ORDER_LOST != row.renewal_error_code
        row.fail(failure.code, failure.reason, now)
        if stopped:
            row.meet(failure.code, failure.reason, waits_for, now)
        elif row.trouble_code is not None:
            row.overcome()
        if failure.retry:
            wait = renewal.retry_at(row.renewal_attempts, now, tools.jitter())
            if stopped:
                wait = work.watched(session, Certificate, row, wait, now, every=work.WATCH_REFUSAL)
            again = now if at_once else wait
            row.next_action_at = row.next_renewal_attempt_at = work.soon(tools, again, now)
        else:
            row.next_renewal_attempt_at = None
            row.next_action_at = _expiry(row, now)
        _expire(row, now)

    work.record(sessions, Certificate, lease, change, release=True, stopped=True)


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
