"""An offered name is accepted: everything changes hands in one transaction.

The holding goes to the new holder, the domain of the former one is removed with what hung on it, and its
bindings begin anew at an application of the new one. At no moment have two organizations the name; what
the former one lent goes along, and what it has proved below ends.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Refused
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.db import Sessions, database_now, lock_name
from nameplate.models import (
    Application,
    Binding,
    Certificate,
    CertificateType,
    Domain,
    HoldingBasis,
    LedgerEntry,
    NameTransfer,
    Organization,
    ServerGroup,
    TransferStatus,
    telling,
)
from nameplate.models.deletion import soft_delete
from nameplate.usecases import lookup
from nameplate.usecases.certificates import coverage, rehoming, requests
from nameplate.usecases.claims import domains, handovers, holdings, transfers, verifications
from nameplate.usecases.dns import pointing
from nameplate.usecases.serving import applications, bindings, primaries, servers, sharing
from nameplate.usecases.tools import Tools

_KEPT = ("force_https", "hsts_enabled", "ssl_enabled", "ssl_provider", "auto_renew_ssl",
         "key_type", "certificate_profile", "preferred_chain", "certificate_challenge")  # fmt: skip
"""Settings of a domain that go along."""
_ROUTED = (
    "path", "ssl_enabled", "force_https", "hsts_enabled", "health_check_path",
    "health_check_interval", "health_check_timeout", "is_primary",
)  # fmt: skip
"""Settings of a binding that go along."""
_ISSUED = (
    "certificate_name", "certificate_type", "certificate", "certificate_chain", "certificate_bundle",
    "issuer", "common_name", "subject_alternative_names", "serial_number", "fingerprint",
    "public_key_fingerprint", "issued_at",
    "expires_at", "last_renewed_at", "next_renewal_attempt_at", "auto_renew",
    "renewal_days_before_expiry", "status", "acme_challenge_type", "generation",
    "key_type", "profile", "preferred_chain", "chain_note", "is_profile_gone", "renewal_window_starts_at", "renewal_window_ends_at",
    "renewal_explanation_url", "renewal_info_due_at", "revocation_reason", "revocation_certificate",
    "revoked_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the new holder says."""

    application: str | None = None
    """Where the bindings go on; None: they end, and the new holder binds the names itself."""
    server: str | None = None
    """Which server serves them; None: the same one, where the new holder may use it."""
    organization: str | None = None


def accept(
    sessions: Sessions, tools: Tools, actor: Actor, reference: str, terms: Acceptance
) -> NameTransfer:
    """Take an offered name over, with its bindings where both sides say so.

    Raises NotFound for who did not get the offer, Conflict `transfer_over`, `not_transferable`.
    """

    def change(session: Session) -> NameTransfer:
        row = transfers.of_side(session, actor, reference, "target_organization_id")
        lock_name(session, row.base)  # the locks in their order
        _lock_above(session, row)
        row = session.get_one(NameTransfer, row.id, with_for_update=True, populate_existing=True)
        now = database_now(session)
        transfers.refuse_over(row, now)
        _carry_out(session, tools, row, terms, now)
        row.end(TransferStatus.ACCEPTED, now)
        session.flush()
        session.refresh(row)
        return row

    return sessions.run(PLATFORM, change)


def _lock_above(session: Session, row: NameTransfer) -> None:
    both = sorted({row.organization_id, row.target_organization_id or row.organization_id})
    session.execute(
        sa.select(Organization.id)
        .where(Organization.id.in_(both))
        .order_by(Organization.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    given = [row.name, f"*.{row.name}"]
    claims = Domain.visible(PLATFORM).where(
        Domain.organization_id.in_(both), Domain.full_domain.in_(given)
    )
    session.execute(claims.with_only_columns(Domain.id).order_by(Domain.id).with_for_update()).all()


def _carry_out(
    session: Session, tools: Tools, row: NameTransfer, terms: Acceptance, now: datetime
) -> None:
    domain = session.get_one(Domain, row.organization_domain_id, populate_existing=True)
    if domain.deleted_at is not None:
        raise transfers.refusal("it was removed.")
    held = transfers.transferable(session, domain)
    if row.target_organization_id is None:
        raise lookup.missing(Prefix.TRANSFER)
    to = Actor(row.target_organization_id)
    app = None
    if row.with_bindings and terms.application is not None:
        app = applications.get(session, to, terms.application)
    given = _claims(session, row)
    moved = [(claim, _bindings(session, claim), _certificates(session, claim)) for claim in given]
    reason = f"{row.name} was transferred to another organization."
    handovers.end_below(session, tools, held, now, reason)
    claims = [_receive(session, tools, claim, to, now) for claim in given]
    first = next(one for one in claims if one.full_domain == domain.full_domain)
    handovers.move_grants(session, held, row.target_organization_id, now)
    holdings.hand_over(session, held, first, HoldingBasis.TRANSFER, now)
    for claim in given:
        _leave(session, claim, now)
    lapsed = holdings.unsupported(session, row.base, row.organization_id, row.name)
    verifications.prove_anew(session, tools, lapsed, now)
    handovers.rest_all(session, tools, row.target_organization_id, row.base, now)
    if app is None:
        return
    for claim, (_, bound, secured) in zip(claims, moved, strict=True):
        kept = [_keep(session, tools, one, claim) for one in secured]
        for one in bound:
            _bind(session, tools, app, claim, former=one, kept=kept, server=terms.server, now=now)


def _claims(session: Session, row: NameTransfer) -> Sequence[Domain]:
    query = Domain.visible(Actor(row.organization_id)).where(
        Domain.full_domain.in_([row.name, f"*.{row.name}"]), Domain.holding_name == row.name
    )
    return session.scalars(query.order_by(Domain.id)).all()


def _bindings(session: Session, claim: Domain) -> list[dict[str, Any]]:
    query = Binding.visible(Actor(claim.organization_id)).where(
        Binding.organization_domain_id == claim.id, Binding.status != BindingStatus.DISABLED
    )
    targets: dict[tuple[str, str], Binding] = {}
    for one in session.scalars(query.order_by(Binding.traffic_weight.desc(), Binding.id)):
        targets.setdefault((one.hostname, one.path), one)  # they all become one application's
    return [
        {
            name: getattr(one, name)
            for name in (*_ROUTED, "subdomain", "server_id", "server_group_id", "hostname")
        }
        for one in sorted(targets.values(), key=lambda one: one.id)
    ]


def _certificates(session: Session, claim: Domain) -> list[tuple[Certificate, dict[str, Any]]]:
    """Return what was issued for a claim, with keys that nobody but Nameplate has ever had."""
    query = Certificate.visible(Actor(claim.organization_id)).where(
        Certificate.organization_domain_id == claim.id,
        Certificate.status == CertificateStatus.ACTIVE,
        Certificate.certificate_type != CertificateType.CUSTOM,
        Certificate.private_key.is_not(None),
    )
    return [
        (one, {name: getattr(one, name) for name in _ISSUED})
        for one in session.scalars(query.order_by(Certificate.id))
        if coverage.domains(session, one) == [claim.id]  # else its key stands for other names, too
    ]


def _receive(session: Session, tools: Tools, given: Domain, to: Actor, now: datetime) -> Domain:
    """Return the new holder's claim on the same name; it is made when there is none."""
    query = Domain.visible(to).where(Domain.full_domain == given.full_domain)
    known: Domain | None = session.scalars(query).one_or_none()
    if known is None:
        organization = ids.show(Prefix.ORGANIZATION, to.organization_id or 0)
        known = domains.add(
            session, tools, PLATFORM, name=given.full_domain, organization=organization
        )
        for name in _KEPT:
            setattr(known, name, getattr(given, name))
    elif not verifications.open_of(session, [known]):
        verifications.create(session, tools, known, "dns_txt")
    until = now + tools.proof_life.reproof_at(now)
    for proof in verifications.open_of(session, [known]):
        proof.expires_at = until
    telling.tell(session, "domain.transferred", known, by="agreement")
    session.flush()
    return known


def _leave(session: Session, claim: Domain, now: datetime) -> None:
    """Remove the former holder's domain; its records stay in its zone, as the owner's own."""
    session.refresh(claim)  # the removal of another one forgets what was read
    telling.tell(session, "domain.transferred", claim, by="agreement")
    verifications.end(session, claim, "The domain was transferred to another organization.")
    pointing.hand_over(session, claim)
    session.execute(
        LedgerEntry.forgetting().where(LedgerEntry.organization_domain_id == claim.id),
        execution_options={"synchronize_session": False},
    )
    claim.holding_name = None
    session.flush()
    rehoming.leave(session, claim, now)
    bound = sharing.of(session, Binding.organization_domain_id == claim.id)
    applications_ = {one.application_id for one in bound}
    soft_delete(session, claim, now)
    primaries.settle(session, applications_, now)
    claim.wake(now)


def _keep(
    session: Session,
    tools: Tools,
    issued: tuple[Certificate, dict[str, Any]],
    claim: Domain,
) -> Certificate:
    """Let the new holder serve what was issued: the key is sealed anew, to its own row."""
    former, columns = issued
    former_names = columns["subject_alternative_names"] or [columns["common_name"]]
    row = Certificate(
        organization_id=claim.organization_id,
        organization_domain_id=claim.id,
        is_automatic=True,
        **columns,
    )
    session.add(row)
    coverage.name(session, row, dict.fromkeys(former_names, claim.id))
    with suppress(Refused):  # a key that cannot be read: the certificate is issued anew
        key = tools.keyring.open(former.private_key or "", requests.key_place(former))
        row.private_key = tools.keyring.seal(key, requests.key_place(row))
    row.next_action_at = row.next_renewal_attempt_at
    return row


def _bind(
    session: Session,
    tools: Tools,
    app: Application,
    claim: Domain,
    *,
    former: dict[str, Any],
    kept: Sequence[Certificate],
    server: str | None,
    now: datetime,
) -> None:
    to = Actor(claim.organization_id)
    made = bindings.add(
        session,
        tools,
        to,
        application=ids.show(Prefix.APPLICATION, app.id),
        domain=ids.show(Prefix.DOMAIN, claim.id),
        subdomain=former["subdomain"],
        now=now,
        **_place(session, to, former, server),
        **{name: former[name] for name in _ROUTED},
    )
    covering = (one for one in kept if made.hostname in (one.subject_alternative_names or ()))
    found = next(covering, None)
    if found is not None and made.ssl_enabled:
        made.ssl_certificate_id = found.id
    session.flush()


def _place(
    session: Session, to: Actor, former: Mapping[str, Any], server: str | None
) -> dict[str, Any]:
    """Return where the new holder's binding goes: to the server that it named, or where it was."""
    if server is not None:
        return {"server": server}
    group = former["server_group_id"]
    if group is not None:
        shown = ids.show(Prefix.SERVER_GROUP, group)
        query = ServerGroup.visible(to).where(ServerGroup.id == group)
        return {"server_group": shown} if session.scalars(query).first() is not None else {}
    return {"server": _same_server(session, to, former["server_id"])}


def _same_server(session: Session, to: Actor, server_id: int | None) -> str | None:
    usable = servers.serving(session, to.organization_id or 0)
    fits = any(one.id == server_id for one in usable)
    return ids.show(Prefix.SERVER, server_id) if fits and server_id is not None else None
