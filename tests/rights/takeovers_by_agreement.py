"""Takeovers by way of agreements: grants, challenges, transfers, and names that were given up."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NameplateError
from nameplate.core.secret import Secret
from nameplate.models import NameGrant, NameTransfer, Verification
from nameplate.usecases.claims import acceptances, grants, transfers
from nameplate.usecases.claims.acceptances import Acceptance
from nameplate.usecases.claims.grants import Terms
from nameplate.usecases.claims.transfers import TransferOffer
from tests.rights.net import EDGE, OWNERS, THIEFS
from tests.rights.stage import BY_US, DAY, EVERYTHING, HOUR, Stage
from tests.rights.takeovers import WEB, Script, takeover
from tests.rights.takeovers_between import AN_HOUR_AND_DAYS, below

# Grants


def lent(stage: Stage, to: Actor, **terms: bool) -> tuple[NameGrant, Secret]:
    """Lend the host from the registrable domain, by a code."""
    given = Terms(stage.name, **terms)  # type: ignore[arg-type]  # flags of Terms
    with stage.sessions.begin(stage.owner) as session:
        row, code = grants.add(session, stage.tools, stage.owner, given, now=datetime.now(UTC))
    assert code is not None
    taken(stage, to, code)
    return row, code


def taken(stage: Stage, actor: Actor, code: Secret) -> None:
    """Take what is lent by a code, if it is worth anything."""
    with suppress(NameplateError):
        grants.accept(stage.sessions, actor, code)
    stage.grants()


def revoked(stage: Stage, row: NameGrant) -> None:
    """End a grant at once."""
    number, now = ids.show("gnt", row.id), datetime.now(UTC)
    stage.act(stage.owner, lambda s: grants.revoke(s, stage.owner, number, now, now).id)
    stage.grants()


@takeover("granted and revoked")
def what_is_lent_is_taken_back(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner, name=stage.base)
    child = below(stage)
    row, _ = lent(stage, stage.thief)
    stage.attempt(stage.thief, method, WEB)
    stage.grants()
    revoked(stage, row)
    stage.use(stage.owner, domain, child)
    stage.attempt(stage.thief, method, WEB)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("granted and revoked")
def the_lender_holds_no_more(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner, name=stage.base)
    child = below(stage)
    row, _ = lent(stage, stage.thief)
    stage.claim(stage.thief, method)
    stage.grants()
    stage.use(stage.thief, stage.domain(stage.thief) or 0)
    stage.name = stage.base
    stage.remove(stage.owner)
    stage.name = child
    stage.grants()
    stage.point(EDGE)
    stage.attempt(stage.thief, method, BY_US)
    yield None
    revoked(stage, row)
    stage.hold(stage.owner)
    yield stage.owner


@takeover("granted and revoked")
def a_code_is_used_twice(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner, name=stage.base)
    below(stage)
    _, code = lent(stage, stage.heir)
    taken(stage, stage.thief, code)
    stage.point(EDGE)
    stage.attempt(stage.thief, method, BY_US)
    stage.grants()
    yield None
    domain = stage.claim(stage.heir, method) or 0
    stage.grants()
    stage.use(stage.heir, domain)
    yield stage.heir


# Challenges


@takeover("challenge raced")
def a_moment_of_dns(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner)
    kept = {at: set(values) for at, values in stage.net.records.items()}
    stage.net.drop(stage.name)
    stage.point(THIEFS)
    stage.attempt(stage.thief, method, {"dns", "web"})
    stage.contests(HOUR, 12 * HOUR, 23 * HOUR)
    stage.net.records = kept
    stage.contests(25 * HOUR, 50 * HOUR)
    stage.look(stage.proof(domain), 26 * HOUR)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("challenge raced")
def two_challengers_at_once(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.attempt(stage.thief, method, {"dns", "web"})
    stage.attempt(stage.heir, method, {"dns", "web"})
    stage.contests(*AN_HOUR_AND_DAYS)
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


@takeover("challenge raced")
def the_servers_are_made_silent(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.attempt(stage.thief, method, {"dns", "web"})
    stage.net.silent = True
    stage.contests(*AN_HOUR_AND_DAYS, 9 * DAY)
    stage.net.silent = False
    yield stage.owner
    stage.hold(stage.owner)
    yield stage.owner


# Transfers


def offered(stage: Stage, actor: Actor, to: Actor) -> int:
    """Offer the host; return the transfer's id, 0 when it is refused."""
    given = TransferOffer(stage.name, ids.show("org", to.organization_id or 0))
    with suppress(NameplateError):
        return transfers.offer(stage.sessions, actor, given).id
    return 0


def accepted(stage: Stage, actor: Actor, transfer: int) -> None:
    """Accept an offer, if that is possible."""
    app = ids.show("app", stage.world.applications[actor.organization_id or 0])
    number = ids.show("xfr", transfer or 1)
    for terms in (Acceptance(app), Acceptance()):
        with suppress(NameplateError):
            acceptances.accept(stage.sessions, stage.tools, actor, number, terms)


def _stolen(stage: Stage, method: str, transfer: int) -> Script:
    stage.point(EDGE)
    accepted(stage, stage.thief, transfer)
    stage.attempt(stage.thief, method, BY_US)
    yield stage.owner
    stage.point(OWNERS)
    other = offered(stage, stage.owner, stage.heir)
    with stage.sessions.begin(PLATFORM) as session:
        live = sa.select(NameTransfer.id).where(NameTransfer.offered_name == stage.name)
        other = other or session.scalars(live).first() or 0
    accepted(stage, stage.heir, other)
    stage.hold(stage.heir)
    yield stage.heir


@takeover("transfer")
def an_offer_to_somebody_else(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    return (yield from _stolen(stage, method, offered(stage, stage.owner, stage.heir)))


@takeover("transfer")
def an_expired_offer(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    transfer = offered(stage, stage.owner, stage.thief)
    ago = datetime.now(UTC) - timedelta(days=1)
    stage.change(NameTransfer, transfer, expires_at=ago, created_at=ago - DAY)
    return (yield from _stolen(stage, method, transfer))


@takeover("transfer")
def an_offer_that_was_taken_back(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    transfer = offered(stage, stage.owner, stage.thief)
    transfers.withdraw(stage.sessions, stage.owner, ids.show("xfr", transfer))
    return (yield from _stolen(stage, method, transfer))


@takeover("transfer")
def a_name_that_was_never_theirs(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.claim(stage.thief, method)
    transfer = offered(stage, stage.thief, stage.thief) or offered(stage, stage.thief, stage.heir)
    return (yield from _stolen(stage, method, transfer))


# Quarantine


@takeover("quarantine")
def a_web_server_of_a_name_in_quarantine(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    stage.remove(stage.owner)
    stage.attempt(stage.thief, method, WEB)
    yield None
    stage.hold(stage.heir)
    yield stage.heir


@takeover("quarantine")
def a_token_from_before_the_release(stage: Stage, method: str) -> Script:
    stage.hold(stage.owner)
    domain = stage.claim(stage.thief, method) or 0
    old: Verification = stage.proof(domain)
    stage.publish(old, EVERYTHING)
    stage.remove(stage.owner)
    stage.look(old)
    stage.read(old, stage.thief, EVERYTHING)
    stage.use(stage.thief, domain)
    yield None
    stage.hold(stage.owner)
    yield stage.owner


@takeover("quarantine")
def a_child_of_a_name_in_quarantine(stage: Stage, method: str) -> Script:
    domain = stage.hold(stage.owner, name=stage.base)
    child = below(stage)
    stage.use(stage.owner, domain, child)
    stage.name = stage.base
    stage.remove(stage.owner)
    stage.name = child
    stage.attempt(stage.thief, method, WEB)
    yield None
    stage.hold(stage.heir)
    yield stage.heir
