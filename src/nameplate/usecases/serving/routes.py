"""What a server should serve, read from rows, as values that can be compared."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import cdn, deployment, ids
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import database_now
from nameplate.models import (
    Application,
    Binding,
    BindingPlacement,
    Certificate,
    Domain,
    Organization,
    ServerGroup,
)
from nameplate.models.dns_settings import DnsSettings
from nameplate.ports.proxy import (
    RoutePlace,
    Upstream,
)
from nameplate.usecases.certificates import deployments
from nameplate.usecases.certificates.deployments import BoundServer
from nameplate.usecases.serving import hosts, redirects, targets
from nameplate.usecases.serving.known import Known

_NOWHERE = Upstream("127.0.0.1", 80)  # of a route that answers by itself


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
    weight: int
    redirect_to: str | None
    redirect_status: int
    proxy_config: dict[str, Any] | None
    certificate: int | None
    """None: plain HTTP only."""
    generation: int | None
    serial: str | None
    served_server: int | None
    served_digest: str | None
    served_serial: str | None
    renewed_at: datetime | None = None
    former_generation: int | None = None
    """The generation that may be served instead; None: there is none."""
    former_serial: str | None = None
    former_expires_at: datetime | None = None
    refused_serial: str | None = None
    refused_since: datetime | None = None
    refused_at: datetime | None = None
    dns: DnsSettings | None = None
    """None: nothing of its domain is behind the DNS host's network."""
    held_back_at: datetime | None = None
    """Since when the target gets nothing while another one of its route is well."""
    answer: int | None = None
    """Status that a suspended host answers with."""
    edges: tuple[str, ...] = ()
    """Networks of the edges in front of the host, which tell where visitors come from."""
    in_group: bool = False
    """The binding is on a group of servers, or moves away, and what is served is noted for each server."""

    @property
    def former(self) -> "WantedRoute | None":
        """The same route with the generation before, None when there is none to serve."""
        if self.former_generation is None:
            return None
        return self._replace(
            generation=self.former_generation, serial=self.former_serial, former_generation=None
        )

    @property
    def id(self) -> str:
        """The binding's id as routes carry it."""
        return ids.show("bnd", self.binding)

    @property
    def key_pair(self) -> str:
        """The id of the key pair; empty without one."""
        return _pair(self.certificate, self.generation)

    @property
    def written_config(self) -> str:
        """Its `proxy_config` as text, so that `1` and `true` differ."""
        return _written(self.proxy_config)

    @property
    def digest(self) -> str:
        """A digest of all that the route says."""
        return _DIGESTS.of(self.binding, SAID(self), _digest)


SAID: Callable[[WantedRoute], tuple[Any, ...]] = attrgetter(
    "certificate", "generation", "hostname", "path", "upstream_host", "upstream_port", "force_https", "hsts",
    "weight", "redirect_to", "redirect_status", "written_config", "answer",
)  # fmt: skip
"""What a route says."""
_DIGESTS: Known[str] = Known()
"""By binding."""


def _digest(said: tuple[Any, ...]) -> str:
    certificate, generation, host, path, upstream, port, *told, answer = said
    pair = _pair(certificate, generation)
    said_ = () if answer is None else (answer,)
    return digest(host, path, upstream, port, pair, *told, *said_)


def _pair(certificate: int | None, generation: int | None) -> str:
    return "" if certificate is None else f"{ids.show('crt', certificate)}-{generation}"


class ServedRoute(NamedTuple):
    """One binding that a server's proxy serves by its last configuration."""

    binding: int
    organization: int
    hostname: str
    path: str
    in_group: int = 0
    """1 where it is on a group, as of `WantedRoute`."""

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


def _written(proxy_config: Mapping[str, Any] | None) -> str:
    return json.dumps(proxy_config, sort_keys=True) if proxy_config else ""


def of_binding(
    binding: Binding, application: Application, certificate: Certificate | None
) -> Collection[str]:
    """Return the digests that `WantedRoute.digest` of a binding's row may be.

    There are two while a former generation of its certificate may be served, and twice as many while the
    target is held back: whether it gets nothing depends on the others of its route.
    """
    weights = {binding.traffic_weight, *(() if binding.held_back_at is None else (0,))}
    pairs = [""]
    usable = certificate is not None and certificate.certificate_bundle and certificate.private_key
    if binding.ssl_enabled and certificate is not None and usable:
        generations = filter(None, (certificate.generation, certificate.former_generation))
        pairs = [f"{ids.show('crt', certificate.id)}-{one}" for one in generations]
    return [
        digest(
            binding.hostname,
            binding.path,
            application.upstream_host,
            binding.port or application.upstream_port,
            pair,
            binding.force_https,
            binding.hsts_enabled,
            weight,
            binding.redirect_to,
            binding.redirect_status,
            _written(binding.proxy_config),
        )
        for pair in pairs
        for weight in weights
    ]


def wanted(session: Session, server_id: int, group_id: int | None = None) -> list[WantedRoute]:
    """Return what a server should serve now (I11), each host of its holder only (I12).

    With what is on the group that it is in, and what moves away from it and is not served elsewhere yet.
    """
    found = _read(session, server_id, group_id, _wanted)
    here = {one.binding for one in found}
    found += [one for one in _moving_away(session, server_id) if one.binding not in here]
    by_host: dict[str, list[WantedRoute]] = {}
    for one in found:
        by_host.setdefault(one.hostname, []).append(one)
    kept = [
        one
        for hostname, of_host in by_host.items()
        for one in _fronted(
            hostname,
            hosts.of_one_holder(session, hostname, of_host, lambda one: one.organization),
        )
    ]
    return sorted(_given(session, server_id, _weighed(kept)), key=attrgetter("binding"))


def _weighed(found: Sequence[WantedRoute]) -> Sequence[WantedRoute]:
    """Return the targets of routes with the weights that they have now."""
    if all(one.held_back_at is None for one in found):
        return found
    shares = targets.weights(
        (one.hostname, one.path, one.weight, one.held_back_at is not None) for one in found
    )
    return [one._replace(weight=share) for one, share in zip(found, shares, strict=True)]


def _fronted(hostname: str, of_host: Sequence[WantedRoute]) -> Sequence[WantedRoute]:
    """Return the routes of one host, all with the edges that one of its domains has it behind."""
    known = [one.dns.cdn for one in of_host if one.dns is not None and one.dns.cdn is not None]
    found = next((one for one in known if cdn.covers(one.hosts, hostname)), None)
    if found is None or not found.networks:
        return of_host
    return [one._replace(edges=found.networks) for one in of_host]


def _read(
    session: Session, server_id: int, group_id: int | None, select: Callable[[Any], Any]
) -> list[WantedRoute]:
    """Return what `select` makes of the bindings on a server, and of those on its group."""
    given = {"server": server_id}
    found = [
        WantedRoute(*row) for row in session.execute(_statement(select, together=False), given)
    ]
    if group_id is not None:
        statement = _statement(select, together=True)
        rows = session.execute(statement, {**given, "group": group_id})
        found += [WantedRoute(*row)._replace(in_group=True) for row in rows]
    return found


def _moving_away(session: Session, server_id: int) -> list[WantedRoute]:
    """Return the bindings that a server serves until another one does."""
    rows = session.execute(_LEAVING(), {"server": server_id})
    return [WantedRoute(*row)._replace(in_group=True) for row in rows]


@cache  # made once: every step of every server asks it
def _statement(select: Callable[[Any], Any], *, together: bool) -> Any:  # noqa: ANN401 - as `_wanted`
    return select(_together() if together else _alone())


def stopped(
    session: Session,
    server_id: int,
    answer: int | None,
    open_: Iterable[WantedRoute],
    group_id: int | None = None,
) -> list[WantedRoute]:
    """Return what a server should say of suspended hosts, one route for each; `open_` is served.

    There is nothing to say without `answer`.
    """
    if answer is None:
        return []
    served_ = {one.hostname for one in open_}
    found: dict[str, WantedRoute] = {}
    for one in _read(session, server_id, group_id, _stopped):
        known = found.get(one.hostname)
        if one.hostname not in served_ and (known is None or known.certificate is None):
            found[one.hostname] = one
    return [_silenced(one, answer) for one in found.values()]


def _silenced(row: WantedRoute, answer: int) -> WantedRoute:
    """Return the route of a host that answers nothing else, and leads nowhere."""
    return row._replace(
        path="/",
        upstream_host=_NOWHERE.host,
        upstream_port=_NOWHERE.port,
        force_https=False,
        hsts=False,
        weight=1,
        redirect_to=None,
        proxy_config=None,
        former_generation=None,
        answer=answer,
    )


def _given(session: Session, server_id: int, found: Sequence[WantedRoute]) -> list[WantedRoute]:
    """Return the routes with the generation of its certificate that the server is given now.

    Nothing is asked for where no certificate has a former generation that may be served.
    """
    if all(one.former_generation is None for one in found):
        return list(found)
    now = database_now(session)
    renewed: dict[int, list[WantedRoute]] = defaultdict(list)
    for one in found:
        if one.certificate is not None and _may_wait(one, now):
            renewed[one.certificate].append(one)
    bound = deployments.presenters(session, renewed)
    due = {
        certificate: all(_is_due(server_id, one, bound[certificate], now) for one in of_it)
        for certificate, of_it in renewed.items()
    }
    given = []
    for one in found:
        is_due = due.get(one.certificate or 0)
        kept = one if is_due is not None else one._replace(former_generation=None)
        given.append((kept.former or kept) if is_due is False else kept)
    return given


def _may_wait(row: WantedRoute, now: datetime) -> bool:
    """Tell whether the former generation may be served in place of the new one."""
    ends = row.former_expires_at
    return row.former_generation is not None and ends is not None and ends > now


def _is_due(
    server_id: int,
    row: WantedRoute,
    bound: Sequence[BoundServer],
    now: datetime,
) -> bool:
    """Tell whether it is the server's turn to get the new generation, and its proxy takes it."""
    if row.serial is None or row.renewed_at is None or row.former_expires_at is None:
        return True
    if row.refused_serial == row.serial and row.refused_since and row.refused_at:
        return deployment.tries_again(row.refused_since, row.refused_at, now)
    if row.served_serial == row.serial and row.served_server == server_id:
        return True  # it has it
    seen = [deployments.presenter(one) for one in bound]
    renewal = deployment.Renewal(row.serial, row.renewed_at, row.former_expires_at)
    return deployment.takes(server_id, renewal, seen, now)


def served(session: Session, server_id: int) -> list[ServedRoute]:
    """Return what the server's proxy serves by its last configuration, removed bindings too."""
    rows = session.execute(_SERVED, {"server": server_id})
    return [ServedRoute(*row) for row in rows]


def _served() -> Any:  # noqa: ANN401 - as below
    columns = (Binding.id, Binding.organization_id, Binding.hostname, Binding.path)
    alone = sa.select(*columns, sa.literal(0)).where(
        Binding.served_server_id == sa.bindparam("server")
    )
    together = (
        sa.select(*columns, sa.literal(1))
        .join(BindingPlacement, BindingPlacement.binding_id == Binding.id)
        .where(
            BindingPlacement.server_id == sa.bindparam("server"),
            BindingPlacement.served_digest.is_not(None),
        )
    )
    return sa.union_all(alone, together).order_by(sa.literal_column("1"))


_SERVED = _served()


def _wanted(placed: Any) -> Any:  # noqa: ANN401 - SQLAlchemy 2.0 and 2.1 type a select of columns differently
    return _permitted(placed).where(
        Binding.status.in_([BindingStatus.CONFIGURING, BindingStatus.ACTIVE])
    )


def _permitted(placed: Any) -> Any:  # noqa: ANN401 - as above
    """Narrow bindings to those that may be served, wherever they are."""
    return placed.where(
        Domain.permits(Binding.hostname),
        redirects.leads(),
        Application.deleted_at.is_(None),
        Application.upstream_host.is_not(None),
        sa.func.coalesce(Binding.port, Application.upstream_port).is_not(None),
        Organization.is_active.is_(True),
    )


def _stopped(placed: Any) -> Any:  # noqa: ANN401 - as above
    switched_off = sa.and_(Domain.permits(Binding.hostname), Organization.is_active.is_(False))
    return placed.where(
        Binding.status != BindingStatus.DISABLED,
        sa.or_(Domain.suspends(Binding.hostname), switched_off),
    )


def _alone() -> Any:  # noqa: ANN401 - as above
    """Return the bindings on a server alone."""
    placed = _placed(Binding.served_server_id, Binding)
    return placed.where(Binding.server_id == sa.bindparam("server"))


def _together() -> Any:  # noqa: ANN401 - as above
    """Return the bindings on a server's group."""
    at = BindingPlacement
    here = sa.and_(at.binding_id == Binding.id, at.server_id == sa.bindparam("server"))
    live = sa.and_(ServerGroup.id == Binding.server_group_id, ServerGroup.deleted_at.is_(None))
    placed = _placed(at.server_id, at).join(ServerGroup, live).outerjoin(at, here)
    return placed.where(Binding.server_group_id == sa.bindparam("group"))


def _leaving() -> Any:  # noqa: ANN401 - as above
    """Return the bindings that move away from a server, however far they have come elsewhere."""
    at = BindingPlacement
    here = sa.and_(at.binding_id == Binding.id, at.server_id == sa.bindparam("server"))
    placed = _permitted(_placed(at.server_id, at).join(at, here))
    return placed.where(at.leaving_since.is_not(None), Binding.status != BindingStatus.DISABLED)


_LEAVING = cache(_leaving)


def _placed(served_server: Any, at: Any) -> Any:  # noqa: ANN401 - as above; a column, and who has the rest
    """Return bindings as the columns of `WantedRoute`."""
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
            Binding.traffic_weight,
            Binding.redirect_to,
            Binding.redirect_status,
            Binding.proxy_config,
            sa.case((presents, Certificate.id)),
            sa.case((presents, Certificate.generation)),
            sa.case((presents, Certificate.serial_number)),
            served_server,
            at.served_digest,
            at.served_serial,
            Certificate.last_renewed_at,
            sa.case((presents, Certificate.former_generation)),
            Certificate.former_serial,
            Certificate.former_expires_at,
            at.refused_serial,
            at.refused_since,
            at.refused_at,
            sa.case((Domain.cdn_enabled, Domain.dns)),
            Binding.held_back_at,
        )
        .join(Application, Application.id == Binding.application_id)
        .join(Domain, Domain.id == Binding.organization_domain_id)
        .join(Organization, Organization.id == Binding.organization_id)
        .outerjoin(Certificate, Certificate.id == Binding.ssl_certificate_id)
        .where(Organization.deleted_at.is_(None))
        .order_by(Binding.id)
    )


@dataclass(frozen=True)
class Difference:
    """What a server should serve, beside what its proxy was last told."""

    form: str
    """How this proxy writes any route: it changes with settings and with Nameplate itself."""
    wanted: Sequence[WantedRoute]
    served: Sequence[ServedRoute]
    stopped: Sequence[WantedRoute] = ()
    """What suspended hosts answer, which is not counted as served."""

    @property
    def told(self) -> Sequence[WantedRoute]:
        """All that the proxy is told."""
        return (*self.wanted, *self.stopped)

    @cached_property
    def leaving(self) -> list[ServedRoute]:
        """What the proxy serves and must not: a route that has other targets stays as it is."""
        kept = {row.binding for row in self.wanted}
        open_ = {(row.organization, row.hostname, row.path) for row in self.wanted}
        return [
            row
            for row in self.served
            if row.binding not in kept and (row.organization, row.hostname, row.path) not in open_
        ]

    def step_back(self, names: Collection[str]) -> "StepBack | None":
        """Return the same with the former certificate of these routes, as far as there is one.

        None when there is none of any of them.
        """
        refused = {row.certificate for row in self.wanted if row.id in names}
        back = {
            row.id: row.former for row in self.wanted if row.certificate in refused and row.former
        }
        if not back:
            return None
        wanted_ = [back.get(row.id) or row for row in self.wanted]
        return StepBack(replace(self, wanted=wanted_), frozenset(back))

    def fingerprint(self, left_out: Mapping[str, str]) -> str:
        """Return the digest of what the proxy should serve without these routes."""
        total = hashlib.sha256(self.form.encode())
        left = {row.binding for row in self.told if row.id in left_out} if left_out else set()
        for binding, said in self._said:
            if binding not in left:
                total.update(said)
        return total.hexdigest()

    @cached_property
    def _said(self) -> Sequence[tuple[int, bytes]]:
        """Binding and digest of each route, worked out once: there may be tens of thousands.

        What is served in a group is noted elsewhere, though nothing else changes.
        """
        marks = {True: "\0", False: ""}
        return [
            (
                row.binding,
                "\0".join((str(row.binding), row.digest, *row.edges, marks[row.in_group])).encode(),
            )
            for row in self.told
        ]


@dataclass(frozen=True)
class StepBack:
    """What a server should serve when it refuses some new certificates."""

    difference: Difference
    names: Collection[str]
    """Ids of the routes that keep their former certificate."""
