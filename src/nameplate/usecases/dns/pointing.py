"""Records that lead hosts to their servers: made, changed and taken away with bindings and servers.

Everything is rows in the caller's one transaction; the worker of each domain brings them to its
provider. For each host name the records that should be are computed anew and compared with those
that are, so that a repeated call changes nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.pointing import (
    TTL,
    Decision,
    Obstacle,
    PointingTarget,
    Spot,
    Value,
    apex_type,
    decide,
)
from nameplate.models import Account, Binding, Domain, Record, RecordableType, RecordType, Server
from nameplate.models.records import AUTOMATIC

CHUNK = 500
"""Host names that are compared together."""
MAX_SHOWN = 1000
"""Bindings of one domain whose obstacles are looked for."""

Name = tuple[int, str]
"""Id of the domain that holds the record, and the absolute host name."""
Maker = tuple[RecordableType, int]
"""What a record is made for."""


@dataclass(frozen=True, slots=True)
class _Row:
    """An automatic record that is there."""

    id: int
    value: Value
    ttl: int
    proxied: bool
    maker: Maker


@dataclass(slots=True)
class _Place:
    """A host name, what should lead it where, and what is there."""

    host: str
    domain: Any
    """The domain's columns, or None when it is gone or its DNS is not ours to keep."""
    makers: list[Maker] = field(default_factory=list)
    targets: list[PointingTarget] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    own: set[Value] = field(default_factory=set)

    def decide(self, providers: Mapping[int, str]) -> Decision:
        if self.domain is None or not self.targets:
            return Decision()
        provider = providers.get(self.domain.dns_account_id, "")
        zone = self.domain.dns.zone or self.domain.domain_name
        alias = apex_type(provider, set(RecordType))
        spot = Spot(self.host, self.host == zone, alias, frozenset(self.own))
        return decide(spot, self.targets)


def settle(session: Session, names: Iterable[Name], now: datetime) -> None:
    """Make the automatic records of these host names what they should be, and wake their domains."""
    for chunk in _chunks(names):
        places = _places(session, chunk, locked=True)
        providers = _providers(session, places.values())
        changes = _Changes(session, now)
        for (domain_id, _), place in places.items():
            changes.add(domain_id, place, place.decide(providers).wanted)
        changes.write()


def of_domain(session: Session, domain: Domain, now: datetime) -> None:
    """Settle everything that leads into a domain: its bindings, and servers named below it."""
    bound = Binding.visible(PLATFORM).where(Binding.organization_domain_id == domain.id)
    names = _bound(session, bound)
    bare = _bare(domain.full_domain)
    servers = Server.visible(PLATFORM).where(Server.organization_id == domain.organization_id)
    for server in session.scalars(servers):
        host = server.address.lower().removesuffix(".")
        if host == bare or host.endswith(f".{bare}"):
            names += _own(session, server)
    settle(session, names, now)


def of_application(session: Session, application_id: int) -> list[Name]:
    """Return the host names that lead to an application, to be settled when it is gone."""
    return _bound(
        session, Binding.visible(PLATFORM).where(Binding.application_id == application_id)
    )


def of_server(session: Session, server: Server, now: datetime) -> None:
    """Settle everything that leads to a server: its bindings' hosts and its own name."""
    session.flush()
    bound = Binding.visible(PLATFORM).where(Binding.server_id == server.id)
    settle(session, [*_bound(session, bound), *_own(session, server)], now)


def hand_over(session: Session, domain: Domain) -> None:
    """Give the automatic records of a domain to its owner, as they are."""
    session.flush()
    where = Record.organization_domain_id == domain.id, Record.recordable_type.in_(AUTOMATIC)
    _run(session, Record.crediting(None, None).where(*where, Record.deleted_at.is_(None)))


def obstacles(session: Session, domain: Domain) -> list[Obstacle]:
    """Return why hosts of a domain do not lead to their servers, those that block first."""
    query = Binding.visible(PLATFORM).where(Binding.organization_domain_id == domain.id)
    names = _bound(session, query.order_by(Binding.id).limit(MAX_SHOWN))
    found: list[Obstacle] = []
    for chunk in _chunks(names):
        places = _places(session, chunk, locked=False)
        providers = _providers(session, places.values())
        decisions = [place.decide(providers) for place in places.values()]
        found += [one.obstacle for one in decisions if one.obstacle is not None]
    return sorted(found, key=lambda one: not one.blocks)


def _chunks(names: Iterable[Name]) -> Iterator[list[Name]]:
    ordered = sorted(set(names))
    for start in range(0, len(ordered), CHUNK):
        yield ordered[start : start + CHUNK]


def _bound(session: Session, query: sa.Select[Any]) -> list[Name]:
    session.flush()
    columns = query.with_only_columns(Binding.organization_domain_id, Binding.hostname)
    return [(domain_id, host) for domain_id, host in session.execute(columns)]


def _own(session: Session, server: Server) -> list[Name]:
    """Return where a server's own name is a record, and where it is to be one."""
    made = (
        Record.visible(PLATFORM)
        .join(Domain, Domain.id == Record.organization_domain_id)
        .where(Record.recordable_type == RecordableType.SERVER, Record.recordable_id == server.id)
        .with_only_columns(Record.organization_domain_id, Record.name, Domain.full_domain)
    )
    names = [(id_, _absolute(name, full)) for id_, name, full in session.execute(made)]
    home = _home(session, server)
    return names if home is None else [*names, home]


def _home(session: Session, server: Server) -> Name | None:
    """Return where a server's own name is to be a record: the closest domain of its organization."""
    target = PointingTarget.of(server.address, server.addresses or ())
    if server.organization_id is None or server.deleted_at is not None:
        return None
    if not (target.name and target.addresses):
        return None
    host = target.name.removesuffix(".")
    labels = host.split(".")
    above = [".".join(labels[index:]) for index in range(len(labels) - 1)]
    query = Domain.visible(PLATFORM).where(
        Domain.organization_id == server.organization_id,
        Domain.full_domain.in_([*above, *(f"*.{name}" for name in above)]),
    )
    rows = [row for row in session.scalars(query) if _is_kept(row)]
    closest = max(rows, key=lambda row: (len(_bare(row.full_domain)), -row.id), default=None)
    return None if closest is None else (closest.id, host)


def _is_kept(domain: Any) -> bool:  # noqa: ANN401 - a domain, or the columns of one
    """Whether Nameplate may keep records in a domain."""
    return domain.dns_account_id is not None and bool(domain.dns.automatic)


def _places(session: Session, names: Sequence[Name], *, locked: bool) -> dict[Name, _Place]:
    """Return what there is to know of each host name; the domains stay locked when asked."""
    session.flush()
    domains = Domain.visible(PLATFORM).where(Domain.id.in_({id_ for id_, _ in names}))
    if locked:  # of two that want the same record, the second sees what the first has made
        domains = domains.order_by(Domain.id).with_for_update(key_share=True)
    known: dict[int, Any] = {
        row.id: row
        for row in session.execute(
            domains.with_only_columns(
                Domain.id, Domain.organization_id, Domain.full_domain, Domain.domain_name,
                Domain.dns_account_id, Domain.dns,
            )
        )
    }  # fmt: skip
    kept = {id_: row if _is_kept(row) else None for id_, row in known.items()}
    places = {name: _Place(name[1], kept[name[0]]) for name in names if name[0] in known}
    _claim(session, places)
    _look(session, places, {id_: _bare(row.full_domain) for id_, row in known.items()})
    return places


def _claim(session: Session, places: Mapping[Name, _Place]) -> None:
    """Find who wants each host to lead where: a server of that name first, then bindings by age."""
    hosts = {host for _, host in places}
    for server in session.scalars(
        Server.visible(PLATFORM).where(
            sa.func.lower(Server.address).in_({*hosts, *(f"{host}." for host in hosts)})
        )
    ):
        home = _home(session, server)
        if home is not None and home in places:
            places[home].makers.append((RecordableType.SERVER, server.id))
            places[home].targets.append(PointingTarget.of(server.address, server.addresses or ()))
    bindings = session.execute(
        Binding.visible(PLATFORM)
        .join(Server, Server.id == Binding.server_id)
        .where(
            Binding.organization_domain_id.in_({id_ for id_, _ in places}),
            Binding.hostname.in_(hosts),
            Binding.status != BindingStatus.DISABLED,
            Server.deleted_at.is_(None),
        )
        .order_by(Binding.id)
        .with_only_columns(
            Binding.id, Binding.organization_domain_id, Binding.hostname, Server.id, Server.address,
            Server.addresses,
        )
    )  # fmt: skip
    targets: dict[int, PointingTarget] = {}
    for id_, domain_id, host, server_id, address, more in bindings:
        if server_id not in targets:
            targets[server_id] = PointingTarget.of(address, more or ())
        place = places.get((domain_id, host))
        if place is not None:
            place.makers.append((RecordableType.APPLICATION_DOMAIN_BINDING, id_))
            place.targets.append(targets[server_id])


def _look(session: Session, places: Mapping[Name, _Place], bare: Mapping[int, str]) -> None:
    """Find the records at each host name, ours and the owner's."""
    relative = {_relative(host, bare[domain_id]) for domain_id, host in places}
    # Over many domains only the index that begins with the domain may serve: `@` is everywhere.
    column = Record.name if len(bare) == 1 else sa.func.lower(Record.name)
    rows = session.execute(
        Record.visible(PLATFORM)
        .where(
            Record.organization_domain_id.in_(bare), column.in_(relative)
        )
        .order_by(Record.id)
        .with_only_columns(
            Record.id, Record.organization_domain_id, Record.name, Record.record_type,
            Record.value, Record.ttl, Record.proxy_enabled, Record.recordable_type,
            Record.recordable_id,
        )
    )  # fmt: skip
    for id_, domain_id, name, kind, value, ttl, proxied, made_for, maker_id in rows:
        place = places.get((domain_id, _absolute(name, bare[domain_id])))
        if place is None:
            continue
        if made_for in AUTOMATIC:
            there = _Row(id_, (kind.value, value), ttl, proxied, (made_for, maker_id))
            place.rows.append(there)
        else:
            place.own.add((kind.value, value))


def _providers(session: Session, places: Iterable[_Place]) -> Mapping[int, str]:
    ids = {place.domain.dns_account_id for place in places if place.domain is not None}
    if not ids:
        return {}
    query = Account.visible(PLATFORM).where(Account.id.in_(ids))
    found = session.execute(query.with_only_columns(Account.id, Account.provider))
    return {id_: provider for id_, provider in found}  # noqa: C416 - rows are no pairs to mypy


class _Changes:
    """What one chunk changes, gathered so that equal changes are one statement."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now
        self._rewritten: dict[Value, list[int]] = {}
        self._credited: dict[Maker, list[int]] = {}
        self._hidden: list[int] = []
        self._new: list[Record] = []
        self._domains: set[int] = set()

    def add(self, domain_id: int, place: _Place, wanted: Sequence[Value]) -> None:
        """Compare what is at a place with what is wanted there."""
        there = {row.value for row in place.rows}
        missing = [value for value in wanted if value not in there]
        spare = [row for row in place.rows if row.value not in wanted]
        for row, value in _paired(spare, missing):
            self._rewritten.setdefault(value, []).append(row.id)
            spare.remove(row)
            missing.remove(value)
        self._hidden += [row.id for row in spare]
        self._new += [_record(place, value) for value in missing]
        gone = {row.id for row in spare}
        for row in place.rows:
            if row.id not in gone and row.maker not in place.makers:
                self._credited.setdefault(place.makers[0], []).append(row.id)
        if spare or missing or there != set(wanted):
            self._domains.add(domain_id)

    def write(self) -> None:
        """Write all of it."""
        for (rdtype, value), ids in self._rewritten.items():
            _run(
                self._session,
                Record.rewriting(record_type=RecordType(rdtype), value=value).where(
                    Record.id.in_(ids)
                ),
            )
        for maker, ids in self._credited.items():
            _run(self._session, Record.crediting(*maker).where(Record.id.in_(ids)))
        if self._hidden:
            _run(self._session, Record.hiding(self._now).where(Record.id.in_(self._hidden)))
        self._session.add_all(self._new)
        self._session.flush()
        if self._domains:
            _run(self._session, Domain.waking(self._now).where(Domain.id.in_(self._domains)))
        changed = {*self._hidden}.union(*self._rewritten.values(), *self._credited.values())
        _reread(self._session, changed, self._domains)


def _paired(spare: Sequence[_Row], missing: Sequence[Value]) -> Iterator[tuple[_Row, Value]]:
    """Yield which row becomes which value: one of its own type where there is one."""
    rows, values = list(spare), list(missing)
    for same in (True, False):
        for row in tuple(rows):
            fitting = [value for value in values if (value[0] == row.value[0]) is same]
            if fitting:
                rows.remove(row)
                values.remove(fitting[0])
                yield row, fitting[0]


def _record(place: _Place, value: Value) -> Record:
    kind, id_ = place.makers[0]
    beside = place.rows[0] if place.rows else None
    return Record(
        organization_id=place.domain.organization_id,
        organization_domain_id=place.domain.id,
        recordable_type=kind,
        recordable_id=id_,
        record_type=RecordType(value[0]),
        name=_relative(place.host, _bare(place.domain.full_domain)),
        value=value[1],
        ttl=beside.ttl if beside else TTL,
        proxy_enabled=beside.proxied if beside else False,
    )


def _run(session: Session, statement: sa.Update) -> None:
    session.execute(statement, execution_options={"synchronize_session": False})


def _reread(session: Session, records: Collection[int], domains: Collection[int]) -> None:
    """Read again the few changed rows that the session has in hand."""
    for row in tuple(session.identity_map.values()):
        changed = isinstance(row, Record) and row.id in records
        if changed or (isinstance(row, Domain) and row.id in domains):
            session.refresh(row)


def _bare(full_domain: str) -> str:
    return full_domain.removeprefix("*.")


def _relative(host: str, bare: str) -> str:
    return "@" if host == bare else host.removesuffix(f".{bare}")


def _absolute(name: str, full_domain: str) -> str:
    bare = _bare(full_domain)
    return bare if name == "@" else f"{name}.{bare}"
