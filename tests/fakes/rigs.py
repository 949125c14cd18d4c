"""Each vendor's fake with its adapter and some records of other people, for tests of faults."""

import contextlib
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nameplate.adapters.changes.creations import Creations
from nameplate.adapters.dns.cloudflare import Cloudflare
from nameplate.adapters.dns.digitalocean import DigitalOcean
from nameplate.adapters.dns.namecheap import Namecheap
from nameplate.adapters.dns.route53 import Route53
from nameplate.adapters.http.client import Api
from nameplate.adapters.vendors.aws import client as connect_aws
from nameplate.adapters.vendors.namecheap import NamecheapApi
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.plan import plan
from nameplate.core.records import RRset, merge
from nameplate.core.secret import Secret
from nameplate.ports.dns import DnsProvider, Outcome, Result, Zone
from tests.fakes.cloudflare import FakeCloudflare
from tests.fakes.digitalocean import FakeDigitalOcean
from tests.fakes.namecheap import FakeNamecheap
from tests.fakes.route53 import FakeRoute53

APEX = "example.test"
_WINDOW = 20  # requests that adapters wait for listings to catch up; real ones wait a minute


@dataclass
class Rig:
    """What can go wrong, its adapter, what others have in the zone, and the ledger of what is ours."""

    name: str
    fake: Any
    """A `FakeServer`, or the way to a real one: has `is_stale`, `healthy()` and `broken`."""
    provider: DnsProvider
    zone: Zone
    rows: Callable[[], Any]
    """The fake's rows of the zone in a form to compare: who else's changed?"""
    foreign: Any = None
    others: list[RRset] = field(default_factory=list)
    owned: set[tuple[str, str, str]] = field(default_factory=set)
    outcomes: list[Outcome] = field(default_factory=list)
    raised: list[Exception] = field(default_factory=list)

    def settle(self) -> None:
        """Take what is in the zone now as other people's."""
        self.foreign = copy.deepcopy(self.rows())
        self.others = [r for r in self.provider.records(self.zone) if r.type != "SOA"]

    def step(self, desired: list[RRset]) -> bool:
        """Plan and apply once, as a reconciler does; return whether nothing was left to do.

        Intents go into the ledger before the act, and leave it when the act was refused; what was
        ours before stays ours.
        """
        try:
            planned = plan(self.provider.records(self.zone), desired, frozenset(self.owned))
            assert not planned.blocked, planned.blocked
            if planned.is_empty:
                return True
            intents = {change: self._new(change) - self.owned for change in planned.changes}
            self.owned |= set().union(*intents.values())
            is_fresh = not self.fake.is_stale
            outcomes = self.provider.apply(self.zone, planned.changes)
        except (Unavailable, Refused) as error:
            self.raised.append(error)
            return False
        assert [outcome.change for outcome in outcomes] == list(planned.changes)
        self.outcomes += outcomes
        if is_fresh:
            self._check_truth(outcomes)
        for outcome in outcomes:
            if outcome.result in {Result.REFUSED, Result.MOVED}:
                self.owned -= intents[outcome.change]
        return False

    def _check_truth(self, outcomes: Sequence[Outcome]) -> None:
        """Check that what is said to be applied is so, and what is refused or moved is not."""
        with self.fake.healthy():
            live = {rrset.key: rrset for rrset in self.provider.records(self.zone)}
        for outcome in outcomes:
            is_so = live.get(outcome.change.key) == outcome.change.after
            if outcome.result is not Result.UNKNOWN:
                assert is_so is (outcome.result is Result.APPLIED), outcome

    def _new(self, change: Any) -> set[tuple[str, str, str]]:
        before = set(change.before.values) if change.before else set()
        values = set(change.after.values) - before if change.after else set()
        return {(*change.key, value) for value in values}

    def converge(self, desired: list[RRset], rounds: int = 60) -> None:
        """Reconcile until nothing is left to do, then check everybody's records."""
        for _ in range(rounds):
            if self.step(desired):
                break
        else:
            raise AssertionError(f"did not converge: {self.outcomes[-3:]} {self.raised[-3:]}")
        self.check(desired)

    def check(self, desired: list[RRset]) -> None:
        """Nothing of others changed, ours are there once, and nothing more."""
        live = [rrset for rrset in self.provider.records(self.zone) if rrset.type != "SOA"]
        assert live == merge([*self.others, *desired])
        now = self.rows()
        for key, row in self.foreign.items():
            assert now.get(key) == row, f"a foreign record changed: {key} {row} {now.get(key)}"
        values = sum(len(rrset.values) for rrset in desired)
        assert len(now) == len(self.foreign) + values, "a record twice, or one left over"
        assert self.fake.broken == []


def _addresses(count: int) -> list[tuple[str, str]]:
    return [(f"theirs{number}", f"198.51.100.{number % 250}") for number in range(count)]


@contextlib.contextmanager
def _api(*args: Any, **more: Any) -> Iterator[Api]:
    with contextlib.closing(Api(*args, **more)) as api:
        yield api


@contextlib.contextmanager
def cloudflare(others: int, timeout: float = 10) -> Iterator[Rig]:
    """Cloudflare; rows by record id."""
    token = {"Authorization": Secret("Bearer the-right-key")}
    with (
        FakeCloudflare(APEX) as fake,
        _api(f"{fake.url}/client/v4", headers=token, timeout=timeout) as api,
    ):
        for label, address in _addresses(others):
            fake.add(APEX, name=label, type="A", content=address, ttl=120, comment="theirs")
        fake.add(APEX, name="shared", type="TXT", content='"theirs"', ttl=300)
        zone = Zone(APEX, fake.zone_id(APEX))
        yield Rig("cloudflare", fake, Cloudflare(api), zone, lambda: fake.rows(APEX))


@contextlib.contextmanager
def digitalocean(others: int, timeout: float = 10) -> Iterator[Rig]:
    """DigitalOcean; rows by record id."""
    token = {"Authorization": Secret("Bearer the-right-key")}
    with FakeDigitalOcean(APEX) as fake, _api(fake.url, headers=token, timeout=timeout) as api:
        for label, address in _addresses(others):
            fake.add(APEX, name=label, type="A", data=address, ttl=120)
        fake.add(APEX, name="shared", type="TXT", data="theirs", ttl=300)
        provider = DigitalOcean(api, Creations(_WINDOW, lambda: len(fake.asked)))
        yield Rig("digitalocean", fake, provider, Zone(APEX, APEX), lambda: fake.rows(APEX))


@contextlib.contextmanager
def namecheap(others: int, timeout: float = 10) -> Iterator[Rig]:
    """Namecheap; rows by their content, for every writing gives them new ids."""
    with FakeNamecheap(APEX) as fake, _api(fake.url, timeout=timeout) as api:
        for label, address in _addresses(others):
            fake.add(APEX, label, "A", address, TTL="1799")
        fake.add(APEX, "go", "URL", "https://example.org/")
        fake.add(APEX, "shared", "TXT", "theirs", TTL="300")

        def rows() -> Any:
            plain = [tuple({**row, "HostId": ""}.items()) for row in fake.rows(APEX)]
            count = Counter(plain)
            return {(row, number): row for row in count for number in range(count[row])}

        key = Secret(fake.credential)
        account = NamecheapApi(api, "user", key, "192.0.2.1")
        provider = Namecheap(account, seen_after=_WINDOW, clock=lambda: len(fake.asked))
        yield Rig("namecheap", fake, provider, Zone(APEX, APEX), rows)


@contextlib.contextmanager
def route53(others: int, timeout: float = 10) -> Iterator[Rig]:
    """Route 53; rows by name, type and value."""
    with FakeRoute53(APEX) as fake:
        for label, address in _addresses(others):
            fake.add(APEX, f"{label}.{APEX}", "A", [address], 120)
        fake.add(APEX, f"shared.{APEX}", "TXT", ['"theirs"'], 300)
        target = {"HostedZoneId": "Z2", "DNSName": "lb.example.org.", "EvaluateTargetHealth": False}
        fake.add(APEX, f"alias.{APEX}", "A", [], 0, AliasTarget=target)

        def rows() -> Any:
            return {
                (*key, record["Value"]): entry.get("TTL")
                for key, entry in fake.rows(APEX).items()
                for record in entry.get("ResourceRecords", [{"Value": "alias"}])
            }

        secret = Secret("shh")
        client = connect_aws(Secret(fake.credential), secret, endpoint=fake.url, timeout=timeout)
        with contextlib.closing(client):
            yield Rig("route53", fake, Route53(client), Zone(APEX, fake.zone_id(APEX)), rows)


RIGS = {
    "cloudflare": cloudflare,
    "digitalocean": digitalocean,
    "namecheap": namecheap,
    "route53": route53,
}
