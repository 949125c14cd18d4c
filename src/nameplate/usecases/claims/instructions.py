"""What a domain's owner must publish, each thing as its proof method or the hosting has it."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from nameplate.core import instructions
from nameplate.core.actor import PLATFORM
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.errors import Refused
from nameplate.core.holdings import Holding
from nameplate.core.instructions import Instruction, Kind
from nameplate.core.lifecycle import VerificationStatus
from nameplate.db import database_now
from nameplate.models import Account, Domain, Server, Verification
from nameplate.usecases import holders
from nameplate.usecases.claims import challenge_records, facts, routing
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.to_publish import ToPublish, kept
from nameplate.usecases.dns import proofs
from nameplate.usecases.hosting import offers
from nameplate.usecases.tools import Tools


def of(
    session: Session, tools: Tools, domain: Domain, server: Server | None = None
) -> Sequence[ToPublish]:
    """Return all of it, done or not, in the order in which it is needed.

    `server` is to serve the domain while no binding says which one does.
    """
    known = facts.read(session, [domain], database_now(session))[domain.id]
    return from_facts(session, tools, known, server)


def from_facts(
    session: Session, tools: Tools, known: DomainFacts, server: Server | None = None
) -> Sequence[ToPublish]:
    """Return the same by what is known of a domain."""
    found = _of_claim(session, tools, known.domain, _first(known), known)
    found += challenge_records.of(session, tools, known)
    for step in routing.steps(session, known, server):
        told = step.instruction
        if step.served:
            told = replace(told, sentence=told.sentence.replace("Publish a", "Keep the", 1))
        found.append(ToPublish(Purpose.ROUTING, told, done=step.served))
    return found


def of_claim(session: Session, tools: Tools, domain: Domain) -> list[ToPublish]:
    """Return what proves the domain, what delegates its zone, and its challenges where it is a wildcard."""
    known = facts.read_proofs(session, domain)
    found = _of_claim(session, tools, domain, _first(known))
    return found + challenge_records.of(session, tools, known)


def _first(known: DomainFacts) -> list[Verification]:
    """Return what may prove a domain, the one first whose token it waits for or was proved by."""
    return [*([known.verification] if known.verification else []), *known.others]


def _of_claim(
    session: Session,
    tools: Tools,
    domain: Domain,
    rows: Sequence[Verification],
    known: DomainFacts | None = None,
) -> list[ToPublish]:
    written = proofs.chosen(domain, rows) or next(iter(rows), None)
    told = [of_proof(session, tools, row, domain, known, by_account=row is written) for row in rows]
    found = [one for one in told if isinstance(one, ToPublish)]
    delegation = offers.instruction(domain)
    if delegation is not None:
        row_there = offers.zone_of(session, domain)
        seen = row_there is not None and row_there.is_there and row_there.delegated
        one = ToPublish(Purpose.DELEGATION, delegation, seen, done=seen)
        found.append(kept(one, "The delegation is in place.") if seen else one)
    return found


def of_proof(
    session: Session,
    tools: Tools,
    row: Verification,
    domain: Domain,
    known: DomainFacts | None = None,
    *,
    by_account: bool = True,
) -> ToPublish | Refused:
    """Return what proves `domain` by `row`, or why its method cannot say so any more.

    `by_account` tells whether it is the one that Nameplate publishes where it can. A proof that was seen stays where it is; one that nothing waits for need not be published.
    """
    told = of_verification(tools, row, domain)
    if isinstance(told, Refused):
        return told
    if row.status is VerificationStatus.VERIFIED and row.lost_at is None:
        one = ToPublish(Purpose.OWNERSHIP, told, is_published=True, done=True)
        return kept(one, "The proof is published.")
    held = None
    if known is None or known.holding is not None:
        held = _held(session, domain, known)
    if held is not None and held.lent and domain.holding_name is not None:
        sentence = f"Nothing to publish: {held.name} is lent to the organization."
        return ToPublish(Purpose.OWNERSHIP, replace(told, sentence=sentence), done=True)
    if held is None or domain.holding_name is None or held.name == holders.held_name(domain):
        if not (by_account and _is_written(session, domain, told)):
            return ToPublish(Purpose.OWNERSHIP, told)
        where = f"the {told.get('type')} record at {told.get('name')}"
        sentence = f"Nothing to publish: Nameplate publishes {where} with the DNS account."
        return ToPublish(Purpose.OWNERSHIP, replace(told, sentence=sentence), done=True)
    sentence = f"Nothing to publish: ownership is proved by the proof of {held.name}."
    return ToPublish(Purpose.OWNERSHIP, replace(told, sentence=sentence), done=True)


def _held(session: Session, domain: Domain, known: DomainFacts | None) -> Holding | None:
    """Return the holding by which the organization may use the name now, or None."""
    if known is None or known.held is None:
        return holders.holding(session, domain.organization_id, domain.full_domain)
    return holders.usable(known.held, domain.organization_id, domain.full_domain)


def _is_written(session: Session, domain: Domain, told: Instruction) -> bool:
    """Tell whether Nameplate publishes the proof itself, as far as nothing has stopped it."""
    account_id = domain.dns_account_id
    if account_id is None or told.kind != Kind.DNS_RECORD:
        return False
    if domain.error_message or domain.trouble_code:
        return False
    account = session.scalars(Account.visible(PLATFORM).where(Account.id == account_id)).first()
    return proofs.can_write(account, domain)


def of_verification(tools: Tools, row: Verification, domain: Domain) -> Instruction | Refused:
    """Return what proves `domain` by `row`, or why its method cannot say so any more."""
    method = tools.methods[row.verification_method]
    try:
        told = method.instruct(holders.held_name(domain), row.verification_token)
    except Refused as error:
        return error
    return instructions.in_zone(told, domain.domain_name)
