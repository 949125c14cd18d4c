"""A DNS server on loopback that answers as a test tells it to, right or wrong."""

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.servers.process import free_port

Script = Callable[[dns.message.Message], dns.message.Message | bytes | None]
Table = Callable[[dns.message.Message], dns.message.Message]


class ScriptedDns:
    """Calls `script(query)` for each query by UDP or TCP and sends what it returns, None for nothing."""

    def __init__(
        self,
        script: Script,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        by_tcp: Script | None = None,
    ) -> None:
        """Take the script and where to listen; port 0 means any free one. `by_tcp`: another for TCP."""
        self._script = script
        self._by_tcp = by_tcp or script
        self._address = address
        self.port = port or free_port()
        self.queries: list[dns.message.Message] = []
        self._ended = False

    def __enter__(self) -> Self:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind((self._address, self.port))
        self._tcp = socket.create_server((self._address, self.port))
        self._udp.settimeout(0.05)
        self._tcp.settimeout(0.05)
        self._threads = [threading.Thread(target=run) for run in (self._serve_udp, self._serve_tcp)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _reply(self, wire: bytes, script: Script) -> bytes | None:
        query = dns.message.from_wire(wire)
        self.queries.append(query)
        reply = script(query)
        return reply.to_wire(max_size=65535) if isinstance(reply, dns.message.Message) else reply

    def _serve_udp(self) -> None:
        while not self._ended:
            with contextlib.suppress(TimeoutError):
                wire, peer = self._udp.recvfrom(65535)
                reply = self._reply(wire, self._script)
                if reply is not None:
                    self._udp.sendto(reply, peer)

    def _serve_tcp(self) -> None:
        while not self._ended:
            with contextlib.suppress(OSError):
                connection, _ = self._tcp.accept()
                with connection:
                    connection.settimeout(2)
                    wire = connection.recv(65535)
                    reply = self._reply(wire[2:], self._by_tcp)
                    if reply is not None:
                        connection.sendall(len(reply).to_bytes(2) + reply)


def replies(records: Mapping[tuple[str, str], list[str]], *, authoritative: bool = True) -> Table:
    """Return a script that answers from a table of (name, type), and NODATA for all else."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        values = records.get((name, question.rdtype.name), [])
        if authoritative:
            reply.flags |= dns.flags.AA
        if values:
            reply.answer = [dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *values)]
        return reply

    return script


def fails(rcode: dns.rcode.Rcode) -> Script:
    """Return a script that answers every question with one code."""

    def script(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        return reply

    return script
