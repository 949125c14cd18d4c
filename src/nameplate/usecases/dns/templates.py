"""Record templates applied to domains: what would change, and changing it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import ids, rdata, templates
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict
from nameplate.core.pointing import apex_type
from nameplate.core.templates import Effect, Existing, TemplateEffect, TemplateZone
from nameplate.models import Account, Domain, Record, RecordType
from nameplate.usecases import holders, lookup
from nameplate.usecases.dns import records, wanted


@dataclass(frozen=True, slots=True)
class Applied:
    """What a template does to a domain, record by record."""

    template: str
    domain: Domain
    dry_run: bool
    effects: tuple[Effect, ...]


def apply(
    session: Session,
    actor: Actor,
    domain_reference: str,
    template: str,
    parameters: Mapping[str, str],
    *,
    now: datetime,
    dry_run: bool = False,
) -> Applied:
    """Make the records of a template, all or none; `dry_run` only says what would be done.

    Considered are the records that Nameplate knows of the domain. Raises `NotFound`
    ("template_not_found"), `Invalid` with a pointer for each wrong parameter, and `Conflict`
    ("template_conflict") when a record of the owner's stands in the way.
    """
    domain = lookup.domain(session, actor, domain_reference)
    site = _site(session, domain)
    wanted = templates.find(template).records(site, parameters)
    effects = templates.compare(site, wanted, _existing(session, domain))
    if not dry_run:
        blocked = [one.detail for one in effects if one.action is TemplateEffect.CONFLICT]
        if blocked:
            raise Conflict("template_conflict", " ".join(blocked[:5]))
        effects = [_done(session, actor, domain, one, now) for one in effects]
    return Applied(template, domain, dry_run, tuple(effects))


def _site(session: Session, domain: Domain) -> TemplateZone:
    query = Account.visible(PLATFORM).where(Account.id == domain.dns_account_id)
    account: Account | None = session.scalars(query).one_or_none()
    alias = apex_type(account.provider if account else "", set(RecordType))
    return TemplateZone(
        holders.held_name(domain), domain.dns.zone or domain.domain_name, alias == "ALIAS"
    )


def _existing(session: Session, domain: Domain) -> list[Existing]:
    return [
        Existing(
            line.id,
            line.type,
            line.owner,
            line.text,
            line.ttl,
            line.is_made,
        )
        for line in wanted.lines(session, domain)
        if line.is_wanted
    ]


def _done(session: Session, actor: Actor, domain: Domain, one: Effect, now: datetime) -> Effect:
    if one.action is TemplateEffect.EXISTS:
        return one
    if one.action is TemplateEffect.CHANGE:
        fields = rdata.parse(one.type, one.value, origin=holders.held_name(domain)).fields
        row = records.update(
            session, actor, ids.show("rec", one.record_id or 0), now=now, value=fields.value
        )
    else:
        row = _added(session, actor, domain, one, now)
    return replace(one, record_id=row.id)


def _added(session: Session, actor: Actor, domain: Domain, one: Effect, now: datetime) -> Record:
    return records.add(
        session,
        actor,
        ids.show("dom", domain.id),
        type=one.type,
        name=one.name,
        value=one.value,
        ttl=one.ttl,
        now=now,
    )
