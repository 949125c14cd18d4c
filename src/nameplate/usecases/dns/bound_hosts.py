"""Host names of domains that lead to servers: who wants which where, and which records are there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import names as rules
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import BindingStatus
from nameplate.core.pointing import Decision, PointingTarget, Spot, Value, decide
from nameplate.models import Binding, Domain, Record, RecordableType, Server
from nameplate.models.orm import among
from nameplate.models.records import AUTOMATIC
from nameplate.usecases import placements
from nameplate.usecases.placements import MemberServer

Name = tuple[int, str]
"""Id of the domain that holds the record, and the absolute host name."""
Maker = tuple[RecordableType, int]
"""What a record is made for."""


@dataclass(frozen=True, slots=True)
class AutomaticRecord:
    """A record that Nameplate made, as it is there."""

    id: int
    value: Value
    ttl: int
    proxied: bool
    maker: Maker


@dataclass(slots=True)
class BoundHost:
    """A host name, what should lead it where, and what is there."""

    host: str
    domain: Any
    """The domain's columns."""
    makers: list[Maker] = field(default_factory=list)
    targets: list[PointingTarget] = field(default_factory=list)
    rows: list[AutomaticRecord] = field(default_factory=list)
    own: set[Value] = field(default_factory=set)

    @property
    def is_kept(self) -> bool:
        """Whether Nameplate keeps the host's records itself."""
        return is_kept(self.domain)

    def decide(self, zone: str, apex_type: str | None) -> Decision:
        """Return what leads the host to its server in `zone`, whose host has `apex_type`."""
        spot = Spot(self.host, self.host == zone, apex_type, frozenset(self.own))
        return decide(spot, self.targets)


def home(session: Session, server: Server) -> Name | None:
    """Return where a server's own name is to be a record: the closest domain of its organization.

    One in which Nameplate keeps the records goes before one whose owner does.
    """
    target = PointingTarget.of(server.address, server.addresses or ())
    if server.organization_id is None or server.deleted_at is not None:
        return None
    if not (target.name and target.addresses):
        return None
    host = target.name.removesuffix(".")
    above = rules.self_and_ancestors(host, least=2)
    query = Domain.visible(PLATFORM).where(
        Domain.organization_id == server.organization_id,
        Domain.full_domain.in_([*above, *(f"*.{name}" for name in above)]),
    )
    closest = max(
        session.scalars(query),
        key=lambda row: (
            is_kept(row),
            len(rules.without_wildcard(row.full_domain)),
            -row.id,
        ),
        default=None,
    )
    return None if closest is None else (closest.id, host)


def is_kept(domain: Any) -> bool:  # noqa: ANN401 - a domain, or the columns of one
    """Whether Nameplate may keep records in a domain."""
    return domain.dns_account_id is not None and bool(domain.dns.automatic)


def read(session: Session, names: Sequence[Name], *, locked: bool) -> dict[Name, BoundHost]:
    """Return what there is to know of each host name; the domains stay locked when asked."""
    session.flush()
    # Of two that want the same record, the second sees what the first has made.
    domains = _DOMAINS_LOCKED if locked else _DOMAINS
    given = {"ids": sorted({id_ for id_, _ in names})}
    known: dict[int, Any] = {row.id: row for row in session.execute(domains, given)}
    hosts = {name: BoundHost(name[1], known[name[0]]) for name in names if name[0] in known}
    _claim(session, hosts)
    _look(
        session, hosts, {id_: rules.without_wildcard(row.full_domain) for id_, row in known.items()}
    )
    return hosts


def expected(
    session: Session,
    domain: Domain,
    servers: Sequence[Server],
    records: Sequence[Record] | None = None,
) -> BoundHost:
    """Return the domain's own name as a binding to a server, or to a group of them, would find it.

    `records` are all of the domain's, where they are in hand.
    """
    target = _target(servers)
    host = BoundHost(domain.full_domain, domain, targets=[target])
    _look(session, {(domain.id, host.host): host}, _bare(domain), records)
    return host


def bound(
    session: Session,
    domain: Domain,
    bindings: Sequence[tuple[Binding, Sequence[Server]]],
    records: Sequence[Record] | None = None,
) -> list[BoundHost]:
    """Return the hosts of bindings that are in hand with their servers, in order of their names.

    For a domain in which no server of the organization has its own name. `records` as in `expected`.
    """
    hosts: dict[Name, BoundHost] = {}
    for row, servers in sorted(bindings, key=lambda one: one[0].id):
        live = [one for one in servers if one.deleted_at is None]
        if not live:
            continue
        place = hosts.setdefault((domain.id, row.hostname), BoundHost(row.hostname, domain))
        place.makers.append((RecordableType.APPLICATION_DOMAIN_BINDING, row.id))
        group = row.server_group_id
        is_group = group is not None and all(one.server_group_id == group for one in live)
        place.targets.append(_together(live) if is_group else _target(live))
    if hosts:
        _look(session, hosts, _bare(domain), records)
    return [hosts[name] for name in sorted(hosts)]


def _claim(session: Session, places: Mapping[Name, BoundHost]) -> None:
    """Find who wants each host to lead where: a server of that name first, then bindings by age."""
    hosts = {host for _, host in places}
    named = {"names": sorted({*hosts, *(f"{host}." for host in hosts)})}
    for server in session.scalars(_SERVERS_NAMED, named):
        place_of = home(session, server)
        if place_of is not None and place_of in places:
            places[place_of].makers.append((RecordableType.SERVER, server.id))
            places[place_of].targets.append(
                PointingTarget.of(server.address, server.addresses or ())
            )
    at = {"domains": sorted({id_ for id_, _ in places}), "hosts": sorted(hosts)}
    bindings = session.execute(_BINDINGS, at).all()
    lead = _Leading.of(session, bindings)
    before = placements.leading(session, [row[0] for row in bindings])
    for id_, domain_id, host, group_id, server_id, address, more in bindings:
        place = places.get((domain_id, host))
        if place is None:
            continue
        target = lead.group(place, id_) if group_id is not None else None
        if server_id is not None:
            target = lead.server(server_id, address, more)
        if id_ in before:  # visitors come to the new place once it was seen to serve
            target = _target(before[id_])
        if target is not None:
            place.makers.append((RecordableType.APPLICATION_DOMAIN_BINDING, id_))
            place.targets.append(target)


class _Leading:
    """Where bindings lead: to their servers, and to those of their groups that answer."""

    def __init__(self, placed: Mapping[int, Sequence[MemberServer]]) -> None:
        self._placed = placed
        self._servers: dict[int, PointingTarget] = {}
        self._withheld: dict[Name, set[int]] = {}
        """By host: its bindings have one set of records."""

    @classmethod
    def of(cls, session: Session, bindings: Sequence[Any]) -> Self:
        """Read what is to be known of groups; nothing where no binding is on one."""
        on_groups = [row for row in bindings if row.server_group_id is not None]
        found = cls(placements.of_ids(session, [row[0] for row in on_groups]))
        for id_, domain_id, host, *_ in on_groups:
            away = {one.server.id for one in found._placed[id_] if one.is_withheld}
            found._withheld.setdefault((domain_id, host), set()).update(away)
        return found

    def server(self, id_: int, address: str, more: Sequence[str] | None) -> PointingTarget:
        """Return where a server is."""
        if id_ not in self._servers:
            self._servers[id_] = PointingTarget.of(address, more or ())
        return self._servers[id_]

    def group(self, place: BoundHost, binding_id: int) -> PointingTarget | None:
        """Return where the servers of a binding's group are; of its owner's records, all."""
        servers = [one.server for one in self._placed[binding_id]]
        away = self._withheld[place.domain.id, place.host] if place.is_kept else set()
        kept = [one for one in servers if one.id not in away]
        return _together(kept or servers) if servers else None


def _target(servers: Sequence[Server]) -> PointingTarget:
    """Return where one server is to be found, or several together."""
    if len(servers) > 1:
        return _together(servers)
    return PointingTarget.of(servers[0].address, servers[0].addresses or ())


def _together(servers: Sequence[Server]) -> PointingTarget:
    return PointingTarget.together((one.address, one.addresses or ()) for one in servers)


def _bare(domain: Domain) -> Mapping[int, str]:
    return {domain.id: rules.without_wildcard(domain.full_domain)}


def _look(
    session: Session,
    places: Mapping[Name, BoundHost],
    bare: Mapping[int, str],
    records: Sequence[Record] | None = None,
) -> None:
    """Find the records at each host name, ours and the owner's; of all `records`, where they are known."""
    relative = {rules.relative(host, bare[domain_id]) for domain_id, host in places}
    if records is None:
        query = _RECORDS_OF_ONE if len(bare) == 1 else _RECORDS
        given = {"domains": list(bare), "names": list(relative)}
        rows = [tuple(row) for row in session.execute(query, given)]
    else:
        rows = [
            tuple(getattr(one, column.key) for column in _COLUMNS)
            for one in records
            if one.name in relative
        ]
    for id_, domain_id, name, kind, value, ttl, proxied, made_for, maker_id in rows:
        place = places.get((domain_id, rules.absolute(name, bare[domain_id])))
        if place is None:
            continue
        if made_for in AUTOMATIC:
            there = AutomaticRecord(id_, (kind.value, value), ttl, proxied, (made_for, maker_id))
            place.rows.append(there)
        else:
            place.own.add((kind.value, value))


def _records(column: Any) -> Any:  # noqa: ANN401 - a column, and a SELECT of columns
    return (
        Record.visible(PLATFORM)
        .where(
            among(Record.organization_domain_id, "domains"),
            among(column, "names"),
        )
        .order_by(Record.id)
        .with_only_columns(*_COLUMNS)
    )


_COLUMNS = (
    Record.id, Record.organization_domain_id, Record.name, Record.record_type, Record.value,
    Record.ttl, Record.proxy_enabled, Record.recordable_type, Record.recordable_id,
)  # fmt: skip
_RECORDS_OF_ONE = _records(Record.name)
_RECORDS = _records(sa.func.lower(Record.name, type_=Record.name.type))
"""Made once. Over many domains only the index that begins with the domain may serve: `@` is everywhere."""
_DOMAINS = (
    Domain.visible(PLATFORM)
    .where(among(Domain.id, "ids"))
    .with_only_columns(
        Domain.id, Domain.organization_id, Domain.full_domain, Domain.domain_name,
        Domain.dns_account_id, Domain.dns,
    )
)  # fmt: skip
_DOMAINS_LOCKED = _DOMAINS.order_by(Domain.id).with_for_update(key_share=True)
_SERVERS_NAMED = Server.visible(PLATFORM).where(
    among(sa.func.lower(Server.address, type_=Server.address.type), "names")
)
_BINDINGS = (
    Binding.visible(PLATFORM)
    .outerjoin(Server, Server.id == Binding.server_id)
    .where(
        among(Binding.organization_domain_id, "domains"),
        among(Binding.hostname, "hosts"),
        Binding.status != BindingStatus.DISABLED,
        Server.deleted_at.is_(None),
    )
    .order_by(Binding.id)
    .with_only_columns(
        Binding.id, Binding.organization_domain_id, Binding.hostname, Binding.server_group_id,
        Server.id, Server.address, Server.addresses,
    )
)  # fmt: skip
