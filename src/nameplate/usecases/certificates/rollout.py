"""Bringing a renewed certificate to the proxies: what follows from what probes have seen.

A certificate counts as deployed when a probe has seen it at every binding that presents it. Until then
the former generation is kept, with its key, for the servers whose turn has not come or that refuse the
new one.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.deployment import GRACE, DeploymentState
from nameplate.core.encryption import KeyRing, Place
from nameplate.core.turns import Turn
from nameplate.models import Certificate
from nameplate.usecases.certificates import deployments, notices, requests
from nameplate.usecases.certificates.deployments import BoundServer


def place(row: Certificate) -> Place:
    """Return where the key of the former generation is sealed to."""
    return Place("ssl_certificates", "former_private_key", row.organization_id, row.id)


def keep_former(keyring: KeyRing, row: Certificate, hosts: Collection[str], now: datetime) -> None:
    """Keep what is served while the generation that is about to be installed goes to the proxies.

    One that was kept before stays as long as what came after it was not seen everywhere. Nothing is kept
    that is over, whose key may be known to others, or that lacks one of the `hosts` of what comes.
    """
    if row.certificate_bundle is None or row.private_key is None:
        return
    began = row.last_renewed_at or row.issued_at
    is_revoked = row.revoked_at is not None and (began is None or row.revoked_at >= began)
    lacks = not set(hosts) <= set(row.subject_alternative_names or ())
    if is_revoked or lacks or row.expires_at is None or row.expires_at <= now:
        row.drop_former()
        return
    older = row.former_expires_at
    if row.deployed_at is None and older is not None and older > now:
        return
    row.keep_former(
        keyring.seal(keyring.open(row.private_key, requests.key_place(row)), place(row))
    )


def settle(session: Session, certificate_ids: Collection[int], now: datetime) -> set[int]:
    """Record what follows from what probes have just seen; return the servers whose turn has come."""
    found = deployments.presenters(session, certificate_ids)
    query = Certificate.visible(PLATFORM).where(Certificate.id.in_(sorted(certificate_ids)))
    columns: Any = (
        Certificate.id,
        Certificate.serial_number,
        Certificate.deployed_at,
        Certificate.former_generation,
    )
    turns: set[int] = set()
    done: list[int] = []
    undone: list[int] = []
    for number, serial, deployed_at, former in session.execute(query.with_only_columns(*columns)):
        seen = [one.seen_serial == serial for one in found.get(number, ())]
        if not seen or serial is None:
            continue
        if all(seen):
            done += [] if deployed_at is not None else [number]
        elif deployed_at is not None:
            undone.append(number)
        if former is not None and any(seen):
            turns |= _waiting(found[number], serial)
    _note(session, done, undone, now)
    return turns


def _waiting(bound: Iterable[BoundServer], serial: str) -> set[int]:
    """Return the servers whose proxies have not been told of a certificate yet."""
    return {
        one.server_id
        for one in bound
        if one.server_id is not None and (one.at is None or one.at.served_serial != serial)
    }


def _note(session: Session, done: Collection[int], undone: Collection[int], now: datetime) -> None:
    changed = sorted({*done, *undone})
    if not changed:
        return
    query = Certificate.visible(PLATFORM).where(Certificate.id.in_(changed))
    for row in session.scalars(query.order_by(Certificate.id).with_for_update(key_share=True)):
        if row.id in done:
            _deploy(session, row, now)
        else:
            row.deployed_at = None
            row.wake(now)


def _deploy(session: Session, row: Certificate, now: datetime) -> None:
    notices.tell(session, "certificate.deployed", row)
    row.deploy(now)


def look(session: Session, row: Certificate, now: datetime) -> None:
    """Note how far a settled certificate has come, and have it looked at when its grace is over."""
    if row.former_expires_at is not None and row.former_expires_at <= now:
        row.drop_former()
    if row.certificate is None or row.deployed_at is not None or row.deleted_at is not None:
        return
    bound = deployments.presenters(session, [row.id])[row.id]
    found = deployments.of(row, bound, now)
    if found.state is DeploymentState.DEPLOYED:
        _deploy(session, row, now)
    elif found.state is DeploymentState.UNBOUND:
        row.drop_former()
    elif found.state is DeploymentState.DEPLOYING and row.last_renewed_at is not None:
        row.next_action_at = min(row.next_action_at or now + GRACE, row.last_renewed_at + GRACE)
    elif row.deployment_trouble is None:
        row.deployment_trouble = found.trouble
        whose = next((one.turn for one in found.missing if one.turn is not Turn.NAMEPLATE), None)
        notices.tell(
            session, "certificate.deployed_partial", row, reason=found.trouble,
            whose_turn=(whose or Turn.NAMEPLATE).value,
            fix="Repair the server that is named. It gets the certificate as soon as it takes it; "
            "until then it serves the former one.",
        )  # fmt: skip
