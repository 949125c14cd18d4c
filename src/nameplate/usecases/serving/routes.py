"""What a server should serve, read from rows, as values that can be compared."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import KeyRing
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.secret import Secret
from nameplate.models import Application, Binding, Certificate, Domain, Organization
from nameplate.ports.proxy import KeyPair, Proxy, Route, RoutePlace, Upstream
from nameplate.usecases.certificates import requests
from nameplate.usecases.serving import hosts

_LOOKED_UP = 500
"""Certificates in one statement."""


class WantedRoute(NamedTuple):
    """One binding that a server should serve now, and what its proxy was last told of it."""

    binding: int
    organization: int
    status: BindingStatus
    hostname: str
    path: str
    upstream_host: str
    upstream_port: int
    force_https: bool
    hsts: bool
    certificate: int | None
    """None: plain HTTP only."""
    generation: int | None
    serial: str | None
    served_server: int | None
    served_digest: str | None
    served_serial: str | None

    @property
    def id(self) -> str:
        """The binding's id as routes carry it."""
        return ids.show("bnd", self.binding)

    @property
    def key_pair(self) -> str:
        """The id of the key pair; empty without one."""
        if self.certificate is None:
            return ""
        return f"{ids.show('crt', self.certificate)}-{self.generation}"

    @property
    def digest(self) -> str:
        """A digest of all that the route says."""
        return digest(
            self.hostname,
            self.path,
            self.upstream_host,
            self.upstream_port,
            self.key_pair,
            self.force_https,
            self.hsts,
        )


class ServedRoute(NamedTuple):
    """One binding that a server's proxy serves by its last configuration."""

    binding: int
    hostname: str
    path: str

    @property
    def place(self) -> RoutePlace:
        """The route as the proxy knows it."""
        return RoutePlace(ids.show("bnd", self.binding), self.hostname, self.path)

    @property
    def shown(self) -> str:
        """Host and path for a person."""
        return shown(self.hostname, self.path)


def shown(hostname: str, path: str) -> str:
    """Return host and path for a person."""
    return hostname if path == "/" else f"{hostname}{path}"


def digest(*parts: object) -> str:
    """Return one digest of values that are written the same on every machine."""
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()


def of_binding(binding: Binding, application: Application, certificate: Certificate | None) -> str:
    """Return the digest of a binding's route, as `WantedRoute.digest` of its row would be."""
    pair = ""
    usable = certificate is not None and certificate.certificate_bundle and certificate.private_key
    if binding.ssl_enabled and certificate is not None and usable:
        pair = f"{ids.show('crt', certificate.id)}-{certificate.generation}"
    return digest(
        binding.hostname,
        binding.path,
        application.upstream_host,
        binding.port or application.upstream_port,
        pair,
        binding.force_https,
        binding.hsts_enabled,
    )


def wanted(session: Session, server_id: int) -> list[WantedRoute]:
    """Return what a server should serve now (I11), each host of its holder only (I12)."""
    rows = session.execute(_wanted(), {"server": server_id})
    found = [WantedRoute(*row) for row in rows]
    by_host: dict[str, list[WantedRoute]] = {}
    for one in found:
        by_host.setdefault(one.hostname, []).append(one)
    kept = [
        one
        for hostname, of_host in by_host.items()
        for one in hosts.of_one_holder(session, hostname, of_host, lambda one: one.organization)
    ]
    return sorted(kept)


def served(session: Session, server_id: int) -> list[ServedRoute]:
    """Return what the server's proxy serves by its last configuration, removed bindings too."""
    rows = session.execute(
        sa.select(Binding.id, Binding.hostname, Binding.path)
        .where(Binding.served_server_id == server_id)
        .order_by(Binding.id)
    )
    return [ServedRoute(*row) for row in rows]


def _wanted() -> Any:  # noqa: ANN401 - SQLAlchemy 2.0 and 2.1 type a select of columns differently
    presents = sa.and_(
        Binding.ssl_enabled,
        Certificate.certificate_bundle.is_not(None),
        Certificate.private_key.is_not(None),
    )
    port = sa.func.coalesce(Binding.port, Application.upstream_port)
    return (
        Binding.visible(PLATFORM)
        .with_only_columns(
            Binding.id,
            Binding.organization_id,
            Binding.status,
            Binding.hostname,
            Binding.path,
            Application.upstream_host,
            port,
            Binding.force_https,
            Binding.hsts_enabled,
            sa.case((presents, Certificate.id)),
            sa.case((presents, Certificate.generation)),
            sa.case((presents, Certificate.serial_number)),
            Binding.served_server_id,
            Binding.served_digest,
            Binding.served_serial,
        )
        .join(Application, Application.id == Binding.application_id)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Organization, Organization.id == Binding.organization_id)
        .outerjoin(Certificate, Certificate.id == Binding.ssl_certificate_id)
        .where(
            Binding.server_id == sa.bindparam("server"),
            Binding.status.in_([BindingStatus.CONFIGURING, BindingStatus.ACTIVE]),
            Domain.permits(Binding.hostname),
            Application.deleted_at.is_(None),
            Application.upstream_host.is_not(None),
            port.is_not(None),
            Organization.deleted_at.is_(None),
            Organization.is_active.is_(True),
        )
        .order_by(Binding.id)
    )


def rendered(session: Session, ring: KeyRing, found: Iterable[WantedRoute]) -> tuple[Route, ...]:
    """Return the routes for a proxy. A private key is opened only when it is written."""
    rows = tuple(found)
    pairs = _key_pairs(session, ring, {row.certificate for row in rows if row.certificate})
    return tuple(
        Route(
            id=row.id,
            hostname=row.hostname,
            path=row.path,
            upstream=Upstream(row.upstream_host, row.upstream_port),
            key_pair=pairs.get(row.certificate) if row.certificate else None,
            force_https=row.force_https,
            hsts=row.hsts,
        )
        for row in rows
    )


def _key_pairs(session: Session, ring: KeyRing, wanted: set[int]) -> dict[int, KeyPair]:
    pairs: dict[int, KeyPair] = {}
    numbers = sorted(wanted)
    for start in range(0, len(numbers), _LOOKED_UP):
        query = (
            Certificate.visible(PLATFORM)
            .with_only_columns(
                Certificate.id,
                Certificate.organization_id,
                Certificate.generation,
                Certificate.certificate_bundle,
                Certificate.private_key,
            )
            .where(Certificate.id.in_(numbers[start : start + _LOOKED_UP]))
        )
        for number, organization, generation, bundle, sealed in session.execute(query):
            if bundle is None or sealed is None:
                continue
            place = requests.key_place_of(organization, number)
            key = Secret.later(partial(ring.open, sealed, place))
            pairs[number] = KeyPair(f"{ids.show('crt', number)}-{generation}", bundle, key)
    return pairs


@dataclass(frozen=True)
class Difference:
    """What a server should serve, beside what its proxy was last told."""

    form: str
    """How this proxy writes any route: it changes with settings and with Nameplate itself."""
    wanted: Sequence[WantedRoute]
    served: Sequence[ServedRoute]

    @cached_property
    def leaving(self) -> list[ServedRoute]:
        """What the proxy serves and must not."""
        kept = {row.binding for row in self.wanted}
        return [row for row in self.served if row.binding not in kept]

    def fingerprint(self, left_out: Mapping[str, str]) -> str:
        """Return the digest of what the proxy should serve without these routes."""
        total = hashlib.sha256(self.form.encode())
        for row in self.wanted:
            if row.id not in left_out:
                total.update(f"{row.binding}\0{row.digest}\0".encode())
        return total.hexdigest()


_SAMPLES: tuple[Callable[[KeyPair], Route], ...] = (
    lambda pair: Route("a", "a.example.test", "/", Upstream("127.0.0.1", 80), pair),
    lambda pair: Route("b", "a.example.test", "/b", Upstream("b.example.test", 80), pair),
    lambda _: Route("c", "*.c.example.test", "/", Upstream("::1", 80), None, False, False),
)


def form(proxy: Proxy) -> str:
    """Return a digest of how this proxy writes routes, by a few that stand for all."""
    pair = KeyPair("crt", "bundle", Secret("key"))
    config = proxy.render([sample(pair) for sample in _SAMPLES])
    total = hashlib.sha256()
    for name, content in sorted(config.files.items()):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()
