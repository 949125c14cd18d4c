"""Every way to prove names, with every shape of a certificate and kind of key, at both real authorities.

`make test` runs so many of the combinations that each pair of values occurs in one; `make torture` runs all.
Proofs are looked at for real: plain HTTP and TLS by the listeners of `nameplate serve`, TXT records as
a provider shows them.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.databases import sessions_over
from tests.servers.pebble import ChallTestSrv, Pebble
from tests.servers.process import free_port
from tests.usecases.certificates.certificate_rig import NAME, Rig, made

from nameplate import edge, listener
from nameplate.adapters.dns.memory import MemoryDns
from nameplate.core import certificates, keys
from nameplate.core.actor import PLATFORM
from nameplate.core.client_hello import ClientHello
from nameplate.core.draft_challenges import DRAFTS, IN_DNS
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.records import RRset
from nameplate.listener.alpn import ChallengeServer
from nameplate.models import Certificate, Domain
from nameplate.ports.dns import Zone
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.resolver import Answer, AnswerKind, LookupResult
from nameplate.usecases.certificates import tls_alpn
from nameplate.usecases.dns import zones
from nameplate.usecases.tenants import account_trials, accounts, connections

APEX = "example.com"
SHAPES = {
    "single": (NAME,),
    "several": (NAME, f"www.{NAME}", f"a.b.{NAME}"),
    "wildcard": (NAME, f"*.{NAME}"),
}
KINDS = ("ec256", "ec384", "rsa2048", "rsa4096")
Case = tuple[str, str, str, str]


def _possible(case: Case) -> bool:
    challenge, shape, _kind, authority = case
    is_draft = challenge in DRAFTS
    return (shape != "wildcard" or challenge in IN_DNS) and (authority == "newer" or not is_draft)


ALL: list[Case] = [
    case
    for case in product(
        ("http-01", "dns-01", "tls-alpn-01", *DRAFTS), SHAPES, KINDS, ("older", "newer")
    )
    if _possible(case)
]


def _pairs(case: Case) -> set[tuple[str, str]]:
    return set(combinations(case, 2))


def _pairwise() -> list[Case]:
    """Return cases in which each pair of values occurs that occurs in any, greedily."""
    left, chosen = set().union(*map(_pairs, ALL)), []
    while left:
        best = max(ALL, key=lambda case: len(_pairs(case) & left))
        chosen.append(best)
        left -= _pairs(best)
    return chosen


SHORT = _pairwise()
CASES = [
    *(pytest.param(case, id="-".join(case)) for case in SHORT),
    *(
        pytest.param(case, id="-".join(case), marks=pytest.mark.torture)
        for case in ALL
        if case not in SHORT
    ),
]


def test_the_short_form_has_every_pair() -> None:
    assert set().union(*map(_pairs, SHORT)) == set().union(*map(_pairs, ALL))
    assert len(SHORT) < len(ALL) / 2


@dataclass
class Authority:
    """A Pebble, and where it looks for proofs."""

    server: Pebble
    world: ChallTestSrv
    http_port: int
    tls_port: int


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Authority]]:
    folder: Path = tmp_path_factory.mktemp("matrix")
    with ExitStack() as stack:
        world = stack.enter_context(ChallTestSrv(folder / "world"))
        found = {}
        for name in ("older", "newer"):
            ports = free_port(), free_port()
            server = stack.enter_context(
                Pebble(
                    folder / name, dns_server=world.dns_server, http_port=ports[0],
                    tls_port=ports[1], newer=name == "newer",
                )
            )  # fmt: skip
            found[name] = Authority(server, world, *ports)
        yield found


class Provider:
    """The DNS of the domain: a provider in memory, which the authority sees as soon as it is told to look."""

    def __init__(self, world: ChallTestSrv) -> None:
        self.memory = MemoryDns({APEX: [RRset(APEX, "SOA", 3600, ("ns. host. 1 2 3 4 5",))]})
        self._world = world

    def authoritative(self, name: str, rdtype: str, *, delegated: bool = False) -> LookupResult:
        del delegated
        if rdtype == "A":
            return LookupResult(APEX, (Answer(AnswerKind.DATA, "ns1", ("192.0.2.1",)),))
        return LookupResult(APEX, (self._answer(name, rdtype),))

    def _answer(self, name: str, rdtype: str) -> Answer:
        for rrset in self.memory.records(Zone(APEX)):
            if rrset.key == (name, rdtype):
                texts = tuple(value.strip('"') for value in rrset.values)
                return Answer(AnswerKind.DATA, "ns1", texts)
        return Answer(AnswerKind.NODATA, "ns1")

    def show(self) -> None:
        """Let the authority see the TXT records, and no older ones."""
        for rrset in self.memory.records(Zone(APEX)):
            if rrset.type == "TXT":
                self._world.clear_txt(rrset.name)
                for value in rrset.values:
                    self._world.set_txt(rrset.name, value.strip('"'))


@dataclass
class Installation:
    """A rig whose challenges are answered as `nameplate serve` does."""

    rig: Rig
    provider: Provider

    def issued(self, looks: int = 60) -> Certificate:
        """Work until the certificate is there."""
        for _ in range(looks):
            row = self.rig.work()
            assert row.renewal_error_code in {None, "acme_order_lost"}, row.renewal_error_message
            if row.status is CertificateStatus.ACTIVE:
                return row
            offline = self.rig.offline
            lease = offline.leased(Domain, self.rig.domain_id)
            zones.reconcile(offline.sessions, offline.tools, lease)
            self.provider.show()
        raise AssertionError((row.trouble_code, row.trouble_message))


def _installed(stack: ExitStack, url: str, authority: Authority) -> Installation:
    rig = made(sessions_over(url), account=False)
    offline, provider = rig.offline, Provider(authority.world)
    resolver: Any = provider
    tools, key = offline.tools, keys.new_key()

    def present(_address: str, host: str, protocols: Any, _port: int | None) -> Fetched:
        hello = ClientHello(host, tuple(protocols))
        pem = tls_alpn.answer(offline.sessions, tools, key, hello) or b""
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
        return Fetched(HttpOutcome.ANSWERED, body=der)

    tools = offline.tools = replace(
        tools,
        resolver=resolver,
        dns_provider=lambda _account: provider.memory,
        authority=connections.authority(tools.authorities, tools.keyring, tools.clock),
        answers_tls_alpn=True,
        draft_challenges=DRAFTS,
        present=present,
    )
    _add_accounts(rig, authority)
    challenges = edge.Challenges(offline.sessions, tools.keyring)
    for_http = stack.enter_context(listener.listen("127.0.0.1", authority.http_port))
    for_tls = stack.enter_context(listener.listen("127.0.0.1", authority.tls_port))
    answer = partial(tls_alpn.answer, offline.sessions, tools, key)
    servers = (
        listener.ServerThread(challenges, for_http, name="http"),
        ChallengeServer(answer, for_tls),
    )
    for server in servers:
        server.start()
        stack.callback(server.stop)
    return Installation(rig, provider)


def _add_accounts(rig: Rig, authority: Authority) -> None:
    offline, server = rig.offline, authority.server
    account_trials.add(
        offline.sessions, offline.tools, PLATFORM, kind="ca", provider="acme", name="ca",
        config={"directory_url": server.directory_url, "ca_bundle": str(server.ca_bundle)},
    )  # fmt: skip
    with offline.sessions.begin(rig.actor) as session:
        account = accounts.add(
            session, rig.actor, offline.tools, kind="dns", provider="memory", name="dns",
            credentials={"api_key": "a secret"},
        )  # fmt: skip
        domain = session.get_one(Domain, rig.domain_id)
        domain.dns_account_id = account.id
        domain.dns = replace(domain.dns, zone=APEX)


@pytest.mark.parametrize("case", CASES)
def test_each_way_ends_in_a_certificate(
    case: Case, migrated_sqlite_url: str, authorities: dict[str, Authority]
) -> None:
    challenge, shape, kind, authority = case
    with ExitStack() as stack:
        nameplate = _installed(stack, migrated_sqlite_url, authorities[authority])
        nameplate.rig.want(hosts=SHAPES[shape], challenge=challenge, key_type=kind)
        row = nameplate.issued()
    facts = certificates.facts((row.certificate or "").encode())
    assert set(facts.names) == set(SHAPES[shape])
    assert facts.key_type == kind
    assert row.generation == 1


@pytest.mark.parametrize(
    ("challenge", "authority"),
    [
        ("http-01", "older"),
        ("dns-01", "newer"),
        ("tls-alpn-01", "newer"),
        pytest.param("http-01", "newer", marks=pytest.mark.torture),
        pytest.param("dns-01", "older", marks=pytest.mark.torture),
        pytest.param("tls-alpn-01", "older", marks=pytest.mark.torture),
    ],
)
def test_an_authority_that_lost_everything_in_the_middle_is_begun_with_anew(
    challenge: str, authority: str, migrated_sqlite_url: str, authorities: dict[str, Authority]
) -> None:
    """The account is registered again with its key, and the order is made once more, at once."""
    with ExitStack() as stack:
        nameplate = _installed(stack, migrated_sqlite_url, authorities[authority])
        rig, server = nameplate.rig, authorities[authority].server
        rig.want(challenge=challenge)
        tools = rig.offline.tools
        lost: list[str | None] = []

        def lose(at: str) -> None:
            if at == "certificate:respond_intended" and not lost:
                lost.append(rig.row().acme_order_url)
                server.forget()

        rig.offline.tools = replace(tools, checkpoint=lose)
        row = nameplate.issued()
    assert len(lost) == 1
    assert row.generation == 1
    assert row.renewal_error_code is None
