"""Scripted takeovers: what an attacker tries with a name, and the same by whoever really controls it.

Each is a generator: it yields who may be served after the attack, then who after the true controller
has done the same with a fresh token.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.usecases.claims import domains
from nameplate.usecases.tenants import organizations
from tests.rights.net import EDGE, OWNERS
from tests.rights.stage import BY_US, DAY, EVERYTHING, HOUR, Stage

Script = Iterator[Actor | None]
Takeover = Callable[[Stage, str], Script]
TAKEOVERS: dict[str, tuple[str, Takeover]] = {}
"""By name: the group, and the script, given the proof method of the attack."""
WEB = frozenset({"web", "mail"})


def takeover(group: str) -> Callable[[Takeover], Takeover]:
    """List a script."""

    def listed(script: Takeover) -> Takeover:
        TAKEOVERS[script.__name__] = group, script
        return script

    return listed


def suspended(stage: Stage, actor: Actor, by: Actor, *, ended: bool = False) -> None:
    """Suspend a claim, or resume it."""
    number, now = ids.show("dom", stage.domain(actor) or 0), datetime.now(UTC)
    if ended:
        stage.act(by, lambda s: domains.resume(s, by, number, now))
    else:
        stage.act(by, lambda s: domains.suspend(s, by, number, now, "Because."))


def organization(stage: Stage, actor: Actor, act: Any, **given: Any) -> None:
    """Do something to an organization, as the operator."""
    reference = ids.show("org", actor.organization_id or 0)
    stage.act(PLATFORM, lambda s: act(s, PLATFORM, reference, **given))


# Released


@takeover("released")
def released_with_its_records_left(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner, method)
    stage.remove(stage.owner)
    stage.attempt(stage.thief, method)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("released")
def released_and_pointing_here(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    stage.remove(stage.owner)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("released")
def restored_by_who_held_it_before(stage: Stage, method: str) -> Script:
    stage.hold(stage.thief, method)  # it was theirs, and their records are there yet
    stage.remove(stage.thief)
    stage.hold(stage.owner)
    stage.remove(stage.thief, back=True)
    stage.attempt(stage.thief, method)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


# Suspended


@takeover("suspended")
def suspended_by_the_operator(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    suspended(stage, stage.owner, PLATFORM)
    suspended(stage, stage.owner, stage.owner, ended=True)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    suspended(stage, stage.owner, PLATFORM, ended=True)
    yield stage.owner


@takeover("suspended")
def suspended_and_claimed_by_a_second_organization(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    suspended(stage, stage.owner, PLATFORM)
    stage.net.drop(stage.name)
    stage.point(OWNERS)
    stage.attempt(stage.heir, method, EVERYTHING)
    stage.contests(HOUR, 25 * HOUR, 50 * HOUR, 5 * DAY)
    yield None
    suspended(stage, stage.owner, PLATFORM, ended=True)
    stage.hold(stage.owner)
    yield stage.owner


@takeover("suspended")
def paused_by_its_holder(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    suspended(stage, stage.owner, stage.owner)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    suspended(stage, stage.owner, stage.owner, ended=True)
    yield stage.owner


# Lapsed


@takeover("lapsed")
def lapsed_and_kept_for_its_holder(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner)
    stage.net.drop(stage.name)
    stage.point(EDGE)
    stage.lose(domain)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("lapsed")
def lapsed_and_given_up(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner)
    kept = dict(stage.net.records)
    stage.net.drop(stage.name)
    stage.lose(domain, until=68)
    stage.net.records = kept  # they come back too late, for whoever wants them
    stage.point(EDGE)
    stage.attempt(stage.thief, method, BY_US)
    for row in stage.proofs(domain):
        stage.look(row)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


# Deleted organizations


@takeover("deleted organization")
def its_organization_is_deleted(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    organization(stage, stage.owner, organizations.remove, now=datetime.now(UTC))
    stage.attempt(stage.thief, method, BY_US)
    yield None
    stage.hold(stage.heir)
    yield stage.heir


@takeover("deleted organization")
def restored_with_old_records(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.thief, method)  # it was theirs
    for act in (organizations.remove, organizations.restore):
        organization(stage, stage.thief, act, now=datetime.now(UTC))
    for row in stage.proofs(domain):
        stage.look(row)
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("deleted organization")
def its_organization_is_switched_off(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.point(EDGE)
    organization(stage, stage.owner, organizations.update, is_active=False)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    organization(stage, stage.owner, organizations.update, is_active=True)
    stage.hold(stage.owner)
    yield stage.owner
