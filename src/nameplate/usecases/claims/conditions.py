"""Why a domain is not ready yet: the one place that answers that question."""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import names, registration
from nameplate.core.conditions import Condition
from nameplate.core.holdings import Holding
from nameplate.core.instructions import Instruction
from nameplate.core.lifecycle import DomainStatus, RecordStatus
from nameplate.core.pointing import Obstacle
from nameplate.db import database_now
from nameplate.models import Domain, RecordSide, SuffixApproval, Verification
from nameplate.models.verifications import VerificationLook
from nameplate.usecases import work
from nameplate.usecases.claims import (
    cdn_conditions,
    corroboration,
    facts,
    lapsing_conditions,
    overdue,
    served_conditions,
)
from nameplate.usecases.claims.facts import DomainFacts, RecordFacts
from nameplate.usecases.hosting import offers
from nameplate.usecases.propagation import delegation
from nameplate.usecases.tools import Tools

log = logging.getLogger(__name__)

UNKNOWN = "internal_error"
"""Reason of the condition of a domain that cannot be judged."""


def of(session: Session, tools: Tools, domain: Domain) -> Sequence[Condition]:
    """Return each step, in the order in which they come about: worked out from rows and the clock."""
    session.flush()
    return of_known(tools, facts.read(session, [domain], database_now(session))[domain.id])


def of_known(tools: Tools, known: DomainFacts) -> Sequence[Condition]:
    """Return the same of one domain by what is known of it, and whether its work waits for a worker."""
    found = from_facts(tools, known)
    late = None if ready(found) else overdue.condition(known)
    return [*found, late] if late else found


def of_many(
    session: Session, tools: Tools, domains: Sequence[Domain], now: datetime | None = None
) -> dict[int, Sequence[Condition]]:
    """Return the same for each domain by its id, with a number of statements that they share."""
    session.flush()
    read = facts.read(session, domains, now or database_now(session))
    return {domain_id: from_facts(tools, one) for domain_id, one in read.items()}


def from_facts(tools: Tools, known: DomainFacts) -> Sequence[Condition]:
    """Return each step by what is known of a domain.

    A domain that cannot be judged says so, and keeps no other from being shown.
    """
    try:
        return _steps(tools, known)
    except Exception:
        log.exception("conditions_unknown", extra={"domain": known.domain.full_domain})
        return [
            Condition(
                type="work",
                status=False,
                reason=UNKNOWN,
                message="Nameplate failed unexpectedly while it looked at this domain.",
                fix="The operator must look at Nameplate's log.",
                next_check_at=known.domain.next_action_at,
            )
        ]


def unmet_claim(tools: Tools, known: DomainFacts) -> Condition | None:
    """Return what is not met until the domain is proved: it goes before all that comes after.

    None when all of it is met, and for a domain that cannot be judged. `known` needs no more than
    the domain's proof, its holding and what is exposed.
    """
    try:
        return loudest(_claim(tools, known))
    except Exception:  # noqa: BLE001 - what it is, from_facts says
        return None


def _claim(tools: Tools, known: DomainFacts) -> list[Condition]:
    domain = known.domain
    found = [*served_conditions.exposure(known), *_suspension(domain)]
    found += _approval(domain)
    found += _contest(tools, known)
    found.append(_ownership(tools, known))
    return found


def _steps(tools: Tools, known: DomainFacts) -> Sequence[Condition]:
    domain = known.domain
    found = _claim(tools, known)
    found += offers.conditions(domain, known.zone)
    delegated = delegation.condition(domain, known.records.rows, visible=known.records.seen > 0)
    found += [delegated] if delegated else []
    found += _dns(known)
    found += _drift(domain)
    found += _pointing(known.obstacles) or lapsing_conditions.pointing(known)
    found += cdn_conditions.conditions(known)
    found += served_conditions.certificates(known)
    found.append(served_conditions.serving(known))
    found += _registration(domain, known.now)
    return found


def ready(conditions: Sequence[Condition]) -> bool:
    """Whether nothing is left to do."""
    return all(condition.status for condition in conditions)


def loudest(conditions: Sequence[Condition]) -> Condition | None:
    """Return the condition that matters most of those that are not met, None when all are."""
    for status in (False, None):
        for one in conditions:
            if one.status is status:
                return one
    return None


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


def _proved(domain: Domain, held: Holding) -> str:
    if held.lent:
        return f"{held.name} is lent to the organization."
    if held.name == names.without_wildcard(domain.full_domain):
        return "Ownership is proved."
    return f"Ownership is proved by the proof of {held.name}."


def _ownership(tools: Tools, known: DomainFacts) -> Condition:
    domain, held = known.domain, known.holding
    if held is not None and domain.holding_name is not None:
        lapsing = lapsing_conditions.of_held(tools, known, held)
        return lapsing or Condition(
            type="ownership", status=True, reason="lent" if held.lent else "proved",
            message=_proved(domain, held), since=domain.verified_at,
        )  # fmt: skip
    if known.lost is not None and known.lost.lapsed_at is not None:
        return lapsing_conditions.of_lapsed(tools, known, known.lost)
    if domain.suffix_approval is SuffixApproval.DENIED:
        return _denied(domain)
    row = known.verification
    rows = [*([row] if row else []), *known.others]
    if rows and all(one.trouble_code not in {None, work.ANSWER_AWAITED} for one in rows):
        return _unlooked(rows[0])
    told = lapsing_conditions.told(tools, known)
    last = row.last_look if row else None
    seen = (last.refused or last.reason) if last else None
    return Condition(
        type="ownership",
        status=False,
        reason="challenge_open" if domain.challenge_id is not None else seen or domain.status.value,
        message=(domain.error_message if domain.grant_id is not None else None)
        or (row.error_message if row else None)
        or domain.error_message
        or "Not checked yet. The first check is due now.",
        observed=last.observed if last else (),
        expected=tuple(one.expected for one in told if isinstance(one, Instruction)),
        fix=_of_refused(domain, last)
        or corroboration.FIXES.get(seen or "")
        or lapsing_conditions.publish(known, told),
        next_check_at=row.next_action_at if row else None,
    )


def _of_refused(domain: Domain, look: VerificationLook | None) -> str:
    """Return what to do when the proof is there and takes no name: it need not be published again."""
    if look is None or look.refused is None:
        return ""
    if domain.challenge_id is not None:
        return "Keep the proof published until the challenge is decided."
    from nameplate.core import error_catalogue  # noqa: PLC0415 - read when something goes wrong

    return error_catalogue.explain(look.refused).fix


def _contest(tools: Tools, known: DomainFacts) -> list[Condition]:
    """Say that somebody else has proved the name, what to do and until when; nothing otherwise."""
    domain = known.domain
    if domain.contest_id is None or domain.contested_until is None:
        return []
    told = lapsing_conditions.told(tools, known)
    until = f"{domain.contested_until:%Y-%m-%d %H:%M} UTC"
    return [
        Condition(
            type="challenge",
            status=False,
            reason="challenged",
            message=f"Another organization has proved control of {domain.full_domain}, or of a "
            f"name that overlaps it. The proof of this organization is checked again. If it is missing at {until}, "
            "the name goes to them.",
            expected=tuple(one.expected for one in told if isinstance(one, Instruction)),
            fix=f"Keep or publish the proof before {until}, then run `nameplate domain check "
            f"{domain.full_domain}`. {lapsing_conditions.publish(known, told)}",
            next_check_at=domain.contested_until,
        )
    ]


def _unlooked(row: Verification) -> Condition:
    """Say what keeps Nameplate from looking at the proof: nothing of the owner's."""
    mailed = row.trouble_code == "mail_failed"
    what = "the mail server" if mailed else "Nameplate's log"
    return Condition(
        type="ownership",
        status=False,
        reason=row.trouble_code or "",
        message=row.trouble_message or "",
        fix=f"The operator must look at {what}. Nameplate then continues automatically.",
        since=row.trouble_since,
        next_check_at=row.next_action_at,
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


def _dns(known: DomainFacts) -> list[Condition]:
    domain, records = known.domain, known.records
    if domain.trouble_code not in {None, work.ANSWER_AWAITED}:
        return [_stopped(domain)]
    if records.below and _covers_name_alone(known):
        return [_not_covered(domain, records)]
    if not records.total:
        return []
    if not records.waiting:
        what = "The record is" if records.total == 1 else f"All {records.total} records are"
        seen = f"{what} visible on the authoritative servers."
        return [Condition(type="dns", status=True, reason="propagated", message=seen)]
    if domain.trouble_code is not None:  # where nothing is missing, a look may take its time
        return [_stopped(domain)]
    first = records.rows[0]  # those that wait come first, and of these those in error
    look = first.propagation if first.status is RecordStatus.ACTIVE else None
    return [
        Condition(
            type="dns",
            status=False,
            reason=f"record_{first.status.value}",
            message=(look.sentence(known.now) if look else first.error_message)
            or (
                f"{records.waiting} of {records.total} records are not visible on all authoritative "
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


def _covers_name_alone(known: DomainFacts) -> bool:
    held = known.holding
    return known.domain.is_live and held is not None and not held.subtree


def _not_covered(domain: Domain, records: RecordFacts) -> Condition:
    """Say that records below the name are not written: the proof does not reach them."""
    below = [row for row in records.rows if row.name != "@"]
    return Condition(
        type="dns",
        status=False,
        reason="records_not_covered",
        message=f"The proof covers {domain.full_domain} alone. {records.below} of its records are below "
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


def _pointing(found: Sequence[Obstacle]) -> list[Condition]:
    """Say which hosts do not lead to their servers; nothing when all do or DNS is not ours."""
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
    """Say why the registry keeps the name from being used, or else that its registration ends soon.

    The domain is no less ready for a registration that only ends.
    """
    known = domain.registration
    found = known and registration.problem(
        domain.domain_name, known.states, is_gone=known.ended_at is not None
    )
    if known and found:
        return [
            Condition(
                type="registration", status=False, reason=found.reason, message=found.message,
                observed=tuple(sorted(known.states)), fix=found.fix, since=known.ended_at,
            )
        ]  # fmt: skip
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
