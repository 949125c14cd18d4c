"""What to do about a proof: what to publish, until when, and what happens otherwise."""

from collections.abc import Sequence
from datetime import datetime

from nameplate.core.conditions import Condition
from nameplate.core.errors import Refused
from nameplate.core.holdings import Holding
from nameplate.core.instructions import Instruction, Kind
from nameplate.core.names import without_wildcard
from nameplate.models import Verification
from nameplate.usecases.claims import instructions
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.tools import Tools


def in_service_until(tools: Tools, row: Verification | None) -> datetime | None:
    """Return until when a name whose proof is lost stays in service; None: it is not lost, or over."""
    if row is None or row.lost_at is None or row.lapsed_at is not None:
        return None
    return tools.proof_life.out_of_service_at(row.lost_at)


def kept_until(tools: Tools, row: Verification | None) -> datetime | None:
    """Return until when a name out of service is kept for its holder; None: it is in service."""
    if row is None or row.lapsed_at is None:
        return None
    return tools.proof_life.released_at(row.lapsed_at)


def of_held(tools: Tools, known: DomainFacts, held: Holding) -> Condition | None:
    """Return what is to be said of the proof of a held name; None: that it is there."""
    if held.lent or held.name != without_wildcard(known.domain.full_domain):
        return None
    row = known.lost
    until = in_service_until(tools, row)
    if row is None or row.lost_at is None or until is None:
        return _unseen(known)
    is_stale = row.lost_reason is not None and row.lost_reason.needs_new_token
    last = row.last_look
    return Condition(
        type="ownership",
        status=True,
        reason="new_token_needed" if is_stale else "proof_lost",
        message=row.error_message or "",
        observed=last.observed if last else (),
        expected=_expected(tools, known),
        fix=f"{publish(known, told(tools, known))} Do so before {_day(until)}, or the name goes out of "
        "service.",
        since=row.lost_at,
        next_check_at=row.next_action_at,
    )


def _unseen(known: DomainFacts) -> Condition | None:
    """Say that the last look could not see the proof, which counts for nothing."""
    row = known.verification
    if row is None or row.verified_at is None or row.lost_at or not row.error_message:
        return None
    last = row.last_look
    return Condition(
        type="ownership",
        status=True,
        reason="proof_not_seen",
        message="Ownership is proved. The last check could not see the proof, which does not count "
        f"against it: {row.error_message}",
        observed=last.observed if last else (),
        fix="No action needed. Nameplate checks again.",
        since=row.verified_at,
        next_check_at=row.next_action_at,
    )


def of_lapsed(tools: Tools, known: DomainFacts, row: Verification) -> Condition:
    """Return what is to be done about a name out of service that is kept for its holder."""
    until = kept_until(tools, row) or known.now
    last = row.last_look
    return Condition(
        type="ownership",
        status=False,
        reason="lapsed",
        message=row.error_message or "",
        observed=last.observed if last else (),
        expected=_expected(tools, known),
        fix=f"{publish(known, told(tools, known))} Everything is then served again. On {_day(until)} the "
        "name is released.",
        since=row.lapsed_at,
        next_check_at=row.next_action_at,
    )


def pointing(known: DomainFacts) -> list[Condition]:
    """Say that a name that is served leads elsewhere, as the last daily look saw; it may be meant so."""
    row = known.verification
    if row is None or row.points_here is not False or not known.bindings:
        return []
    return [
        Condition(
            type="pointing",
            status=True,
            reason="points_elsewhere",
            message=f"{without_wildcard(known.domain.full_domain)} does not point to a server of the "
            "platform.",
            fix="Point the name to its server, unless something in front of it passes requests on.",
            next_check_at=row.next_action_at,
        )
    ]


def told(tools: Tools, known: DomainFacts) -> list[Instruction | Refused]:
    """Return each way to prove a domain now."""
    rows = [*([known.verification] if known.verification else []), *known.others]
    return [instructions.of_verification(tools, one, known.domain) for one in rows]


def _expected(tools: Tools, known: DomainFacts) -> tuple[str, ...]:
    return tuple(one.expected for one in told(tools, known) if isinstance(one, Instruction))


def publish(known: DomainFacts, ways: Sequence[Instruction | Refused]) -> str:
    """Return what to do for a proof to be seen."""
    if any(_is_written(known, one) for one in ways):
        return "Wait. Nameplate publishes the proof with the DNS account."
    if not ways:
        return "Add a verification to get a record to publish."
    said = [one.sentence if isinstance(one, Instruction) else one.detail for one in ways]
    return said[0] if len(said) == 1 else f"One of these is enough. {' '.join(said)}"


def _is_written(known: DomainFacts, told: Instruction | Refused) -> bool:
    """Tell whether Nameplate publishes the proof itself, as far as nothing has stopped it."""
    if not known.writes_proof or known.domain.error_message or known.domain.trouble_code:
        return False
    return isinstance(told, Instruction) and told.kind == Kind.DNS_RECORD


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
