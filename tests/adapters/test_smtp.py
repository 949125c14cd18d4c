import socket
import time
from collections.abc import Iterator

import pytest
from tests.servers.hostile import HostileServer
from tests.servers.mailbox import MailServer as Mailbox
from tests.servers.process import free_port

from nameplate.adapters.smtp import MailServer, SmtpMailer
from nameplate.core.secret import Secret
from nameplate.ports.mail import DeliveryOutcome, Letter, Mailer
from nameplate.testing.mail import MailerConformance
from nameplate.testing.verification import Inbox

SENDER = "nameplate@example.net"
LETTER = Letter(("a@example.org",), "Hello", "Text.\n")


def mailer(port: int, *, deadline: float = 30.0, step: float = 10.0, **more) -> SmtpMailer:
    server = MailServer(host="127.0.0.1", port=port, sender=SENDER, **({"security": "none"} | more))
    return SmtpMailer(server, step=step, deadline=deadline)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        yield server


class TestSmtp(MailerConformance):
    @pytest.fixture
    def mailer(self, mailbox: Mailbox) -> Mailer:
        return mailer(mailbox.port)

    @pytest.fixture
    def inbox(self, mailbox: Mailbox) -> Inbox:
        return mailbox.arrived

    @pytest.fixture
    def refused(self, mailbox: Mailbox) -> str:
        mailbox.refused["nobody@example.org"] = "550 5.1.1 No such mailbox, <b>evil</b>"
        return "nobody@example.org"


def test_what_a_message_says_of_itself(mailbox):
    mailer(mailbox.port).send(LETTER)
    arrived = mailbox.arrived("a@example.org")
    for line in (f"From: {SENDER}", "To: a@example.org", "Auto-Submitted: auto-generated"):
        assert line in arrived
    assert mailbox.envelopes[0].mail_from == SENDER


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: all@example.org", "Hi\nX: y", "Hi\r\n\r\nBody"])
def test_no_line_break_gets_into_a_header(mailbox, subject):
    with pytest.raises(ValueError, match=r"linefeed|header"):
        mailer(mailbox.port).send(Letter(("a@example.org",), subject, "x"))
    assert not mailbox.envelopes


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("550 no", DeliveryOutcome.REFUSED), ("451 later", DeliveryOutcome.FAILED)],
)
def test_refused_after_the_message(mailbox, answer, outcome):
    mailbox.at_data = answer
    sent = mailer(mailbox.port).send(LETTER)
    assert (sent.outcome, sent.reason) == (
        outcome,
        f"the mail server answered with status {answer[:3]}",
    )


def test_recipients_that_are_refused_for_now(mailbox):
    mailbox.refused["*"] = "450 greylisted"
    sent = mailer(mailbox.port).send(LETTER)
    assert (sent.outcome, sent.refused) == (DeliveryOutcome.FAILED, (("a@example.org", 450),))


def test_no_server():
    assert mailer(free_port()).send(LETTER).outcome is DeliveryOutcome.FAILED


def test_nothing_goes_out_in_the_clear_when_it_must_not(mailbox):
    sent = mailer(mailbox.port, security="starttls").send(LETTER)
    assert (sent.outcome, mailbox.count) == (DeliveryOutcome.FAILED, 0)


def test_a_login_that_cannot_be(mailbox):
    sent = mailer(mailbox.port, user="me", password=Secret("secret")).send(LETTER)
    assert (sent.outcome, mailbox.count) == (DeliveryOutcome.FAILED, 0)
    assert "secret" not in repr(sent)


def test_a_server_that_takes_its_time_after_the_message(mailbox):
    mailbox.pause = 3
    sent = mailer(mailbox.port, step=0.5).send(LETTER)
    assert sent.outcome is DeliveryOutcome.UNKNOWN


def test_a_server_that_drips():
    def drip(connection: socket.socket) -> None:
        for _ in range(100):
            connection.sendall(b"2")
            time.sleep(0.1)

    with HostileServer(drip) as server:
        started = time.monotonic()
        sent = mailer(server.port, deadline=1.0).send(LETTER)
    assert sent.outcome is DeliveryOutcome.FAILED
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("greeting", [b"", b"\x00\xff\r\n", b"554 no\r\n", b"2" * 100_000])
def test_what_is_no_mail_server(greeting):
    with HostileServer(lambda connection: connection.sendall(greeting)) as server:
        sent = mailer(server.port, deadline=2.0).send(LETTER)
    assert sent.outcome in {DeliveryOutcome.FAILED, DeliveryOutcome.REFUSED}
