"""Settings to a running Nameplate: the only file that names a concrete adapter."""

import gc
import random
import secrets
import ssl
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

from nameplate import registry
from nameplate.adapters import keyring as keyrings
from nameplate.adapters.dns.memory import MemoryDns
from nameplate.adapters.http.client import Api
from nameplate.adapters.verification.unavailable import NotAvailable
from nameplate.core import configuration
from nameplate.core.domain_connect.service import ConnectService
from nameplate.core.egress import EgressPolicy
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Invalid, Refused
from nameplate.core.secret import Secret
from nameplate.db import Sessions, engine
from nameplate.models import Account, Server, VerificationMethodName
from nameplate.ports.ca import CertificateAuthority
from nameplate.ports.dns import DnsProvider
from nameplate.ports.domain_connect import DomainConnect
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.prober import Prober
from nameplate.ports.proxy import Proxy, ProxyPlace, ProxyPlugin, Upstream
from nameplate.ports.resolver import Resolver
from nameplate.ports.verification import Outside, VerificationMethod
from nameplate.registry import Registry
from nameplate.settings import Settings
from nameplate.usecases.tenants import accounts
from nameplate.usecases.tools import Tools

T = TypeVar("T")
SANDBOX_POLL = timedelta(seconds=1)


def collect_rarely() -> None:
    """Have the garbage collector look seldom, and never at what is imported by now.

    For a process of our own. Work on a zone makes some hundred thousand objects, none of them in a
    cycle; looking for cycles among them, and among those of every module, took a third of its time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def sessions(settings: Settings) -> Sessions:
    """Connect (lazily) to the database of the settings."""
    tenant = engine(settings.url.reveal())
    same = settings.system_url == settings.url
    return Sessions(tenant, None if same else engine(settings.system_url.reveal()))


def keyring(settings: Settings) -> KeyRing:
    """Load the key ring; the embedded default makes its file on first use."""
    given = settings.keyring.reveal() if settings.keyring else None
    path = settings.keyring_path
    if given is None and settings.keyring_file is None and not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keyrings.create(path)
    return keyrings.load(path, given)


class Installation:
    """The database and the key ring, for commands that work on them without the API."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; nothing is opened before it is needed."""
        self._settings = settings

    @property
    def keys_are_ours(self) -> bool:
        """Whether the ring is a file that commands may change, not the environment."""
        return self._settings.keyring is None

    @contextmanager
    def sessions(self, url: str | None) -> Iterator[Sessions]:
        """Connect (lazily) to `url`, or to the database of the settings; disconnect at the end."""
        opened = Sessions(engine(url)) if url else sessions(self._settings)
        try:
            yield opened
        finally:
            opened.dispose()

    def clock(self) -> datetime:
        """Return the time, aware and in UTC."""
        return clock()

    def keyring(self) -> KeyRing:
        """Load the key ring."""
        return keyring(self._settings)

    def add_key(self) -> KeyRing:
        """Put a new primary key into the file and return the ring."""
        return keyrings.add_key(self._settings.keyring_path)

    def keep_keys(self, key_ids: Collection[str]) -> KeyRing:
        """Remove every key but these and the primary from the file and return the ring."""
        return keyrings.keep_keys(self._settings.keyring_path, key_ids)


def tools(settings: Settings, ring: KeyRing) -> Tools:
    """Connect every port to its adapter."""
    policy = EgressPolicy(allow=settings.egress_allow, deny=())
    resolver = _resolver(settings, policy)
    proxies = registry.proxies()
    generator = random.SystemRandom()
    return Tools(
        keyring=ring,
        resolver=resolver,
        methods=_methods(_outside(settings, policy, resolver)),
        dns_provider=_cached(partial(_dns_provider, ring=ring)),
        authority=_cached(partial(_authority, ring=ring)),
        proxies=proxies,
        proxy=partial(_proxy, settings=settings, plugins=proxies),
        prober=_later(_prober),
        clock=clock,
        random=secrets.token_bytes,
        jitter=generator.random,
        domain_connect=_domain_connect(settings, resolver, policy),
        special_use=settings.sandbox,
        poll=SANDBOX_POLL if settings.sandbox else None,
    )


class _Later:
    """Stands for an adapter that is imported and made when it is first used.

    What a process never does, such as fetching a file in one that only writes records, costs it
    neither time at its start nor memory.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._made, self._lock = make, None, Lock()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # as the adapter has it
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


def _later(make: Callable[[], T]) -> T:
    return cast("T", _Later(make))


def _resolver(settings: Settings, policy: EgressPolicy) -> Resolver:
    recursor = _address(settings.dns_recursor) if settings.dns_recursor else None
    overrides = {
        zone: [(f"ns.{zone}", *_address(server)) for server in servers]
        for zone, servers in settings.dns_servers.items()
    }
    public = [_address(one) for one in settings.public_resolvers]

    def make() -> Resolver:
        from nameplate.adapters.resolver.authoritative import AuthoritativeResolver

        return AuthoritativeResolver(policy, recursor=recursor, overrides=overrides, public=public)

    return _later(make)


def _outside(settings: Settings, policy: EgressPolicy, resolver: Resolver) -> Outside:
    def make() -> Fetcher:
        from nameplate.adapters.http.fetch import SafeFetcher

        ports = {"http": settings.sandbox_http_port if settings.sandbox else 80, "https": 443}
        return SafeFetcher(policy, resolver.addresses, ports=ports)

    return Outside(resolver, _later(make), settings.edge_networks)


def _methods(outside: Outside) -> Mapping[VerificationMethodName, VerificationMethod]:
    plugins = registry.proof_methods()
    available = [name for name in VerificationMethodName if name in plugins.names()]

    def make(name: VerificationMethodName) -> VerificationMethod:
        plugin = plugins.get(name)
        return plugin.connect(configuration.load(plugin.configuration, {}), outside)

    return {
        name: _later(partial(make, name)) if name in available else NotAvailable(name, available)
        for name in VerificationMethodName
    }


def _prober() -> Prober:
    from nameplate.adapters.proxy.probe import HttpProber as Probe

    return Probe()


def _domain_connect(
    settings: Settings, resolver: Resolver, policy: EgressPolicy
) -> DomainConnect | None:
    provider_id, key_file = settings.domain_connect_provider_id, settings.domain_connect_key_file
    if provider_id is None:
        return None
    if key_file is None:
        detail = "domain_connect_provider_id needs domain_connect_key_file: links must be signed"
        raise Invalid("setting_missing", detail)
    service = ConnectService(
        provider_id=provider_id,
        provider_name=settings.domain_connect_provider_name or provider_id,
        service_id=settings.domain_connect_service_id,
        service_name=settings.domain_connect_service_name,
        key_domain=settings.domain_connect_key_domain or provider_id,
        key_host=settings.domain_connect_key_host,
        key=Secret(keyrings.read_private(key_file)),
    )
    from nameplate.adapters.domain_connect import HttpDomainConnect

    return HttpDomainConnect(service, resolver, policy)


def remote(url: str) -> Api:
    """Connect to the API of a Nameplate elsewhere."""
    return Api(url)


def clock() -> datetime:
    """Return the wall clock: the one place in Nameplate that asks it."""
    return datetime.now(UTC)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid("setting_invalid", f"{text} is not an address and a port, as in 10.0.0.53:53")
    return host.strip("[]"), int(port)


def _cached(make: Callable[[Account], T]) -> Callable[[Account], T]:
    """Keep one adapter for each state of an account: connections and nonces are worth keeping."""
    made: dict[int, tuple[datetime, T]] = {}
    lock = Lock()

    def get(account: Account) -> T:
        with lock:
            found = made.get(account.id)
        if found is not None and found[0] == account.updated_at:
            return found[1]
        fresh = make(account)
        with lock:
            made[account.id] = (account.updated_at, fresh)
        return fresh

    return get


def _dns_provider(account: Account, *, ring: KeyRing) -> DnsProvider:
    make = _DNS_PROVIDERS.get(account.provider)
    if make is None:
        known = ", ".join(sorted(_DNS_PROVIDERS))
        raise Refused(
            "provider_unknown", f"there is no DNS provider {account.provider}; there are {known}"
        )
    return make(account.config, accounts.credentials(account, ring))


Config = dict[str, Any]
Credentials = dict[str, Secret]


def _powerdns(config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns.powerdns import PowerDns
    from nameplate.adapters.dns.powerdns_host import PowerDnsHost

    url = _setting(config, "api_url")
    headers = {"X-API-Key": _credential(secret, "api_key")}
    api = Api(url, headers=headers, verify=_trust(config))
    hosted = config.get("hosted")
    if hosted:
        return PowerDnsHost(api, config.get("server_id", "localhost"), hosted.get("kind", "Native"))
    return PowerDns(api, config.get("server_id", "localhost"))


def _rfc2136(config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns.catalog import CatalogServer
    from nameplate.adapters.dns.rfc2136 import Rfc2136

    server, port = _address(_setting(config, "server"))
    key = None
    if config.get("tsig_name"):
        algorithm = config.get("tsig_algorithm", "hmac-sha256")
        key = (config["tsig_name"], algorithm, _credential(secret, "tsig_secret"))
    hosted = config.get("hosted")
    if hosted:
        return CatalogServer(server, port, _setting(hosted, "catalog"), key)
    return Rfc2136(server, port, config.get("zones", []), key)


def _cloudflare(config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns.cloudflare import Cloudflare

    api = Api("https://api.cloudflare.com/client/v4", headers=_bearer(secret))
    return Cloudflare(api, batch=int(config.get("batch", 200)), comment=config.get("comment", ""))


def _digitalocean(_config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns.digitalocean import DigitalOcean

    return DigitalOcean(Api("https://api.digitalocean.com", headers=_bearer(secret)))


def _namecheap(config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns.namecheap import Namecheap

    api = Api(config.get("api_url", "https://api.namecheap.com"))
    key = _credential(secret, "api_key")
    return Namecheap(api, _setting(config, "api_user"), key, _setting(config, "client_ip"))


def _route53(_config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns import route53

    key_id = _credential(secret, "access_key_id")
    return route53.Route53(route53.connect(key_id, _credential(secret, "secret_access_key")))


def _lexicon(config: Config, secret: Credentials) -> DnsProvider:
    from nameplate.adapters.dns.lexicon import Lexicon

    zones, ttl = config.get("zones", []), int(config.get("ttl", 300))
    return Lexicon(_setting(config, "lexicon_provider"), secret, zones, ttl=ttl)


def _bearer(secret: Credentials) -> dict[str, Secret | str]:
    token = _credential(secret, "api_token").reveal()
    return {"Authorization": Secret(f"Bearer {token}")}


_DNS_PROVIDERS: dict[str, Callable[[Config, Credentials], DnsProvider]] = {
    "cloudflare": _cloudflare,
    "digitalocean": _digitalocean,
    "lexicon": _lexicon,
    "memory": lambda config, _secret: MemoryDns(dict.fromkeys(config.get("zones", ()), ())),
    "namecheap": _namecheap,
    "powerdns": _powerdns,
    "rfc2136": _rfc2136,
    "route53": _route53,
}


def _authority(account: Account, *, ring: KeyRing) -> CertificateAuthority:
    config = account.config
    secret = accounts.credentials(account, ring)
    if account.provider == "acme":
        from nameplate.adapters.ca.accounts import register
        from nameplate.adapters.ca.acme import AcmeAuthority

        directory, bundle = _setting(config, "directory_url"), config.get("ca_bundle")
        key = _credential(secret, "account_key")
        url = register(directory, key, config.get("contact", []), verify=bundle)
        return AcmeAuthority(directory, key, url, verify=bundle)
    if account.provider == "local":
        from nameplate.adapters.ca.local import LocalAuthority

        root = _setting(config, "root_certificate")
        return LocalAuthority(_credential(secret, "root_key"), root.encode(), clock=clock)
    raise Refused("provider_unknown", f"there is no certificate authority {account.provider}")


def _setting(config: dict[str, Any], name: str) -> str:
    if not config.get(name):
        raise Refused("setting_missing", f"the configuration lacks `{name}`")
    return str(config[name])


def _credential(credentials: dict[str, Secret], name: str) -> Secret:
    if name not in credentials:
        raise Refused("credential_missing", f"the account lacks the credential `{name}`")
    return credentials[name]


def _trust(config: dict[str, Any]) -> ssl.SSLContext | None:
    bundle = config.get("ca_bundle")
    return ssl.create_default_context(cafile=bundle) if bundle else None


def _proxy(server: Server, *, settings: Settings, plugins: Registry[ProxyPlugin]) -> Proxy:
    stored = dict(server.proxy or {})
    plugin = plugins.get(str(stored.pop("type", "")))
    config = configuration.load(plugin.configuration, stored)
    folder = Path(config.folder or settings.home / "proxies" / str(server.id))
    own = settings.challenge_upstream or f"{settings.host}:{settings.port}"
    upstream = Upstream(*_address(config.challenge_upstream or own))
    return plugin.connect(config, ProxyPlace(folder, upstream))
