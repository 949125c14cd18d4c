"""Records that lead hosts to their servers: made, changed and taken away with bindings and servers.

Everything is rows in the caller's one transaction; the worker of each domain brings them to its
provider. For each host name the records that should be are computed anew and compared with those
that are, so that a repeated call changes nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names
from nameplate.core.actor import PLATFORM
from nameplate.core.pointing import TTL, Decision, Obstacle, Value, apex_type
from nameplate.models import (
    Account,
    Binding,
    BindingPlacement,
    Domain,
    Record,
    RecordableType,
    RecordType,
    Server,
)
from nameplate.models.records import AUTOMATIC
from nameplate.usecases import holders
from nameplate.usecases.dns import bound_hosts
from nameplate.usecases.dns.bound_hosts import AutomaticRecord, BoundHost, Maker, Name

CHUNK = 500
"""Host names that are compared together."""
MAX_SHOWN = 1000
"""Bindings of one domain whose obstacles are looked for."""


def settle(session: Session, affected: Iterable[Name], now: datetime) -> None:
    """Make the automatic records of these host names what they should be, and wake their domains."""
    for chunk in _chunks(affected):
        hosts = bound_hosts.read(session, chunk, locked=True)
        providers = _kept_at(session, hosts.values())
        changes = _Changes(session, now)
        for (domain_id, _), host in hosts.items():
            changes.add(domain_id, host, _decision(host, providers).wanted)
        changes.write()


def of_domain(session: Session, domain: Domain, now: datetime) -> None:
    """Settle everything that leads into a domain: its bindings, and servers named below it."""
    of_domains(session, [domain], now)


def of_domains(session: Session, domains: Sequence[Domain], now: datetime) -> None:
    """Do so for several domains together."""
    settle(session, _into(session, domains), now)


def _into(session: Session, domains: Sequence[Domain]) -> list[Name]:
    """Return the host names of domains' bindings and of servers named below them."""
    ids = [domain.id for domain in domains]
    held: dict[int, list[str]] = {}
    for domain in domains:
        held.setdefault(domain.organization_id, []).append(holders.held_name(domain))
    bound = Binding.visible(PLATFORM).where(Binding.organization_domain_id.in_(ids))
    found = _bound(session, bound)
    for server in session.scalars(Server.visible(PLATFORM).where(Server.organization_id.in_(held))):
        address = names.canonical(server.address)
        if any(names.is_within(address, name) for name in held[server.organization_id or 0]):
            found += _own(session, server)
    return found


def left_to_owner(session: Session, domain: Domain) -> list[BoundHost]:
    """Return the hosts of a domain that lead to servers, in order of their names, to be published."""
    of_domain = [name for name in _into(session, [domain]) if name[0] == domain.id]
    return [
        host
        for chunk in _chunks(of_domain)
        for host in bound_hosts.read(session, chunk, locked=False).values()
        if host.targets
    ]


def of_application(session: Session, application_id: int) -> list[Name]:
    """Return the host names that lead to an application, to be settled when it is gone."""
    return _bound(
        session, Binding.visible(PLATFORM).where(Binding.application_id == application_id)
    )


def of_server(session: Session, server: Server, now: datetime) -> None:
    """Settle everything that leads to a server: its bindings' hosts and its own name."""
    session.flush()
    on = Binding.server_id == server.id
    if server.server_group_id is not None:
        on = sa.or_(on, Binding.server_group_id == server.server_group_id)
    on = sa.or_(on, Binding.id.in_(BindingPlacement.moving_from(server.id)))
    bound = Binding.visible(PLATFORM).where(on)
    settle(session, [*_bound(session, bound), *_own(session, server)], now)


def of_group(session: Session, group_id: int, now: datetime) -> None:
    """Settle everything that leads to the servers of a group."""
    bound = Binding.visible(PLATFORM).where(Binding.server_group_id == group_id)
    settle(session, _bound(session, bound), now)


def hand_over(session: Session, domain: Domain) -> None:
    """Give the automatic records of a domain to its owner, as they are."""
    session.flush()
    where = Record.organization_domain_id == domain.id, Record.recordable_type.in_(AUTOMATIC)
    _run(session, Record.crediting(None, None).where(*where, Record.deleted_at.is_(None)))


def obstacles(session: Session, domains: Sequence[Domain]) -> dict[int, list[Obstacle]]:
    """Return why hosts of each domain do not lead to their servers, those that block first."""
    kept = [row.id for row in domains if bound_hosts.is_kept(row)]
    found: dict[int, list[Obstacle]] = {}
    if not kept:
        return found
    query = Binding.visible(PLATFORM).where(Binding.organization_domain_id.in_(kept))
    bound = _bound(session, query.order_by(Binding.id).limit(MAX_SHOWN * len(kept)))
    for chunk in _chunks(bound):
        hosts = bound_hosts.read(session, chunk, locked=False)
        providers = _kept_at(session, hosts.values())
        for (domain_id, _), host in hosts.items():
            obstacle = _decision(host, providers).obstacle
            if obstacle is not None:
                found.setdefault(domain_id, []).append(obstacle)
    for of_domain in found.values():
        of_domain.sort(key=lambda one: not one.blocks)
    return found


def _chunks(found: Iterable[Name]) -> Iterator[list[Name]]:
    ordered = sorted(set(found))
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
    found = [
        (id_, names.absolute(name, names.without_wildcard(full)))
        for id_, name, full in session.execute(made)
    ]
    home = bound_hosts.home(session, server)
    return found if home is None else [*found, home]


def _decision(host: BoundHost, providers: Mapping[int, str]) -> Decision:
    """Return what leads a host whose records Nameplate keeps; nothing for any other."""
    if not host.is_kept:
        return Decision()
    provider = providers.get(host.domain.dns_account_id, "")
    zone = host.domain.dns.zone or host.domain.domain_name
    return host.decide(zone, apex_type(provider, set(RecordType)))


def _kept_at(session: Session, hosts: Iterable[BoundHost]) -> Mapping[int, str]:
    ids = {host.domain.dns_account_id for host in hosts if host.is_kept}
    return providers_of(session, ids) if ids else {}


def providers_of(session: Session, ids: Collection[int]) -> Mapping[int, str]:
    """Return the provider of each account, the platform's included."""
    query = Account.visible(PLATFORM).where(Account.id.in_(ids))
    names = query.with_only_columns(Account.id, Account.provider)
    # A hosted domain is at an account of the platform, which its organization does not see.
    found = {row[0]: row[1] for row in session.connection().execute(names)}
    system = session.info.get("system")
    if ids - found.keys() and system is not None and system is not session.get_bind():
        with system.connect() as connection:
            found |= {row[0]: row[1] for row in connection.execute(names)}
    return found


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

    def add(self, domain_id: int, host: BoundHost, wanted: Sequence[Value]) -> None:
        """Compare what is at a host with what is wanted there."""
        there = {row.value for row in host.rows}
        missing = [value for value in wanted if value not in there]
        spare = [row for row in host.rows if row.value not in wanted]
        for row, value in _paired(spare, missing):
            self._rewritten.setdefault(value, []).append(row.id)
            spare.remove(row)
            missing.remove(value)
        self._hidden += [row.id for row in spare]
        self._new += [_record(host, value) for value in missing]
        gone = {row.id for row in spare}
        for row in host.rows:
            if row.id not in gone and row.maker not in host.makers:
                self._credited.setdefault(host.makers[0], []).append(row.id)
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
            # Nothing is written before the proof, which wakes the domain itself.
            proved = Domain.id.in_(self._domains), Domain.is_live
            _run(self._session, Domain.waking(self._now).where(*proved))
        changed = {*self._hidden}.union(*self._rewritten.values(), *self._credited.values())
        _reread(self._session, changed, self._domains)


def _paired(
    spare: Sequence[AutomaticRecord], missing: Sequence[Value]
) -> Iterator[tuple[AutomaticRecord, Value]]:
    """Yield which row becomes which value: one of its own type where there is one."""
    rows, values = list(spare), list(missing)
    for same in (True, False):
        for row in tuple(rows):
            fitting = [value for value in values if (value[0] == row.value[0]) is same]
            if fitting:
                rows.remove(row)
                values.remove(fitting[0])
                yield row, fitting[0]


def _record(host: BoundHost, value: Value) -> Record:
    kind, id_ = host.makers[0]
    beside = host.rows[0] if host.rows else None
    return Record(
        organization_id=host.domain.organization_id,
        organization_domain_id=host.domain.id,
        recordable_type=kind,
        recordable_id=id_,
        record_type=RecordType(value[0]),
        name=names.relative(host.host, names.without_wildcard(host.domain.full_domain)),
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
