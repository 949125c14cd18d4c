"""What use cases need of the outside world, handed to them by `bootstrap`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nameplate import registry
from nameplate.core.cdn import CdnNetworks
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.egress import Network
from nameplate.core.encryption import KeyRing
from nameplate.core.proof_life import ProofLife
from nameplate.core.purchases import SpendingLimits
from nameplate.models import Account, Server, VerificationMethodName
from nameplate.ports.ca import AuthorityPlugin, CertificateAuthority
from nameplate.ports.dns import DnsProvider, DnsProviderPlugin
from nameplate.ports.domain_connect import DomainConnect
from nameplate.ports.fetcher import AddressFetcher, Fetched, Fetcher
from nameplate.ports.identity import IdentityProvider
from nameplate.ports.prober import Prober
from nameplate.ports.proxy import Proxy, ProxyPlugin
from nameplate.ports.registrar import Registrar, RegistrarPlugin
from nameplate.ports.registration_data import RegistrationData
from nameplate.ports.resolver import Resolver, SignatureChecker
from nameplate.ports.validation import Validator
from nameplate.ports.vantages import Vantages
from nameplate.ports.verification import ProofMethodPlugin, VerificationMethod
from nameplate.registry import Registry

if TYPE_CHECKING:
    from nameplate.core.chains import Roots  # which loads what reads certificates


def _pass(_point: str) -> None:
    """Do nothing at a crash point."""


@dataclass(frozen=True)
class Tools:
    """The ports, each already connected to an adapter, and what else is not pure."""

    keyring: KeyRing
    resolver: Resolver
    methods: Mapping[VerificationMethodName, VerificationMethod]
    dns_provider: Callable[[Account], DnsProvider]
    authority: Callable[[Account], CertificateAuthority]
    proxy: Callable[[Server], Proxy]
    prober: Prober
    fetcher: AddressFetcher
    clock: Callable[[], datetime]
    """Aware UTC; for times shown to people. Leases and schedules use the database's clock."""
    random: Callable[[int], bytes]
    jitter: Callable[[], float]
    """Between 0 and 1."""
    proxy_by_account: Callable[[Server, Account, frozenset[str]], Proxy] | None = None
    """Connects a proxy that a service runs, by an account there, and with the ids of what was made
    there for the server."""
    domain_connect: DomainConnect | None = None
    """None: the operator has set up no service of the platform."""
    dns_providers: Registry[DnsProviderPlugin] = field(default_factory=registry.dns_providers)
    authorities: Registry[AuthorityPlugin] = field(default_factory=registry.authorities)
    proxies: Registry[ProxyPlugin] = field(default_factory=registry.proxies)
    proof_methods: Registry[ProofMethodPlugin] = field(default_factory=registry.proof_methods)
    registrars: Registry[RegistrarPlugin] = field(default_factory=registry.registrars)
    registrar: Callable[[Account], Registrar] | None = None
    organization_limits: SpendingLimits = field(default_factory=SpendingLimits)
    platform_limits: SpendingLimits = field(default_factory=SpendingLimits)
    """Of all organizations together, from the platform's own accounts."""
    signatures: SignatureChecker | None = None
    """None: no diagnosis looks at DNSSEC."""
    validator: Validator | None = None
    """None: answers need not withstand DNSSEC."""
    vantages: Vantages | None = None
    """None: nobody else is asked."""
    pages: Fetcher | None = None
    """Reads pages of tenants' names; None: nobody does."""
    registrations: RegistrationData | None = None
    """Asks registries about domains; None: nobody does."""
    scan_queries: float = 50
    """Questions a second that the search for dangling records may ask, in each process."""
    public_url: str | None = None
    """Where browsers reach the API; None: as the request says."""
    frame_ancestors: Sequence[str] = ()
    """Origins whose pages may show the page of a setup link in a frame."""
    challenge_zone: str | None = None
    """Domain of the platform to which owners delegate ACME challenges; None: there is none."""
    certificate_preferences: CertificatePreferences = field(default_factory=CertificatePreferences)
    """What certificates are made with where neither domain nor organization says it."""
    draft_challenges: Collection[str] = ()
    """Challenges that are still drafts and may be used: `dns-account-01`, `dns-persist-01`."""
    answers_tls_alpn: bool = False
    """Whether `tls-alpn-01` is answered by this installation."""
    present: Callable[[str, str, Sequence[str], int | None], Fetched] | None = None
    """Shakes hands with (address, host, protocols, port); None: nobody looks beforehand."""
    roots: "Callable[[], Roots] | None" = None
    """Authorities whose certificates may be uploaded; None: there are none."""
    platform_names: tuple[str, ...] = ()
    """Names of the platform itself: nobody holds them, one above, or one below."""
    protects_servers: bool = True
    """The host names of the platform's servers are among them."""
    max_unproved: int = 1000
    """Names that one organization may have claimed and not proved yet."""
    special_use: bool = False
    """Admit names below `.test` and its kind: sandboxes only."""
    poll: timedelta | None = None
    """Upper bound on waiting between two looks at an order or a proof: sandboxes and tests."""
    proof_life: ProofLife = field(default_factory=ProofLife)
    """How long proofs count, and what happens when they are gone."""
    edge: tuple[Network, ...] = ()
    """Networks in which the platform's own proxies answer."""
    cdn_networks: Callable[[str], CdnNetworks | None] | None = None
    """From where the network of a DNS provider asks origins; None: nobody knows."""
    suspended_answer: int | None = None
    """Status that suspended hosts answer with; None: they answer nothing."""
    unused_kept: timedelta | None = timedelta(days=90)
    """How long a certificate is renewed that nothing uses; None: for ever."""
    events_kept: timedelta = timedelta(days=90)
    """How long events can be read."""
    identity_provider: IdentityProvider | None = None
    """Says who somebody is; None: people sign in with passwords only."""
    checkpoint: Callable[[str], None] = _pass
    """Called with the name of each crash point (`work.CRASH_POINTS`); tests end the process there."""
