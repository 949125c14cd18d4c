"""Zone transfer over one TCP connection (AXFR, RFC 5936)."""

import queue
import socket
import threading
from collections.abc import Iterator

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype


class TransferRefused(Exception):
    """The server answered with a code instead of the zone."""


def transferred(
    connection: socket.socket, query: dns.message.QueryMessage
) -> Iterator[dns.message.Message]:
    """Send `query` and yield the messages of the answer, signatures checked.

    A thread empties the connection meanwhile: parsing is slower than the network, and Knot hangs up
    on a peer that does not read for half a second. Raises `OSError`, `EOFError` or the exceptions of
    dnspython when the answer breaks off or is forged.
    """
    connection.sendall(query.to_wire(prepend_length=True))
    wires: queue.SimpleQueue[bytes | OSError] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, wires), daemon=True).start()
    context = None
    starts = 0
    while starts < 2:  # noqa: PLR2004  # the SOA opens the zone and closes it
        wire = wires.get()
        if isinstance(wire, OSError):
            raise wire
        if not wire:
            raise EOFError
        _check_code(wire)
        message = dns.message.from_wire(
            wire,
            keyring=query.keyring,
            request_mac=query.mac,
            xfr=True,
            tsig_ctx=context,
            multi=True,
        )
        if message.id != query.id:
            raise _broken("an answer to another question")
        context = message.tsig_ctx
        starts += sum(rrset.rdtype == dns.rdatatype.SOA for rrset in message.answer)
        if not starts or (starts > 1 and query.keyring and not message.had_tsig):
            raise _broken("no zone, or an unsigned end of it")
        yield message


def _broken(why: str) -> dns.exception.DNSException:
    return dns.exception.FormError(why)  # type: ignore[no-untyped-call]  # dnspython has no types here


def _check_code(wire: bytes) -> None:
    """Raise when the header holds an error: many servers do not sign these."""
    code = dns.rcode.to_text(dns.rcode.Rcode(wire[3] & 15)) if len(wire) > 3 else "NOERROR"  # noqa: PLR2004  # RFC 1035 section 4.1.1
    if code != "NOERROR":
        raise TransferRefused(code)


def _receive(connection: socket.socket, wires: "queue.SimpleQueue[bytes | OSError]") -> None:
    """Put every message into `wires`, and an empty one or the error when there are no more."""
    try:
        with connection.makefile("rb") as stream:
            while wire := stream.read(int.from_bytes(stream.read(2))):
                wires.put(wire)
        wires.put(b"")
    except (OSError, ValueError) as error:  # ValueError: closed by the reader of `wires`
        wires.put(error if isinstance(error, OSError) else OSError(str(error)))
