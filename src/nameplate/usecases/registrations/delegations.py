"""Setting name servers: what stops answering is shown first, and agreed to."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import Actor
from nameplate.core.configuration.forms import is_host
from nameplate.core.errors import Conflict, Invalid, NameplateError
from nameplate.core.records import RRset
from nameplate.db import Sessions, database_now
from nameplate.models import RegisteredName
from nameplate.usecases.registrations import granting, registrations, targets
from nameplate.usecases.registrations.delegating import shown
from nameplate.usecases.registrations.targets import DelegationTarget
from nameplate.usecases.tools import Tools

_MAX_SERVERS = 13


@dataclass(frozen=True, slots=True)
class DelegationPreview:
    """What a change of name servers means."""

    registration: RegisteredName
    servers: tuple[str, ...]
    """Those that the name is to have; empty: its zone is not there yet."""
    lost: tuple[RRset, ...]
    """What answers now, at the usual names, and will not."""


def preview(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    reference: str,
    name_servers: Sequence[str] = (),
) -> DelegationPreview:
    """Return what stops answering when a name gets the given name servers, or those of its DNS account.

    Raises NotFound, Invalid `name_servers_invalid`, Conflict `domain_without_dns`, `registration_over`,
    and as DNS providers do.
    """
    given = _servers(name_servers)
    with sessions.begin(actor, read_only=True) as session:
        row = registrations.get(session, actor, reference)
        claim = granting.claim_of(session, row)
    if row.is_over:
        raise registrations.over(row.name)
    if not given and (claim is None or claim.dns_account_id is None):
        raise Conflict(
            "domain_without_dns",
            f"The domain {row.name} has no DNS account. Give it one, or name the name servers.",
        )
    target = _target(sessions, tools, row, given)
    if target is None or set(target.servers) == set(row.name_servers or ()):
        return DelegationPreview(row, () if target is None else target.servers, ())
    return DelegationPreview(row, target.servers, tuple(targets.lost(tools, row.name, target)))


def delegate(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    reference: str,
    name_servers: Sequence[str] = (),
    *,
    accepts_losses: bool = False,
) -> RegisteredName:
    """Set the name servers: the given ones, or those of the DNS account of the domain.

    Raises as `preview`, and Conflict `delegation_loses_records` when something stops answering by it
    and nobody has agreed to that.
    """
    found = preview(sessions, tools, actor, reference, name_servers)
    if found.lost and not accepts_losses:
        raise Conflict(
            "delegation_loses_records",
            f"At the present name servers of {found.registration.name} there are records that the new ones "
            f"have not, as far as Nameplate can see: {shown(found.lost)}.",
        )

    def change(session: Session) -> RegisteredName:
        row = registrations.changeable(session, actor, reference)
        row.is_delegated = not name_servers
        ready = found.servers or None
        # An empty list: nothing is agreed to yet, and a worker compares the zones once it is there.
        row.name_servers_wanted = list(ready) if ready else None if accepts_losses else []
        row.wake(database_now(session))
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(actor, change)


def _target(
    sessions: Sessions, tools: Tools, row: RegisteredName, given: Sequence[str]
) -> DelegationTarget | None:
    if not given:
        return targets.of_domain(sessions, tools, row)
    own = None
    with suppress(NameplateError):  # what cannot be read cannot be compared
        own = targets.of_domain(sessions, tools, row)
    if own is not None and set(own.servers) == set(given):
        return own
    return DelegationTarget(tuple(given))


def _servers(given: Sequence[str]) -> list[str]:
    found = sorted({names.canonical(one) for one in given})
    if not all(map(is_host, found)) or len(found) > _MAX_SERVERS:
        raise Invalid(
            "name_servers_invalid",
            f"Expected up to {_MAX_SERVERS} host names, as in ns1.example.net.",
        )
    return found
