"""Organizations, a worker and a real mail server, for tests of codes by mail."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.servers.mailbox import MailServer as Mailbox
from tests.usecases.offline import Offline

from nameplate.adapters.smtp import MailServer, SmtpMailer
from nameplate.adapters.verification.email import Email
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Unavailable
from nameplate.core.ids import Prefix
from nameplate.db import Sessions
from nameplate.models import ProofMail, Verification, VerificationMethodName
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases import work
from nameplate.usecases.claims import domains, mailed_codes, proving, verifications

NAME = "shop.example.com"
EMAIL = VerificationMethodName.EMAIL
CODE = re.compile(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){5}\b")


class NoContact:
    """The DNS of zones that name no contact."""

    contact: str | None = None

    def authoritative(self, _name: str, rdtype: str) -> LookupResult:
        named = self.contact is not None and rdtype == "TXT"
        kind = AnswerKind.DATA if named else AnswerKind.NODATA
        return LookupResult("example.com", (Answer(kind, "ns1", (self.contact or "",)),))


def _peer(_session: object, row: Verification) -> str:
    return proving.peer(row, lambda _: None)


class World:
    """Organizations, a worker, and the mailboxes of a name's owner."""

    def __init__(self, sessions: Sessions, mailbox: Mailbox) -> None:
        self.sessions, self.mailbox, self.dns = sessions, mailbox, NoContact()
        self.offline = Offline(sessions)
        place = MailServer(
            host="127.0.0.1", port=mailbox.port, security="none", sender="np@platform.example"
        )
        self.mailer = SmtpMailer(place, step=0.7)
        resolver: Any = self.dns
        self.email = Email(resolver, self.mailer)
        tools = self.offline.tools
        self.tools = replace(tools, methods={**tools.methods, EMAIL: self.email})
        self.acme = self.offline.organization("Acme")

    def claim(self, actor: Actor | None = None, name: str = NAME) -> int:
        actor = actor or self.acme
        with self.sessions.begin(actor) as session:
            domains.add(session, self.tools, actor, name=name, verification_method="email")
            (row,) = verifications.page(session, actor, limit=9, domain=name)
            return row.id

    def look(self, number: int, *, after: timedelta = timedelta(0)) -> Verification:
        lease = self.offline.leased(Verification, number, after=after)
        proving.reconcile(self.sessions, self.tools, lease)
        return self.row(number)

    def fail(self, number: int) -> Verification:
        """Look while the mail server takes nothing, and postpone the row as a worker does."""
        lease = self.offline.leased(Verification, number)
        try:
            proving.reconcile(self.sessions, self.tools, lease)
        except Unavailable as error:
            work.postpone(self.sessions, self.tools, Verification, lease, error, _peer)
            return self.row(number)
        raise AssertionError("the message was taken")

    def row(self, number: int) -> Verification:
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(Verification, number)

    def mails(self) -> list[ProofMail]:
        with self.sessions.begin(PLATFORM) as session:
            return list(session.scalars(ProofMail.visible(PLATFORM).order_by(ProofMail.id)))

    def code(self, address: str = "admin@example.com") -> str:
        found: list[str] = CODE.findall(self.mailbox.arrived(address))
        return found[-1]

    def confirm(self, number: int, code: str, actor: Actor | None = None) -> None:
        reference = ids.show(Prefix.VERIFICATION, number)
        mailed_codes.confirm(self.sessions, actor or self.acme, reference, code)

    def reason(self, row: Verification) -> str | None:
        return row.last_look.reason if row.last_look else None

    def rewind(self, by: timedelta) -> None:
        """Let every message and confirmation have been so long ago."""
        with self.sessions.begin(PLATFORM) as session:
            for mail in session.scalars(ProofMail.visible(PLATFORM)):
                mail.created_at -= by
                if mail.confirmed_at is not None:
                    mail.confirmed_at -= by
