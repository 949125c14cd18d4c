"""Why a domain is not ready yet: the one place that answers that question."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import registration
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.errors import Refused
from nameplate.core.instructions import Instruction
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, RecordStatus
from nameplate.db import database_now
from nameplate.models import Binding, Certificate, Domain, Record, RecordSide
from nameplate.usecases.claims import instructions
from nameplate.usecases.dns import pointing
from nameplate.usecases.hosting import offers
from nameplate.usecases.propagation import delegation
from nameplate.usecases.tools import Tools


def of(session: Session, tools: Tools, domain: Domain) -> Sequence[Condition]:
    """Return each step, in the order in which they come about."""
    found = [_ownership(session, tools, domain)]
    found += offers.conditions(session, domain)
    rows = session.scalars(
        Record.visible(PLATFORM).where(Record.organization_domain_id == domain.id).limit(1000)
    ).all()
    delegated = delegation.condition(domain, rows)
    found += [delegated] if delegated else []
    found += _dns(domain, rows, database_now(session))
    found += _drift(domain)
    found += _pointing(session, domain)
    found += _certificates(session, domain)
    found.append(_serving(session, domain))
    found += _registration(session, domain)
    return found


def ready(conditions: Sequence[Condition]) -> bool:
    """Whether nothing is left to do."""
    return all(condition.status for condition in conditions)


def _ownership(session: Session, tools: Tools, domain: Domain) -> Condition:
    if domain.is_live:
        return Condition(
            type="ownership", status=True, reason="proved", message="Ownership is proved.",
            since=domain.verified_at,
        )  # fmt: skip
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


def _publish(told: Instruction | Refused | None) -> str:
    if told is None:
        return "Add a verification to get a record to publish."
    return told.sentence if isinstance(told, Instruction) else told.detail


def _dns(domain: Domain, rows: Sequence[Record], now: datetime) -> list[Condition]:
    if not rows:
        return []
    waiting = [
        row
        for row in rows
        if row.status is not RecordStatus.DISABLED
        and not (row.status is RecordStatus.ACTIVE and row.propagated)
    ]
    if not waiting:
        return [
            Condition(
                type="dns",
                status=True,
                reason="propagated",
                message=f"All {len(rows)} records are visible on the authoritative servers.",
            )
        ]
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


def _certificates(session: Session, domain: Domain) -> list[Condition]:
    rows = session.scalars(
        Certificate.visible(PLATFORM).where(Certificate.organization_domain_id == domain.id)
    ).all()
    if not rows:
        return []
    good = {CertificateStatus.ACTIVE, CertificateStatus.RENEWING}
    bad = next((row for row in rows if row.status not in good), None)
    if bad is None:
        soonest = min((row.expires_at for row in rows if row.expires_at), default=None)
        return [
            Condition(
                type="certificate",
                status=True,
                reason="active",
                message=f"The certificate is valid until {soonest:%Y-%m-%d %H:%M} UTC."
                if soonest
                else "The certificate is active.",
            )
        ]
    return [
        Condition(
            type="certificate",
            status=False,
            reason=f"certificate_{bad.status.value}",
            message=bad.renewal_error_message or "The certificate is being obtained.",
            expected=tuple(bad.subject_alternative_names or ()),
            fix=_certificate_fix(bad),
            next_check_at=bad.next_action_at,
        )
    ]


def _certificate_fix(row: Certificate) -> str:
    if row.renewal_error_message is None:
        return "No action needed."
    if row.next_action_at is None and row.renewal_error_code != "domain_not_proved":
        return "Correct the problem in the message, then renew the certificate."
    return "Wait. Nameplate retries automatically."


def _serving(session: Session, domain: Domain) -> Condition:
    query = Binding.visible(PLATFORM).where(Binding.organization_domain_id == domain.id)
    rows = session.scalars(query.order_by(sa.case((Binding.status == "active", 1), else_=0))).all()
    if not rows:
        return Condition(
            type="serving",
            status=False,
            reason="no_binding",
            message="No application is bound to this domain.",
            fix="Bind an application to it.",
        )
    first = rows[0]
    if first.status is BindingStatus.ACTIVE:
        return Condition(
            type="serving",
            status=True,
            reason="probed",
            message=f"The application answers at {first.hostname}{first.path}.",
            since=first.activated_at,
        )
    return Condition(
        type="serving",
        status=False,
        reason=f"binding_{first.status.value}",
        message=first.error_message or f"{first.hostname} is being configured.",
        fix="No action needed."
        if first.status is not BindingStatus.ERROR
        else "Correct the problem in the message.",
        next_check_at=first.next_action_at,
    )


def _registration(session: Session, domain: Domain) -> list[Condition]:
    """Warn of a registration that ends soon; the domain is no less ready for it."""
    message = registration.warning(domain.expires_at, database_now(session))
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
