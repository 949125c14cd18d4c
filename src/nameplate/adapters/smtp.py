"""Sending mail by SMTP (RFC 5321) through the operator's mail server."""

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import localtime, make_msgid

from nameplate.core.secret import Secret
from nameplate.ports.mail import Delivery, DeliveryOutcome, Letter

_STEP = 10.0
"""Seconds that one answer may take."""
_DEADLINE = 30.0
"""Seconds that all of it may take: a server that sends a letter at a time keeps every other limit."""
_PERMANENT = 500
"""Status codes from here on mean "never" (RFC 5321 section 4.2.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed over, and in whose name."""

    host: str
    port: int
    security: str
    """How the connection is encrypted: `starttls` (RFC 3207), `tls` from the start (RFC 8314), `none`."""
    sender: str
    user: str | None = None
    password: Secret | None = None
    tls: ssl.SSLContext | None = None
    """None: the system's authorities are trusted."""


class SmtpMailer:
    """Implements `Mailer`: one connection for each message, with certificate and host checked."""

    def __init__(
        self, server: MailServer, *, step: float = _STEP, deadline: float = _DEADLINE
    ) -> None:
        self._server = server
        self._step = step
        self._deadline = deadline

    def send(self, letter: Letter) -> Delivery:
        """Send it to all recipients at once; nothing is raised for what the server says or does."""
        message = self._message(letter)
        progress = _Progress()
        try:
            with self._connected() as client:
                return self._sent(client, letter, message, progress)
        except smtplib.SMTPResponseException as error:
            return _answered(error.smtp_code)
        except (smtplib.SMTPException, OSError):
            if progress.is_out:
                return Delivery(DeliveryOutcome.UNKNOWN, "the connection ended before its answer")
            return Delivery(DeliveryOutcome.FAILED, "the mail server cannot be used")

    def _message(self, letter: Letter) -> EmailMessage:
        """Return the message; the policy refuses a header with a line break (ValueError)."""
        message = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # no server need know 8BITMIME
        message["From"] = self._server.sender
        message["To"] = ", ".join(letter.recipients)
        message["Subject"] = letter.subject
        message["Date"] = localtime()
        message["Message-ID"] = make_msgid(domain=self._server.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes
        message.set_content(letter.text)
        return message

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        context = server.tls or ssl.create_default_context()
        client = (
            smtplib.SMTP_SSL(timeout=self._step, context=context)
            if server.security == "tls"
            else smtplib.SMTP(timeout=self._step)
        )
        ending = threading.Timer(self._deadline, _cut, [client])
        ending.daemon = True
        ending.start()
        try:
            _expect(client.connect(server.host, server.port), 220)
            if server.security == "starttls":
                client.starttls(context=context)
            if server.user is not None:
                client.login(server.user, server.password.reveal() if server.password else "")
            yield client
        finally:
            ending.cancel()
            client.close()

    def _sent(
        self, client: smtplib.SMTP, letter: Letter, message: EmailMessage, progress: "_Progress"
    ) -> Delivery:
        client.ehlo_or_helo_if_needed()
        _expect(client.mail(self._server.sender), 250)
        refused = []
        for recipient in letter.recipients:
            code, _ = client.rcpt(recipient)
            if code not in {250, 251}:
                refused.append((recipient, code))
        if len(refused) == len(letter.recipients):
            gone = all(code >= _PERMANENT for _, code in refused)
            outcome = DeliveryOutcome.REFUSED if gone else DeliveryOutcome.FAILED
            return Delivery(outcome, "no recipient was accepted", tuple(refused))
        _expect(client.docmd("DATA"), 354)
        progress.is_out = True
        client.send(_stuffed(message.as_bytes()))
        code, _ = client.getreply()
        if code != 250:  # noqa: PLR2004 - completed (RFC 5321 section 4.2.3)
            return _answered(code, tuple(refused))
        with contextlib.suppress(smtplib.SMTPException, OSError):
            client.quit()
        return Delivery(DeliveryOutcome.ACCEPTED, refused=tuple(refused))


@dataclass(slots=True)
class _Progress:
    is_out: bool = False
    """The message has left, wholly or in part."""


def _stuffed(message: bytes) -> bytes:
    """Return the message as it follows `DATA` (RFC 5321 section 4.5.2)."""
    return (
        b"".join(
            b"." + line if line.startswith(b".") else line
            for line in message.splitlines(keepends=True)
        )
        + b".\r\n"
    )


def _expect(answer: tuple[int, bytes], wanted: int) -> None:
    code, text = answer
    if code != wanted:
        raise smtplib.SMTPResponseException(code, text)


def _answered(code: int, refused: tuple[tuple[str, int], ...] = ()) -> Delivery:
    """Return what a status code means that is not the expected one."""
    gone = code >= _PERMANENT
    outcome = DeliveryOutcome.REFUSED if gone else DeliveryOutcome.FAILED
    return Delivery(outcome, f"the mail server answered with status {code}", refused)


def _cut(client: smtplib.SMTP) -> None:
    """End a connection from outside: whoever waits for it stops waiting."""
    sock = client.sock
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
