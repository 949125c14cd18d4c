"""Verifications of claims: offering ways to prove a name, and asking for new tokens. `proving` looks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from nameplate.core import backoff, tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.instructions import Kind
from nameplate.core.lifecycle import DomainStatus, VerificationStatus
from nameplate.models import (
    Binding,
    Certificate,
    Domain,
    Verification,
    VerificationMethodName,
)
from nameplate.models.orm import among
from nameplate.ports.verification import ProofScope
from nameplate.usecases import holders, lookup
from nameplate.usecases.certificates import rehoming
from nameplate.usecases.claims import (
    holdings,
    unproved,
)
from nameplate.usecases.dns import pointing
from nameplate.usecases.tools import Tools

_NAMES = frozenset(VerificationMethodName)
_OPEN = (VerificationStatus.PENDING, VerificationStatus.VERIFYING)
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    Kind.DNS_RECORD: {"name": "verification_record_name", "value": "verification_record_value"},
    Kind.FILE: {"path": "verification_file_path", "content": "verification_file_content"},
    Kind.TAG: {"tag": "verification_meta_tag"},
}
"""Fields of instructions that the specification has columns for."""


def add(
    session: Session, tools: Tools, actor: Actor, domain_reference: str, method: str
) -> Verification:
    """Offer another way, or a fresh token, to prove a domain."""
    domain = lookup.domain(session, actor, domain_reference)
    if domain.status is DomainStatus.EXPIRED and not actor.is_platform:
        unproved.refuse_more(session, domain.organization_id, tools.max_unproved)
    return create(session, tools, domain, method)


def create(session: Session, tools: Tools, domain: Domain, method: str) -> Verification:
    """Create the verification with everything that the owner must publish, for a new domain too."""
    if method not in _NAMES:
        raise Invalid("method_unknown", f"There is no verification method {method}.")
    name = VerificationMethodName(method)
    if domain.subdomain is not None and domain.subdomain.startswith("*"):
        check_subtree(tools, name, "wildcard_needs_dns", "A wildcard")
    if domain.is_suffix:
        check_subtree(tools, name, "suffix_needs_dns", "A public suffix")
    now = tools.clock()
    if domain.id is not None:
        _supersede(session, domain, name, now)
        domain.reopen()
    token = tokens.verification_token(tools.random(25))
    domain.verification_method = name.value
    domain.verification_token = token
    if domain.dns_account_id is not None:
        domain.wake(now)  # perhaps the account can write the proof
    session.add(domain)
    session.flush()
    instruction = tools.methods[name].instruct(holders.held_name(domain), token)
    row = Verification(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        verification_method=name,
        verification_token=token,
        **{
            column: instruction.get(field)
            for field, column in _COLUMNS.get(instruction.kind, {}).items()
        },
        expires_at=_expiry(session, tools, domain, now),
        next_action_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _expiry(session: Session, tools: Tools, domain: Domain, now: datetime) -> datetime | None:
    """Return until when a fresh token can prove; one for a name that was given must do it in time."""
    if domain.is_suffix and not domain.is_approved:
        return None
    given_at = None
    if domain.holding_name == holders.held_name(domain):
        given_at = holdings.given_at(session, domain)
    until = now + backoff.LIFETIME
    return until if given_at is None else min(until, given_at + tools.proof_life.reproof_at(now))


def offer(
    session: Session, tools: Tools, domain: Domain, methods: Sequence[str]
) -> Sequence[Verification]:
    """Create a verification by each method. The first that matches proves the domain."""
    is_new = domain.id is None
    rows = [create(session, tools, domain, method) for method in dict.fromkeys(methods)]
    if domain.verification_token != rows[0].verification_token:  # that of the last one
        domain.verification_method = rows[0].verification_method.value
        domain.verification_token = rows[0].verification_token
    if is_new:
        session.info[_OFFERED] = domain.id, rows
    return rows


def offered(session: Session, domain: Domain) -> Sequence[Verification] | None:
    """Return every verification of the claim that this transaction made last; None for another."""
    number, rows = session.info.get(_OFFERED, (None, ()))
    return rows if number == domain.id else None


_OFFERED = "claim that was made last, with its verifications"


def _supersede(
    session: Session, domain: Domain, method: VerificationMethodName, now: datetime
) -> None:
    """Let no older token of the method prove the domain any more (I6); a proof that counts stays."""
    query = tokens_of(domain).where(Verification.verification_method == method)
    for row in session.scalars(query):
        row.expire("Replaced by a newer token.")
        row.wake(now)


def renew(session: Session, tools: Tools, domain: Domain) -> Verification:
    """Give a claim that must be proved anew a fresh token; none that it had before proves it (I6)."""
    end(session, domain, "Ownership must be proved again with a new token.")
    method = domain.verification_method or VerificationMethodName.DNS_TXT
    return create(session, tools, domain, method)


def end(session: Session, domain: Domain, reason: str) -> None:
    """Let no token of a claim prove it any more."""
    over = Verification.visible(Actor(domain.organization_id)).where(
        Verification.organization_domain_id == domain.id,
        Verification.status.not_in([VerificationStatus.FAILED, VerificationStatus.EXPIRED]),
    )
    for row in session.scalars(over):
        row.expire(reason)
        row.next_action_at = None


def resume(session: Session, domain: Domain, now: datetime) -> None:
    """Let the open tokens of a claim prove it from now on, for as long as fresh ones do."""
    for row in session.scalars(tokens_of(domain)):
        row.expires_at = now + backoff.LIFETIME
        row.wake(now)
    session.flush()


def ask_anew(session: Session, tools: Tools, domain: Domain, row: Verification) -> None:
    """Ask for a proof by a new token, for as long as it takes: the old one counts no more.

    Where the method proves nothing of a name that points here, a DNS record is another way.
    """
    ways = [row.verification_method.value]
    if not proves_subtree(tools, ways[0]):
        ways.append(VerificationMethodName.DNS_TXT)
    for fresh in offer(session, tools, domain, ways):
        fresh.expires_at = None


def tokens_of(domain: Domain) -> sa.Select[Any]:
    """Select the verifications that can prove a claim yet."""
    return Verification.visible(Actor(domain.organization_id)).where(
        Verification.organization_domain_id == domain.id, Verification.status.in_(_OPEN)
    )


def release(session: Session, tools: Tools, domain: Domain, now: datetime) -> None:
    """Give up what a domain holds: whatever rested on it ends in this transaction."""
    prove_anew(session, tools, holdings.release(session, domain), now)
    wake_dependents(session, domain, now, urgent=True)


def prove_anew(session: Session, tools: Tools, lapsed: Sequence[Domain], now: datetime) -> None:
    """Have claims proved anew that rested on what is held no more."""
    for claim in lapsed:
        renew(session, tools, claim)
        pointing.of_domain(session, claim, now)
        wake_dependents(session, claim, now, urgent=True)


def proves_subtree(tools: Tools, method: str) -> bool:
    """Tell whether a method proves everything below the name as well; unknown ones prove nothing."""
    found = tools.methods.get(VerificationMethodName(method)) if method in _NAMES else None
    return found is not None and found.scope is ProofScope.SUBTREE


def check_subtree(tools: Tools, method: str, code: str, what: str) -> None:
    """Raise Invalid `code` when a method does not prove everything below the name."""
    if not proves_subtree(tools, method):
        usable = " or ".join(name for name in VerificationMethodName if proves_subtree(tools, name))
        raise Invalid(code, f"{what} needs a proof that covers every name below it. Use {usable}.")


def get(session: Session, actor: Actor, reference: str) -> Verification:
    """Return the verification with that id. Raises NotFound."""
    row: Verification = lookup.find(
        session, Verification.visible(actor), Verification, Prefix.VERIFICATION, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | None = None,
    status: str | None = None,
) -> Sequence[Verification]:
    """Return up to `limit` + 1 verifications in order of their ids."""
    return lookup.page(
        session,
        Verification.visible(actor),
        Verification,
        limit=limit,
        after=after,
        organization_domain_id=lookup.domain_id(session, actor, domain),
        status=status,
    )


def check(session: Session, actor: Actor, reference: str, now: datetime) -> Verification:
    """Look again now instead of at the planned time. Raises `RateLimited` `checks_spent`."""
    row = get(session, actor, reference)
    if row.status in {VerificationStatus.EXPIRED, VerificationStatus.FAILED}:
        raise Conflict(
            "verification_over",
            f"This verification is {row.status.value}. Add a new one to get a new token.",
        )
    domain = session.get_one(Domain, row.organization_domain_id, with_for_update=True)
    domain.ask_for_check(now)
    row.wake(now)
    return row


def open_of(session: Session, domains: Sequence[Domain]) -> Sequence[Verification]:
    """Return what can prove one of these claims yet, and what proved it once and is lost."""
    lost = sa.and_(
        Verification.status == VerificationStatus.VERIFIED, Verification.lost_at.is_not(None)
    )
    query = Verification.visible(PLATFORM).where(
        Verification.organization_domain_id.in_([one.id for one in domains]),
        sa.or_(Verification.status.in_(_OPEN), lost),
    )
    return session.scalars(query).all()


def wake_dependents(
    session: Session, domain: Domain, now: datetime, *, urgent: bool = False
) -> None:
    """Wake the domain and all certificates and bindings that depend on its proof.

    `urgent` is for what takes it out of service. It is processed before all other work.
    """
    domain.wake(now, urgent=urgent)
    wake_below(session, [domain], now, urgent=urgent)


def wake_below(
    session: Session, domains: Sequence[Domain], now: datetime, *, urgent: bool = False
) -> None:
    """Wake what depends on the proofs of these domains, but not themselves."""
    ids = [domain.id for domain in domains]
    if not urgent:
        rehoming.adopt(session, domains)
    rehoming.wake(session, ids, now, urgent=urgent)
    bound: sa.ColumnElement[bool] = Binding.organization_domain_id.in_(ids)
    others = session.scalars(_BOUND_BY_OTHER_CLAIMS, {"ids": ids}).all()
    if others:
        bound = sa.or_(bound, Binding.id.in_(others))
    for kind, which in (
        (Certificate, Certificate.organization_domain_id.in_(ids)),
        (Binding, bound),
    ):
        session.execute(
            kind.waking(now, urgent=urgent).where(which, kind.deleted_at.is_(None)),
            execution_options={"synchronize_session": False},
        )


def _bound_by_other_claims() -> sa.Select[Any]:
    """Return bindings at hosts that claims reach, made with another claim of the organization."""
    other = aliased(Domain)
    bare = sa.func.replace(Domain.full_domain, "*.", "")
    return (
        Binding.visible(PLATFORM)
        .with_only_columns(Binding.id)
        .join(other, other.id == Binding.organization_domain_id)
        .join(
            Domain,
            sa.and_(
                Domain.organization_id == other.organization_id,
                Domain.domain_name == other.domain_name,
                Domain.id != other.id,
            ),
        )
        .where(
            among(Domain.id, "ids"),
            sa.or_(Binding.hostname == bare, Binding.hostname.like(sa.literal("%.").concat(bare))),
        )
    )


_BOUND_BY_OTHER_CLAIMS = _bound_by_other_claims()
