"""Domains: claiming, showing what to do, suspending, releasing; and one worker's look at each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from nameplate.core import names, own_names
from nameplate.core.actor import Actor
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.core.ids import Prefix
from nameplate.db import lock_name
from nameplate.leases import lock_above
from nameplate.models import (
    AccountKind,
    Binding,
    Certificate,
    DnsSettings,
    Domain,
    DomainType,
    LedgerEntry,
    LedgerState,
    Record,
    SuffixApproval,
    Verification,
)
from nameplate.models.deletion import restore as restore_tree
from nameplate.models.deletion import soft_delete
from nameplate.usecases import holders, lookup
from nameplate.usecases.certificates import rehoming
from nameplate.usecases.claims import (
    grants,
    holdings,
    incumbents,
    standing,
    suffixes,
    unproved,
    verifications,
)
from nameplate.usecases.dns import pointing
from nameplate.usecases.hosting import offers
from nameplate.usecases.propagation import delegation
from nameplate.usecases.tenants import accounts, organizations
from nameplate.usecases.tools import Tools

CHANGEABLE = frozenset(
    {
        "notes",
        "metadata",
        "force_https",
        "hsts_enabled",
        "auto_renew_ssl",
        "key_type",
        "certificate_profile",
        "preferred_chain",
        "ssl_enabled",
        "drift_policy",
        "account",
        "zone",
        "automatic_dns",
    }
)


def add(
    session: Session,
    tools: Tools,
    actor: Actor,
    *,
    name: str,
    organization: str | None = None,
    verification_method: str = "dns_txt",
    verification_methods: Sequence[str] = (),
    domain_type: str | None = None,
    account: str | None = None,
    zone: str | None = None,
    automatic_dns: bool = True,
    hosted: offers.Offer | None = None,
    notes: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Domain:
    """Claim a name. The answer holds at once what to publish; a claim alone grants nothing.

    Raises `Invalid` for what is no name, and `Conflict` ("domain_exists") when the organization has
    the name already. Claiming a name that another organization holds is answered like any other.
    Of several `verification_methods`, which replace `verification_method`, the first that matches
    proves the name. With `hosted` the zone is to be on the operator's own name servers, once the name is proved.
    A name in the private section of the public suffix list needs a proof by DNS and the operator's
    approval, and is held alone.
    """
    owner_id = _owner(session, actor, organization)
    host = parsed(name, tools, by_platform=actor.is_platform)
    is_suffix = host.name == host.private_suffix
    account_id, settings = _chosen_dns(
        session, actor, owner_id, host, hosted, elsewhere=(account, zone)
    )
    row = Domain(
        organization_id=owner_id,
        domain_name=host.registrable,
        subdomain=host.subdomain,
        domain_type=_type_of(host, domain_type),
        dns_account_id=account_id,
        dns=replace(settings, automatic=automatic_dns),
        notes=notes,
        metadata_=metadata,
        suffix_approval=SuffixApproval.WAITING if is_suffix else None,
    )
    there = standing.of(session, owner_id, host.name)
    if there.has_name:
        raise Conflict("domain_exists", f"{host.name} already exists.")
    if not actor.is_platform:
        unproved.refuse(there.unproved, tools.max_unproved)
    methods = tuple(verification_methods) or (verification_method,)
    for method in methods if hosted is not None else ():
        verifications.check_subtree(tools, method, "hosted_needs_dns", "A hosted zone")
    if there.may_receive:
        row.grant_id = grants.received(session, owner_id, host.name, tools.clock())
    verifications.offer(session, tools, row, methods)
    if is_suffix:
        suffixes.announce(row)
    if there.may_rest:
        _rest(session, tools, row)
    session.flush()
    return row


def _rest(session: Session, tools: Tools, row: Domain) -> None:
    """Let a new claim rest on what its organization holds, under the lock: that may just end."""
    lock_name(session, row.domain_name)
    if not holdings.settle(session, row):
        return
    now = tools.clock()
    row.verify(now, tools.proof_life.until(now))
    row.wake(now)  # a hosted one has its zone coming
    pointing.of_domain(session, row, now)


def _owner(session: Session, actor: Actor, organization: str | None) -> int:
    """Return the id of the organization that claims, the actor's own without looking at it."""
    if organization is None and actor.organization_id is not None:
        return actor.organization_id
    return organizations.acting(session, actor, organization).id


def parsed(name: str, tools: Tools, *, by_platform: bool = False) -> names.Hostname:
    """Return the name to claim. Raises Invalid for what cannot be held, the platform's own included.

    The domain of the zone for challenges is claimed `by_platform`, and nobody else's.
    """
    try:
        host = names.parse(name, wildcard=True, private_suffix=True, special_use=tools.special_use)
        if not (by_platform and host.name == tools.challenge_zone):
            own_names.refuse(host, tools.platform_names)
    except Invalid as error:
        problem = Problem("/name", error.code, error.detail)
        raise Invalid(error.code, error.detail, [problem]) from error
    return host


def _type_of(host: names.Hostname, given: str | None) -> DomainType:
    if host.wildcard:
        return DomainType.WILDCARD
    if given is None:
        return DomainType.APPLICATION
    if given not in set(DomainType) or given == DomainType.WILDCARD:
        raise Invalid(
            "domain_type_invalid", f"{host.name} cannot have the type {given}. Leave the type out."
        )
    return DomainType(given)


def _dns_at(
    session: Session,
    actor: Actor,
    owner_id: int,
    elsewhere: tuple[str | None, str | None],
    bare: str,
) -> tuple[int | None, DnsSettings]:
    """Return the account's id and the settings; `bare` is the domain's name without `*.`."""
    account, zone = elsewhere
    if account is None:
        return None, DnsSettings()
    row = accounts.usable(session, actor, owner_id, account)
    if row.kind is not AccountKind.DNS:
        raise lookup.missing(Prefix.ACCOUNT)
    if zone is not None and not names.is_within(bare, zone):
        raise Invalid("zone_mismatch", f"{bare} is not in the zone {zone}.")
    return row.id, DnsSettings(zone)


def _chosen_dns(
    session: Session,
    actor: Actor,
    owner_id: int,
    host: names.Hostname,
    hosted: offers.Offer | None,
    *,
    elsewhere: tuple[str | None, str | None],
) -> tuple[int | None, DnsSettings]:
    """Return the same for a new domain: on the operator's own name servers, or `elsewhere`."""
    bare = names.without_wildcard(host.name)
    if hosted is None:
        return _dns_at(session, actor, owner_id, elsewhere, bare)
    if any(elsewhere):
        raise Invalid(
            "hosted_with_account",
            "A hosted domain cannot have an account or zone elsewhere. Leave both out.",
        )
    return offers.settings(session, owner_id, bare, hosted)


def get(session: Session, actor: Actor, reference: str) -> Domain:
    """Return the domain with that id or name. Raises `NotFound`."""
    return lookup.domain(session, actor, reference)


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    status: str | None = None,
    suffix_approval: str | None = None,
    name: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Sequence[Domain]:
    """Return up to `limit` + 1 domains in order of their ids."""
    return lookup.page(
        session,
        Domain.visible(actor),
        Domain,
        limit=limit,
        after=after,
        metadata=metadata,
        status=status,
        suffix_approval=suffix_approval,
        full_domain=None if name is None else lookup.spelled(name),
    )


def update(
    session: Session,
    actor: Actor,
    reference: str,
    now: datetime,
    **changes: Any,  # noqa: ANN401 - columns
) -> Domain:
    """Change what its owner may change. Raises `Invalid` for anything else.

    Without `automatic_dns` the records that Nameplate made stay as they are, as the owner's own.
    """
    row = get(session, actor, reference)
    refused = sorted(changes.keys() - CHANGEABLE)
    if refused:
        raise Invalid("field_unknown", f"These fields cannot be changed: {', '.join(refused)}.")
    if changes.keys() & {"account", "zone"}:
        given = changes.pop("account", None), changes.pop("zone", None)
        _move_dns(session, actor, row, given, now)
    automatic = changes.pop("automatic_dns", None)
    if automatic is not None:
        row.dns = replace(row.dns, automatic=automatic)
        if automatic:
            pointing.of_domain(session, row, now)
        else:
            pointing.hand_over(session, row)
    for key, value in changes.items():
        setattr(row, "metadata_" if key == "metadata" else key, value)
    session.flush()
    return row


def _move_dns(
    session: Session,
    actor: Actor,
    row: Domain,
    given: tuple[str | None, str | None],
    now: datetime,
) -> None:
    """Have the records written through another account, or through none.

    What stands at the former provider stays there, as nobody's: it may be what the Internet still
    sees. Raises `Conflict` ("domain_hosted").
    """
    if row.dns.hosted:
        raise Conflict(
            "domain_hosted",
            "A hosted domain keeps its zone. To move it, remove the domain and add it again.",
        )
    bare = holders.held_name(row)
    row.dns_account_id, found = _dns_at(session, actor, row.organization_id, given, bare)
    kept = row.dns.automatic or row.dns_account_id is None
    row.dns = replace(found, automatic=kept)
    row.dns_zone_id = row.delegation = row.drift = None
    session.flush()
    mine = LedgerEntry.organization_domain_id == row.id
    live = Record.organization_domain_id == row.id, Record.deleted_at.is_(None)
    anew = Record.rewriting(external_record_id=None).where(*live, Record.status != "disabled")
    for statement in (LedgerEntry.forgetting().where(mine), anew):
        session.execute(statement, execution_options={"synchronize_session": False})
    session.expire_all()
    row.wake(now)
    pointing.of_domain(session, row, now)


def remove(session: Session, tools: Tools, actor: Actor, reference: str, now: datetime) -> Domain:
    """Release the domain: nothing of it is served, and what we wrote into DNS is taken back.

    Claims of the organization below it that have no proof of their own must be proved anew.
    """
    row = get(session, actor, reference)
    if row.platform_suspension is not None and not actor.is_platform:
        raise Conflict(
            "suspended_by_platform",
            "The platform suspended this domain. Only the platform's operator can remove it.",
        )
    lock_name(session, row.domain_name)  # the locks in their order
    lock_above(session, Domain, row.id)
    session.refresh(row, with_for_update=True)
    _take_back(session, row)
    incumbents.look_again(session, row, now)
    verifications.release(session, tools, row, now)
    rehoming.leave(session, row, now)
    soft_delete(session, row, now)
    row.wake(now)
    session.flush()
    pointing.of_domain(session, row, now)  # a server named below it may have a record above now
    return row


def _take_back(session: Session, row: Domain) -> None:
    ledger = LedgerEntry.visible(Actor(row.organization_id))
    for entry in session.scalars(ledger.where(LedgerEntry.organization_domain_id == row.id)):
        entry.state = LedgerState.LEAVING


def restore(session: Session, tools: Tools, actor: Actor, reference: str, now: datetime) -> Domain:
    """Bring a released domain back as a claim that must be proved again, by a fresh token."""
    row = lookup.domain(session, actor, reference, deleted=True)
    restore_tree(session, row, now)
    verifications.renew(session, tools, row)
    session.flush()
    return row


def suspend(session: Session, actor: Actor, reference: str, now: datetime, reason: str) -> Domain:
    """Stop serving the domain but keep the name; whoever suspended it can resume it."""
    row = get(session, actor, reference)
    row.suspend(reason, now, by_platform=actor.is_platform)
    verifications.wake_dependents(session, row, now, urgent=True)
    return row


def resume(session: Session, actor: Actor, reference: str, now: datetime) -> Domain:
    """End a suspension. Raises Conflict `suspended_by_platform` for the organization."""
    row = get(session, actor, reference)
    row.resume(by_platform=actor.is_platform)
    verifications.wake_dependents(session, row, now)
    return row


def check(session: Session, actor: Actor, reference: str, now: datetime) -> Domain:
    """Look at everything of this domain that waits, now instead of at its planned time.

    Raises `RateLimited` `checks_spent`.
    """
    row = get(session, actor, reference)
    session.refresh(row, with_for_update=True)
    row.ask_for_check(now)
    for kind in (Verification, Record, Certificate, Binding):
        session.execute(
            kind.waking(now).where(
                kind.organization_domain_id == row.id,
                kind.deleted_at.is_(None),
                kind.next_action_at > now,
            ),
            execution_options={"synchronize_session": False},
        )
    rehoming.wake(session, [row.id], now)
    delegation.ask_again(row)
    row.wake(now)
    return row
