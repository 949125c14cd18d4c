"""A console in whose every field somebody has written what should do harm."""

import urllib.error
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zlib import crc32

import sqlalchemy as sa
from tests.servers.console import Console
from tests.servers.powerdns import PowerDns

from nameplate.adapters.dns.powerdns import PowerDns as PowerDnsAdapter
from nameplate.core.records import Change, RRset
from nameplate.models import (
    Account,
    AccountKind,
    Binding,
    Certificate,
    Domain,
    Organization,
    Server,
)

ZONE = "hostile-tests.com"
LISTS = ("organizations", "applications", "tokens", "accounts", "servers", "users")


class HostileWorld:
    """The small world of the console, and what strangers have put into it."""

    def __init__(self, folder: Path, migrated: str, stack: ExitStack) -> None:
        """Start it, with a DNS server of the strangers' own."""
        (folder / "dns").mkdir()
        (folder / "home").mkdir()
        self.power = stack.enter_context(PowerDns(folder / "dns", [ZONE]))
        resolver = f"127.0.0.1:{self.power.dns_port}"
        settings = {"NAMEPLATE_DNS_SERVERS": f'{{"{ZONE}": ["{resolver}"]}}'}
        self.console = Console(folder / "home", migrated, settings)
        stack.callback(self.console.stop)
        self._engine = sa.create_engine(f"sqlite:///{folder}/home/nameplate.db")
        stack.callback(self._engine.dispose)
        self.console.call("POST", "/v1/domains", {"name": ZONE, "organization": "harbor"})

    def write(self, kind: str, text: str) -> bool:
        """Write a text into the field of a list by the API; tell whether it takes it."""
        bodies: dict[str, dict[str, Any]] = {
            "organizations": {"name": text, "slug": f"o{crc32(text.encode())}"},
            "applications": {"name": text, "organization": "harbor"},
            "tokens": {"name": text, "organization": "harbor"},
            "accounts": {
                "name": text, "kind": "dns", "provider": "memory", "organization": "harbor",
                "config": {"zones": ["elsewhere.example"]},
            },
            "servers": {"name": text, "address": "192.0.2.1", "organization": "harbor"},
            "users": {"name": text, "email": f"u{crc32(text.encode())}@example.com"},
            "records": {"domain": "harbor.example", "type": "TXT", "name": "x", "value": text},
        }  # fmt: skip
        return self.accepts("POST", f"/v1/{kind}", bodies[kind])

    def values(self, domain: str) -> list[str]:
        """Return the values of all records of a domain, as the API tells them."""
        page = self.console.call("GET", f"/v1/records?domain={domain}&limit=100")
        assert not page["has_more"]
        return [one["value"] for one in page["data"]]

    def accepts(self, method: str, path: str, body: Any) -> bool:
        """Tell whether the API takes a request; what it does not take it refuses in words."""
        try:
            self.console.call(method, path, body)
        except urllib.error.HTTPError as error:
            if error.code not in {409, 413, 422}:
                raise
            return False
        return True

    def answer(self, texts: Sequence[str]) -> None:
        """Have the DNS of a claimed name answer with these texts, where its proof should be."""
        claim = self.console.call("GET", f"/v1/domains/{ZONE}")
        told = next(one for one in claim["instructions"] if one["type"] == "TXT")
        provider = PowerDnsAdapter(self.power.api)
        (zone,) = provider.zones()
        values = tuple(sorted({_quoted(text) for text in texts}))
        key = (told["name"], "TXT")
        before = next((one for one in provider.records(zone) if one.key == key), None)
        provider.apply(zone, [Change(before, RRset(*key, 60, values))])

    def tell(self, text: str) -> None:
        """Note a text where servers, authorities and proxies are quoted, which no request can say."""
        short = text[:2000].replace("\x00", "")
        certificate = {
            Certificate.issuer: short[:255], Certificate.renewal_error_message: short,
            Certificate.authority_reason: short,
        }  # fmt: skip
        with self._engine.begin() as connection:
            for table, values in (
                (Certificate, certificate),
                (Binding, {Binding.error_message: short}),
                (Server, {Server.trouble_message: short, Server.trouble_code: "proxy_refused"}),
                (Domain, {Domain.error_message: short}),
                (
                    Organization,
                    {Organization.name: short[:255], Organization.preferred_chain: short[:64]},
                ),
            ):
                connection.execute(sa.update(table).values(values))
            authority = sa.update(Account).where(Account.kind == AccountKind.CA)
            connection.execute(authority.values(name=short[:255]))


def _quoted(text: str) -> str:
    """Return a text as the value of a TXT record, in pieces of at most 255 bytes."""
    octets = text.encode()[:1000]
    pieces = [octets[at : at + 200] for at in range(0, len(octets), 200)]
    return " ".join('"' + "".join(map(_escaped, piece)) + '"' for piece in pieces)


def _escaped(octet: int) -> str:
    plain = 0x20 <= octet < 0x7F and chr(octet) not in '"\\;'
    return chr(octet) if plain else f"\\{octet:03d}"
