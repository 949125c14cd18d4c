"""What every `Mailer` must do, before a mail server in which the test can look."""

from nameplate.ports.mail import DeliveryOutcome, Letter, Mailer
from nameplate.testing.verification import Inbox


class MailerConformance:
    """Subclass it with fixtures `mailer`, `inbox` and `refused`.

    `inbox(address)` returns all that has arrived for an address of the server; `refused` is an address
    that the server refuses for good.
    """

    def test_a_message_arrives(self, mailer: Mailer, inbox: Inbox) -> None:
        """Subject and text arrive as they are, for every recipient."""
        text = "Grüße\n.\n..two dots\nend\n"
        letter = Letter(("a@example.org", "b@example.org"), "Code for shop.example", text)
        assert mailer.send(letter).outcome is DeliveryOutcome.ACCEPTED
        for recipient in letter.recipients:
            arrived = inbox(recipient)
            assert "Code for shop.example" in arrived
            assert text in arrived

    def test_a_refused_recipient(self, mailer: Mailer, inbox: Inbox, refused: str) -> None:
        """The others get the message; when there are none it is refused."""
        sent = mailer.send(Letter((refused, "c@example.org"), "One of two", "Hello.\n"))
        assert sent.outcome is DeliveryOutcome.ACCEPTED
        assert [address for address, _ in sent.refused] == [refused]
        assert "One of two" in inbox("c@example.org")
        sent = mailer.send(Letter((refused,), "None", "Hello.\n"))
        assert sent.outcome is DeliveryOutcome.REFUSED
        assert sent.reason
