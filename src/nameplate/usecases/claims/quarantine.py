"""Names in quarantine: who may take one, and when one is free again.

A name that was given up may point here for years. Until its DNS has left, nobody gets it by a proof
that our own proxies could answer, and no token from before proves anything.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import token_hex

from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, NotPermitted
from nameplate.core.ids import Prefix
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Domain, QuarantinedName, Verification
from nameplate.models.telling import tell
from nameplate.ports.resolver import DnsQuestion
from nameplate.usecases import holders, lookup, work
from nameplate.usecases.claims import whereabouts
from nameplate.usecases.claims.whereabouts import ADDRESSES, Pointing
from nameplate.usecases.tools import Tools

AGAIN = timedelta(hours=6)
"""Between two looks where a name points."""
OLD_TOKEN = "token_from_before"  # noqa: S105 - a code, no token
NEEDS_DNS = "quarantine_needs_dns"


def check(
    session: Session, row: Verification, domain: Domain, *, by_dns: bool, subtree: bool
) -> None:
    """Raise Conflict when a proof may not take the name out of quarantine.

    `token_from_before`: the token is older than the end of what it would begin again.
    `quarantine_needs_dns`: of another organization only a proof by DNS counts. Runs under the lock row
    of the registrable domain.
    """
    for found in _concerned(session, domain, subtree=subtree):
        if row.created_at < found.since:  # a token made by the release itself has its moment
            raise Conflict(
                OLD_TOKEN,
                "The token is from before the name was released. Publish the new one.",
            )
        if found.organization_id != domain.organization_id and not by_dns:
            raise Conflict(
                NEEDS_DNS,
                "The name was in use here and may still point here. Prove it by a DNS record.",
            )


def end_taken(session: Session, domain: Domain, *, subtree: bool) -> None:
    """End the quarantine of what somebody holds now."""
    name = holders.held_name(domain)
    for found in _concerned(session, domain, subtree=subtree):
        if found.name == name or (subtree and names.is_below(found.name, name)):
            session.delete(found)
    session.flush()


def bases(session: Session, among: Sequence[str]) -> set[str]:
    """Return below which of these registrable domains a name is in quarantine."""
    query = QuarantinedName.visible(PLATFORM).where(QuarantinedName.base.in_(among))
    return set(session.scalars(query.with_only_columns(QuarantinedName.base)))


def _concerned(session: Session, domain: Domain, *, subtree: bool) -> list[QuarantinedName]:
    """Return what is in quarantine of a name, above it with everything below, or below it."""
    name = holders.held_name(domain)
    query = QuarantinedName.visible(PLATFORM).where(QuarantinedName.base == domain.domain_name)
    found = []
    for row in session.scalars(query.order_by(QuarantinedName.id)):
        other = names.without_wildcard(row.name)
        above = row.is_subtree and names.is_below(name, other)
        if name == other or above or (subtree and names.is_below(other, name)):
            found.append(row)
    return found


def get(session: Session, actor: Actor, reference: str) -> QuarantinedName:
    """Return the quarantined name with that id. Raises NotFound."""
    row: QuarantinedName = lookup.find(
        session,
        QuarantinedName.visible(actor),
        QuarantinedName,
        Prefix.QUARANTINED_NAME,
        reference,
    )
    return row


def page(
    session: Session, actor: Actor, *, limit: int, after: int | None = None
) -> Sequence[QuarantinedName]:
    """Return up to `limit` + 1 quarantined names in order of their ids."""
    return lookup.page(
        session, QuarantinedName.visible(actor), QuarantinedName, limit=limit, after=after
    )


def end(session: Session, actor: Actor, reference: str, reason: str) -> QuarantinedName:
    """End a quarantine before its time. The operator's reason is part of the event.

    Raises NotPermitted `platform_only`.
    """
    row = get(session, actor, reference)
    if not actor.is_platform:
        raise NotPermitted(
            "platform_only", "Only the platform's operator can end the quarantine of a name."
        )
    tell(session, "domain.quarantine_ended", row, ended_because=reason)
    session.delete(row)
    session.flush()
    return row


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> str | None:
    """Look where one name points, and end its quarantine when it has left for long enough."""

    def load(session: Session, row: QuarantinedName) -> tuple[str, bool, bool, tuple[str, ...]]:
        is_held = holders.holder(session, row.name) is not None
        return row.name, row.is_subtree, is_held, whereabouts.known_addresses(session)

    name, subtree, is_held, servers = work.read(sessions, QuarantinedName, lease, load)
    seen = Pointing(is_here=False) if is_held else _look(tools, name, servers, subtree=subtree)

    def conclude(session: Session, row: QuarantinedName) -> None:
        now = lease.now()
        row.look(points_here=seen.is_here, explanation=seen.sentence, now=now)
        left = row.away_since
        if is_held or (
            seen.is_here is False and left is not None and now - left >= tools.proof_life.quarantine
        ):
            session.delete(row)
            return
        row.next_action_at = _next_look(left, tools.proof_life.quarantine, now)

    work.record(sessions, QuarantinedName, lease, conclude, release=True)
    return None


def _next_look(left: datetime | None, wait: timedelta, now: datetime) -> datetime:
    due = [now + AGAIN]
    if left is not None and left + wait > now:
        due.append(left + wait)
    return min(due)


def _look(tools: Tools, name: str, servers: Sequence[str], *, subtree: bool) -> Pointing:
    """Return where a name leads, and any name below it that was meant too."""
    place = whereabouts.here(tools, servers)
    bare = names.without_wildcard(name)
    asked = [bare] if name == bare else []
    if subtree or name != bare:
        asked.append(f"nameplate-{token_hex(4)}.{bare}")  # by a wildcard, if there is one
    seen = []
    for one in asked:
        questions = [DnsQuestion(one, rdtype) for rdtype in ADDRESSES]
        found = [tools.resolver.authoritative(each.name, each.rdtype) for each in questions]
        seen.append(whereabouts.pointing(found, place))
    for wanted in (True, None):
        for each in seen:
            if each.is_here is wanted:
                return each
    return seen[0]
