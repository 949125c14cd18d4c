"""Plans of DNS changes: made from the live zone, looked at, applied once, taken back.

A plan remembers which records are edited and what the zone and the records looked like. Applying it
computes the same changes again, and refuses when either has moved since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Refused, Rejected, Unavailable
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import PlanStatus
from nameplate.core.plan import fingerprint
from nameplate.db import Sessions, database_now
from nameplate.leases import Lease
from nameplate.models import ChangePlan, Domain, LedgerPurpose, PlanOrigin
from nameplate.usecases import holders, lookup, work
from nameplate.usecases.dns import drafts, edits, ledger, shelter, zones
from nameplate.usecases.dns.desired import DesiredZone, read_desired
from nameplate.usecases.dns.drafts import Draft, Edits, PlanContext, RequestedChange
from nameplate.usecases.dns.edits import Edit
from nameplate.usecases.dns.wanted import Want
from nameplate.usecases.dns.writes import Writes
from nameplate.usecases.dns.zones import LiveZone
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

LIFETIME = timedelta(hours=24)
"""How long a plan may be applied."""
SHOWN = 1000
"""Changes that an answer shows at the most; the plan holds all."""


def as_wanted(*, adopt: bool = False) -> Edits:
    """Want the records as they are: the plan is what a worker would do, and what it holds back."""
    return lambda _scene: RequestedChange(adopt=adopt)


def make(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    domain_reference: str,
    edits_of: Edits,
    *,
    origin: PlanOrigin = PlanOrigin.REQUEST,
    undoes_id: int | None = None,
) -> ChangePlan:
    """Read the zone, work out what would change, and keep that as a plan; nothing else is changed.

    Raises `Conflict` ("dns_account_missing"), `Invalid` for what cannot be wanted, `Unavailable`
    and `Refused` as the provider says.
    """
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, domain_reference)
    with sessions.begin(PLATFORM, read_only=True) as session:  # the account may be the platform's
        now = database_now(session)
        desired = read_desired(session, domain, tools, now)
        authorities = ca_accounts.issuer_names(session, domain.organization_id)
    if desired is None:
        raise Conflict("dns_account_missing", "The domain has no DNS account to plan with.")
    scene = _context(domain, desired, zones.show(tools, desired), now)
    wish = edits_of(scene)
    found = drafts.draft(scene, wish)
    said = tuple(drafts.warnings(scene, found, authorities))
    row = ChangePlan(
        organization_id=domain.organization_id,
        organization_domain_id=domain.id,
        zone=scene.site.zone.name,
        origin=origin,
        adopting=wish.adopt,
        fingerprint=fingerprint(scene.site.live),
        wanted_fingerprint=drafts.wanted_fingerprint(scene.desired),
        expires_at=now + LIFETIME,
        content=drafts.content(wish, replace(found, warnings=said)),
        created_by=actor.name or None,
        undoes_id=undoes_id,
    )

    def store(session: Session) -> None:
        session.add(row)

    sessions.run(actor, store)
    return row


def get(session: Session, actor: Actor, reference: str) -> ChangePlan:
    """Return the plan with that id. Raises NotFound."""
    row: ChangePlan = lookup.find(
        session, ChangePlan.visible(actor), ChangePlan, Prefix.PLAN, reference
    )
    return row


def page(
    session: Session,
    actor: Actor,
    *,
    limit: int,
    after: int | None = None,
    domain: str | None = None,
    status: str | None = None,
) -> Sequence[ChangePlan]:
    """Return up to `limit` + 1 plans in order of their ids."""
    return lookup.page(
        session,
        ChangePlan.visible(actor),
        ChangePlan,
        limit=limit,
        after=after,
        organization_domain_id=lookup.domain_id(session, actor, domain),
        status=status,
    )


def apply(
    sessions: Sessions, tools: Tools, actor: Actor, reference: str, *, force: bool = False
) -> ChangePlan:
    """Carry a plan out, and return it with what became of each change.

    Raises `Conflict`: "plan_used", "plan_expired", "zone_moved" and "records_moved" when it is no
    longer what was looked at, "plan_unsafe" with the numbers unless `force`, "domain_not_proved".
    A provider that stops answering half-way leaves the plan `applying`: a worker goes on.
    """
    with sessions.begin(actor, read_only=True) as session:
        row = get(session, actor, reference)
        _check_ready(row, database_now(session))
    lease = sessions.run(
        PLATFORM, lambda session: work.take(session, Domain, row.organization_domain_id)
    )
    try:
        _carry_out(sessions, tools, actor, row, lease, force=force)
    except (Rejected, Refused):
        work.give_back(sessions, Domain, lease)
        raise
    except work.Superseded:
        raise work.busy() from None  # the lease ran out: whoever has the domain now goes on
    except Unavailable as error:
        work.postpone(sessions, tools, Domain, lease, error)
        if _status(sessions, actor, reference) is not PlanStatus.APPLYING:
            raise
    with sessions.begin(actor, read_only=True) as session:
        return get(session, actor, reference)


def _status(sessions: Sessions, actor: Actor, reference: str) -> PlanStatus:
    with sessions.begin(actor, read_only=True) as session:
        return get(session, actor, reference).status


def _check_ready(row: ChangePlan, now: datetime) -> None:
    if row.status is not PlanStatus.READY:
        raise Conflict("plan_used", f"This plan is already {row.status.value}. Make a new plan.")
    if row.expires_at <= now:
        raise Conflict("plan_expired", "This plan has expired. Make a new plan.")


def _carry_out(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    row: ChangePlan,
    lease: Lease,
    *,
    force: bool,
) -> None:
    scene = _scene(sessions, tools, lease)
    if not scene.desired.is_proved:
        raise Conflict(
            "domain_not_proved", "Ownership of the domain is not proved. Prove it first."
        )
    if drafts.wanted_fingerprint(scene.desired) != row.wanted_fingerprint:
        raise _records_moved()
    if fingerprint(scene.site.live) != row.fingerprint:
        raise Conflict(
            "zone_moved", "The zone was changed after this plan was made. Make a new plan."
        )
    wish = drafts.stored(row)
    found = drafts.draft(scene, wish)
    found.todo.check_safety(found.todo.existing, forced=force)

    def intend(session: Session, domain: Domain) -> None:
        if domain.next_action_at != domain.lease_until:
            raise _records_moved()  # somebody woke the domain: its records may have changed
        now = lease.now()
        stored = session.get_one(ChangePlan, row.id, with_for_update=True)
        _check_ready(stored, now)
        stored.begin(now, actor.name)
        stored.forced = force
        edits.write(session, domain, scene.desired.lines, wish.edits, now)
        session.flush()
        _own(session, domain, scene, found, wish)
        found_now = read_desired(session, domain, tools, now)
        if found_now is None:
            raise _records_moved()
        spelled = found_now.spelled_as(scene.site.live)
        desired = shelter.sheltered(spelled, scene.site.live, scene.site.zone.name)
        with Writes(session) as writes:
            ledger.intend(
                writes, domain, desired.account.id, scene.site.zone,
                todo=found.todo, wants=desired.wants, entries=desired.entries,
            )  # fmt: skip

    push = zones.Push(scene.site, found.todo)
    zones.store_intents(sessions, tools, lease, intend)
    outcomes = zones.apply(sessions, tools, lease, push)
    zones.settle(sessions, tools, lease, push, outcomes)


def _own(
    session: Session, domain: Domain, scene: PlanContext, found: Draft, wish: RequestedChange
) -> None:
    """Add adopted values to the ledger and remove released ones."""
    wants = [Want(value, 0, LedgerPurpose.RECORD) for value in found.adopted]
    ttls = {rrset.key: rrset.ttl for rrset in scene.site.live}
    wants = [want._replace(ttl=ttls[want.value[:2]]) for want in wants]
    ledger.adopt(session, domain, scene.desired.account.id, scene.site.zone, wants)
    gone = [
        scene.desired.entries[value].id for value in wish.disowned if value in scene.desired.entries
    ]
    ledger.disown(session, gone)


def _scene(sessions: Sessions, tools: Tools, lease: Lease) -> PlanContext:
    """Read everything again, under the domain's lease."""

    def read(session: Session, domain: Domain) -> tuple[Domain, DesiredZone | None]:
        return domain, read_desired(session, domain, tools, lease.now())

    domain, desired = work.read(sessions, Domain, lease, read)
    if desired is None:
        raise Conflict("dns_account_missing", "The domain no longer has a DNS account.")
    return _context(domain, desired, zones.visit(tools, desired), lease.now())


def _context(domain: Domain, desired: DesiredZone, site: LiveZone, now: datetime) -> PlanContext:
    origin = holders.held_name(domain)
    return PlanContext(domain, origin, desired.spelled_as(site.live), site, now)


def _records_moved() -> Conflict:
    return Conflict(
        "records_moved",
        "The domain's records were changed after this plan was made. Make a new plan.",
    )


def undo(sessions: Sessions, tools: Tools, actor: Actor, domain_reference: str) -> ChangePlan:
    """Make a plan that takes back the last plan that was applied to a domain.

    What was changed again since stays, and the plan says so. Raises `Conflict` ("nothing_to_undo").
    """
    with sessions.begin(actor, read_only=True) as session:
        domain = lookup.domain(session, actor, domain_reference)
        query = ChangePlan.visible(actor).where(
            ChangePlan.organization_domain_id == domain.id,
            ChangePlan.status.in_([PlanStatus.APPLIED, PlanStatus.FAILED]),
        )
        last = session.scalars(query.order_by(ChangePlan.id.desc()).limit(1)).first()
    if last is None:
        raise Conflict(
            "nothing_to_undo",
            "No plan has been applied to this domain, so there is nothing to undo.",
        )
    stored = [Edit.of(sides).reversed() for sides in last.content.edits]
    adopted = [drafts.value_of(parts) for parts in last.content.adopted]
    disowned = bool(last.content.disowned)

    def take_back(scene: PlanContext) -> RequestedChange:
        now = {edits.spec(line).key: edits.spec(line) for line in scene.desired.lines}
        fits = [edit for edit in stored if _still(edit, now)]
        left = len(stored) - len(fits)
        said = (
            [f"{left} records were changed after the plan was applied and are left as they are."]
            if left
            else []
        )
        return RequestedChange(fits, adopt=disowned, disowned=adopted, warnings=said)

    return make(
        sessions, tools, actor, domain_reference, take_back,
        origin=PlanOrigin.UNDO, undoes_id=last.id,
    )  # fmt: skip


def _still(edit: Edit, now: Mapping[tuple[str, str, str], edits.Spec]) -> bool:
    """Tell whether the record still is as the plan left it."""
    if edit.before is None:
        return edit.after is not None and edit.after.key not in now
    return now.get(edit.before.key) == edit.before
