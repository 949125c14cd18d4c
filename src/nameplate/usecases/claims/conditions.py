"""Why a domain is not ready yet: the one place that answers that question."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import names, registration
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.errors import Refused
from nameplate.core.instructions import Instruction
from nameplate.core.lifecycle import DomainStatus, RecordStatus
from nameplate.db import database_now
from nameplate.models import Domain, Record, RecordSide, SuffixApproval
from nameplate.usecases import holders, work
from nameplate.usecases.claims import instructions, overdue, served_conditions
from nameplate.usecases.dns import pointing
from nameplate.usecases.hosting import offers
from nameplate.usecases.propagation import delegation
from nameplate.usecases.tools import Tools


def of(session: Session, tools: Tools, domain: Domain) -> Sequence[Condition]:
    """Return each step, in the order in which they come about: worked out from rows and the clock."""
    now = database_now(session)
    found = [*served_conditions.exposure(session, domain), *_suspension(domain)]
    found += _approval(domain)
    found.append(_ownership(session, tools, domain))
    found += offers.conditions(session, domain)
    rows = session.scalars(
        Record.visible(PLATFORM).where(Record.organization_domain_id == domain.id).limit(1000)
    ).all()
    delegated = delegation.condition(domain, rows)
    found += [delegated] if delegated else []
    found += _dns(session, domain, rows, now)
    found += _drift(domain)
    found += _pointing(session, domain)
    found += served_conditions.certificates(session, domain, now)
    found.append(served_conditions.serving(session, domain, now))
    found += _registration(domain, now)
    late = None if ready(found) else overdue.condition(session, domain, now)
    return [*found, late] if late else found


def ready(conditions: Sequence[Condition]) -> bool:
    """Whether nothing is left to do."""
    return all(condition.status for condition in conditions)


def _suspension(domain: Domain) -> list[Condition]:
    """Say who suspended the domain, when and why; nothing when nobody did."""
    if domain.status is not DomainStatus.SUSPENDED:
        return []
    by_platform = domain.platform_suspension is not None
    why = domain.platform_suspension or domain.own_suspension or "No reason was given."
    return [
        Condition(
            type="suspension",
            status=False,
            reason="suspended_by_platform" if by_platform else "suspended_by_organization",
            message=f"{'The platform' if by_platform else 'Its organization'} suspended the domain: "
            f"{why}",
            fix="Ask the operator of the platform. Only they can resume it."
            if by_platform
            else f"Resume it with `nameplate domain resume {domain.full_domain}`.",
            since=domain.suspended_at,
        )
    ]


def _proved(domain: Domain, held: str) -> str:
    if held == names.without_wildcard(domain.full_domain):
        return "Ownership is proved."
    return f"Ownership is proved by the proof of {held}."


def _ownership(session: Session, tools: Tools, domain: Domain) -> Condition:
    held = holders.holding(session, domain.organization_id, domain.full_domain)
    if held is not None and domain.holding_name is not None:
        return Condition(
            type="ownership", status=True, reason="proved", message=_proved(domain, held.name),
            since=domain.verified_at,
        )  # fmt: skip
    if domain.suffix_approval is SuffixApproval.DENIED:
        return _denied(domain)
    row = instructions.current(session, domain)
    told = instructions.of_verification(tools, row, domain) if row else None
    last = row.last_look if row else None
    return Condition(
        type="ownership",
        status=False,
        reason=(last.reason if last else None) or domain.status.value,
        message=(row.error_message if row else None)
        or domain.error_message
        or "Not checked yet. The first check is due now.",
        observed=last.observed if last else (),
        expected=(told.expected,) if isinstance(told, Instruction) else (),
        fix=_publish(told),
        next_check_at=row.next_action_at if row else None,
    )


def _approval(domain: Domain) -> list[Condition]:
    """Say that the operator must approve the name; nothing where they need not, or have."""
    if domain.suffix_approval is not SuffixApproval.WAITING:
        return []
    return [
        Condition(
            type="approval",
            status=False,
            reason="approval_waiting",
            message=f"{domain.full_domain} is on the public suffix list: others may get names below "
            "it. The platform's operator must approve it.",
            fix="Publish the proof, and wait for the operator of the platform.",
        )
    ]


def _denied(domain: Domain) -> Condition:
    return Condition(
        type="ownership",
        status=False,
        reason="approval_denied",
        message=f"The platform's operator denied the name: {domain.suffix_denial}",
        fix="Ask the operator of the platform.",
    )


def _publish(told: Instruction | Refused | None) -> str:
    if told is None:
        return "Add a verification to get a record to publish."
    return told.sentence if isinstance(told, Instruction) else told.detail


def _dns(
    session: Session, domain: Domain, rows: Sequence[Record], now: datetime
) -> list[Condition]:
    if domain.trouble_code not in {None, work.ANSWER_AWAITED}:
        return [_stopped(domain)]
    below = [row for row in rows if row.name != "@"] if _covers_name_alone(session, domain) else []
    if below:
        return [_not_covered(domain, below)]
    if not rows:
        return []
    waiting = [
        row
        for row in rows
        if row.status is not RecordStatus.DISABLED
        and not (row.status is RecordStatus.ACTIVE and row.propagated)
    ]
    if not waiting:
        seen = f"All {len(rows)} records are visible on the authoritative servers."
        return [Condition(type="dns", status=True, reason="propagated", message=seen)]
    if domain.trouble_code is not None:  # where nothing is missing, a look may take its time
        return [_stopped(domain)]
    first = next((row for row in waiting if row.status is RecordStatus.ERROR), waiting[0])
    look = first.propagation if first.status is RecordStatus.ACTIVE else None
    return [
        Condition(
            type="dns",
            status=False,
            reason=f"record_{first.status.value}",
            message=(look.sentence(now) if look else first.error_message)
            or (
                f"{len(waiting)} of {len(rows)} records are not visible on all authoritative "
                "servers yet."
            ),
            observed=look.observed if look else (),
            expected=(f"{first.name} {first.record_type.value} {first.value[:200]}",),
            fix="Wait. Nameplate writes and checks the records automatically."
            if first.status is not RecordStatus.ERROR
            else "Correct the record, or the account's credential, and check again.",
            next_check_at=_earliest(domain.next_action_at, first.next_action_at),
        )
    ]


def _covers_name_alone(session: Session, domain: Domain) -> bool:
    held = holders.holding(session, domain.organization_id, domain.full_domain)
    return domain.is_live and held is not None and not held.subtree


def _not_covered(domain: Domain, below: Sequence[Record]) -> Condition:
    """Say that records below the name are not written: the proof does not reach them."""
    return Condition(
        type="dns",
        status=False,
        reason="records_not_covered",
        message=f"The proof covers {domain.full_domain} alone. {len(below)} of its records are below "
        "that name and are not written.",
        expected=tuple(f"{row.name} {row.record_type.value}" for row in below[:10]),
        fix=f"Prove {domain.full_domain} by a DNS record: add a verification with `dns_txt`.",
    )


def _stopped(domain: Domain) -> Condition:
    """Say why Nameplate cannot write or read the domain's records now."""
    return Condition(
        type="dns",
        status=False,
        reason=domain.trouble_code or "",
        message=f"The DNS provider cannot be used: {domain.trouble_message}",
        fix="Check the DNS account. Nameplate keeps trying and continues as soon as the provider "
        "answers."
        if domain.waits_for
        else "Wait. Nameplate retries automatically.",
        since=domain.trouble_since,
        next_check_at=domain.next_action_at,
    )


def _drift(domain: Domain) -> list[Condition]:
    """Return the condition about records changed at the provider, while they differ."""
    found = domain.drift
    if found is None or found.repaired_at:
        return []
    records = found.records
    changed = ", ".join(f"{one.name} {one.type}" for one in records[:5])
    return [
        Condition(
            type="drift",
            status=False,
            reason="changed_at_provider",
            message=f"Records that Nameplate manages were changed at the DNS provider: {changed}.",
            observed=tuple(_side(one.observed) for one in records),
            expected=tuple(_side(one.expected) for one in records),
            fix=f"Review `nameplate record plan {domain.full_domain}` and apply it, or accept "
            f"the change with `nameplate record import {domain.full_domain} --from drift`.",
            since=found.since,
            next_check_at=domain.next_action_at,
        )
    ]


def _side(side: RecordSide | None) -> str:
    return "nothing" if side is None else f"{', '.join(side.values)[:200]} TTL {side.ttl}"


def _pointing(session: Session, domain: Domain) -> list[Condition]:
    """Say which hosts do not lead to their servers; nothing when all do or DNS is not ours."""
    found = pointing.obstacles(session, domain)
    if not found:
        return []
    first = found[0]
    more = f" {len(found) - 1} more hosts have the same problem." if len(found) > 1 else ""
    return [
        Condition(
            type="pointing",
            status=not first.blocks,
            reason=first.reason,
            message=first.message + more,
            observed=tuple(one.message for one in found[1:10]),
            fix=first.fix,
        )
    ]


def _registration(domain: Domain, now: datetime) -> list[Condition]:
    """Warn of a registration that ends soon; the domain is no less ready for it."""
    message = registration.warning(domain.expires_at, now)
    if message is None:
        return []
    return [
        Condition(
            type="registration",
            status=True,
            reason="registration_ends",
            message=message,
            fix="Renew the registration at the registrar.",
            next_check_at=domain.next_action_at,
        )
    ]


def _earliest(*moments: Any) -> Any:  # noqa: ANN401 - datetimes or None
    return min((moment for moment in moments if moment is not None), default=None)
