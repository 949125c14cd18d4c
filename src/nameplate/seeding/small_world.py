"""A small world that a person can read: every status, type and method once, in reserved names.

Northwind has a child organization; Harbor Media stands beside it. Every name ends in `.example`
(RFC 2606), so that nothing of it can exist. Rows reach their status by the models' own methods.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.encryption import KeyRing
from nameplate.core.lifecycle import HealthStatus
from nameplate.models import (
    Application,
    Binding,
    Certificate,
    CertificateType,
    ChallengeType,
    Domain,
    DomainType,
    Model,
    Organization,
    ProxyType,
    Server,
    SslProvider,
)
from nameplate.seeding.proofs import records, verifications
from nameplate.usecases.certificates import coverage, requests
from nameplate.usecases.certificates.self_signed import Signed, self_signed
from nameplate.usecases.claims import holdings

MARK = {"nameplate_seed": "world"}
"""Metadata of the organizations, by which a second run knows its own world."""
PROOF = timedelta(days=30)
PLATFORM_ZONE = "platform.example"

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class _Claim:
    owner: str
    name: str
    kind: DomainType
    reach: Callable[[Domain, datetime], None]
    """Brings a new domain into its status."""


def _verified(row: Domain, now: datetime) -> None:
    row.verify(now - timedelta(days=3), now + PROOF)
    row.verification_method = "dns_txt"
    row.wake(now + PROOF)


def _active(row: Domain, now: datetime) -> None:
    _verified(row, now)
    row.activate()


def _suspended(row: Domain, now: datetime) -> None:
    _verified(row, now)
    row.suspend("The owner asked for a pause.", now, by_platform=False)


def _expired(row: Domain, now: datetime) -> None:
    row.expires_at = now - timedelta(days=20)
    row.expire("The registration ended and was not renewed.")


def _failed(row: Domain, _now: datetime) -> None:
    row.fail("The name servers ns1 and ns2 answer REFUSED: the zone is not set up there.")


def _pending(row: Domain, now: datetime) -> None:
    row.wake(now + timedelta(minutes=5))


_CLAIMS = (
    _Claim("northwind", "northwind.example", DomainType.CUSTOM, _active),
    _Claim("northwind", "shop.northwind.example", DomainType.APPLICATION, _active),
    _Claim("northwind", "*.stores.northwind.example", DomainType.WILDCARD, _verified),
    _Claim("northwind", f"northwind.{PLATFORM_ZONE}", DomainType.PLATFORM, _active),
    _Claim("northwind", "northwind-mail.example", DomainType.CUSTOM, _expired),
    _Claim("northwind-labs", "labs-northwind.example", DomainType.CUSTOM, _pending),
    _Claim("harbor", "harbor.example", DomainType.CUSTOM, _active),
    _Claim("harbor", "press.harbor.example", DomainType.APPLICATION, _suspended),
    _Claim("harbor", "harbour.example", DomainType.CUSTOM, _failed),
)

_ORGANIZATIONS = (
    ("northwind", "Northwind Goods", None),
    ("northwind-labs", "Northwind Labs", "northwind"),
    ("harbor", "Harbor Media", None),
)
_APPLICATIONS = (
    ("northwind", "Store", 8001),
    ("northwind", "Help centre", 8002),
    ("northwind-labs", "Playground", 8003),
    ("harbor", "Magazine", 8004),
)
_SERVERS = (
    (None, "Edge", "edge.platform.example", {"type": "caddy"}),
    ("harbor", "Harbor front", "192.0.2.80", {"type": "nginx"}),
)


SLUGS = frozenset(slug for slug, _, _ in _ORGANIZATIONS)


def build(session: Session, ring: KeyRing, now: datetime) -> None:
    """Make the whole world in the caller's transaction of the platform."""
    owners = _organizations(session)
    applications = {
        name: _add(
            session,
            Application(
                organization_id=owners[owner].id,
                name=name,
                upstream_host="127.0.0.1",
                upstream_port=port,
            ),
        )
        for owner, name, port in _APPLICATIONS
    }
    servers = {
        name: _add(
            session,
            Server(
                organization_id=owners[owner].id if owner else None,
                name=name,
                address=address,
                proxy=proxy,
            ),
        )
        for owner, name, address, proxy in _SERVERS
    }
    domains = {claim.name: _domain(session, owners[claim.owner], claim, now) for claim in _CLAIMS}
    held = _certificates(session, ring, domains, now)
    bound = _bindings(session, domains, applications, servers, held=held, now=now)
    proofs = verifications(session, domains, now)
    records(
        session,
        domains,
        (applications["Store"], servers["Edge"], held[0], proofs[0], bound[0]),
        now,
    )
    session.flush()


def _organizations(session: Session) -> dict[str, Organization]:
    made: dict[str, Organization] = {}
    for slug, name, parent in _ORGANIZATIONS:
        made[slug] = _add(
            session,
            Organization(
                name=name,
                slug=slug,
                parent_organization_id=made[parent].id if parent else None,
                metadata_=dict(MARK),
            ),
        )
    return made


def _domain(session: Session, owner: Organization, claim: _Claim, now: datetime) -> Domain:
    name = names.parse(claim.name, wildcard=True, special_use=True)
    own = claim.kind is DomainType.PLATFORM
    row = Domain(
        organization_id=owner.id,
        domain_name=name.registrable,
        subdomain=name.subdomain,
        domain_type=claim.kind,
        managed_externally=not own,
        ssl_provider=SslProvider.LETSENCRYPT,
        registered_at=None if own else now - timedelta(days=400),
        expires_at=None if own else now + timedelta(days=330),
    )
    _add(session, row)
    claim.reach(row, now)
    session.flush()
    session.refresh(row)
    if row.verified_at is not None:
        holdings.take(session, row, subtree=not own, now=now)
    return row


def _certificates(
    session: Session, ring: KeyRing, domains: Mapping[str, Domain], now: datetime
) -> Sequence[Certificate]:
    """One certificate for each status and type, each really signed and with its key sealed."""
    fresh, old = now - timedelta(days=10), now - timedelta(days=100)
    made = []
    for name, kind, begun, reach in (
        ("northwind.example", CertificateType.LETSENCRYPT, fresh, None),
        ("*.stores.northwind.example", CertificateType.WILDCARD, now - timedelta(days=62), _renew),
        ("shop.northwind.example", CertificateType.CUSTOM, fresh, None),
        (f"northwind.{PLATFORM_ZONE}", CertificateType.SELF_SIGNED, fresh, None),
        ("northwind-mail.example", CertificateType.LETSENCRYPT, old, _expire),
        ("press.harbor.example", CertificateType.LETSENCRYPT, fresh, _revoke),
    ):
        row = _certificate(session, domains[name], kind, now)
        _install(row, ring, self_signed([name], begun, timedelta(days=90)), now)
        if reach is not None:
            reach(row, ring, now)
        made.append(row)
    _certificate(session, domains["harbor.example"], CertificateType.LETSENCRYPT, now)
    failed = _certificate(session, domains["harbour.example"], CertificateType.LETSENCRYPT, now)
    failed.fail("acme_caa", "The CAA record of harbour.example admits only another authority.", now)
    session.flush()
    return made


def _certificate(
    session: Session, domain: Domain, kind: CertificateType, now: datetime
) -> Certificate:
    name = domain.full_domain
    wildcard = names.is_wildcard(name)
    row = Certificate(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        certificate_name=name,
        certificate_type=kind,
        common_name=name,
        acme_challenge_type=ChallengeType.DNS_01 if wildcard else ChallengeType.HTTP_01,
    )
    if kind in {CertificateType.CUSTOM, CertificateType.SELF_SIGNED}:
        row.acme_challenge_type = None
        row.auto_renew = False
    else:
        row.wake(now + timedelta(hours=1))
    session.add(row)
    coverage.name(session, row, {name: domain.id})
    return row


def _install(row: Certificate, ring: KeyRing, signed: Signed, now: datetime) -> None:
    facts = signed.facts
    row.certificate = row.certificate_bundle = signed.certificate
    row.private_key = ring.seal(signed.key, requests.key_place(row))
    row.issuer, row.serial_number, row.fingerprint = facts.issuer, facts.serial, facts.fingerprint
    row.issued_at, row.expires_at = facts.not_before, facts.not_after
    row.activate(now)
    row.last_renewed_at = facts.not_before
    if row.auto_renew:
        row.next_renewal_attempt_at = facts.not_after - timedelta(days=30)
        row.next_action_at = row.next_renewal_attempt_at


def _renew(row: Certificate, ring: KeyRing, now: datetime) -> None:
    signed = self_signed([row.common_name], now, PROOF)
    row.begin(ring.seal(signed.key, requests.pending_key_place(row)))


def _expire(row: Certificate, _ring: KeyRing, _now: datetime) -> None:
    row.expire()
    row.auto_renew, row.next_action_at = False, None


def _revoke(row: Certificate, _ring: KeyRing, now: datetime) -> None:
    row.revoke(now)
    row.auto_renew, row.next_action_at = False, None


def _bindings(
    session: Session,
    domains: Mapping[str, Domain],
    applications: Mapping[str, Application],
    servers: Mapping[str, Server],
    *,
    held: Sequence[Certificate],
    now: datetime,
) -> Sequence[Binding]:
    """One binding for each status, proxy and health."""
    of_domain = {row.organization_domain_id: row for row in held}
    made = []
    for name, application, server, proxy, status, health in (
        ("northwind.example", "Store", "Edge", ProxyType.CADDY, "active", HealthStatus.HEALTHY),
        ("shop.northwind.example", "Store", "Edge", ProxyType.CADDY, "active", HealthStatus.DEGRADED),
        ("northwind.platform.example", "Help centre", "Edge", ProxyType.TRAEFIK, "configuring", None),
        ("harbor.example", "Magazine", "Harbor front", ProxyType.NGINX, "pending", None),
        ("press.harbor.example", "Magazine", "Harbor front", ProxyType.CLOUDFLARE, "disabled", None),
        ("*.stores.northwind.example", "Store", "Edge", ProxyType.CADDY, "error", HealthStatus.UNHEALTHY),
    ):  # fmt: skip
        domain = domains[name]
        certificate = of_domain.get(domain.id)
        row = Binding(
            organization_id=domain.organization_id,
            application_id=applications[application].id,
            organization_domain_id=domain.id,
            server_id=servers[server].id,
            hostname=name,
            proxy_type=proxy,
            ssl_certificate_id=certificate.id if certificate else None,
            is_primary=name == "northwind.example",
        )
        made.append(_add(session, row))
        _reach(row, status, now)
        if health is not None:
            row.record_health(health, now - timedelta(seconds=40))
    return made


def _reach(row: Binding, status: str, now: datetime) -> None:
    """Take a new binding the usual way to its status."""
    if status == "pending":
        row.await_("The certificate is being obtained.")
    elif status == "disabled":
        row.disable("The domain is suspended.")
    else:
        row.configure()
    if status == "active":
        row.activate(now - timedelta(days=2))
    elif status == "error":
        row.fail("The application answers 502 through the proxy.")
    if status != "disabled":
        row.wake(now + timedelta(seconds=30))


def _add(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
