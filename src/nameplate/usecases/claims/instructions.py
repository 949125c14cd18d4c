"""What a domain's owner must publish, each thing as its proof method or the hosting has it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from nameplate.core import instructions
from nameplate.core.actor import PLATFORM
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.errors import Refused
from nameplate.core.instructions import Instruction
from nameplate.core.lifecycle import VerificationStatus
from nameplate.models import Domain, Verification
from nameplate.usecases import holders
from nameplate.usecases.hosting import offers
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class ToPublish:
    """One thing to publish, what for, and whether that is still to be done."""

    purpose: Purpose
    instruction: Instruction
    """Its sentence says what to do now."""
    is_published: bool = False
    """The last look saw it."""
    done: bool = False
    """Nothing is to be done about it now."""


def of(session: Session, tools: Tools, domain: Domain) -> Sequence[ToPublish]:
    """Return all of it, done or not, in the order in which it is needed."""
    found = []
    row = current(session, domain)
    proof = of_proof(session, tools, row, domain) if row is not None else None
    if isinstance(proof, ToPublish):
        found.append(proof)
    delegation = offers.instruction(domain)
    if delegation is not None:
        row_there = offers.zone_of(session, domain)
        seen = row_there is not None and row_there.is_there and row_there.delegated
        one = ToPublish(Purpose.DELEGATION, delegation, seen, done=seen)
        found.append(_kept(one, "The delegation is in place.") if seen else one)
    return found


def of_proof(
    session: Session, tools: Tools, row: Verification, domain: Domain
) -> ToPublish | Refused:
    """Return what proves `domain` by `row`, or why its method cannot say so any more.

    A proof that was seen stays where it is; one that nothing waits for need not be published.
    """
    told = of_verification(tools, row, domain)
    if isinstance(told, Refused):
        return told
    if row.status is VerificationStatus.VERIFIED and row.lost_at is None:
        one = ToPublish(Purpose.OWNERSHIP, told, is_published=True, done=True)
        return _kept(one, "The proof is published.")
    held = holders.holding(session, domain.organization_id, domain.full_domain)
    if held is None or domain.holding_name is None or held.name == holders.held_name(domain):
        return ToPublish(Purpose.OWNERSHIP, told)
    sentence = f"Nothing to publish: ownership is proved by the proof of {held.name}."
    return ToPublish(Purpose.OWNERSHIP, replace(told, sentence=sentence), done=True)


def _kept(one: ToPublish, seen: str) -> ToPublish:
    sentence = f"{seen} Keep it for as long as the domain is in use."
    return replace(one, instruction=replace(one.instruction, sentence=sentence))


def of_verification(tools: Tools, row: Verification, domain: Domain) -> Instruction | Refused:
    """Return what proves `domain` by `row`, or why its method cannot say so any more."""
    method = tools.methods[row.verification_method]
    try:
        told = method.instruct(holders.held_name(domain), row.verification_token)
    except Refused as error:
        return error
    return instructions.in_zone(told, domain.domain_name)


def current(session: Session, domain: Domain) -> Verification | None:
    """Return the verification whose token the domain waits for or was proved by."""
    row: Verification | None = session.scalars(
        Verification.visible(PLATFORM).where(
            Verification.organization_domain_id == domain.id,
            Verification.verification_token == domain.verification_token,
        )
    ).one_or_none()
    return row
