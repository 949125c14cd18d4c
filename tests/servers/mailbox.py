"""A mail server whose mailboxes a test can read, and which refuses what the test says."""

import asyncio
import threading
from email import message_from_bytes, policy
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.servers.process import free_port


class MailServer:
    """Takes mail for every address, by SMTP on loopback."""

    def __init__(self, **options: Any) -> None:
        """Take options of aiosmtpd's `SMTP`, such as `tls_context`."""
        self.envelopes: list[Envelope] = []
        self.refused: dict[str, str] = {}
        """Recipient -> what the server says instead of taking it; `*` is everybody."""
        self.at_data: str | None = None
        """What the server says to a whole message instead of taking it."""
        self.pause = 0.0
        """Seconds that the server thinks about a message."""
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._controller.stop()

    def arrived(self, address: str) -> str:
        """Return all that has arrived for an address: headers and text."""
        with self._lock:
            found = [one for one in self.envelopes if address in one.rcpt_tos]
        return "\n".join(_text(one) for one in found)

    @property
    def count(self) -> int:
        """How many messages have arrived."""
        return len(self.envelopes)

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take a recipient, or not."""
        refusal = self.refused.get(address) or self.refused.get("*")
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a message, or not."""
        await asyncio.sleep(self.pause)
        if self.at_data is not None:
            return self.at_data
        with self._lock:
            self.envelopes.append(envelope)
        return "250 OK"


def _text(envelope: Envelope) -> str:
    content = envelope.content or b""
    data = content if isinstance(content, bytes) else content.encode()
    message = message_from_bytes(data, policy=policy.default)
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    body: str = message.get_content()
    return f"{headers}\n\n{body}".replace("\r\n", "\n")
