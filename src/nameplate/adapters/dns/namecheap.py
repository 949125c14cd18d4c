"""Namecheap BasicDNS and PremiumDNS, by its XML API."""

import threading
import time
import xml.etree.ElementTree as ET  # for annotations; parsed in namecheap_xml
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from nameplate.adapters.changes import rows
from nameplate.adapters.changes.answers import ChangeRefused
from nameplate.adapters.changes.batch import flat
from nameplate.adapters.changes.dispatch import Batch, Ids, dispatch
from nameplate.adapters.changes.rows import Row
from nameplate.adapters.changes.triage import triage
from nameplate.adapters.dns import namecheap_xml
from nameplate.adapters.dns.namecheap_xml import Hosts
from nameplate.adapters.vendors.namecheap import (
    NamecheapApi,
    attributes,
    domain_parts,
    shared,
    texts,
)
from nameplate.core.configuration import (
    Credential,
    Credentials,
    IpAddress,
    Url,
    credential,
    setting,
)
from nameplate.core.errors import RateLimited, Refused, Unavailable
from nameplate.core.provider_limits import refusals
from nameplate.core.records import Change, RRset
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Zone
from nameplate.ports.pacing import TakeTurn

Key = tuple[str, str]

_PAGE = 100
_NS_TTL = 1800  # seconds; the API does not tell
_SEEN_AFTER = 60.0  # seconds after which a reading shows what was written
_OWN_MX = frozenset({"", "NONE", "MX"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamecheapConfiguration(DnsConfiguration):
    """What an account at Namecheap says."""

    api_user: str = setting("API user name.")
    client_ip: IpAddress = setting("IP address of this installation on the account's allowlist.")
    api_url: Url = setting(
        "URL of the API. Use https://api.sandbox.namecheap.com for trials.",
        default="https://api.namecheap.com",
    )


def connect(config: NamecheapConfiguration, credentials: Credentials) -> "Namecheap":
    """Return the provider of one account."""
    key = credential(credentials, "api_key")
    return Namecheap(shared(config.api_url, config.api_user, key, config.client_ip))


plugin = DnsProviderPlugin(
    title="Namecheap",
    configuration=NamecheapConfiguration,
    credentials=(Credential("api_key", "API key of that user."),),
    connect=connect,
)


class Namecheap:
    """One API user. `setHosts` replaces a whole zone, so writers of one zone take turns here.

    Namecheap has no compare-and-set: what somebody else changes between our reading and our writing,
    a fraction of a second, is lost. After every writing the zone is read again.
    """

    def __init__(
        self,
        api: NamecheapApi,
        *,
        seen_after: float = _SEEN_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the account's connection, which its registrations may use as well."""
        self._clock = clock
        self._api = api
        self._seen_after = seen_after
        self._turns: dict[str, threading.Lock] = {}
        self._replaced: dict[str, tuple[Hosts, float]] = {}
        self._filled: set[str] = set()  # zones that had hosts, and that we did not empty

    def pace_by(self, take: TakeTurn) -> None:
        """Count requests over all processes, those of the account's registrations too."""
        self._api.pace_by(take)

    def zones(self) -> Sequence[Zone]:
        """Return the account's domains that use Namecheap's own name servers."""
        listed = rows.complete(self._domains, lambda domain: domain["Name"], "Namecheap")
        ours = {domain["Name"].lower() for domain in listed if domain["IsOurDNS"] == "true"}
        return [Zone(name, name) for name in sorted(ours)]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the zone and its name servers, with Namecheap's own types such as URL."""
        content = rows.rrsets(_rows(zone, self._read(zone)))
        servers = self._reading(
            "domains.dns.getList", "DomainDNSGetListResult", domain_parts(zone.name)
        )
        names = {f"{name.lower()}." for name in texts(servers, "Nameserver")}
        apex = RRset(zone.name, "NS", _NS_TTL, tuple(sorted(names)))
        return sorted({apex.key: apex, **content}.values())

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Read, merge the changes into what is there, write everything once, read again."""
        if not changes:
            return []
        with self._turns.setdefault(zone.name, threading.Lock()):
            state = [self._read(zone)]
            self._check_fresh(zone, state[0])

            def refusal(rrset: RRset) -> str | None:
                return _impossible(zone, rrset, state[0]) or refusals("namecheap", rrset)

            def send(batch: Batch) -> Mapping[Change, Ids]:
                state[0] = self._write(zone, flat(batch), state[0])
                return {}

            def reread(_: Sequence[Change]) -> Mapping[Key, RRset]:
                state[0] = self._read(zone)
                return rows.rrsets(_rows(zone, state[0]))

            found = triage(changes, rows.rrsets(_rows(zone, state[0])), refusal)
            found.add(dispatch([found.pending] if found.pending else [], send, reread))
            return found.ordered(changes)

    def _write(self, zone: Zone, changes: Sequence[Change], seen: Hosts) -> Hosts:
        """Write the zone with `changes` made, and return it as it is read afterwards."""
        wanted = _merged(zone, changes, seen)
        self._replaced[zone.name] = (seen, self._clock() + self._seen_after)
        if not wanted.hosts:
            self._filled.discard(zone.name)
        try:
            done = self._command(
                "domains.dns.setHosts",
                "DomainDNSSetHostsResult",
                {**domain_parts(zone.name), **namecheap_xml.fields(wanted)},
            )
        except (Refused, RateLimited):
            del self._replaced[zone.name]  # nothing was written
            raise
        if done.get("IsSuccess", "").lower() != "true":
            raise ChangeRefused(
                "change_refused", "Namecheap reports that it did not store the records."
            )
        after = self._read(zone)
        live = rows.rrsets(_rows(zone, after))
        if any(live.get(change.key) != change.after for change in changes):
            raise Unavailable("write_unseen", "Namecheap does not list the written records yet.")
        return after

    def _check_fresh(self, zone: Zone, seen: Hosts) -> None:
        """Raise when the zone reads as it was before our last writing: it would be undone."""
        before, until = self._replaced.get(zone.name, (None, 0.0))
        if seen == before and self._clock() < until:
            raise Unavailable(
                "write_unseen", "Namecheap does not list the records that were written last yet."
            )

    def _read(self, zone: Zone) -> Hosts:
        """Read the zone, once more when it comes without hosts.

        Raises Unavailable when it had some: written on such a reading, setHosts deletes them all.
        """
        content = self._read_once(zone)
        if not content.hosts:
            content = self._read_once(zone)
        if content.hosts:
            self._filled.add(zone.name)
        elif zone.name in self._filled:
            raise Unavailable(
                "listing_incomplete",
                f"Namecheap lists no records of {zone.name}, which had some. Nothing is written, "
                "as that would delete them. If they were removed on purpose, add any record there.",
            )
        return content

    def _read_once(self, zone: Zone) -> Hosts:
        found = self._reading(
            "domains.dns.getHosts", "DomainDNSGetHostsResult", domain_parts(zone.name)
        )
        content = namecheap_xml.hosts(found)
        if not content.is_here:
            raise Refused(
                "zone_missing", f"{zone.name} does not use the name servers of Namecheap."
            )
        return content

    def _domains(self) -> tuple[list[Mapping[str, str]], int]:
        entries: list[Mapping[str, str]] = []
        number, total = 1, 1
        while (number - 1) * _PAGE < total:
            page = {"Page": str(number), "PageSize": str(_PAGE)}
            answer = self._reading("domains.getList", "", page)
            entries += attributes(answer, "Domain")
            total = int(texts(answer, "TotalItems")[0])
            number += 1
        return entries, total

    def _reading(self, command: str, element: str, parameters: Mapping[str, str]) -> ET.Element:
        return self._api.reading(command, element, parameters, namecheap_xml.explain)

    def _command(self, command: str, element: str, parameters: Mapping[str, str]) -> ET.Element:
        return self._api.command(command, element, parameters, namecheap_xml.explain)


def _rows(zone: Zone, content: Hosts) -> dict[Key, list[Row]]:
    return rows.grouped(host.row(zone.name, number) for number, host in enumerate(content.hosts))


def _merged(zone: Zone, changes: Sequence[Change], seen: Hosts) -> Hosts:
    """Return the zone with `changes` made; every other host as it was, in its place."""
    live = _rows(zone, seen)
    current = rows.rrsets(live)
    hosts = dict(enumerate(seen.hosts))
    for change in changes:
        if current.get(change.key) != change.before:
            raise ChangeRefused("record_moved", f"{' '.join(change.key)} was changed meanwhile.")
        planned = rows.steps(change, live.get(change.key, ()))
        for row in planned.deletes:
            del hosts[int(row.id)]
        for row in planned.edits:
            hosts[int(row.id)] = namecheap_xml.host(row, zone.name)
        for row in planned.creates:
            hosts[max(hosts, default=-1) + 1] = namecheap_xml.host(row, zone.name)
    has_mx = any(host.type == "MX" for host in hosts.values())
    email_type = "MX" if has_mx and seen.email_type in _OWN_MX else seen.email_type
    return replace(seen, hosts=tuple(hosts.values()), email_type=email_type)


def _impossible(zone: Zone, rrset: RRset, seen: Hosts) -> str | None:
    if rrset.key == (zone.name, "NS"):
        return f"{zone.name} NS: Namecheap manages the name servers of a domain separately."
    if rrset.type == "MX" and seen.email_type not in _OWN_MX:
        return (
            f"{rrset.name} MX: the mail setting of {zone.name} at Namecheap is "
            f"{seen.email_type}. Choose Custom MX there first."
        )
    if not all(host.is_active for host in seen.hosts):
        return (
            f"{zone.name} has disabled records at Namecheap, and writing the zone would "
            "enable them. Remove them there first."
        )
    return None
