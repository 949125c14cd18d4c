"""Looking after a registration: what the registrar shows, what it is to be, and renewals in time."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import purchases as rules
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.core.lifecycle import PurchaseStatus, RegistrationStatus
from nameplate.db import Sessions, lock_name
from nameplate.leases import Lease
from nameplate.models import Account, Domain, Purchase, RegisteredName, RenewedBy
from nameplate.ports.dns import NameServers, Zone
from nameplate.ports.registrar import Act, AutoRenewer, Locker, Quote, Renewer
from nameplate.ports.registrar import Registration as Seen
from nameplate.usecases import work
from nameplate.usecases.hosting import offers
from nameplate.usecases.registrations import granting, quotes, seeing, watching
from nameplate.usecases.registrations.purchasing import Case
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.registrations.spending import AUTO_RENEWAL
from nameplate.usecases.tools import Tools

MISSING_FOR = timedelta(days=3)
"""How long a name must be missing from the account before its registration counts as ended."""
_RETRIED = timedelta(days=1)
_RENEWABLE = (RegistrationStatus.ACTIVE, RegistrationStatus.EXPIRING, RegistrationStatus.EXPIRED)


def look(
    sessions: Sessions, tools: Tools, lease: Lease, case: Case, connected: Connected
) -> work.StepOutcome | None:
    """Read one registration, bring it to what it is to be, and plan what comes next."""
    if connected.plugin.is_manual:
        wanted = _name_servers(sessions, tools, case.row)
        return watching.look(sessions, lease, case.row, connected, wanted)
    seen = connected.registrar.registration(case.row.name)
    if seen is None:
        return _missing(sessions, tools, lease, case)
    acted = _bring(sessions, tools, lease, case.row, connected, seen) if case.is_wanted else False
    quote = _renewal(sessions, lease, case, connected, seen) if not acted else None

    def change(session: Session, row: RegisteredName) -> bool:
        now = lease.now()
        seeing.apply(row, seen, now)
        seeing.give_notice(row, now)
        granting.follow(session, row, connected.account.provider)
        row.attempts = 0
        row.next_action_at = seeing.next_look(row, now)
        if acted:
            row.next_action_at = work.soon(tools, now + timedelta(minutes=2), now)
        elif quote is not None:
            _buy(session, row, connected.account, quote, seen, now)
        elif not case.is_wanted:
            row.next_action_at = None
        return case.is_wanted and granting.is_refused(
            session, tools, row, now, proves=connected.proves
        )

    work.record(
        sessions, RegisteredName, lease, change,
        release=True, stopped=bool,
        before=lambda session: lock_name(session, case.row.name),
    )  # fmt: skip
    return None


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


def _bring(  # noqa: PLR0917 - what a step is given
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    row: RegisteredName,
    connected: Connected,
    seen: Seen,
) -> bool:
    """Change at the registrar what is not as it is to be; tell whether anything was asked for.

    Each of these acts is free of charge and harmless when it is done again.
    """
    registrar = connected.registrar
    acted = False
    wanted = _name_servers(sessions, tools, row)
    if wanted and sorted(wanted) != sorted(seen.name_servers):
        work.confirm(sessions, RegisteredName, lease)
        registrar.delegate(row.name, wanted)
        acted = True
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


def _name_servers(sessions: Sessions, tools: Tools, row: RegisteredName) -> list[str] | None:
    """Return the name servers that a name is to have, None where nobody says or they are not ready."""
    if not row.is_delegated:
        return row.name_servers_wanted
    with sessions.look() as session:
        claim = granting.claim_of(session, row)
        if claim is None or claim.dns_account_id is None:
            return None
        hosted = offers.name_servers(claim)
        if hosted is not None:
            zone = offers.zone_of(session, claim)
            return hosted if zone is not None and zone.is_there else None
        account = session.get(Account, claim.dns_account_id)
    return None if account is None else _told(tools, account, claim)


def _told(tools: Tools, account: Account, claim: Domain) -> list[str] | None:
    """Return the name servers of the zone at the DNS account, when it has the zone and tells them."""
    provider = tools.dns_provider(account)
    if not isinstance(provider, NameServers):
        return None
    zone: Zone | None = next(
        (one for one in provider.zones() if one.name == claim.domain_name), None
    )
    return None if zone is None else list(provider.name_servers(zone))


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
