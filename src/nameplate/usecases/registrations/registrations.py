"""Registrations: what an organization has at registrars, and what it wants of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.db import Sessions, database_now, lock_name
from nameplate.models import Account, RegisteredName, RenewedBy
from nameplate.ports.registrar import PrivacyGuard, RegistrationState
from nameplate.ports.registrar import Registration as Seen
from nameplate.usecases import lookup
from nameplate.usecases.registrations import granting, registrars, seeing, watching
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools


def get(session: Session, actor: Actor, reference: str) -> RegisteredName:
    """Return the registration with that id or name. Raises NotFound, Conflict `reference_ambiguous`."""
    query = RegisteredName.visible(actor)
    if reference.startswith(f"{Prefix.REGISTRATION}_"):
        row: RegisteredName = lookup.find(
            session, query, RegisteredName, Prefix.REGISTRATION, reference
        )
        return row
    found: Sequence[RegisteredName] = session.scalars(
        query.where(RegisteredName.name == lookup.spelled(reference))
        .order_by(RegisteredName.current.is_(None), RegisteredName.id.desc())
        .limit(2)
    ).all()
    if not found:
        raise lookup.missing(Prefix.REGISTRATION)
    if len([one for one in found if one.current]) > 1:
        raise Conflict(
            "reference_ambiguous", "Several organizations have this registration. Use the id."
        )
    return found[0]


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    status: str | None = None,
    name: str | None = None,
) -> Sequence[RegisteredName]:
    """Return up to `limit` + 1 registrations in order of their ids."""
    return lookup.page(
        session,
        RegisteredName.visible(actor),
        RegisteredName,
        limit=limit,
        after=after,
        status=status,
        name=None if name is None else lookup.spelled(name),
    )


def update(
    session: Session,
    actor: Actor,
    reference: str,
    now: datetime,
    *,
    renewed_by: RenewedBy | None = None,
    locked: bool | None = None,
    publishes_ds: bool | None = None,
) -> RegisteredName:
    """Change what is wanted of a registration; a worker brings the registrar to it."""
    row = changeable(session, actor, reference)
    if renewed_by is not None:
        row.renewed_by = renewed_by
    if locked is not None:
        row.lock_wanted = locked
    if publishes_ds is not None:
        row.publishes_ds = publishes_ds
    row.wake(now)
    session.flush()
    return row


def set_privacy(
    sessions: Sessions, tools: Tools, actor: Actor, reference: str, *, hidden: bool
) -> RegisteredName:
    """Want a registration's contacts hidden from public directories, or shown there.

    Raises NotFound, Conflict `registration_over`, Refused `act_unsupported`, `account_missing`.
    """
    found = connected(sessions, tools, actor, reference)
    registrars.able(found, PrivacyGuard, "hide contacts")  # type: ignore[type-abstract]  # a Protocol is asked for

    def change(session: Session) -> RegisteredName:
        now = database_now(session)
        row = changeable(session, actor, reference)
        row.privacy_wanted = hidden
        row.wake(now)
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(actor, change)


def connected(sessions: Sessions, tools: Tools, actor: Actor, reference: str) -> Connected:
    """Return the account by which a registration can be changed.

    Raises NotFound, Conflict `registration_over`, Refused `account_missing`.
    """
    with sessions.begin(actor, read_only=True) as session:
        row = get(session, actor, reference)
    if row.is_over:
        raise over(row.name)
    with sessions.begin(PLATFORM, read_only=True) as session:
        account = session.get(Account, row.account_id or 0)
    return registrars.connect(tools, account)


def changeable(session: Session, actor: Actor, reference: str) -> RegisteredName:
    """Return a registration, locked. Raises NotFound, Conflict `registration_over`."""
    row = get(session, actor, reference)
    session.refresh(row, with_for_update=True)
    if row.is_over:
        raise over(row.name)
    return row


def over(name: str) -> Conflict:
    """Return the refusal of what can no longer be changed."""
    return Conflict("registration_over", f"The registration of {name} is over.")


def import_all(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    *,
    account: str | None = None,
    organization: str | None = None,
    names_only: Sequence[str] = (),
) -> list[RegisteredName]:
    """Make registrations of the names in an account, of those that are not known yet.

    Of an organization's own account every name is its own, whatever other accounts show. Of the
    platform's account only the platform can say whose a name is, so it must name them. What somebody
    else here holds stays theirs for as long as their own registrar shows it. At a registrar without an
    API they are named, too, and must be held by the organization already.
    """
    with sessions.begin(actor, read_only=True) as session:
        owner_id = organizations.acting(session, actor, organization).id
    with sessions.begin(PLATFORM, read_only=True) as session:
        chosen = registrars.choose(session, actor, owner_id, account)
    connected = registrars.connect(tools, chosen)
    if chosen.organization_id is None:
        organizations.only_platform(actor, "import names of the platform's account")
    if not names_only and (chosen.organization_id is None or connected.plugin.is_manual):
        raise Invalid("names_required", "Say which names of the account are this organization's.")
    wanted = {
        registrars.registrable(tools, one, f"/names/{place}")
        for place, one in enumerate(names_only)
    }
    if connected.plugin.is_manual:
        sessions.run(PLATFORM, partial(_check_entered, owner_id=owner_id, wanted=wanted))
        seen = [Seen(name, RegistrationState.ACTIVE) for name in sorted(wanted)]
    else:
        shown = connected.registrar.registrations()
        seen = [one for one in shown if not wanted or one.name in wanted]
    made = []
    for one in seen:
        make = partial(_import, tools=tools, owner_id=owner_id, connected=connected, seen=one)
        row = sessions.run(PLATFORM, make)
        if row is not None:
            made.append(row)
    return made


def _check_entered(session: Session, *, owner_id: int, wanted: Collection[str]) -> None:
    for name in sorted(wanted):
        watching.check_entered(session, owner_id, name)


def _import(
    session: Session, *, tools: Tools, owner_id: int, connected: Connected, seen: Seen
) -> RegisteredName | None:
    lock_name(session, seen.name)
    taken = RegisteredName.visible(PLATFORM).where(
        RegisteredName.name == seen.name,
        RegisteredName.current == 1,
        sa.or_(
            RegisteredName.organization_id == owner_id,
            RegisteredName.account_id == connected.account.id,
        ),
    )
    if session.scalars(taken.limit(1)).first() is not None:
        return None
    now = database_now(session)
    row = RegisteredName(
        organization_id=owner_id,
        account_id=connected.account.id,
        name=seen.name,
        status=RegistrationStatus.PENDING,
        renewed_by=RenewedBy.REGISTRAR if seen.auto_renew else RenewedBy.NONE,
        lock_wanted=seen.is_locked is not False,
    )
    session.add(row)
    session.flush()
    is_manual = connected.plugin.is_manual
    seeing.apply(row, watching.shown(session, row) if is_manual else seen, now)
    row.next_action_at = now
    if not is_manual and granting.claim_of(session, row) is not None:
        why = granting.grant(session, tools, row, now, bought=False, proves=connected.proves)
        if why is not None:
            granting.note_refusal(row, why, now)
    session.flush()
    session.refresh(row)
    return row
