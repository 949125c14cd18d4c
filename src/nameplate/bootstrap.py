"""Settings to a running Nameplate: the only file that names a concrete adapter."""

import gc
import random
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_network
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from nameplate import registry
from nameplate.adapters import keyring as keyrings
from nameplate.adapters.verification.unavailable import NotAvailable
from nameplate.core import configuration, edge_tokens, ids, own_names
from nameplate.core.actor import PLATFORM
from nameplate.core.cdn import CdnNetworks
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.chains import Roots
from nameplate.core.configuration import Credentials
from nameplate.core.domain_connect.service import ConnectService
from nameplate.core.egress import EgressPolicy, Network
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Invalid, NameplateError
from nameplate.core.proof_life import ProofLife
from nameplate.core.secret import Secret
from nameplate.core.vantage_messages import MIN_SECRET
from nameplate.db import Sessions, engine
from nameplate.models import Account, Server, VerificationMethodName
from nameplate.ports.domain_connect import DomainConnect
from nameplate.ports.fetcher import AddressFetcher, Fetched
from nameplate.ports.identity import IdentityProvider
from nameplate.ports.mail import Mailer
from nameplate.ports.prober import Prober
from nameplate.ports.proxy import Proxy, ProxyPlace, ProxyPlugin, Upstream
from nameplate.ports.registration_data import RegistrationData
from nameplate.ports.resolver import Resolver, SignatureChecker
from nameplate.ports.validation import Validator
from nameplate.ports.vantages import Vantages
from nameplate.ports.verification import Outside, ProofMethodPlugin, VerificationMethod
from nameplate.registry import Registry
from nameplate.remote import clock
from nameplate.settings import Settings
from nameplate.usecases.operations import checkup, installation, rings
from nameplate.usecases.operations.checkup import Finding
from nameplate.usecases.tenants import accounts, connections, request_budgets
from nameplate.usecases.tools import Tools

T = TypeVar("T")
SANDBOX_POLL = timedelta(seconds=1)
_UPGRADE = "Run `nameplate db upgrade`, then see the log of the database."
CHALLENGE_CHECK = timedelta(seconds=5)
"""How long one look at the challenge path of a host may take."""


def collect_rarely() -> None:
    """Have the garbage collector look seldom, and never at what is imported by now.

    For a process of our own. Work on a zone makes some hundred thousand objects, none of them in a
    cycle; looking for cycles among them, and among those of every module, took a third of its time.
    Such a process switches the collector off before it imports, which takes a tenth less time then.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def sessions(settings: Settings) -> Sessions:
    """Connect (lazily) to the database of the settings. Raises Invalid `database_url_invalid`."""
    tenant = engine(settings.url.reveal())
    same = settings.system_url == settings.url
    return Sessions(tenant, None if same else engine(settings.system_url.reveal()))


def keyring(settings: Settings) -> KeyRing:
    """Load the key ring, which follows its file from then on.

    The embedded default makes its file on first use. Where secrets may be sealed already, a file that
    is missing is refused (`keyring_missing`): a new ring would open none of them.
    """
    if settings.keyring is not None:
        return keyrings.load(None, settings.keyring.reveal())
    path = settings.keyring_path
    if settings.keyring_file is None and not path.exists() and not _seals(settings):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        keyrings.create(path)
    return keyrings.FileKeyRing(path)


def _seals(settings: Settings) -> bool:
    """Tell whether the database may hold sealed secrets."""
    if settings.database_url is None and not settings.database_path.exists():
        return False
    found = sessions(settings)
    try:
        return rings.is_begun(found)
    finally:
        found.dispose()


def ready(settings: Settings) -> tuple[Sessions, KeyRing]:
    """Connect to the database and load the key ring; raises what `prepare` and `rings.check` do."""
    found = sessions(settings)
    try:
        prepare(settings, found)
        ring = keyring(settings)
        rings.check(found, ring, ring_source(settings))
    except BaseException:
        found.dispose()
        raise
    return found, ring


def prepare(settings: Settings, found: Sessions) -> None:
    """See to it that the database can be worked with; migrate it if it is the embedded default."""
    if settings.database_url is None:
        installation.migrate_default(found, settings.database_path)
    installation.check(found)


def ring_source(settings: Settings) -> str:
    """Return where the key ring comes from, for messages."""
    return "NAMEPLATE_KEYRING" if settings.keyring is not None else str(settings.keyring_path)


def edge_secret(settings: Settings) -> Secret:
    """Return what proxies must send to `/edge/route`; the default makes its file on first use."""
    return settings.edge_secret or keyrings.shared_secret(settings.edge_secret_path)


def facts(settings: Settings) -> dict[str, str]:
    """Return where a process keeps and finds things, in words and without secrets."""
    url = make_url(settings.url.reveal())
    at = url.database if url.host is None else f"{url.host}, {url.database} as {url.username}"
    recursor = settings.dns_recursor or "those of /etc/resolv.conf"
    given = settings.keyring is not None
    return {
        "database": f"{url.get_backend_name()} at {at}",
        "keyring": "the variable NAMEPLATE_KEYRING" if given else str(settings.keyring_path),
        "resolver": recursor,
    }


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
            if url:
                installation.check(opened)
            else:
                prepare(self._settings, opened)
            yield opened
        finally:
            opened.dispose()

    def clock(self) -> datetime:
        """Return the time, aware and in UTC."""
        return clock()

    def roots(self) -> Roots:
        """Return the authorities that visitors trust."""
        return _roots(self._settings)

    def presented(self, host: str, address: str, port: int) -> Sequence[bytes]:
        """Return the certificates that a TLS server presents for `host`, each as DER."""
        from nameplate.adapters.http import presented

        return presented.certificates(host, address, port)

    def facts(self) -> dict[str, str]:
        """Return where this process keeps and finds things, without secrets."""
        return facts(self._settings)

    def findings(self, *, over_network: bool) -> list[Finding]:
        """Look at the database, the key ring and what is in the rows; at names `over_network` too.

        What is wrong is a value here, except for settings that cannot be read.
        """
        found = []
        try:
            with self.sessions(None) as opened, opened.begin(PLATFORM, read_only=True) as session:
                found = checkup.of_rows(session)
                if over_network:
                    policy = EgressPolicy(allow=self._settings.egress_allow, deny=())
                    found += checkup.of_names(session, _resolver(self._settings, policy))
        except NameplateError as error:
            return [Finding("database", ok=False, message=error.detail)]
        except DatabaseError:
            message = "The database does not answer as expected."
            return [Finding("database", ok=False, message=message, fix=_UPGRADE)]
        try:
            self.keyring()
        except NameplateError as error:
            return [*found, Finding("keyring", ok=False, message=error.detail)]
        if over_network and self._settings.challenge_zone is not None:
            found += self._challenge_zone()
        told = facts(self._settings)
        return [
            Finding("database", ok=True, message=f"{told['database']} answers."),
            Finding("keyring", ok=True, message=f"The key ring is {told['keyring']}."),
            *found,
        ]

    def _challenge_zone(self) -> list[Finding]:
        from nameplate.usecases.certificates import challenge_zone

        with self.sessions(None) as opened:
            return challenge_zone.check(opened, tools(self._settings, self.keyring()))

    def keyring(self) -> KeyRing:
        """Load the key ring."""
        return keyring(self._settings)

    def add_key(self) -> KeyRing:
        """Put a new primary key into the file and return the ring."""
        return keyrings.add_key(self._settings.keyring_path)

    def drop_keys(self, key_ids: Collection[str]) -> KeyRing:
        """Remove these keys from the file, but never the primary, and return the ring."""
        return keyrings.drop_keys(self._settings.keyring_path, key_ids)

    def edge_token(self, server: str) -> Secret:
        """Return what the proxy of a server, by its id, sends to fetch its configuration."""
        return edge_tokens.token(edge_secret(self._settings), server)

    def first_key(self) -> KeyRing:
        """Make the key file with one key, where no secret is sealed yet, and return the ring."""
        path = self._settings.keyring_path
        if not path.exists() and _seals(self._settings):
            return keyrings.load(path, None)  # says that it is missing
        return keyrings.first(path)

    @property
    def ring_source(self) -> str:
        """Where the key ring comes from, for messages."""
        return ring_source(self._settings)


def _proof_life(settings: Settings) -> ProofLife:
    return ProofLife(
        reproof=timedelta(days=settings.reproof_days),
        grace=timedelta(days=settings.grace_days),
        kept=timedelta(days=settings.lapsed_days),
        quarantine=timedelta(days=settings.quarantine_days),
    )


def tools(settings: Settings, ring: KeyRing, counting: Sessions | None = None) -> Tools:
    """Connect every port to its adapter; `counting` is where requests of all processes are counted."""
    take = None if counting is None else request_budgets.counted(counting)
    policy = EgressPolicy(allow=settings.egress_allow, deny=())
    resolver = _resolver(settings, policy)
    dns_providers, authorities = registry.dns_providers(), registry.authorities()
    proxies, proof_methods = registry.proxies(), registry.proof_methods()
    registrars = registry.registrars()
    generator = random.SystemRandom()
    outside = _outside(settings, policy, resolver)
    return Tools(
        keyring=ring,
        resolver=resolver,
        methods=_Methods(proof_methods, settings, outside),
        dns_providers=dns_providers,
        authorities=authorities,
        proxies=proxies,
        proof_methods=proof_methods,
        dns_provider=connections.dns_provider(dns_providers, ring, take),
        authority=connections.authority(authorities, ring, clock),
        registrar=connections.registrar(registrars, ring, clock, take),
        registrars=registrars,
        organization_limits=settings.organization_limits,
        platform_limits=settings.platform_limits,
        proxy=partial(_proxy, settings=settings, plugins=proxies),
        proxy_by_account=partial(_proxy_by_account, settings=settings, plugins=proxies, ring=ring),
        prober=_prober(policy),
        fetcher=_fetcher(settings, resolver),
        present=_presenter(settings),
        answers_tls_alpn=settings.tls_alpn_port is not None,
        pages=outside.fetcher,
        registrations=_registrations(settings, policy, resolver),
        cdn_networks=_cdn_networks(settings, policy, resolver),
        scan_queries=settings.scan_queries,
        clock=clock,
        random=secrets.token_bytes,
        jitter=generator.random,
        domain_connect=_domain_connect(settings, resolver, policy),
        signatures=_signatures(settings, policy),
        validator=_validator(settings, policy),
        vantages=_vantages(settings),
        public_url=settings.public_url,
        identity_provider=_identity_provider(settings),
        challenge_zone=settings.challenge_zone,
        draft_challenges=settings.draft_challenges,
        certificate_preferences=CertificatePreferences(
            key_type=settings.certificate_key_type,
            challenge=settings.certificate_challenge,
            profile=settings.certificate_profile,
        ),
        roots=partial(_roots, settings),
        platform_names=_own_names(settings),
        protects_servers=settings.platform_zones is None,
        max_unproved=settings.max_unproved_claims,
        special_use=settings.sandbox,
        poll=SANDBOX_POLL if settings.sandbox else None,
        proof_life=_proof_life(settings),
        edge=settings.edge_networks,
        suspended_answer=_suspended_answer(settings),
        unused_kept=timedelta(days=settings.unused_certificate_days) or None,
        events_kept=timedelta(days=settings.event_days),
    )


def _suspended_answer(settings: Settings) -> int | None:
    said = settings.suspended_answer
    return None if said == "none" else int(said)


def _roots(settings: Settings) -> Roots:
    """Return the authorities that may have signed what is uploaded, read when they are needed."""
    from nameplate.adapters.http import roots

    return roots.trusted(settings.trusted_roots)


def _own_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the platform that nobody else holds."""
    if settings.platform_zones is not None:
        return own_names.read(settings.platform_zones)
    challenges = settings.challenge_zone or ""
    host = urlsplit(settings.public_url or "").hostname or ""
    zones = (one.get("zone") for one in settings.proof_methods.values())
    return own_names.read([host, challenges, *(one for one in zones if isinstance(one, str))])


def _resolver(settings: Settings, policy: EgressPolicy) -> Resolver:
    from nameplate.adapters.resolver.authoritative import AuthoritativeResolver

    recursor, overrides = _name_servers(settings)
    public = [_address(one) for one in settings.public_resolvers]
    return AuthoritativeResolver(policy, recursor=recursor, overrides=overrides, public=public)


def _signatures(settings: Settings, policy: EgressPolicy) -> SignatureChecker:
    from nameplate.adapters.resolver.signatures import DnssecChecker

    recursor, overrides = _name_servers(settings)
    return DnssecChecker(policy, clock, recursor=recursor, overrides=overrides)


def _validator(settings: Settings, policy: EgressPolicy) -> Validator | None:
    if not settings.dnssec:
        return None
    from nameplate.adapters.resolver import trust_anchors
    from nameplate.adapters.resolver.validating import DnssecValidator

    recursor, overrides = _name_servers(settings)
    anchors = trust_anchors.read(settings.dnssec_anchors)
    return DnssecValidator(policy, clock, anchors, recursor=recursor, overrides=overrides)


def _vantages(settings: Settings) -> Vantages | None:
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
    return _resolver(settings, policy), secret, settings.vantage_name


def _name_servers(
    settings: Settings,
) -> tuple[tuple[str, int] | None, dict[str, list[tuple[str, str, int]]]]:
    """Return the resolver that finds name servers, and the servers of private zones."""
    recursor = _address(settings.dns_recursor) if settings.dns_recursor else None
    overrides = {
        zone: [(f"ns.{zone}", *_address(server)) for server in servers]
        for zone, servers in settings.dns_servers.items()
    }
    return recursor, overrides


def _presenter(
    settings: Settings,
) -> Callable[[str, str, Sequence[str], int | None], Fetched]:
    """Return what looks at the TLS handshake of hosts, as `_fetcher` does at plain HTTP."""
    from nameplate.adapters.http import handshake

    policy = EgressPolicy(allow=_inside(settings))
    return handshake.presenter(policy, CHALLENGE_CHECK, settings.challenge_check_via)


def _inside(settings: Settings) -> tuple[Network, ...]:
    inside = (ip_network("127.0.0.0/8"), ip_network("::1/128")) if settings.sandbox else ()
    return (*settings.egress_allow, *inside)


def _fetcher(settings: Settings, resolver: Resolver) -> AddressFetcher:
    """Return what looks at the challenge path of hosts; those of a sandbox are on this machine."""
    from nameplate.adapters.http.fetch import SafeFetcher

    return SafeFetcher(
        EgressPolicy(allow=_inside(settings)),
        resolver.addresses,
        ports=_ports(settings),
        deadline=CHALLENGE_CHECK,
        detours=settings.challenge_check_via,
    )


def _ports(settings: Settings) -> Mapping[str, int]:
    return {"http": settings.sandbox_http_port if settings.sandbox else 80, "https": 443}


def _outside(settings: Settings, policy: EgressPolicy, resolver: Resolver) -> Outside:
    from nameplate.adapters.http.fetch import SafeFetcher

    fetcher = SafeFetcher(policy, resolver.addresses, ports=_ports(settings))
    return Outside(resolver, fetcher, settings.edge_networks, _mailer(settings))


def _registrations(
    settings: Settings, policy: EgressPolicy, resolver: Resolver
) -> RegistrationData | None:
    if settings.sandbox or not settings.rdap:
        return None
    from nameplate.adapters.rdap.connect import connect

    return connect(policy, resolver, clock, settings.home / "rdap.json")


def _cdn_networks(
    settings: Settings, policy: EgressPolicy, resolver: Resolver
) -> Callable[[str], CdnNetworks | None]:
    from nameplate.adapters.vendors import cloudflare_networks

    kept = settings.home / "cloudflare-networks.json"
    return cloudflare_networks.connect(policy, resolver, clock, kept)


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_host is None:
        return None
    if settings.mail_sender is None:
        raise Invalid("setting_missing", "smtp_host needs mail_sender: mail comes from an address")
    from nameplate.adapters.smtp import MailServer, SmtpMailer

    security = settings.smtp_security
    return SmtpMailer(
        MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port or (465 if security == "tls" else 587),
            security=security,
            sender=settings.mail_sender,
            user=settings.smtp_user,
            password=settings.smtp_password,
        )
    )


def _identity_provider(settings: Settings) -> IdentityProvider | None:
    if settings.oidc_issuer is None:
        return None
    try:
        from nameplate.adapters import oidc
    except ModuleNotFoundError:
        detail = "oidc_issuer needs the extra `oidc`: `pip install 'nameplate[oidc]'`"
        raise Invalid("setting_missing", detail) from None
    given = settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_name
    return oidc.connect(settings.oidc_issuer, *given, clock)


class _Methods(Mapping[VerificationMethodName, VerificationMethod]):
    """The proof methods, each connected when it is first used: one that is broken hides no other."""

    def __init__(
        self, plugins: Registry[ProofMethodPlugin], settings: Settings, outside: Outside
    ) -> None:
        self._plugins, self._settings, self._outside = plugins, settings, outside
        self._made: dict[VerificationMethodName, VerificationMethod] = {}

    def __getitem__(self, name: VerificationMethodName) -> VerificationMethod:
        if name not in self._made:
            self._made[name] = self._make(VerificationMethodName(name))
        return self._made[name]

    def __iter__(self) -> Iterator[VerificationMethodName]:
        return iter(VerificationMethodName)

    def __len__(self) -> int:
        return len(VerificationMethodName)

    def _make(self, name: VerificationMethodName) -> VerificationMethod:
        available = [one for one in VerificationMethodName if one in self._plugins.names()]
        if name not in available:
            return NotAvailable(name, available)
        plugin, told = self._plugins.get(name), self._settings.proof_methods.get(name, {})
        config = configuration.load(plugin.configuration, told)
        lacking = plugin.lacks(config, self._outside)
        if lacking is not None:
            usable = [one for one in available if one in {"dns_txt", "file_upload"}]
            return NotAvailable(name, usable, lacking)
        return plugin.connect(config, self._outside)


def _prober(policy: EgressPolicy) -> Prober:
    from nameplate.adapters.proxy.probe import HttpProber as Probe

    return Probe(tenants=lambda address: policy.refusal(address) is None)


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


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Invalid("setting_invalid", f"{text} is not an address and a port, as in 10.0.0.53:53")
    return host.strip("[]"), int(port)


def _proxy_by_account(
    server: Server,
    account: Account,
    ledger: frozenset[str],
    *,
    settings: Settings,
    plugins: Registry[ProxyPlugin],
    ring: KeyRing,
) -> Proxy:
    opened = accounts.credentials(account, ring)
    return _proxy(server, settings=settings, plugins=plugins, credentials=opened, ledger=ledger)


def _proxy(
    server: Server,
    *,
    settings: Settings,
    plugins: Registry[ProxyPlugin],
    credentials: Credentials = MappingProxyType({}),
    ledger: frozenset[str] = frozenset(),
) -> Proxy:
    stored = dict(server.proxy or {})
    plugin = plugins.get(str(stored.pop("type", "")))
    config = configuration.load(plugin.configuration, stored)
    folder = config.folder or str(settings.home / "proxies" / str(server.id))
    own = settings.challenge_upstream or "{}:{}".format(*settings.edge_address)
    upstream = Upstream(*_address(config.challenge_upstream or own))
    # Another's proxy asks another's address: it must not be told the secret.
    secret = settings.edge_secret if server.organization_id is None else None
    name = ids.show("srv", server.id)
    place = ProxyPlace(folder, upstream, secret, server.address, name, credentials, ledger)
    return plugin.connect(config, place)
