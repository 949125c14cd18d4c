"""Every port of the use cases, connected to its adapter."""

import random
import secrets
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nameplate import registry
from nameplate.adapters import keyring as keyrings
from nameplate.bootstrap import looks, proofs
from nameplate.core import configuration, ids, own_names
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.configuration import Credentials
from nameplate.core.domain_connect.service import ConnectService
from nameplate.core.egress import EgressPolicy
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Invalid
from nameplate.core.proof_life import ProofLife
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Account, Server
from nameplate.ports.domain_connect import DomainConnect
from nameplate.ports.identity import IdentityProvider
from nameplate.ports.proxy import Proxy, ProxyPlace, ProxyPlugin, Upstream
from nameplate.ports.resolver import Resolver
from nameplate.registry import Registry
from nameplate.remote import clock
from nameplate.settings import Settings
from nameplate.usecases.tenants import accounts, connections, request_budgets
from nameplate.usecases.tools import Tools

if TYPE_CHECKING:
    from nameplate.core.chains import Roots

SANDBOX_POLL = timedelta(seconds=1)


def tools(settings: Settings, ring: KeyRing, counting: Sessions | None = None) -> Tools:
    """Connect every port to its adapter; `counting` is where requests of all processes are counted."""
    take = None if counting is None else request_budgets.counted(counting)
    policy = EgressPolicy(allow=settings.egress_allow, deny=())
    resolver = looks.resolver(settings, policy)
    dns_providers, authorities = registry.dns_providers(), registry.authorities()
    proxies, proof_methods = registry.proxies(), registry.proof_methods()
    registrars = registry.registrars()
    generator = random.SystemRandom()
    outside = proofs.outside(settings, policy, resolver)
    return Tools(
        keyring=ring,
        resolver=resolver,
        methods=proofs.Methods(proof_methods, settings, outside),
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
        prober=looks.prober(policy),
        fetcher=looks.fetcher(settings, resolver),
        present=looks.presenter(settings),
        answers_tls_alpn=settings.tls_alpn_port is not None,
        pages=outside.fetcher,
        registrations=looks.registrations(settings, policy, resolver),
        cdn_networks=looks.cdn_networks(settings, policy, resolver),
        scan_queries=settings.scan_queries,
        clock=clock,
        random=secrets.token_bytes,
        jitter=generator.random,
        domain_connect=_domain_connect(settings, resolver, policy),
        signatures=looks.signatures(settings, policy),
        validator=looks.validator(settings, policy),
        vantages=looks.vantages(settings),
        public_url=settings.public_url,
        frame_ancestors=settings.frame_ancestors,
        identity_provider=_identity_provider(settings),
        challenge_zone=settings.challenge_zone,
        draft_challenges=settings.draft_challenges,
        certificate_preferences=CertificatePreferences(
            key_type=settings.certificate_key_type,
            challenge=settings.certificate_challenge,
            profile=settings.certificate_profile,
        ),
        roots=partial(roots, settings),
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


def _proof_life(settings: Settings) -> ProofLife:
    return ProofLife(
        reproof=timedelta(days=settings.reproof_days),
        grace=timedelta(days=settings.grace_days),
        kept=timedelta(days=settings.lapsed_days),
        quarantine=timedelta(days=settings.quarantine_days),
    )


def _suspended_answer(settings: Settings) -> int | None:
    said = settings.suspended_answer
    return None if said == "none" else int(said)


def roots(settings: Settings) -> "Roots":
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
    upstream = Upstream(*looks.address(config.challenge_upstream or own))
    # Another's proxy asks another's address: it must not be told the secret.
    secret = settings.edge_secret if server.organization_id is None else None
    name = ids.show("srv", server.id)
    place = ProxyPlace(folder, upstream, secret, server.address, name, credentials, ledger)
    return plugin.connect(config, place)
