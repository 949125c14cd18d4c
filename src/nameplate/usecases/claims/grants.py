"""Grants: a holder lends a name below its own to another organization, and takes it back.

The lender writes the grant; what follows from it, holdings and claims on both sides, is a worker's
step under the lock of the registrable domain. A grant lends for as long as its lender holds what is
above: whatever ends that wakes it.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names, tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, NotFound, Problem
from nameplate.core.holdings import Holding, most_specific
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.names import self_and_ancestors, without_wildcard
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now, lock_name
from nameplate.leases import Lease
from nameplate.models import (
    Binding,
    Certificate,
    CertificateName,
    Domain,
    HoldingScope,
    NameGrant,
    NameHolding,
    Organization,
)
from nameplate.models.orm import among
from nameplate.usecases import lookup, work
from nameplate.usecases.claims import holdings, lent_holdings, verifications
from nameplate.usecases.dns import pointing
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

NOTICE = timedelta(days=7)
"""How long a revoked grant goes on, unless the lender says otherwise."""
CODE_LIFETIME = timedelta(days=7)
RETRY = timedelta(minutes=10)
"""When a name is looked at again that another organization holds."""
_RANDOM_BYTES = 25


@dataclass(frozen=True, slots=True)
class Terms:
    """What is lent and how."""

    name: str
    subtree: bool = True
    may_lend: bool = False
    ends_at: datetime | None = None


def add(
    session: Session,
    tools: Tools,
    actor: Actor,
    terms: Terms,
    *,
    now: datetime,
    organization: str | None = None,
    to: int | None = None,
) -> tuple[NameGrant, Secret | None]:
    """Lend a name to the organization `to` (see `recipient`), or to whoever has the code.

    The code is returned once, when `to` is left out. Raises Conflict `not_lendable`, `grant_exists`,
    `lent_name_in_use`, Invalid `ends_at_past`.
    """
    owner = organizations.acting(session, actor, organization)
    host = names.parse(terms.name, special_use=tools.special_use)
    if terms.ends_at is not None and terms.ends_at <= now:
        detail = "The grant would already have ended. Give a time in the future."
        raise Invalid("ends_at_past", detail, [Problem("/ends_at", "ends_at_past", detail)])
    row = NameGrant(
        organization_id=owner.id,
        grantee_organization_id=to,
        name=host.name,
        scope=HoldingScope.SUBTREE if terms.subtree else HoldingScope.EXACT,
        base=host.registrable,
        may_lend=terms.may_lend and terms.subtree,
        ends_at=terms.ends_at,
        next_action_at=now,
    )
    _check(session, row, now)
    code = None
    if to is None:
        code = Secret(base64.b32encode(tools.random(_RANDOM_BYTES)).decode("ascii").lower())
        row.code_hash, row.code_expires_at = tokens.digest(code), now + CODE_LIFETIME
    session.add(row)
    session.flush()
    return row, code


def recipient(sessions: Sessions, actor: Actor, to: str, organization: str | None = None) -> int:
    """Return the id of an organization below the lender in the tree; the platform may name any.

    Raises NotFound for every other: who is there is nobody else's business.
    """
    with sessions.look() as session:
        owner = organizations.acting(session, actor, organization)
        found = organizations.get(session, PLATFORM, to)
        above: Organization | None = found
        while above is not None and above.parent_organization_id != owner.id:
            parent = above.parent_organization_id
            above = None if parent is None else session.get(Organization, parent)
        if found.id == owner.id or (above is None and not actor.is_platform):
            raise lookup.missing(Prefix.ORGANIZATION)
        return found.id


def _check(session: Session, row: NameGrant, now: datetime) -> None:
    """Raise Conflict unless the lender may lend this, and serves nothing of it itself."""
    mine = Actor(row.organization_id)
    own = NameHolding.visible(mine).where(NameHolding.base == row.base)
    if not lent_holdings.may_lend(session, row, list(session.scalars(own))):
        raise Conflict(
            "not_lendable",
            f"{row.name} cannot be lent. Prove a name above it with everything below that, by DNS, "
            "or ask its holder for a grant that lets you lend.",
        )
    reach = Holding(row.name, row.is_subtree, row.organization_id)
    others = NameGrant.visible(mine).where(
        NameGrant.base == row.base, NameGrant.organization_id == row.organization_id
    )
    for other in session.scalars(others):
        theirs = Holding(other.name, other.is_subtree, other.organization_id)
        if other.is_live(now) and (theirs.covers(row.name) or reach.covers(other.name)):
            raise Conflict("grant_exists", f"{other.name} is lent already.")
    used = sorted(_used(session, mine, row, reach))
    if used:
        raise Conflict(
            "lent_name_in_use",
            f"You use {', '.join(used[:5])} yourself. Remove the bindings, certificates and wildcard "
            "domains with these names first.",
        )


def _used(session: Session, mine: Actor, row: NameGrant, reach: Holding) -> set[str]:
    """Return what the lender uses of the name, and the wildcard that would answer for it."""
    below = Domain.visible(mine).where(Domain.domain_name == row.base)
    hosts = Binding.visible(mine).where(
        Binding.organization_domain_id.in_(below.with_only_columns(Domain.id))
    )
    names_ = (
        Certificate.visible(mine)
        .join(CertificateName, CertificateName.ssl_certificate_id == Certificate.id)
        .where(
            CertificateName.organization_domain_id.in_(below.with_only_columns(Domain.id)),
            Certificate.status != CertificateStatus.REVOKED,
        )
    )
    found = set(session.scalars(hosts.with_only_columns(Binding.hostname)))
    found |= set(session.scalars(names_.with_only_columns(CertificateName.hostname)))
    found |= set(
        session.scalars(
            below.with_only_columns(Domain.full_domain).where(Domain.full_domain.startswith("*."))
        )
    )
    found |= set(
        session.scalars(
            NameHolding.visible(mine)
            .where(NameHolding.base == row.base)
            .with_only_columns(NameHolding.name)
        )
    )
    wildcard = "*." + row.name.partition(".")[2]
    return {name for name in found if name == wildcard or reach.covers(without_wildcard(name))}


def received(session: Session, organization_id: int, name: str, now: datetime) -> int | None:
    """Return the id of the grant by which an organization may use a name (`*.` allowed), or None."""
    above = list(self_and_ancestors(without_wildcard(name), least=2))
    given = {"grantee": organization_id, "names": above}
    live = [row for row in session.scalars(_RECEIVED, given) if row.is_live(now)]
    best = most_specific(name, [Holding(r.name, r.is_subtree, r.id) for r in live])
    return None if best is None else best.organization_id


_RECEIVED = NameGrant.visible(PLATFORM).where(
    NameGrant.grantee_organization_id == sa.bindparam("grantee"), among(NameGrant.name, "names")
)
"""Made once: every claim asks it."""


def get(session: Session, actor: Actor, reference: str) -> NameGrant:
    """Return the grant with that id, given or received. Raises NotFound."""
    row: NameGrant = lookup.find(
        session, NameGrant.visible(actor), NameGrant, Prefix.GRANT, reference
    )
    return row


def page(
    session: Session, actor: Actor, *, limit: int, after: int | None = None
) -> Sequence[NameGrant]:
    """Return up to `limit` + 1 grants, given and received, in order of their ids."""
    return lookup.page(session, NameGrant.visible(actor), NameGrant, limit=limit, after=after)


def accept(
    sessions: Sessions, actor: Actor, code: Secret, organization: str | None = None
) -> NameGrant:
    """Take what is lent by a code. Raises NotFound `grant_not_found` for a code that is worth nothing."""

    def change(session: Session) -> NameGrant:
        now = database_now(session)
        owner = organizations.acting(session, actor, organization)
        query = NameGrant.visible(PLATFORM).where(NameGrant.code_hash == tokens.digest(code))
        row: NameGrant | None = session.scalars(query.with_for_update()).one_or_none()
        known = row is not None and row.code_expires_at is not None and now < row.code_expires_at
        if row is None or not known or not row.is_live(now) or row.organization_id == owner.id:
            raise NotFound("grant_not_found", "This code is worth nothing. Ask for a new one.")
        row.accept(owner.id)
        row.wake(now)
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(PLATFORM, change)


def revoke(
    session: Session, actor: Actor, reference: str, now: datetime, at: datetime | None = None
) -> NameGrant:
    """End a grant at a moment, seven days from now unless `at` says otherwise.

    Raises NotFound for what the actor's organization did not lend.
    """
    row = get(session, actor, reference)
    if not actor.is_platform and row.organization_id != actor.organization_id:
        raise lookup.missing(Prefix.GRANT)
    row.revoke(max(now, at or now + NOTICE), now)
    row.wake(row.ends_at or now, urgent=True)
    session.flush()
    return row


def reconcile(sessions: Sessions, tools: Tools, lease: Lease) -> str | None:
    """Have holdings and claims of both sides be as one grant says now.

    Returns the code of what keeps the grantee from the name, which the row says too.
    """
    base = work.read(sessions, NameGrant, lease, lambda _session, row: row.base)

    def settle(session: Session, row: NameGrant) -> str | None:
        row.overcome()
        row.urgency = 0
        refused = _settle(session, tools, row, lease.now())
        if refused is None:
            return None
        row.meet(refused.code, refused.detail, None, lease.now())
        return refused.code

    return work.record(
        sessions,
        NameGrant,
        lease,
        settle,
        release=True,
        stopped=True,
        before=lambda session: lock_name(session, base),
    )


def _settle(session: Session, tools: Tools, row: NameGrant, now: datetime) -> Conflict | None:
    verifications.prove_anew(session, tools, lent_holdings.end_void(session, row.base, now), now)
    row.next_action_at = row.ends_at if row.is_live(now) else None
    if not row.is_live(now) or not lent_holdings.may_lend(session, row):
        _return(session, tools, row, now)
        return None
    refused: Conflict | None = None
    for claim in _claims(session, row, row.grantee_organization_id):
        try:
            with session.begin_nested():
                displaced = lent_holdings.lend(session, row, claim, now)
        except Conflict as error:
            claim.error_message, refused = error.detail, error
            row.next_action_at = min(row.ends_at or now + RETRY, now + RETRY)
            continue
        verifications.prove_anew(session, tools, displaced, now)
        _use(session, tools, claim, now)
        _look_at_lender(session, row, now, urgent=True)
    if session.scalars(_HELD, {"grant": row.id}).first() is None:
        _look_at_lender(session, row, now, urgent=False)
    return refused


_HELD = (
    NameHolding.visible(PLATFORM)
    .with_only_columns(NameHolding.name)
    .where(NameHolding.grant_id == sa.bindparam("grant"))
)


def _claims(session: Session, row: NameGrant, organization_id: int | None) -> Sequence[Domain]:
    """Return the claims of one side at or below the name that rest on nothing."""
    if organization_id is None:
        return ()
    query = Domain.visible(Actor(organization_id)).where(
        Domain.domain_name == row.base, Domain.holding_name.is_(None)
    )
    reach = Holding(row.name, row.is_subtree, organization_id)
    return [
        claim
        for claim in session.scalars(query.order_by(Domain.id))
        if most_specific(claim.full_domain, [reach]) is not None
    ]


def _return(session: Session, tools: Tools, row: NameGrant, now: datetime) -> None:
    """Let the lender use again what it has claims for."""
    for claim in _claims(session, row, row.organization_id):
        _use(session, tools, claim, now)
    _look_at_lender(session, row, now, urgent=False)


def _look_at_lender(session: Session, row: NameGrant, now: datetime, *, urgent: bool) -> None:
    """Have bindings looked at that the lender has there: served no more, or again."""
    there = [Binding.hostname == row.name]
    if row.is_subtree:
        there.append(Binding.hostname.endswith(f".{row.name}", autoescape=True))
    session.execute(
        Binding.waking(now, urgent=urgent).where(
            Binding.organization_id == row.organization_id,
            Binding.deleted_at.is_(None),
            sa.or_(*there),
        ),
        execution_options={"synchronize_session": False},
    )


def _use(session: Session, tools: Tools, claim: Domain, now: datetime) -> None:
    """Let a claim rest on what its organization holds now, if anything."""
    if not holdings.settle(session, claim):
        return
    claim.reopen()
    claim.verify(now, tools.proof_life.until(now))
    pointing.of_domain(session, claim, now)
    verifications.wake_dependents(session, claim, now)
