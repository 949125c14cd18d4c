"""Taking, asking for and giving up names: the only code that writes `name_holdings`."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, decide
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.core.proof_life import ProofLife
from nameplate.db import lock_name
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    HoldingBasis,
    HoldingScope,
    NameGrant,
    NameHolding,
    ReleaseReason,
    Verification,
)
from nameplate.models.orm import utc_now
from nameplate.models.quarantine import quarantine
from nameplate.usecases import holders


def take(session: Session, domain: Domain, *, subtree: bool, now: datetime) -> None:
    """Make the organization of `domain` the one holder of its name, or raise `Conflict`.

    Runs in a platform transaction under the lock row of the registrable domain, so that of two
    organizations that prove the same name, or parent and child, at the same moment only one wins.
    """
    lock_name(session, domain.domain_name)
    refused = take_each(session, [(domain, subtree)], now)
    for error in refused.values():
        raise error
    session.flush()


def take_each(
    session: Session, claims: Sequence[tuple[Domain, bool]], now: datetime
) -> dict[int, Conflict]:
    """Do as `take` for several claims, each with its subtree or not, and return who is refused.

    The caller has locked the registrable domains. Of two claims that are in each other's way the
    first one wins. Raises `Conflict` for all when the database refuses a row.
    """
    bases = {domain.domain_name for domain, _ in claims}
    held: dict[str, list[NameHolding]] = {base: [] for base in bases}
    for row in session.scalars(NameHolding.visible(PLATFORM).where(NameHolding.base.in_(bases))):
        held[row.base].append(row)
    refused: dict[int, Conflict] = {}
    lapsed = {row.name for rows in held.values() for row in rows if row.lapsed_at is not None}
    for domain, subtree in claims:
        try:
            _hold(session, domain, held[domain.domain_name], subtree=subtree, now=now)
        except Conflict as error:
            refused[domain.id] = error
    try:
        session.flush()
    except sa.exc.IntegrityError as error:  # the primary key is the last wall
        raise Conflict("name_in_use", "The name is already in use here.") from error
    taken = [(domain, subtree) for domain, subtree in claims if domain.id not in refused]
    settle_each(session, [domain for domain, _ in taken])
    for domain, subtree in taken:
        own = (one for one in held[domain.domain_name] if _is_alone(one, domain))
        if subtree and next(own, None) is not None:
            _widen(session, domain)
        if holders.held_name(domain) in lapsed:
            _serve_again(session, domain, now)
    return refused


def _serve_again(session: Session, domain: Domain, now: datetime) -> None:
    """Let claims that lapsed with a holding rest on it again, now that it serves."""
    query = Domain.visible(Actor(domain.organization_id)).where(
        Domain.domain_name == domain.domain_name,
        Domain.holding_name.is_(None),
        Domain.id != domain.id,
        Domain.status.in_([DomainStatus.PENDING_VERIFICATION, DomainStatus.SUSPENDED]),
    )
    waiting = {claim.id: claim for claim in session.scalars(query)}
    for number in settle_each(session, list(waiting.values())):
        claim = waiting[number]
        claim.verify(now, ProofLife().until(now))
        claim.wake(now)
        for kind in (Certificate, Binding):
            session.execute(
                kind.waking(now).where(
                    kind.organization_domain_id == number, kind.deleted_at.is_(None)
                ),
                execution_options={"synchronize_session": False},
            )


def _is_alone(holding: NameHolding, domain: Domain) -> bool:
    mine = holding.organization_id == domain.organization_id
    return mine and holding.scope is HoldingScope.EXACT


def _hold(
    session: Session, domain: Domain, rows: list[NameHolding], *, subtree: bool, now: datetime
) -> None:
    """Add the holding of a claim to those below its registrable domain, or raise `Conflict`."""
    name = holders.held_name(domain)
    decide(Holding(name, subtree, domain.organization_id), (value(row) for row in rows))
    mine = next((row for row in rows if row.name == name), None)
    scope = HoldingScope.SUBTREE if subtree else HoldingScope.EXACT
    if mine is not None:
        mine.scope = scope if subtree or mine.lapsed_at is not None else mine.scope
        mine.lapsed_at = None
        # A proof of the name alone leaves the rest as it was given, for as long as that lasts.
        if mine.basis is HoldingBasis.TRANSFER and scope is mine.scope:
            mine.basis = HoldingBasis.PROOF
        return
    mine = NameHolding(
        name=name,
        scope=scope,
        base=domain.domain_name,
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        held_at=now,
    )
    session.add(mine)
    rows.append(mine)


def _widen(session: Session, domain: Domain) -> None:
    """Let claims that rest on a name alone rest on a new subtree above it."""
    own = NameHolding.visible(Actor(domain.organization_id)).where(
        NameHolding.base == domain.domain_name, NameHolding.scope == HoldingScope.EXACT
    )
    alone = own.with_only_columns(NameHolding.name)
    for claim in session.scalars(
        Domain.visible(Actor(domain.organization_id)).where(
            Domain.domain_name == domain.domain_name, Domain.holding_name.in_(alone)
        )
    ):
        settle(session, claim)


def lapse(session: Session, domain: Domain, now: datetime) -> Sequence[Domain]:
    """Take the holding of the domain's name out of service, unless another proof supports it.

    It stays its holder's, and nobody else gets the name. Returns the claims that lapsed by it, but
    `domain`.
    """
    return review(session, domain, lapsing_at=now)


def release(session: Session, domain: Domain) -> Sequence[Domain]:
    """Give up what `domain` rests on; return the claims that have nothing to rest on any more.

    Another claim of the organization on the same name keeps the holding when it was proved by
    itself, as far as that proof reaches. The caller has the lapsed claims proved anew.
    """
    lock_name(session, domain.domain_name)
    domain.holding_name = None
    session.flush()
    stands_for = NameHolding.visible(Actor(domain.organization_id)).where(
        NameHolding.organization_domain_id == domain.id
    )
    own = holders.held_name(domain)
    names = {own, *session.scalars(stands_for.with_only_columns(NameHolding.name))}
    return [
        claim for name in sorted(names) for claim in review(session, domain, name)
    ]  # what was given above may stand for a claim below


def review(
    session: Session,
    domain: Domain,
    name: str | None = None,
    *,
    lapsing_at: datetime | None = None,
    reason: ReleaseReason = ReleaseReason.REMOVED,
) -> Sequence[Domain]:
    """Let the holding of the domain's name reach as far as the proofs that count now, or end it.

    `name` is that of another holding that stands for the claim. With `lapsing_at` it does not end, but serves nothing from that moment on. What ends goes into
    quarantine.

    Claims that rested on it find another holding of the organization, or lapse in this transaction
    and are returned. `domain` itself is the caller's business.
    """
    session.flush()
    row = session.get(NameHolding, name or holders.held_name(domain), populate_existing=True)
    if row is None or row.organization_id != domain.organization_id:
        return ()
    agreed = row.grant_id or row.basis is not HoldingBasis.PROOF
    if row.lapsed_at is not None and row.organization_domain_id != domain.id:
        return ()  # its own claim decides
    widest = _heir(session, row) if agreed else _widest(session, domain, row.name)
    if widest is None and lapsing_at is not None:
        row.lapsed_at = row.lapsed_at or lapsing_at
        row.organization_domain_id = domain.id
    elif widest is None:
        why = reason if row.lapsed_at is None else ReleaseReason.LAPSED
        quarantine(session, NameHolding.name == row.name, why)
        session.delete(row)
    else:
        row.organization_domain_id, row.scope = widest
    session.flush()
    look_at_grants(session, domain)
    return unsupported(session, domain.domain_name, domain.organization_id, row.name, domain.id)


def hand_over(
    session: Session, row: NameHolding, claim: Domain, basis: HoldingBasis, now: datetime
) -> None:
    """Let another organization's claim be what a holding stands for; raise `Conflict` if it cannot.

    Runs in a platform transaction under the lock row.
    """
    below = NameHolding.visible(PLATFORM).where(
        NameHolding.base == row.base, NameHolding.name != row.name
    )
    wanted = Holding(row.name, row.scope is HoldingScope.SUBTREE, claim.organization_id)
    decide(wanted, map(value, session.scalars(below)))
    row.organization_id, row.organization_domain_id = claim.organization_id, claim.id
    row.basis, row.held_at, row.lapsed_at = basis, now, None
    session.flush()


def forfeit(session: Session, domain: Domain) -> Sequence[Domain] | None:
    """End what another organization gave and that was not proved in time; None: nothing was given.

    As far as a proof reaches, the name stays held by that. Returns the claims that have nothing to rest
    on any more, but `domain`.
    """
    row = session.get(NameHolding, holders.held_name(domain), populate_existing=True)
    if row is None or row.organization_domain_id != domain.id:
        return None
    if row.basis is not HoldingBasis.TRANSFER:
        return None
    row.basis = HoldingBasis.PROOF
    return review(session, domain, reason=ReleaseReason.LAPSED)


def given_at(session: Session, domain: Domain) -> datetime | None:
    """Return when another organization gave the name that a claim is to prove; None: it was not given."""
    row = session.get(NameHolding, holders.held_name(domain))
    if row is None or row.basis is not HoldingBasis.TRANSFER:
        return None
    return row.held_at if row.organization_id == domain.organization_id else None


def _heir(session: Session, row: NameHolding) -> tuple[int, HoldingScope] | None:
    """Return another claim that a holding by agreement can stand for, and its scope.

    What was given and is not proved yet needs a claim that can prove it: without a token nothing would
    end it.
    """
    claims = Domain.visible(Actor(row.organization_id)).where(
        Domain.domain_name == row.base, Domain.holding_name == row.name
    )
    if row.grant_id is None and row.basis is HoldingBasis.TRANSFER:
        tokens = Verification.visible(Actor(row.organization_id)).where(
            Verification.status.in_([VerificationStatus.PENDING, VerificationStatus.VERIFYING])
        )
        claims = claims.where(
            Domain.full_domain.in_([row.name, f"*.{row.name}"]),
            Domain.id.in_(tokens.with_only_columns(Verification.organization_domain_id)),
        )
    heir = session.scalars(claims.order_by(Domain.id)).first()
    return None if heir is None else (heir.id, row.scope)


def look_at_grants(session: Session, domain: Domain) -> None:
    """Have a worker end, or begin again, what the organization lends: what it holds has changed."""
    session.execute(
        NameGrant.waking(utc_now(), urgent=True).where(
            NameGrant.organization_id == domain.organization_id,
            NameGrant.base == domain.domain_name,
        ),
        execution_options={"synchronize_session": False},
    )


def _widest(session: Session, domain: Domain, name: str) -> tuple[int, HoldingScope] | None:
    """Return the claim on `name` whose proof reaches furthest, and how far."""
    proofs = session.execute(
        Verification.visible(Actor(domain.organization_id))
        .with_only_columns(Domain.id, Verification.proved_scope)
        .join(Domain, Domain.id == Verification.organization_domain_id)
        .where(
            Domain.deleted_at.is_(None),
            Domain.full_domain.in_([name, f"*.{name}"]),
            Domain.holding_name.is_not(None),
            Verification.status == VerificationStatus.VERIFIED,
            Verification.proved_scope.is_not(None),
            Verification.lapsed_at.is_(None),
        )
    ).all()
    widest = max(proofs, key=lambda one: one[1] is HoldingScope.SUBTREE, default=None)
    return None if widest is None else (widest[0], widest[1] or HoldingScope.EXACT)


def unsupported(
    session: Session, base: str, organization_id: int, name: str, but: int | None = None
) -> Sequence[Domain]:
    """Let the organization's claims that rested on `name` rest on what it holds now, or lapse."""
    query = Domain.visible(Actor(organization_id)).where(
        Domain.domain_name == base, Domain.holding_name == name
    )
    resting = session.scalars(query if but is None else query.where(Domain.id != but)).all()
    lapsed = []
    for claim in resting:
        if not settle(session, claim):
            claim.lapse(f"The claim was based on {name}, which the organization no longer holds.")
            lapsed.append(claim)
    session.flush()
    return lapsed


def settle(session: Session, claim: Domain) -> bool:
    """Let a claim rest on the holding that covers it now; tell whether there is one."""
    return claim.id in settle_each(session, [claim])


def settle_each(session: Session, claims: Sequence[Domain]) -> set[int]:
    """Let each claim rest on the holding that covers it now; return those for which there is one."""
    held = holders.held(session, [claim.full_domain for claim in claims])
    settled = set()
    for claim in claims:
        found = holders.usable(held, claim.organization_id, claim.full_domain)
        if not claim.is_approved:
            found = None
        name = None if found is None else found.name
        if claim.holding_name != name:  # setting what is there already would write the row again
            claim.holding_name = name
        if found is not None:
            settled.add(claim.id)
    return settled


def value(row: NameHolding) -> Holding:
    """Return a row as the rules take it."""
    subtree = row.scope is HoldingScope.SUBTREE
    return Holding(
        row.name,
        subtree,
        row.organization_id,
        lent=row.grant_id is not None,
        lapsed=row.lapsed_at is not None,
    )
