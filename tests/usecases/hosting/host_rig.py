"""A hosted domain at a name server in memory, for tests of single steps."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tests.models import world as rows
from tests.proof import prove
from tests.usecases.offline import Offline

from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core.actor import PLATFORM
from nameplate.core.records import RRset
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import DnsSettings, Domain, HostedZone, Hosting
from nameplate.ports.dns import NewZone, Zone
from nameplate.usecases.hosting import states
from nameplate.usecases.hosting.states import HostedZoneState

NAME = "acme.com"
SERVERS = ["ns1.platform.example", "ns2.platform.example"]
HOSTING = Hosting(tuple(SERVERS), "hostmaster.platform.example")
"""What the domain knows of its zone."""
BEGUN = [
    RRset(NAME, "NS", 60, tuple(f"{server}." for server in SERVERS)),
    RRset(NAME, "SOA", 60, ("ns1. host. 1 2 3 4 5",)),
]


class Host(MemoryDns):
    """A server in memory whose zones come and go; it notes which were deleted, and by which mark."""

    def __init__(self, zones: dict[str, list[RRset]]) -> None:
        super().__init__(zones)
        self.deleted: list[tuple[str, str]] = []

    def create(self, new: NewZone) -> Zone:
        self._zones[new.name] = {}
        return Zone(new.name, new.name)

    def delete(self, zone: Zone, mark: str) -> None:
        self.deleted.append((zone.name, mark))
        self._zones.pop(zone.name, None)


@dataclass
class Rig:
    """A released or live domain whose zone is at `host`."""

    world: Offline
    host: Any
    owner_id: int
    domain_id: int
    account_id: int

    def lease(self) -> Lease:
        return self.world.leased(Domain, self.domain_id)

    def case(self) -> HostedZoneState:
        with self.world.sessions.begin(PLATFORM) as session:
            found = states.load(session, session.get_one(Domain, self.domain_id))
        assert found is not None
        return found

    def zone(self) -> HostedZone | None:
        with self.world.sessions.begin(PLATFORM) as session:
            return states.row_of(session, self.account_id, NAME)

    def domain(self) -> Domain:
        with self.world.sessions.begin(PLATFORM) as session:
            return session.get_one(Domain, self.domain_id)


def hosted(sessions: Sessions, *, removed: bool = False) -> Rig:
    """Return a proved domain with its zone in the books and at the server."""
    world, host = Offline(sessions), Host({NAME: list(BEGUN)})
    world.tools = replace(world.tools, dns_provider=lambda _account: host)
    with sessions.begin(PLATFORM) as session:
        owner = rows.organization(session)
        account = rows.account(session, None, config={"hosted": {"name_servers": SERVERS}})
        dns = DnsSettings(NAME, HOSTING)
        domain = rows.domain(session, owner, NAME, dns_account_id=account.id, dns=dns)
        now = datetime.now(UTC)
        prove(session, domain, now)
        rows.hosted_zone(session, account, domain, name_servers=SERVERS)
        if removed:
            domain.deleted_at = now
        return Rig(world, host, owner.id, domain.id, account.id)
