"""An organization of a town: what it has of its own."""

import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any

from nameplate.ports.dns import DnsProvider
from tests.e2e.installation import acme_account
from tests.servers.gate import Gate
from tests.servers.origin import Origin
from tests.servers.pebble import Pebble
from tests.servers.relay import Relay


@dataclass
class Application:
    """What answers at an organization's hosts."""

    origin: Origin
    relay: Relay


@dataclass
class Authority:
    """A certificate authority, and what stands in front of it."""

    pebble: Pebble
    gate: Gate
    relay: Relay
    roots: set[bytes]

    def account(self) -> dict[str, Any]:
        """Return the body that adds the account."""
        directory = f"https://127.0.0.1:{self.relay.port}/dir"
        return acme_account(directory, self.pebble.ca_bundle)

    def forget(self) -> None:
        """Start it again: it knows no account and no order any more."""
        self.pebble.forget()
        self.roots.add(self.pebble.root_pem())


@dataclass
class Tenant:
    """One organization, its domain, and what it was set up with."""

    name: str
    """Of the domain."""
    owner: DnsProvider
    """The zone as its owner reaches it, beside Nameplate."""
    dns_account: dict[str, Any]
    application: Application
    authority: Authority
    names: Relay
    """Its name servers as the Internet sees them."""
    proxy: dict[str, Any]
    address: str
    """Where its hosts lead."""
    https_port: int
    ids: dict[str, str] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Further servers, by address: with the first they are a group."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where its hosts lead, over all servers."""
        return self.address, *self.others

    def visit(self, host: str | None = None) -> int | None:
        """Ask for the host as a visitor does; None when there is no valid answer."""
        return next((seen for one in self.addresses if (seen := self._visit(one, host))), None)

    def _visit(self, address: str, host: str | None) -> int | None:
        name = host or self.name
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for root in self.authority.roots:
            context.load_verify_locations(cadata=root.decode())
        with contextlib.suppress(OSError, HTTPException):
            raw = socket.create_connection((address, self.https_port), timeout=4)
            with raw, context.wrap_socket(raw, server_hostname=name) as secured:
                secured.sendall(
                    f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
                )
                answer = HTTPResponse(secured)
                answer.begin()
                return answer.status
        return None
