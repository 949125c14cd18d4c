"""A small authoritative DNS server inside the process: real UDP and TCP, transfers and updates."""

import contextlib
import socketserver
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.rrset
import dns.tsig
import dns.update

from nameplate.adapters.sandbox.zone import SandboxZone
from nameplate.core.records import RRset
from nameplate.core.secret import Secret

_HEADER = 12
_IDLE_SECONDS = 10
_SIGNED_BADLY = {
    dns.message.UnknownTSIGKey: dns.rcode.BADKEY,
    dns.tsig.BadAlgorithm: dns.rcode.BADKEY,
    dns.tsig.BadSignature: dns.rcode.BADSIG,
    dns.tsig.BadTime: dns.rcode.BADTIME,
}


class SandboxDns:
    """Serves `zones` on one loopback port while the context lasts. Thread-safe.

    Transfers (AXFR) and updates (RFC 2136) need the TSIG key; questions need nothing.
    """

    def __init__(
        self,
        zones: Sequence[str],
        tsig_name: str,
        tsig_secret: Secret,
        *,
        tsig_algorithm: str = "hmac-sha256",
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Serve canonical zone names; the key is base64, and port 0 means any free one."""
        self._zones = {zone.origin: zone for zone in (SandboxZone(name, address) for name in zones)}
        key = dns.tsig.Key(tsig_name, tsig_secret.reveal(), tsig_algorithm)
        self._keyring = {key.name: key}
        self._address = address
        self._wanted_port = port
        self._servers: tuple[socketserver.BaseServer, ...] = ()

    def __enter__(self) -> Self:
        """Bind UDP and TCP to one port and start answering."""
        udp, tcp = self._bind()
        self.port: int = tcp.server_address[1]
        self._servers = (udp, tcp)
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            for server in self._servers
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering and free the port."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def records(self, zone: str) -> tuple[RRset, ...]:
        """Return the zone's record sets as they are now, canonical and sorted."""
        return self._zones[dns.name.from_text(zone).canonicalize()].records()

    def _bind(self) -> tuple["_Udp", "_Tcp"]:
        while True:
            tcp = _Tcp((self._address, self._wanted_port), _TcpHandler)
            tcp.dns = self
            try:
                udp = _Udp((self._address, tcp.server_address[1]), _UdpHandler)
            except OSError:
                tcp.server_close()
                if self._wanted_port:
                    raise
                continue
            udp.dns = self
            return udp, tcp

    def respond(self, wire: bytes, *, stream: bool) -> Iterator[bytes]:
        """Yield the messages that answer one request; none when it is not worth an answer."""
        try:
            query = dns.message.from_wire(wire, keyring=self._keyring, one_rr_per_rrset=True)
        except tuple(_SIGNED_BADLY) as error:
            yield _badly_signed(wire, _SIGNED_BADLY[type(error)])
            return
        except (dns.exception.DNSException, ValueError):
            if len(wire) >= _HEADER:
                yield _bare(wire, dns.rcode.FORMERR)
            return
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return
        if stream and query.question[0].rdtype == dns.rdatatype.AXFR:
            yield from self._transfer(query)
            return
        reply = dns.message.make_response(query)
        if isinstance(query, dns.update.UpdateMessage):
            reply.set_rcode(self._update(query))
        else:
            self._answer(query, reply)
        limit = 65535 if stream else max(512, query.payload)
        yield reply.to_wire(max_size=limit, prefer_truncation=True)

    def _update(self, query: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        zone = self._zones.get(query.zone[0].name.canonicalize())
        if zone is None or not query.had_tsig:
            return dns.rcode.NOTAUTH if zone is None else dns.rcode.REFUSED
        return zone.update(query)

    def _answer(self, query: dns.message.Message, reply: dns.message.Message) -> None:
        question = query.question[0]
        zone = self._zone_of(question.name)
        transfer = question.rdtype in {dns.rdatatype.AXFR, dns.rdatatype.IXFR}
        if query.opcode() != dns.opcode.QUERY or transfer:
            reply.set_rcode(dns.rcode.NOTIMP)
        elif zone is None:
            reply.set_rcode(dns.rcode.REFUSED)
        else:
            found = zone.find(question.name.canonicalize(), question.rdtype)
            reply.set_rcode(found.rcode)
            reply.answer, reply.authority = found.answer, found.authority
            reply.additional = found.additional
            if found.authoritative:
                reply.flags |= dns.flags.AA

    def _zone_of(self, name: dns.name.Name) -> SandboxZone | None:
        above = [origin for origin in self._zones if name.is_subdomain(origin)]
        return self._zones[max(above, key=len)] if above else None

    def _transfer(self, query: dns.message.Message) -> Iterator[bytes]:
        zone = self._zones.get(query.question[0].name.canonicalize())
        if zone is None or not query.had_tsig:
            reply = dns.message.make_response(query)
            reply.set_rcode(dns.rcode.NOTAUTH if zone is None else dns.rcode.REFUSED)
            yield reply.to_wire()
            return
        context = None
        for rrset in zone.transfer():
            reply = dns.message.make_response(query)
            reply.flags |= dns.flags.AA
            reply.answer = [rrset]
            yield reply.to_wire(max_size=65535, multi=True, tsig_ctx=context)
            context = reply.tsig_ctx


def _badly_signed(wire: bytes, error: dns.rcode.Rcode) -> bytes:
    """Return NOTAUTH with an unsigned TSIG that says why (RFC 8945 section 5.2)."""
    query = dns.message.from_wire(wire, keyring=False)
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.NOTAUTH)
    given = query.tsig[0] if query.tsig else None
    if query.tsig is not None and isinstance(given, dns.rdtypes.ANY.TSIG.TSIG):
        refusal = given.replace(mac=b"", error=error)
        reply.tsig = dns.rrset.from_rdata(query.tsig.name, 0, refusal)
    return reply.to_wire()


def _bare(wire: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """Return an answer made of nothing but the request's id and a code."""
    opcode = wire[2] & 0x78
    return wire[:2] + bytes([0x80 | opcode, rcode & 0x0F]) + bytes(8)


class _Udp(socketserver.UDPServer):
    max_packet_size = 65535
    dns: SandboxDns


class _Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    dns: SandboxDns


class _UdpHandler(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        wire, socket = self.request
        for reply in self.server.dns.respond(wire, stream=False):
            socket.sendto(reply, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    server: _Tcp
    timeout = _IDLE_SECONDS

    def handle(self) -> None:
        # A client may hang up or fall silent at any point: that ends the connection, nothing else.
        with contextlib.suppress(OSError):
            while len(prefix := self.rfile.read(2)) == 2:  # noqa: PLR2004  # RFC 1035 section 4.2.2
                wire = self.rfile.read(int.from_bytes(prefix))
                for reply in self.server.dns.respond(wire, stream=True):
                    self.wfile.write(len(reply).to_bytes(2) + reply)
