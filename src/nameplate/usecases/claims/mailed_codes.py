"""Codes that go to the owner of a name by mail and come back through the claimant's own session.

The row of a message is there before the message, and a message of which it is not known whether it
left is not sent again: nobody's mailbox is filled by what fails here. How many messages are sent for a
name is counted over all organizations, and no answer tells one of another.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import tokens
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, Unavailable
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import VerificationStatus
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now, lock_name
from nameplate.leases import Lease
from nameplate.models import (
    PERHAPS_SENT,
    Domain,
    MailState,
    Organization,
    ProofMail,
    Verification,
)
from nameplate.ports.mail import Delivery, DeliveryOutcome
from nameplate.ports.verification import MailedProofMethod, Postbox, Proof, Verdict
from nameplate.usecases import lookup, work
from nameplate.usecases.claims import corroboration
from nameplate.usecases.tools import Tools

LIFETIME = timedelta(hours=24)
"""How long a code can be entered, and how long one that was entered counts."""
MAX_MAILS = 3
PERIOD = timedelta(hours=24)
"""In which so many messages are sent for a name, and to an address."""
MAX_WRONG_CODES = 5
REMINDER = timedelta(days=3)
"""How often a code is sent anew for a proof that ran out."""
KEPT = timedelta(days=30)
"""How long messages are remembered."""
_DELAYED = (
    Verdict.INCONCLUSIVE,
    "mail_delayed",
    "The message waits its turn: mail is sent seldom for each name.",
)


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is known of one verification before a look."""

    proved_at: datetime | None
    base: str
    organization: str
    last: ProofMail | None
    """The message that was sent last."""


def look(
    sessions: Sessions,
    tools: Tools,
    lease: Lease,
    method: MailedProofMethod,
    *,
    name: str,
    token: str,
) -> Proof:
    """Send a code when it is time to, and say whether it came back.

    None is sent while DNSSEC of what leads it to its readers is broken. Raises `Unavailable` `mail_failed` while the operator's mail server cannot take the message.
    """
    known = work.read(sessions, Verification, lease, _standing)
    now = lease.now()
    if known.last is not None and not _is_due(known.last, known.proved_at, now):
        return _judged(known.last, known.proved_at, now)
    with work.kept(sessions, Verification, lease):
        postbox = method.postbox(name)
        doubt = corroboration.mailed(tools, postbox)
    if doubt is not None:
        return doubt
    code = tokens.mailed_code(tools.random(tokens.CODE_BYTES))
    mail_id = work.record(
        sessions,
        Verification,
        lease,
        lambda s, row: _intend(s, row, postbox, code, now),
        release=False,
        before=lambda session: lock_name(session, known.base),
    )
    if mail_id is None:
        return Proof(*_DELAYED)
    delivery = method.send(postbox, name, token, code.reveal(), known.organization)
    told = _explained(postbox, delivery)
    is_failed = delivery.outcome is DeliveryOutcome.FAILED

    def conclude(session: Session, _row: Verification) -> Proof:
        mail = session.get_one(ProofMail, mail_id)
        mail.conclude(_STATES[delivery.outcome], told)
        return _judged(mail, known.proved_at, now)

    proof = work.record(sessions, Verification, lease, conclude, release=False)
    if is_failed:
        raise Unavailable("mail_failed", f"The message could not be sent: {told}.")
    return proof


def _standing(session: Session, row: Verification) -> _Standing:
    domain = session.get_one(Domain, row.organization_domain_id)
    owner = session.get_one(Organization, row.organization_id)
    query = _mails(row).order_by(ProofMail.id.desc()).limit(1)
    return _Standing(
        row.verified_at if row.status is VerificationStatus.VERIFIED else None,
        domain.domain_name,
        owner.name,
        session.scalars(query).first(),
    )


def _mails(row: Verification) -> sa.Select[Any]:
    query: sa.Select[Any] = ProofMail.visible(Actor(row.organization_id)).where(
        ProofMail.domain_verification_id == row.id
    )
    return query


def _is_due(last: ProofMail, proved_at: datetime | None, now: datetime) -> bool:
    """Tell whether another message is to be sent: where one failed, or as a reminder."""
    if last.state is MailState.FAILED:
        return True
    if proved_at is None:
        return False
    return last.created_at <= proved_at or now - last.created_at >= REMINDER


def _judged(last: ProofMail, proved_at: datetime | None, now: datetime) -> Proof:
    """Return what the last message comes to. What was confirmed proves once (I6)."""
    confirmed = last.confirmed_at
    if confirmed and now - confirmed < LIFETIME and (proved_at is None or confirmed > proved_at):
        at = f"{confirmed:%Y-%m-%d %H:%M} UTC"
        told = f"the code of the message for {last.home} was entered at {at}"
        return Proof(Verdict.MATCH, "mail_match", "The code was entered.", (told,))
    verdict, reason, message = _waiting(last, now)
    return Proof(verdict, reason, message, (last.explanation,) if last.explanation else ())


def _waiting(last: ProofMail, now: datetime) -> tuple[Verdict, str, str]:
    if last.state is MailState.REFUSED:
        message = f"The mail server refused the message for {last.home}: {last.explanation}."
        return Verdict.ABSENT, "mail_refused", message
    if last.wrong_codes >= MAX_WRONG_CODES:
        message = "A wrong code was entered too often. Add a new verification for another code."
        return Verdict.ABSENT, "mail_void", message
    if now - last.created_at >= LIFETIME:
        message = "The code has expired. Add a new verification for another code."
        return Verdict.ABSENT, "mail_expired", message
    if last.state is not MailState.ACCEPTED:
        message = (
            f"It is not known whether the message for {last.home} was sent. If it does not arrive, "
            "add a new verification."
        )
        return Verdict.INCONCLUSIVE, "mail_uncertain", message
    message = f"A code was sent for {last.home}. Confirm the verification with it within 24 hours."
    return Verdict.INCONCLUSIVE, "mail_awaited", message


def _intend(
    session: Session, row: Verification, postbox: Postbox, code: Secret, now: datetime
) -> int | None:
    """Write down that a message is about to be sent; None when there were enough."""
    for column, value in (
        (ProofMail.home, postbox.home),
        (ProofMail.limited_as, postbox.limited_as),
    ):
        sent = session.scalars(
            ProofMail.visible(PLATFORM)
            .with_only_columns(ProofMail.id)
            .where(
                column == value,
                ProofMail.created_at > now - PERIOD,
                ProofMail.state.in_(PERHAPS_SENT),
            )
            .limit(MAX_MAILS)
        ).all()
        if len(sent) >= MAX_MAILS:
            return None
    for failed in session.scalars(_mails(row).where(ProofMail.state == MailState.FAILED)):
        session.delete(failed)
    mail = ProofMail(
        organization_id=row.organization_id,
        domain_verification_id=row.id,
        home=postbox.home,
        limited_as=postbox.limited_as,
        code_digest=tokens.code_digest(code),
        state=MailState.INTENDED,
        created_at=now,
    )
    session.add(mail)
    session.flush()
    return mail.id


_STATES = {
    DeliveryOutcome.ACCEPTED: MailState.ACCEPTED,
    DeliveryOutcome.REFUSED: MailState.REFUSED,
    DeliveryOutcome.FAILED: MailState.FAILED,
    DeliveryOutcome.UNKNOWN: MailState.UNKNOWN,
}


def _explained(postbox: Postbox, delivery: Delivery) -> str | None:
    """Say to whom a message went, and whom the mail server refused."""
    parts = [f"{address} was refused with status {code}" for address, code in delivery.refused]
    if delivery.reason and not parts:
        parts = [delivery.reason]
    refused = dict(delivery.refused)
    accepted = [one for one in postbox.recipients if one not in refused]
    if delivery.outcome is DeliveryOutcome.ACCEPTED:
        parts = [f"sent to {', '.join(accepted)}", *parts]
    return "; ".join(parts) or None


def confirm(sessions: Sessions, actor: Actor, reference: str, code: str) -> Verification:
    """Take the code of a message; a worker proves the name with it a moment later.

    Raises `Conflict` ("verification_over", "code_not_expected", "code_expired") and `Invalid`
    ("code_wrong"), which is counted: after five wrong codes none is taken any more.
    """
    with sessions.begin(actor) as session:
        row: Verification = lookup.find(
            session, Verification.visible(actor), Verification, Prefix.VERIFICATION, reference
        )
        is_right = _enter(session, row, tokens.code_digest(Secret(code)))
    if not is_right:  # raised inside, the count would be taken back
        raise Invalid(
            "code_wrong", "This is not the code of the message. Compare it with the message."
        )
    return row


def _enter(session: Session, row: Verification, digest: str) -> bool:
    """Compare the code with that of each message it could be of; tell whether it is right."""
    if row.status in {VerificationStatus.EXPIRED, VerificationStatus.FAILED}:
        raise Conflict(
            "verification_over",
            f"This verification is {row.status.value}. Add a new one to get a new code.",
        )
    now = database_now(session)
    query = _mails(row).order_by(ProofMail.id).with_for_update()
    mails = session.scalars(query.execution_options(populate_existing=True)).all()
    if not mails:
        raise Conflict("code_not_expected", "No code was sent for this verification.")
    usable = [one for one in mails if _is_usable(one, now)]
    if not usable:
        raise Conflict(
            "code_expired", "No code is valid any more. Add a new verification for another code."
        )
    for mail in usable:
        if hmac.compare_digest(mail.code_digest, digest):
            mail.confirmed_at = now
            row.error_message = "The code was entered. Nameplate proves the name with it now."
            row.wake(now)
            session.flush()
            session.refresh(row)
            return True
    for mail in usable:
        mail.wrong_codes += 1
    return False


def _is_usable(mail: ProofMail, now: datetime) -> bool:
    return (
        mail.state in PERHAPS_SENT
        and mail.confirmed_at is None
        and mail.wrong_codes < MAX_WRONG_CODES
        and now - mail.created_at < LIFETIME
    )


def forget_old(session: Session, now: datetime) -> None:
    """Remove messages that nothing counts any more."""
    session.execute(ProofMail.forgetting(now - KEPT))
