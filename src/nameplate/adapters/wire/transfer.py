"""Zone transfer over one TCP connection (AXFR, RFC 5936)."""

import queue
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rdatatype
import dns.tsig

from nameplate.adapters.wire.decoding import Answer, Message, malformed
from nameplate.adapters.wire.refusals import Refusal, refusal

_VALIDATE: Any = dns.tsig.validate  # dnspython has no types here


class TransferRefused(Exception):
    """The server answered with a code instead of the zone."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry what the server says of its reason."""
        super().__init__(str(refusal))
        self.refusal = refusal


def transferred(connection: socket.socket, query: dns.message.QueryMessage) -> Iterator[Answer]:
    """Send `query` and yield the records of the zone, those of a message once its signature is checked.

    A thread empties the connection meanwhile: parsing is slower than the network, and Knot hangs up
    on a peer that does not read for half a second. Raises `OSError`, `EOFError` or the exceptions of
    dnspython when the answer breaks off or is forged: what came until then is void.
    """
    connection.sendall(query.to_wire(prepend_length=True))
    signatures = _Signatures(query)
    wires: queue.SimpleQueue[bytes | OSError] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, wires), daemon=True).start()
    starts = 0
    while starts < 2:  # noqa: PLR2004  # the SOA opens the zone and closes it
        wire = wires.get()
        if isinstance(wire, OSError):
            raise wire
        if not wire:
            raise EOFError
        if no := refusal(wire):  # many servers do not sign these
            raise TransferRefused(no)
        message = Message(wire)
        if message.id != query.id:
            raise malformed("an answer to another question")
        answers = list(message.answers())
        starts += sum(answer[1] == dns.rdatatype.SOA for answer in answers)
        signatures.check(message, is_end=starts > 1)
        if not starts:
            raise malformed("no zone")
        yield from answers


class _Signatures:
    """The chain of TSIGs over the messages of one answer (RFC 8945 section 5.3.1)."""

    def __init__(self, query: dns.message.QueryMessage) -> None:
        """Begin with the question as it was sent: its signature begins the chain."""
        self._key = query.keyring
        self._mac = query.mac
        self._asked_at = query.tsig[0].time_signed if query.tsig else 0
        self._since = time.monotonic()
        self._context: Any = None  # dnspython has no types here

    def check(self, message: Message, *, is_end: bool) -> None:
        """Raise dnspython's exceptions unless the signature is right.

        The first message and the last must have one; those between may leave it to the next.
        """
        found = message.signature()
        if found is None:
            if self._key and (is_end or self._context is None):
                raise malformed("the beginning or the end is not signed")
            if self._context is not None:
                self._context.update(message.wire)
            return
        if not self._key:
            raise dns.message.UnknownTSIGKey("signed, although no key was used")  # type: ignore[no-untyped-call]  # dnspython has no types here
        start, owner, rdata = found
        now = int(self._asked_at + time.monotonic() - self._since)
        self._context = _VALIDATE(
            message.wire, self._key, owner, rdata, now, self._mac, start, self._context, multi=True
        )


def _receive(connection: socket.socket, wires: "queue.SimpleQueue[bytes | OSError]") -> None:
    """Put every message into `wires`, and an empty one or the error when there are no more."""
    try:
        with connection.makefile("rb") as stream:
            while wire := stream.read(int.from_bytes(stream.read(2))):
                wires.put(wire)
        wires.put(b"")
    except (OSError, ValueError) as error:  # ValueError: closed by the reader of `wires`
        wires.put(error if isinstance(error, OSError) else OSError(str(error)))
