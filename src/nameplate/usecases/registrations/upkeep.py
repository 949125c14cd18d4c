"""Looking after a registration: what the registrar shows, what it is to be, and renewals in time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import purchases as rules
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Refused
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.db import Sessions, lock_name
from nameplate.leases import Lease
from nameplate.models import Account, Domain, Purchase, RegisteredName, RenewedBy
from nameplate.ports.registrar import (
    Act,
    AutoRenewer,
    Locker,
    Payer,
    PrivacyGuard,
    Quote,
    Renewer,
)
from nameplate.ports.registrar import Registration as Seen
from nameplate.usecases import work
from nameplate.usecases.registrations import (
    contacts,
    delegating,
    granting,
    quotes,
    seeing,
    targets,
    watching,
)
from nameplate.usecases.registrations.contacts import ContactProgress
from nameplate.usecases.registrations.delegating import DelegationProgress
from nameplate.usecases.registrations.purchasing import Case
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.registrations.spending import AUTO_RENEWAL
from nameplate.usecases.tools import Tools

MISSING_FOR = timedelta(days=3)
"""How long a name must be missing from the account before its registration counts as ended."""
_ACTED = timedelta(minutes=2)
"""At most, until the registrar is looked at again for what it was asked."""
_RETRIED = timedelta(days=1)
_RENEWABLE = (RegistrationStatus.ACTIVE, RegistrationStatus.EXPIRING, RegistrationStatus.EXPIRED)


def look(
    sessions: Sessions, tools: Tools, lease: Lease, case: Case, connected: Connected
) -> work.StepOutcome | None:
    """Read one registration, bring it to what it is to be, and plan what comes next."""
    if connected.plugin.is_manual:
        wanted = _by_hand(sessions, tools, case.row)
        return watching.look(sessions, lease, case.row, connected, wanted)
    seen = connected.registrar.registration(case.row.name)
    if seen is None:
        return _missing(sessions, tools, lease, case)
    brought = _Brought()
    if case.is_wanted:
        brought = _bring(sessions, tools, lease, case.row, connected, seen)
    quote = None if brought.acts else _renewal(sessions, lease, case, connected, seen)
    missing = _missing_funds(case, connected, seen, lease.now())

    def change(session: Session, row: RegisteredName) -> bool:
        now = lease.now()
        seeing.apply(row, seen, now)
        seeing.give_notice(row, now)
        claim = granting.claim_of(session, row)
        granting.follow(claim, row, connected.account.provider)
        brought.record(row, now)
        row.attempts = 0
        row.next_action_at = seeing.next_look(row, now)
        if brought.acts:
            again = min(_ACTED, connected.plugin.shows_within)
            row.next_action_at = work.soon(tools, now + again, now)
        elif quote is not None:
            _buy(session, row, connected.account, quote, seen, now)
        elif not case.is_wanted:
            row.next_action_at = None
        is_stopped = case.is_wanted and _is_stopped(
            session, tools, row, claim, brought, now, proves=connected.proves
        )
        if missing is not None and not is_stopped:
            row.meet("balance_low", missing, None, now)
        return is_stopped or missing is not None

    work.record(
        sessions, RegisteredName, lease, change,
        release=brought.refusal is None, stopped=bool,
        before=lambda session: lock_name(session, case.row.name),
    )  # fmt: skip
    if brought.refusal is not None:
        raise brought.refusal
    return None


def _is_stopped(  # noqa: PLR0917 - what a step is given
    session: Session,
    tools: Tools,
    row: RegisteredName,
    claim: Domain | None,
    brought: "_Brought",
    now: datetime,
    *,
    proves: bool,
) -> bool:
    """Tell whether something stops the registration, and say it: what the owner must know first."""
    for again in (brought.progress.again, brought.contact.again):
        if again is not None:
            row.wake(work.soon(tools, now + again, now))
    is_refused = granting.is_refused(session, tools, row, claim, now, proves=proves)
    trouble = brought.progress.trouble or brought.contact.trouble
    if trouble is not None:
        row.meet(trouble.code, trouble.message, trouble.waits_for, now)
        row.wake(work.soon(tools, now + trouble.again, now))
    return is_refused or trouble is not None


def _missing(sessions: Sessions, tools: Tools, lease: Lease, case: Case) -> work.StepOutcome | None:
    """Note that a name is not in the account; when that lasts, the registration has ended."""

    def change(session: Session, row: RegisteredName) -> bool:
        now = lease.now()
        if row.missing_since is None:
            row.missing_since = now
            granting.wake_others(session, row, now)
        row.seen_at = now
        row.next_action_at = now + timedelta(hours=6)
        is_over = now - row.missing_since >= MISSING_FOR
        if not is_over and not granting.is_shown_elsewhere(session, tools, row):
            return False
        row.become(RegistrationStatus.ENDED)
        row.next_action_at = None
        granting.end(session, tools, row, now)
        return True

    ended = work.record(
        sessions, RegisteredName, lease, change, release=True,
        before=lambda session: lock_name(session, case.row.name),
    )  # fmt: skip
    return work.StepOutcome("registration_ended" if ended else "registration_missing")


@dataclass(frozen=True, slots=True)
class _Brought:
    """What a step asked of the registrar, and what it would not do."""

    progress: DelegationProgress = field(default_factory=DelegationProgress)
    contact: ContactProgress = field(default_factory=ContactProgress)
    has_set: bool = False
    refusal: NameplateError | None = None

    @property
    def acts(self) -> bool:
        """Whether the registrar shows something else soon."""
        return self.has_set or self.progress.has_acted or self.contact.has_sent

    def record(self, row: RegisteredName, now: datetime) -> None:
        """Keep it in the row."""
        self.progress.record(row, now)
        self.contact.record(row, now)


def _bring(  # noqa: PLR0917 - what a step is given
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    row: RegisteredName,
    connected: Connected,
    seen: Seen,
) -> _Brought:
    """Change at the registrar what is not as it is to be.

    Each of these acts is free of charge and harmless when it is done again. What fails is told with
    the rest: that the name ends soon must be known all the same.
    """
    progress, contact, has_set = DelegationProgress(), ContactProgress(), False
    try:
        progress = delegating.advance(sessions, tools, lease, row, connected, seen)
        has_set = _set(row, connected, seen)
        contact = contacts.advance(sessions, tools, lease, row, connected)
        has_set = _set_privacy(row, connected, seen) or has_set
    except NameplateError as error:
        return _Brought(progress, contact, has_set, error)
    return _Brought(progress, contact, has_set)


def _set(row: RegisteredName, connected: Connected, seen: Seen) -> bool:
    """Set lock and renewal; tell whether anything was asked for."""
    registrar = connected.registrar
    acted = False
    if isinstance(registrar, Locker) and seen.is_locked is (not row.lock_wanted):
        registrar.set_lock(row.name, locked=row.lock_wanted)
        acted = True
    by_registrar = row.renewed_by is RenewedBy.REGISTRAR
    if seen.auto_renew is not None and seen.auto_renew is not by_registrar:
        if not isinstance(registrar, AutoRenewer):
            raise Refused(
                "registrar_renews",
                "The registrar renews the name by itself, and its API cannot change that. Turn it off "
                "there, or have the registration renewed by the registrar.",
            )
        registrar.set_auto_renew(row.name, on=by_registrar)
        acted = True
    return acted


def _set_privacy(row: RegisteredName, connected: Connected, seen: Seen) -> bool:
    """Hide or show the contacts, after the rest: a registrar may sell no privacy for the name."""
    wanted, registrar = row.privacy_wanted, connected.registrar
    if wanted is None or not isinstance(registrar, PrivacyGuard):
        return False
    if seen.has_privacy is not (not wanted):
        return False
    registrar.set_privacy(row.name, hidden=wanted)
    return True


def _by_hand(sessions: Sessions, tools: Tools, row: RegisteredName) -> list[str] | None:
    """Return the name servers that a person sets at a registrar without an API."""
    target = targets.of_domain(sessions, tools, row) if row.is_delegated else targets.agreed(row)
    return None if target is None else list(target.servers)


def _renewal(
    sessions: Sessions, lease: Lease, case: Case, connected: Connected, seen: Seen
) -> Quote | None:
    """Return what a renewal costs that is due by policy, None when none is."""
    row, now = case.row, lease.now()
    if row.renewed_by is not RenewedBy.NAMEPLATE or not case.is_wanted or seen.auto_renew:
        return None
    if seen.expires_at is None or not rules.may_renew(seen.expires_at, now):
        return None
    if row.status not in _RENEWABLE or not isinstance(connected.registrar, Renewer):
        return None
    with sessions.look() as session:
        tried = Purchase.visible(PLATFORM).where(
            Purchase.registration_id == row.id,
            Purchase.act == Act.RENEW,
            Purchase.status != PurchaseStatus.QUOTED,
            Purchase.confirmed_at > now - _RETRIED,
        )
        if session.scalars(tried.limit(1)).first() is not None:
            return None
    return connected.registrar.quote(Act.RENEW, row.name, 1)


def _missing_funds(case: Case, connected: Connected, seen: Seen, now: datetime) -> str | None:
    """Return what to say of an account that cannot pay the renewal which is due next, None if it can.

    Asked in the month before that: there is time to add funds.
    """
    row, registrar, ends = case.row, connected.registrar, seen.expires_at
    if row.renewed_by is not RenewedBy.NAMEPLATE or not case.is_wanted or ends is None:
        return None
    if not rules.RENEWED_BEFORE < ends - now <= 2 * rules.RENEWED_BEFORE:
        return None
    if not isinstance(registrar, Payer) or not isinstance(registrar, Renewer):
        return None
    try:
        price = registrar.quote(Act.RENEW, row.name, 1).price
        balance = registrar.balance()
    except NameplateError:
        return None  # the renewal itself will say why
    if balance.covers(price):
        return None
    due = f"{ends - rules.RENEWED_BEFORE:%Y-%m-%d}"
    return (
        f"The account at the registrar has {balance}, and the renewal of {row.name} on {due} costs "
        f"{price}. Add funds there before."
    )


def _buy(  # noqa: PLR0917 - what a purchase says
    session: Session, row: RegisteredName, account: Account, quote: Quote, seen: Seen, now: datetime
) -> None:
    """Confirm a renewal by policy, unless something is open for the registration."""
    query = Purchase.visible(PLATFORM).where(Purchase.registration_id == row.id)
    known = session.scalars(query).all()
    if any(one.is_open for one in known):
        return
    made = quotes.made_of(row.organization_id, account.id, quote, now)
    made.registration_id, made.starts_from = row.id, seen.expires_at
    session.add(made)
    session.flush()
    accepted = any(one.accepts_premium for one in known)
    made.confirm(quote.price, AUTO_RENEWAL, now, accepts_premium=accepted)
    row.next_action_at = now
