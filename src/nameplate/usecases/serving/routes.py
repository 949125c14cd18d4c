"""What a server should serve, read from rows, as values that can be compared."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from nameplate.core import cdn, deployment, ids
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import database_now
from nameplate.models import (
    Application,
    Binding,
    Certificate,
)
from nameplate.models.dns_settings import DnsSettings
from nameplate.ports.proxy import (
    RoutePlace,
    Upstream,
)
from nameplate.usecases.certificates import deployments
from nameplate.usecases.certificates.deployments import BoundServer
from nameplate.usecases.serving import hosts, route_rows, targets
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
    return wanted_of_many(session, {server_id: group_id})[server_id]


def wanted_of_many(
    session: Session, groups: Mapping[int, int | None]
) -> dict[int, list[WantedRoute]]:
    """Return what each of some servers should serve now; `groups` names the group that each is in."""
    found = _read(session, groups, route_rows.wanted)
    for server_id, moving in _grouped(session, route_rows.leaving(), groups).items():
        here = {one.binding for one in found[server_id]}
        found[server_id] += [
            one._replace(in_group=True) for one in moving if one.binding not in here
        ]
    return {server_id: _held(session, server_id, rows) for server_id, rows in found.items()}


def _held(session: Session, server_id: int, found: Iterable[WantedRoute]) -> list[WantedRoute]:
    """Return those of a server's routes whose organization has the host, as the server gets them now."""
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
    session: Session, groups: Mapping[int, int | None], select: Callable[..., Any]
) -> dict[int, list[WantedRoute]]:
    """Return what `select` makes of the bindings on each server, and of those on its group."""
    found: dict[int, list[WantedRoute]] = {server_id: [] for server_id in groups}
    alone = select(together=False)
    for server_id, rows in _grouped(session, alone, groups).items():
        found[server_id] += rows
    in_groups = [server_id for server_id, group_id in groups.items() if group_id is not None]
    together = select(together=True)
    for server_id, rows in _grouped(session, together, in_groups).items():
        found[server_id] += [one._replace(in_group=True) for one in rows]
    return found


def _grouped(
    session: Session,
    statement: Any,  # noqa: ANN401 - one of `route_rows`
    servers: Collection[int],
) -> dict[int, list[WantedRoute]]:
    """Return the routes that a statement finds for each of some servers."""
    found: dict[int, list[WantedRoute]] = defaultdict(list)
    if servers:
        for server_id, *row in session.execute(statement, {"servers": list(servers)}):
            found[server_id].append(WantedRoute(*row))
    return found


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
    return stopped_of_many(session, {server_id: group_id}, answer, {server_id: open_})[server_id]


def stopped_of_many(
    session: Session,
    groups: Mapping[int, int | None],
    answer: int | None,
    open_: Mapping[int, Iterable[WantedRoute]],
) -> dict[int, list[WantedRoute]]:
    """Return the same of several servers; `groups` names the group that each is in."""
    if answer is None:
        return {server_id: [] for server_id in groups}
    found = _read(session, groups, route_rows.stopped)
    return {
        server_id: _silenced_hosts(rows, answer, open_[server_id])
        for server_id, rows in found.items()
    }


def _silenced_hosts(
    rows: Iterable[WantedRoute], answer: int, open_: Iterable[WantedRoute]
) -> list[WantedRoute]:
    served_ = {one.hostname for one in open_}
    found: dict[str, WantedRoute] = {}
    for one in rows:
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
    return served_of_many(session, [server_id])[server_id]


def served_of_many(session: Session, servers: Collection[int]) -> dict[int, list[ServedRoute]]:
    """Return what the proxy of each server serves by its last configuration."""
    found: dict[int, list[ServedRoute]] = {server_id: [] for server_id in servers}
    for server_id, *row in session.execute(route_rows.served(), {"servers": list(servers)}):
        found[server_id].append(ServedRoute(*row))
    return found


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
