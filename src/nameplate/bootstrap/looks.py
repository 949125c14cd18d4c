"""What looks at the world: name servers, hosts, registries and the networks of others."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

from nameplate.bootstrap.first_use import on_first_use
from nameplate.core.cdn import CdnNetworks
from nameplate.core.egress import EgressPolicy, Network
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret
from nameplate.core.vantage_messages import MIN_SECRET
from nameplate.ports.fetcher import AddressFetcher, Fetched
from nameplate.ports.prober import Prober
from nameplate.ports.registration_data import RegistrationData
from nameplate.ports.resolver import Resolver, SignatureChecker
from nameplate.ports.validation import Validator
from nameplate.ports.vantages import Vantages
from nameplate.remote import clock
from nameplate.settings import Settings

if TYPE_CHECKING:
    from dns.rrset import RRset

CHALLENGE_CHECK = timedelta(seconds=5)
"""How long one look at the challenge path of a host may take."""


def resolver(settings: Settings, policy: EgressPolicy) -> Resolver:
    """Return what asks name servers."""
    recursor, overrides = _name_servers(settings)
    public = [address(one) for one in settings.public_resolvers]

    def connect() -> Resolver:
        from nameplate.adapters.resolver.authoritative import AuthoritativeResolver

        return AuthoritativeResolver(policy, recursor=recursor, overrides=overrides, public=public)

    return on_first_use(connect)


def signatures(settings: Settings, policy: EgressPolicy) -> SignatureChecker:
    """Return what tells why a zone's signatures fail."""
    recursor, overrides = _name_servers(settings)

    def connect() -> SignatureChecker:
        from nameplate.adapters.resolver.signatures import DnssecChecker

        return DnssecChecker(policy, clock, recursor=recursor, overrides=overrides)

    return on_first_use(connect)


def validator(settings: Settings, policy: EgressPolicy) -> Validator | None:
    """Return what validates answers by DNSSEC, None where that is off."""
    if not settings.dnssec:
        return None
    recursor, overrides = _name_servers(settings)
    if settings.dnssec_anchors is not None:
        _anchors(settings)  # refused at the start

    def connect() -> Validator:
        from nameplate.adapters.resolver.validating import DnssecValidator

        anchors = _anchors(settings)
        return DnssecValidator(policy, clock, anchors, recursor=recursor, overrides=overrides)

    return on_first_use(connect)


def _anchors(settings: Settings) -> "RRset":
    from nameplate.adapters.resolver import trust_anchors

    return trust_anchors.read(settings.dnssec_anchors)


def vantages(settings: Settings) -> Vantages | None:
    """Return what looks from elsewhere, None without vantages."""
    if not settings.vantages:
        return None
    from nameplate.adapters.vantage.http import HttpVantages

    secret = _vantage_secret(settings)
    return HttpVantages(settings.vantages, secret, clock, private=settings.dns_servers)


def _vantage_secret(settings: Settings) -> Secret:
    secret = settings.vantage_secret
    if secret is None or len(secret.reveal()) < MIN_SECRET:
        detail = f"vantages need vantage_secret, of at least {MIN_SECRET} characters"
        raise Invalid("setting_missing", detail)
    return secret


def vantage(settings: Settings) -> tuple[Resolver, Secret, str]:
    """Return by what a vantage looks up, its secret and its name. Raises Invalid `setting_missing`."""
    if settings.vantage_name is None:
        detail = "a vantage needs vantage_name: what the control plane calls it"
        raise Invalid("setting_missing", detail)
    secret = _vantage_secret(settings)
    policy = EgressPolicy(allow=settings.egress_allow, deny=())
    return resolver(settings, policy), secret, settings.vantage_name


def _name_servers(
    settings: Settings,
) -> tuple[tuple[str, int] | None, dict[str, list[tuple[str, str, int]]]]:
    """Return the resolver that finds name servers, and the servers of private zones."""
    recursor = address(settings.dns_recursor) if settings.dns_recursor else None
    overrides = {
        zone: [(f"ns.{zone}", *address(server)) for server in servers]
        for zone, servers in settings.dns_servers.items()
    }
    return recursor, overrides


def presenter(
    settings: Settings,
) -> Callable[[str, str, Sequence[str], int | None], Fetched]:
    """Return what looks at the TLS handshake of hosts, as `fetcher` does at plain HTTP."""

    def connect() -> Callable[[str, str, Sequence[str], int | None], Fetched]:
        from nameplate.adapters.http import handshake

        policy = EgressPolicy(allow=_inside(settings))
        return handshake.presenter(policy, CHALLENGE_CHECK, settings.challenge_check_via)

    return on_first_use(connect)


def _inside(settings: Settings) -> tuple[Network, ...]:
    inside = (ip_network("127.0.0.0/8"), ip_network("::1/128")) if settings.sandbox else ()
    return (*settings.egress_allow, *inside)


def fetcher(settings: Settings, resolver: Resolver) -> AddressFetcher:
    """Return what looks at the challenge path of hosts; those of a sandbox are on this machine."""

    def connect() -> AddressFetcher:
        from nameplate.adapters.http.fetch import SafeFetcher

        return SafeFetcher(
            EgressPolicy(allow=_inside(settings)),
            resolver.addresses,
            ports=ports(settings),
            deadline=CHALLENGE_CHECK,
            detours=settings.challenge_check_via,
        )

    return on_first_use(connect)


def ports(settings: Settings) -> Mapping[str, int]:
    """Return the port of each scheme at the hosts of owners."""
    return {"http": settings.sandbox_http_port if settings.sandbox else 80, "https": 443}


def prober(policy: EgressPolicy) -> Prober:
    """Return what looks through proxies."""

    def connect() -> Prober:
        from nameplate.adapters.proxy.probe import HttpProber

        return HttpProber(tenants=lambda address: policy.refusal(address) is None)

    return on_first_use(connect)


def registrations(
    settings: Settings, policy: EgressPolicy, resolver: Resolver
) -> RegistrationData | None:
    """Return what asks registries (RDAP), None where nobody is asked."""
    if settings.sandbox or not settings.rdap:
        return None

    def connect() -> RegistrationData:
        from nameplate.adapters.rdap.connect import connect as connected

        return connected(policy, resolver, clock, settings.home / "rdap.json")

    return on_first_use(connect)


def cdn_networks(
    settings: Settings, policy: EgressPolicy, resolver: Resolver
) -> Callable[[str], CdnNetworks | None]:
    """Return what knows the networks of CDNs."""
    kept = settings.home / "cloudflare-networks.json"

    def connect() -> Callable[[str], CdnNetworks | None]:
        from nameplate.adapters.vendors import cloudflare_networks

        return cloudflare_networks.connect(policy, resolver, clock, kept)

    return on_first_use(connect)


def address(text: str) -> tuple[str, int]:
    """Read an address and a port. Raises Invalid `setting_invalid`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid("setting_invalid", f"{text} is not an address and a port, as in 10.0.0.53:53")
    return host.strip("[]"), int(port)
