"""DNS records of a domain: what its owner wants. `zones.py` brings it to the provider."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import caa, ids, names, provider_limits, rdata, zone_rules
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.core.pointing import LEADING
from nameplate.core.rdata.text import rejoined
from nameplate.core.records import RRset, merge
from nameplate.db import Sessions
from nameplate.models import Account, Domain, Record, RecordableType, RecordType
from nameplate.models.deletion import soft_delete
from nameplate.usecases import holders, lookup
from nameplate.usecases.dns import pointing, wanted
from nameplate.usecases.tenants import ca_accounts

Numbers = tuple[int | None, int | None, int | None]
"""Priority, weight and port, as far as the type has them."""
CHANGEABLE = frozenset(
    {"value", "ttl", "priority", "weight", "port", "notes", "metadata", "proxied"}
)


def add(
    session: Session,
    actor: Actor,
    domain_reference: str,
    *,
    type: str,  # noqa: A002 - the field's own name
    name: str,
    value: str,
    now: datetime,
    ttl: int = 3600,
    priority: int | None = None,
    weight: int | None = None,
    port: int | None = None,
    proxied: bool = False,
    notes: str | None = None,
    metadata: dict[str, Any] | None = None,
    force: bool = False,
) -> Record:
    """Want a record at the domain's DNS provider; a worker writes it.

    NS at the apex of the zone needs `force`, and a plan that is applied with force. Raises `Invalid` with the field and the reason, `Conflict` ("record_exists", "dns_account_missing").
    """
    domain = lookup.domain(session, actor, domain_reference)
    if domain.dns_account_id is None:
        raise Conflict(
            "dns_account_missing",
            "The domain has no DNS account. Give it one, or publish the record yourself.",
        )
    row = Record(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        name=_relative_name(name, holders.held_name(domain)),
        ttl=zone_rules.seconds(ttl),
        proxy_enabled=proxied,
        notes=notes,
        metadata_=metadata,
    )
    _set_value(row, domain, type, value, (priority, weight, port))
    _check_beside(session, domain, row, forced=force)
    session.add(row)
    domain.wake(now)
    session.flush()
    return row


def warnings(session: Session, sessions: Sessions, row: Record) -> list[str]:
    """Say when a CAA record, with the domain's others, keeps our authority from issuing below it.

    The authority's account may be the platform's, which a tenant's transaction does not see.
    """
    if row.record_type is not RecordType.CAA:
        return []
    domain = session.get_one(Domain, row.organization_domain_id)
    sets = merge(line.rrset() for line in wanted.lines(session, domain) if line.type == "CAA")
    with sessions.look() as platform:
        authorities = ca_accounts.issuer_names(platform, row.organization_id)
    return caa.warnings(sets, owner(row, domain), authorities)


def _relative_name(name: str, origin: str) -> str:
    return names.relative(zone_rules.owner_name(name, origin), origin)


def owner(row: Record, domain: Domain) -> str:
    """Return the absolute owner name of a record."""
    return names.absolute(row.name, holders.held_name(domain))


def text(row: Record) -> str:
    """Return the whole rdata in presentation form, the numbers of MX and SRV included."""
    return wanted.text(row.value, row.priority, row.weight, row.port)


def _set_value(row: Record, domain: Domain, rdtype: str, value: str, numbers: Numbers) -> None:
    if not wanted.known_type(rdtype):
        detail = f"Records of type {rdtype} cannot be managed here."
        raise Invalid("record_type_invalid", detail, [Problem("/type", "type_unknown", detail)])
    origin = holders.held_name(domain)
    priority, weight, port = numbers
    parsed = rdata.parse(
        rdtype,
        value,
        origin=origin,
        owner=owner(row, domain),
        priority=priority,
        weight=weight,
        port=port,
    )
    row.record_type = RecordType(rdtype)
    row.value = parsed.fields.value
    row.priority = parsed.fields.priority
    row.weight = parsed.fields.weight
    row.port = parsed.fields.port


def _check_beside(session: Session, domain: Domain, row: Record, *, forced: bool) -> None:
    """Check the record against the others of its domain: duplicates, CNAME alone, null MX ...

    NS at the apex that are there already were forced, and are no fault of another record's.
    """
    others = [other for other in _related(session, domain, row) if other is not row]
    beside = [other for other in others if other.name == row.name]
    automatic = [other for other in beside if other.is_automatic]
    if automatic and row.record_type.value in LEADING:
        raise _kept_right(automatic[0])
    zone = domain.dns.zone or domain.domain_name
    if owner(row, domain) == zone:  # what we made for an apex is what the provider takes there
        others = [other for other in others if not (other.is_automatic and other in beside)]
    for other in beside:
        if other.record_type is row.record_type and _compared(other) == _compared(row):
            raise Conflict("record_exists", "The domain already has this record.")
    sets = [
        RRset(owner(one, domain), one.record_type.value, one.ttl, (text(one),))
        for one in (*others, row)
    ]
    zone = domain.dns.zone or domain.domain_name
    provider = _provider(session, domain)
    problems = zone_rules.check_zone(
        zone, sets, forced=forced or row.record_type is not RecordType.NS,
        flattens=provider_limits.flattens(provider),
    )  # fmt: skip
    if problems:
        raise Invalid("record_invalid", problems[0].detail, problems)
    refused = provider_limits.refusals(provider, sets[-1])
    if refused:
        raise Invalid("provider_refuses", refused, [Problem("/value", "provider_refuses", refused)])


def _related(session: Session, domain: Domain, row: Record) -> list[Record]:
    """Return the records of the same name, DNAME above it, and one below where it is DNAME itself."""
    labels = row.name.split(".")
    above = ["@", *(".".join(labels[at:]) for at in range(1, len(labels)))]
    records = Record.visible(Actor(domain.organization_id)).where(
        Record.organization_domain_id == domain.id
    )
    leading = sa.and_(Record.record_type == RecordType.DNAME, Record.name.in_(above))
    found = [*session.scalars(records.where(sa.or_(Record.name == row.name, leading)))]
    if row.record_type is RecordType.DNAME:
        below = Record.name.endswith(f".{row.name}", autoescape=True)
        anywhere = Record.name != "@"
        found += session.scalars(records.where(anywhere if row.name == "@" else below).limit(1))
    return found


def _compared(row: Record) -> str:
    """Return what makes a value the same: of a text its strings joined."""
    return rejoined(row.value) if row.record_type is RecordType.TXT else row.value


def _provider(session: Session, domain: Domain) -> str:
    """Return which provider the domain's account is at, empty when it is not known."""
    account = session.get(Account, domain.dns_account_id or 0)
    return "" if account is None else account.provider


def _kept_right(row: Record) -> Conflict:
    """Return the refusal to change by hand what Nameplate made and keeps right."""
    kind, id_ = row.recordable_type, row.recordable_id or 0
    maker = ids.show("srv" if kind is RecordableType.SERVER else "bnd", id_)
    return Conflict(
        "record_automatic",
        f"{ids.show('rec', row.id)} was created for {maker} and follows its server. Change "
        f"{maker}, or detach the record first.",
    )


def get(session: Session, actor: Actor, reference: str) -> Record:
    """Return the record with that id. Raises NotFound."""
    row: Record = lookup.find(session, Record.visible(actor), Record, Prefix.RECORD, reference)
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | None = None,
    type: str | None = None,  # noqa: A002 - the field's own name
    status: str | None = None,
) -> Sequence[Record]:
    """Return up to `limit` + 1 records in order of their ids."""
    return lookup.page(
        session,
        Record.visible(actor),
        Record,
        limit=limit,
        after=after,
        organization_domain_id=lookup.domain_id(session, actor, domain),
        record_type=type,
        status=status,
    )


def update(
    session: Session,
    actor: Actor,
    reference: str,
    *,
    now: datetime,
    **changes: Any,  # noqa: ANN401 - columns
) -> Record:
    """Change a record; a worker brings the change to the provider."""
    row = get(session, actor, reference)
    refused = sorted(changes.keys() - CHANGEABLE)
    if refused:
        raise Invalid("field_unknown", f"These fields cannot be changed: {', '.join(refused)}.")
    if row.is_automatic and changes.keys() - {"notes", "metadata"}:
        raise _kept_right(row)
    domain = _domain_of(session, row)
    if changes.keys() & {"value", "priority", "weight", "port"}:
        numbers = tuple(
            changes.get(key, getattr(row, key)) for key in ("priority", "weight", "port")
        )
        _set_value(row, domain, row.record_type.value, changes.get("value", row.value), numbers)
        _check_beside(session, domain, row, forced=True)
    row.ttl = zone_rules.seconds(changes.get("ttl", row.ttl))
    row.notes = changes.get("notes", row.notes)
    row.metadata_ = changes.get("metadata", row.metadata_)
    row.proxy_enabled = changes.get("proxied", row.proxy_enabled)
    row.want()
    domain.wake(now)
    session.flush()
    return row


def remove(session: Session, actor: Actor, reference: str, now: datetime) -> Record:
    """Remove a record; a worker takes it from the provider when Nameplate put it there."""
    row = get(session, actor, reference)
    if row.is_automatic:
        raise _kept_right(row)
    domain = _domain_of(session, row)
    soft_delete(session, row, now)
    domain.wake(now)
    pointing.settle(session, [(domain.id, owner(row, domain))], now)
    return row


def detach(session: Session, actor: Actor, reference: str) -> Record:
    """Make a record that Nameplate keeps right its owner's own: from now on it stays as it is."""
    row = get(session, actor, reference)
    row.recordable_type = row.recordable_id = None
    row.managed_by_system = False
    session.flush()
    return row


def _domain_of(session: Session, row: Record) -> Domain:
    found: Domain = session.scalars(
        Domain.visible(Actor(row.organization_id)).where(Domain.id == row.organization_domain_id)
    ).one()
    return found
