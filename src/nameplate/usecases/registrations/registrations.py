"""Registrations: what an organization has at registrars, and what it wants of them."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.configuration.forms import is_host
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import RegistrationStatus
from nameplate.db import Sessions, database_now, lock_name
from nameplate.models import RegisteredName, RenewedBy
from nameplate.ports.registrar import Registration as Seen
from nameplate.usecases import lookup
from nameplate.usecases.registrations import granting, registrars, seeing
from nameplate.usecases.registrations.registrars import Connected
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

_MAX_SERVERS = 13


def get(session: Session, actor: Actor, reference: str) -> RegisteredName:
    """Return the registration with that id or name. Raises NotFound."""
    query = RegisteredName.visible(actor)
    if reference.startswith(f"{Prefix.REGISTRATION}_"):
        row: RegisteredName = lookup.find(
            session, query, RegisteredName, Prefix.REGISTRATION, reference
        )
        return row
    found: RegisteredName | None = session.scalars(
        query.where(RegisteredName.name == lookup.spelled(reference)).order_by(
            RegisteredName.current.is_(None), RegisteredName.id.desc()
        )
    ).first()
    if found is None:
        raise lookup.missing(Prefix.REGISTRATION)
    return found


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
) -> RegisteredName:
    """Change what is wanted of a registration; a worker brings the registrar to it."""
    row = _changeable(session, actor, reference)
    if renewed_by is not None:
        row.renewed_by = renewed_by
    if locked is not None:
        row.lock_wanted = locked
    row.wake(now)
    session.flush()
    return row


def delegate(
    session: Session,
    actor: Actor,
    reference: str,
    now: datetime,
    name_servers: Sequence[str] = (),
) -> RegisteredName:
    """Set the name servers: the given ones, or those of the DNS account of the domain.

    Raises Invalid `name_servers_invalid`, Conflict `domain_without_dns`.
    """
    row = _changeable(session, actor, reference)
    if name_servers:
        row.name_servers_wanted = _servers(name_servers)
        row.is_delegated = False
    else:
        claim = granting.claim_of(session, row)
        if claim is None or claim.dns_account_id is None:
            raise Conflict(
                "domain_without_dns",
                f"The domain {row.name} has no DNS account. Give it one, or name the name servers.",
            )
        row.is_delegated = True
    row.wake(now)
    session.flush()
    return row


def _servers(given: Sequence[str]) -> list[str]:
    found = sorted({names.canonical(one) for one in given})
    if not all(map(is_host, found)) or len(found) > _MAX_SERVERS:
        raise Invalid(
            "name_servers_invalid",
            f"Expected up to {_MAX_SERVERS} host names, as in ns1.example.net.",
        )
    return found


def _changeable(session: Session, actor: Actor, reference: str) -> RegisteredName:
    row = get(session, actor, reference)
    session.refresh(row, with_for_update=True)
    if row.is_over:
        raise Conflict("registration_over", f"The registration of {row.name} is over.")
    return row


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

    Of an organization's own account every name is its own. Of the platform's account only the platform
    can say whose a name is, so it must name them. What somebody else here holds stays theirs.
    """
    with sessions.begin(actor, read_only=True) as session:
        owner_id = organizations.acting(session, actor, organization).id
    with sessions.begin(PLATFORM, read_only=True) as session:
        chosen = registrars.choose(session, actor, owner_id, account)
    if chosen.organization_id is None:
        organizations.only_platform(actor, "import names of the platform's account")
        if not names_only:
            raise Invalid(
                "names_required", "Name what is this organization's of the platform's account."
            )
    connected = registrars.connect(tools, chosen)
    wanted = {registrars.registrable(tools, one) for one in names_only}
    seen = [one for one in connected.registrar.registrations() if not wanted or one.name in wanted]
    made = []
    for one in seen:
        make = partial(_import, tools=tools, owner_id=owner_id, connected=connected, seen=one)
        row = sessions.run(PLATFORM, make)
        if row is not None:
            made.append(row)
    return made


def _import(
    session: Session, *, tools: Tools, owner_id: int, connected: Connected, seen: Seen
) -> RegisteredName | None:
    lock_name(session, seen.name)
    taken = RegisteredName.visible(PLATFORM).where(
        RegisteredName.name == seen.name, RegisteredName.current == 1
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
    seeing.apply(row, seen, now)
    row.next_action_at = now
    claim = granting.claim_of(session, row)
    if claim is not None:
        why = granting.grant(session, tools, row, now, bought=False, proves=connected.proves)
        if why is not None:
            granting.note_refusal(row, why, now)
    session.flush()
    session.refresh(row)
    return row
