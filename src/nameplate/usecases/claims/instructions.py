"""What a domain's owner must publish, each thing as its proof method or the hosting has it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core import instructions
from nameplate.core.actor import PLATFORM
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.errors import Refused
from nameplate.core.instructions import Instruction
from nameplate.models import Domain, Verification
from nameplate.usecases import holders
from nameplate.usecases.hosting import offers
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class ToPublish:
    """One thing to publish, and what for."""

    purpose: Purpose
    instruction: Instruction


def of(session: Session, tools: Tools, domain: Domain) -> Sequence[ToPublish]:
    """Return all of it, in the order in which it is needed; kept as long as the domain exists."""
    found = []
    row = current(session, domain)
    proof = of_verification(tools, row, domain) if row is not None else None
    if isinstance(proof, Instruction):
        found.append(ToPublish(Purpose.OWNERSHIP, proof))
    delegation = offers.instruction(domain)
    if delegation is not None:
        found.append(ToPublish(Purpose.DELEGATION, delegation))
    return found


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
